"""All rules over all variants, and what they come to."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kohort.data.inspection.overlap import Overlap
from kohort.data.labels import Majority
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.diagnosis import RULES, STUDY_RULES, TEST_RULES, diagnose, verdict
from kohort.findings.finding import Finding
from kohort.findings.judged import StudyCurves
from kohort.findings.rules import (
    above_test,
    diverged,
    gap,
    leak,
    never_found,
    overfit,
    slow,
    too_few,
    underfit,
    undertrained,
)
from kohort.findings.statistics import power
from kohort.findings.statistics.scale import POINTS, Scale
from tests.findings.curve_builders import (
    assert_same,
    percent_of,
    reordered,
    scaled,
    study_of,
    turns,
    variant,
    variants,
)

ALL_RULES = (*STUDY_RULES, *TEST_RULES, *RULES)
OF_STUDIES = ("KH201", "KH203", "KH204", "KH205", "KH206", "KH207", "KH208")


def test_codes_are_unique_and_sorted():
    codes = [rule.code for rule in RULES]

    assert codes == sorted(codes)
    assert sorted(rule.code for rule in ALL_RULES) == [
        *("KH101", "KH102", "KH103", "KH104", "KH105", "KH106", "KH107", "KH201", "KH202"),
        *("KH203", "KH204", "KH205", "KH206", "KH207", "KH208"),
    ]
    assert len({rule.title for rule in ALL_RULES}) == len(ALL_RULES)


@pytest.mark.parametrize(
    ("rule", "thresholds"),
    [
        (overfit.RULE, [f"{overfit.GL_THRESHOLD:g} %"]),
        (gap.RULE, [f"{gap.GAP_POINTS:g} points", f"{gap.GAP_PERCENT:g} %"]),
        (
            underfit.RULE,
            [
                f"{underfit.EXCESS_POINTS:g} points",
                f"{underfit.EXCESS_PERCENT:g} %",
                f"{100 * underfit.LEARNS_SHARE:g} %",
                f"{100 * underfit.RISE_THRESHOLD:g} %",
                f"{100 * slow.SLOW_SHARE:g} %",
            ],
        ),
        (
            undertrained.RULE,
            [f"{100 * undertrained.LAST_FRACTION:g} %", f"{100 * undertrained.FALL_THRESHOLD:g} %"],
        ),
        (
            slow.RULE,
            [
                f"{100 * slow.SLOW_SHARE:g} %",
                f"{100 * undertrained.FALL_THRESHOLD:g} %",
                f"{slow.MIN_EPOCHS} epochs",
                f"{slow.FARTHEST:g} times",
            ],
        ),
        (diverged.RULE, [f"{100 * diverged.WORSE_THRESHOLD:g} %"]),
        (leak.RULE, [f"{leak.EXACT_PERCENT:g} %", f"{leak.COPIES_PERCENT:g} %"]),
        (too_few.RULE, [f"{100 * power.POWER:g} %"]),
        (above_test.RULE, [f"{above_test.FAR_POINTS:g} points", f"{above_test.FAR_TIMES:g} times"]),
        (never_found.RULE, [f"{never_found.RECALL_PERCENT:g} %"]),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_a_rule_in_words_tells_its_thresholds(rule, thresholds):
    for threshold in thresholds:
        # Not as the end of another number: "5 %" is not told by "0.5 %".
        assert re.search(rf"(?<![\d.]){re.escape(threshold)}", rule.rule)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)
def test_a_rule_says_what_it_is_why_it_matters_and_whence_it_comes(rule):
    assert rule.rule.endswith(".")
    assert rule.why.endswith(".")
    assert rule.mend.endswith(".")
    assert rule.source
    assert rule.title == rule.title.lower()


def test_of_two_replicates_no_gap_is_found_however_near_they_are():
    # The first has 2.2 points in both, the other 3 and 9.
    near, far = ([0.10, 0.11], [0.078, 0.0879]), ([0.20, 0.24], [0.17, 0.15])
    study = study_of([near[0], far[0]], train_errors=[near[1], far[1]])
    gaps = [gap.judge(curves, study).verdict for curves in study.variants]
    assert gaps == ["found", "inconclusive"]  # by the interval alone

    of_two = [f for f in diagnose(study) if f.code == gap.RULE.code]
    assert [f.verdict for f in of_two] == ["inconclusive"] * 2
    assert of_two[0].evidence  # what was seen stays
    assert "mostly luck" in of_two[0].sentence
    assert {f.verdict for f in diagnose(study) if f.code == diverged.RULE.code} == {"not found"}
    assert "found" in {f.verdict for f in diagnose(study) if f.code == too_few.RULE.code}


def test_findings_come_by_variant_and_then_by_code():
    losses = {"train": [[1.0, 0.5]] * 2, "valid": [[1.0, 0.5]] * 2}
    found = diagnose(StudyCurves((variant("b", **losses), variant("a", **losses))))
    told = [
        *((None, rule.code) for rule in STUDY_RULES),
        *((v, r.code) for v in "ba" for r in RULES),
    ]

    assert [(f.variant, f.code) for f in found] == told
    titles = {rule.code: rule.title for rule in ALL_RULES}
    assert [f.title for f in found] == [titles[f.code] for f in found]


R2 = Scale("r2", higher_is_better=True, reference=0.7)


@st.composite
def studies(draw):
    """Any study of one to three variants, on any scale."""
    replicates = draw(st.integers(1, 5))
    names = "abc"[: draw(st.integers(1, 3))]
    ones = st.lists(st.integers(0, 9), min_size=replicates, max_size=replicates)
    copies = np.array(draw(ones))
    overlap = Overlap(draw(st.integers(0, 9)), 0, 9, copies, copies // 2, np.full(replicates, 9))
    additions = tuple(zip(range(len(names) - 1), range(1, len(names)), strict=True))
    scale = draw(st.sampled_from([POINTS, percent_of(0.3), percent_of(np.nan), R2]))
    share = np.array(draw(ones)) / 9
    majority = Majority("a", share, share, classes=2, share=float(share.mean()))
    return StudyCurves(
        tuple(draw(variants(name, replicates)) for name in names),
        confidence=draw(st.sampled_from([0.8, 0.95])),
        test_to_train=draw(st.sampled_from([0.0, 1 / 9])),
        scale=scale,
        margin=draw(st.sampled_from([0.01, 0.5])),
        additions=additions,
        one_loss=additions[:1],
        overlap=draw(st.sampled_from([None, overlap])),
        kind=draw(st.sampled_from(["seeds", "splits", "folds"])),
        valid_samples=draw(st.sampled_from([None, 1, 40])),
        majority=majority if scale is POINTS else None,
    )


def answers_of(study, counts=((9, 1), (4, 0))):
    """The answers of the variants that have a score, all alike."""
    return [
        Answers(curves.name, np.array(counts), ("a", "b"), 0)
        for curves, errors in zip(study.variants, study.errors, strict=True)
        if np.isfinite(errors).any()
    ]


def assert_well_told(finding):
    assert finding.verdict in {"found", "not found", "inconclusive", "not applicable"}
    of_studies = ("The ", "Nobody ", "No ", "Few copies ", "Validation ")
    assert finding.sentence.startswith(finding.variant or of_studies)
    assert finding.sentence.endswith(".")
    assert finding.advice == "" or finding.advice.endswith(".")
    # A finding that claims something stands on numbers, and says what to do.
    assert finding.verdict != "found" or (finding.evidence and finding.advice)
    assert finding.verdict != "inconclusive" or finding.advice


@pytest.mark.long
@settings(derandomize=True)
@given(study=studies())
def test_every_rule_comes_to_a_verdict_on_any_curves(study):
    for tested in ((), answers_of(study)[:2], answers_of(study, np.zeros((2, 2), int) + 7)[:1]):
        found = diagnose(study, tested)

        whole = OF_STUDIES if tested else ("KH201", "KH204", "KH206", "KH207", "KH208")
        assert [f.code for f in found if f.variant is None] == list(whole)
        assert len(found) == len(whole) + len(RULES) * len(study.variants)
        for finding in found:
            assert_well_told(finding)


@pytest.mark.parametrize("replicates", [1, 2, 5])
@pytest.mark.parametrize("epochs", [1, 2, 9])
@pytest.mark.parametrize("broken", [0.0, 1.0, np.nan, np.inf], ids=["zero", "one", "NaN", "inf"])
def test_every_rule_comes_to_a_verdict_on_degenerate_curves(replicates, epochs, broken):
    rows = [[broken] * epochs] * replicates
    sound = [[1 / (1 + epoch) for epoch in range(epochs)]] * replicates
    ours, other = variant("v", train=rows, valid=rows), variant("w", train=sound, valid=sound)

    for study in ((ours,), (ours, other), (other, ours), (ours, ours)):
        for finding in diagnose(StudyCurves(study)):
            assert_well_told(finding)


def test_every_rule_comes_to_a_verdict_where_a_replicate_has_not_begun():
    ours = variant("v", train=[[1.0, 0.5], [1.0, 0.4], []], valid=[[1.0, 0.5], [1.0, 0.4], []])
    none = variant("w", train=[[], [], []], valid=[[], [], []])

    for study in ((ours,), (ours, none), (none, ours), (none,)):
        for finding in diagnose(StudyCurves(study)):
            assert_well_told(finding)


@pytest.mark.long
@settings(derandomize=True)
@given(study=studies(), data=st.data())
def test_which_replicate_of_the_circle_is_first_changes_no_finding(study, data):
    order = data.draw(turns(len(study.variants[0].lengths)))
    shuffled = replace(study, variants=tuple(reordered(c, order) for c in study.variants))
    if study.overlap is not None:
        o = study.overlap
        o = replace(o, valid=o.valid[order], valid_samples=o.valid_samples[order])
        shuffled = replace(shuffled, overlap=o)
    if study.majority is not None:
        m = study.majority
        m = replace(m, train=m.train[order], valid=m.valid[order])
        shuffled = replace(shuffled, majority=m)

    both = [diagnose(one, answers_of(one)[:2]) for one in (study, shuffled)]
    for one, other in zip(*both, strict=True):
        assert_same(one, other)


@settings(derandomize=True, max_examples=50)
@given(study=studies(), power=st.integers(-20, 20))
def test_unit_of_the_losses_changes_no_verdict(study, power):
    # A power of two scales without rounding, so that even ties stay what they are.
    other = replace(study, variants=tuple(scaled(c, 2.0**power) for c in study.variants))

    assert [f.verdict for f in diagnose(other)] == [f.verdict for f in diagnose(study)]


@settings(derandomize=True, max_examples=50)
@given(study=studies())
def test_names_change_no_finding(study):
    renamed = tuple(replace(c, name=f"{c.name}{c.name}") for c in study.variants)

    for one, other in zip(diagnose(study), diagnose(replace(study, variants=renamed)), strict=True):
        assert_same(one, other)


@settings(derandomize=True, max_examples=50)
@given(study=studies())
def test_order_of_variants_after_the_baseline_changes_no_finding(study):
    first, *others = study.variants
    turned = replace(study, variants=(first, *others[::-1]))
    ends = [c.at_end(c.train_error) for c in study.variants]
    means = [np.mean(e[np.isfinite(e)]) if np.isfinite(e).any() else id(e) for e in ends]
    assume(len(set(means)) == len(means))  # of equal ones the first is the best
    bests = [e[np.isfinite(e)].mean() for e in study.errors if np.isfinite(e).any()]
    assume(len(set(bests)) == len(bests))

    expected = {(f.variant, f.code): f for f in diagnose(study)}
    for finding in diagnose(turned):
        assert_same(finding, expected[finding.variant, finding.code])


def test_all_replicates_diverged_leaves_one_finding():
    curves = variant(train=[[1.0, np.nan]] * 3, valid=[[1.0, np.nan]] * 3)
    found = diagnose(StudyCurves((curves,)))

    # Five of the study, its curves' rules but divergence, and that it has too few replicates.
    assert [f.verdict for f in found if f.code != "KH105"] == ["not applicable"] * 12
    assert [f.verdict for f in found if f.code == "KH105"] == ["found"]
    assert verdict(found, 3) == "diverged"


def test_an_ordinary_study():
    overlap = Overlap(0, 0, 100, *np.zeros((2, 3), int), np.full(3, 10))
    found = diagnose(study_of([[0.30, 0.31, 0.32], [0.10, 0.11, 0.13]], overlap=overlap))

    assert {f.code: f.verdict for f in found if f.variant != "b"} == {
        "KH201": "not found",
        "KH101": "not found",
        "KH102": "inconclusive",  # train and validation are level in all replicates
        "KH103": "inconclusive",  # one epoch
        "KH104": "inconclusive",
        "KH105": "not found",
        "KH106": "inconclusive",
        "KH107": "inconclusive",
        "KH202": "not found",
        "KH204": "not applicable",
        "KH206": "not applicable",
        "KH207": "not applicable",
        "KH208": "not applicable",
    }


def findings(**verdicts):
    blank = Finding("KH000", "", "v", "not found", {}, "")
    return [replace(blank, title=title, verdict=v) for title, v in verdicts.items()]


@pytest.mark.parametrize(
    ("given_findings", "words"),
    [
        (findings(), "sound"),
        (findings(overfit="not found", gap="not found"), "sound"),
        (findings(overfit="not found", gap="not applicable"), "nothing found"),
        (findings(overfit="not applicable", gap="not applicable"), "nothing found"),
        (findings(overfit="inconclusive", gap="not applicable"), "inconclusive (overfit)"),
        (findings(overfit="found", gap="not applicable"), "overfit"),
        (findings(overfit="found", gap="not found"), "overfit"),
        (findings(overfit="found", gap="found"), "overfit, gap"),
        (findings(overfit="inconclusive", gap="found"), "gap"),
        (findings(overfit="inconclusive", gap="not found"), "inconclusive (overfit)"),
        (findings(overfit="inconclusive", gap="inconclusive"), "inconclusive (overfit, gap)"),
    ],
)
def test_verdict_in_words(given_findings, words):
    assert verdict(given_findings, 3) == words


@pytest.mark.parametrize(
    ("code", "whether"),
    [
        *(("KH202", whether) for whether in ("found", "inconclusive", "not applicable")),
        *(("KH106", whether) for whether in ("inconclusive", "not applicable")),
    ],
)
def test_what_is_told_elsewhere_is_no_verdict(code, whether):
    (other,) = findings(spread=whether)
    assert verdict([replace(other, code=code), *findings(gap="found")], 3) == "gap"
    assert verdict([replace(other, code=code)], 3) == "sound"


def test_an_unstable_variant_is_not_sound():
    (other,) = findings(unstable="found")
    found = replace(other, code="KH106")
    assert verdict([found, *findings(overfit="not found")], 3) == "unstable"
    assert verdict([found, *findings(slow="found")], 3) == "unstable, slow"


def test_of_two_replicates_the_verdict_is_that_they_are_too_few_to_tell():
    undecided = findings(overfit="inconclusive", gap="inconclusive")
    assert verdict(undecided, 2) == "too few replicates"
    assert verdict([*undecided, *findings(diverged="found")], 2) == "diverged"
    assert verdict(findings(gap="not found"), 2) == "sound"
