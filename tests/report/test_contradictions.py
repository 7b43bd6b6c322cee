"""No two sentences of one report contradict each other, as checks of the verdicts behind them."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.data.inspection.overlap import Overlap
from kohort.evidence.curves import Curves
from kohort.evidence.record import StudyRecord, VariantFacts
from kohort.evidence.settings import Settings
from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import PairedProportions
from kohort.findings.statistics.scale import POINTS
from kohort.report import words
from kohort.report.answers import (
    answer,
    score_table,
    what_axes_do,
    winners_flattery,
)
from kohort.report.factorial.addition_words import additions
from kohort.report.study_page.interval_plot import BETTER, standings
from kohort.report.tested import on_test

METRICS = ("eval_accuracy", "eval_data_loss", "val_accuracy", "val_data_loss")


def record_of(values, *, kind="splits", planned=None, metric="accuracy", margin=None, **more):
    """A study's record from curves `[variant, replicate, epoch, metric]`; NaN has diverged."""
    count, replicates, epochs, _ = values.shape
    names = tuple(f"v{number}" for number in range(count))
    when = datetime(2026, 1, 2, tzinfo=UTC)
    is_accuracy = metric == "accuracy"
    settings = Settings(
        "study", "Holdout(0.2)", kind, (400, 100), dict.fromkeys(names, planned or epochs), 32, 0,
        0.95, metric, is_accuracy, is_accuracy, margin, dict.fromkeys(names, ()), "fused", {},
        when, when, {},
    )  # fmt: skip
    none = np.zeros(replicates, int)
    return StudyRecord(
        settings,
        tuple(
            VariantFacts(
                n, {"a": str(i)}, 10 * (i + 1), i % 2, "loss", 2.0, "build", measured_loss="mse"
            )
            for i, n in enumerate(names)
        ),
        more.get("additions", ()),
        Overlap(0, 0, 100, none, none, none + 100, near_sought=False),
        {1.0: Curves(names, METRICS, values, np.full((count, replicates), epochs))},
        {},
    )


@st.composite
def records(draw):
    """Studies of all kinds: far apart or alike, noisy or not, with one to five replicates."""
    count, replicates = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    epochs = draw(st.sampled_from([1, 4, 8]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.001, 0.01, 0.1]))
    apart = draw(st.sampled_from([0.0, 0.01, 0.1, 0.5]))
    ends = (
        0.5
        + apart * random.uniform(0, 1, (count, 1))
        + spread * random.normal(size=(count, replicates))
    )
    # Learning, level, or rising after the middle.
    steps = np.linspace(0, 1, epochs)
    shapes = np.array([1.5 - steps, np.full(epochs, 1.0), 1.0 + np.abs(steps - 0.5)])
    shape = shapes[random.integers(0, 3, count)][:, None]
    gap = draw(st.sampled_from([0.0, 0.02, 0.2]))
    train = np.clip(ends + gap * random.uniform(0, 1, ends.shape), 0, 1)
    valid = np.clip(ends, 0, 1)
    noise = 1 + spread * random.normal(size=(2, count, replicates, epochs))
    values = np.stack(
        np.broadcast_arrays(
            train[..., None], (1.2 - train)[..., None] * (1.5 - steps) * noise[0],
            valid[..., None], (1.2 - valid)[..., None] * shape * noise[1],
        ),
        axis=-1,
    ).copy()  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        values[random.integers(count), random.integers(replicates), -1, 1] = np.nan
    return record_of(
        values,
        kind=draw(st.sampled_from(["seeds", "splits", "folds"])),
        planned=draw(st.sampled_from([epochs, 2 * epochs])),
        metric=draw(st.sampled_from(["accuracy", "data_loss"])),
        margin=draw(st.sampled_from([None, 0.001, 0.3])),
        additions=draw(st.sampled_from([(), ((0, 1),), ((0, 1), (1, 0))])),
    )


def sentences(conclusions):
    """All that the report says of a study, but for what it says of its test set."""
    found = conclusions.findings
    return [
        answer(conclusions),
        *additions(conclusions),
        *words.overview(found),
        *(f"{finding.sentence} {finding.advice}" for finding in found),
        *(step.sentence for step in conclusions.next_steps),
        winners_flattery(conclusions),
        *what_axes_do(conclusions),
    ]


def scores_of(conclusions):
    """The comparisons of scores that the report shows."""
    found = conclusions.families
    return [*found.baseline, *found.winner, *found.additions]


def finding(conclusions, name, code):
    return next(f for f in conclusions.findings if (f.variant, f.code) == (name, code))


def no_verdict_by_two_replicates(conclusions):
    for one in conclusions.findings:
        counts = [value.n for value in one.evidence.values() if isinstance(value, Interval)]
        if counts and min(counts) < 3 and one.code != "KH202":
            assert one.verdict in ("inconclusive", "not applicable")


def one_verdict_on_a_pair_wherever_it_is_told(conclusions):
    names, kind = list(conclusions.record.variant_names), conclusions.study.kind
    for one in scores_of(conclusions):
        told = conclusions.compare(names.index(one.a), names.index(one.b))
        assert words.verdict_of(told, kind) == words.verdict_of(one, kind)
        assert told.better == one.better


def a_level_beside_the_baseline_has_the_verdict_of_its_variant(conclusions):
    effects = conclusions.effects.of_axis("a")
    assert len(effects) == len(conclusions.study.variants) - 1
    for number, effect in enumerate(effects, 1):
        same, kind = conclusions.compare(0, number), conclusions.study.kind
        assert effect.comparison.differences == pytest.approx(same.differences)
        assert words.verdict_of(effect.comparison, kind) == words.verdict_of(same, kind)


def one_number_of_replicates_for_a_pair(conclusions):
    names = list(conclusions.record.variant_names)
    shown = {frozenset((c.a, c.b)): c for c in scores_of(conclusions)}
    for number, name in enumerate(names):
        few = finding(conclusions, name, "KH202")
        if "difference" not in few.evidence:
            continue
        others = names[1:] if number == 0 else names[:1]
        seen = abs(few.evidence["difference"].mean)
        same = [shown[frozenset((name, other))] for other in others]
        same = [c for c in same if abs(c.difference.mean) == pytest.approx(seen)]
        assert few.evidence.get("replicates needed") in [c.replicates_needed for c in same]
        if re.search(r"\beven\b", few.advice.lower()):
            assert few.title == "margin out of reach"
            assert "not yet told" not in few.sentence
            assert "would tell" not in {words.verdict_of(c, "splits")[-10:] for c in same}


def no_step_waits_for_epochs_that_do_not_help(conclusions):
    steps = {step.step: step for step in conclusions.next_steps}
    if not steps:
        return
    winner = conclusions.winner_name
    closed = {finding(conclusions, winner, code).verdict for code in ("KH101", "KH102")}
    epochs, restraint = steps["more epochs"], steps["more regularisation"]
    if epochs.verdict == "does not help":
        assert "epochs" not in restraint.sentence
    if closed == {"not found"} and not any(c.a == winner for c in conclusions.families.additions):
        assert (restraint.verdict == "does not help") == (epochs.verdict == "does not help")
    if finding(conclusions, winner, "KH101").verdict == "found":
        assert epochs.verdict != "helps"


def no_step_is_unsure_of_what_the_answer_tells(conclusions):
    winner = conclusions.winner_name
    for c in scores_of(conclusions):
        if winner in (c.a, c.b) and c.better not in (None, winner):
            told = [s.sentence for s in conclusions.next_steps if c.better in s.sentence.split()]
            assert not [t for t in told if "cannot tell" in t or "no better" in t]


def whoever_scored_better_than_the_winner_is_told(conclusions):
    told, winner = answer(conclusions), conclusions.winner_name
    better = [c for c in conclusions.passed_over if not c.is_equivalent]
    assert ("among the variants that lost no replicate" in told) == bool(conclusions.passed_over)
    untold = re.findall(r"cannot tell it from ([^.;]*)", told)
    named = " ".join(re.findall(r"([^.]*) scored better where", told)).replace(",", "").split()
    for c in better if len(better) < 5 else ():
        assert c.a in named
        assert not any(c.a in part for part in untold)
    if winner is not None:
        stands = standings(conclusions)
        decided = {c.a for c in better if c.is_decided}
        assert decided <= {name for name, stand in stands.items() if stand == BETTER}


def whoever_is_better_scores_better(conclusions):
    scores = np.array([conclusions.score(n).mean for n in range(len(conclusions.study.variants))])
    sign = 1 if conclusions.study.scale.higher_is_better else -1
    whole = np.isfinite(conclusions.study.errors).all(axis=1)
    names = conclusions.record.variant_names
    for c in scores_of(conclusions):
        a, b = names.index(c.a), names.index(c.b)
        if c.better and whole[a] and whole[b]:
            better, worse = (a, b) if c.better == c.a else (b, a)
            assert sign * scores[better] > sign * scores[worse]


def the_answer_tells_of_each_other_variant_once(conclusions):
    told = re.sub(r"v\d is as good .*", "", answer(conclusions).split(" diverged in ")[0])
    if conclusions.winner is None or len(conclusions.study.variants) > 4:
        return
    if "All variants score the same" in told:
        assert not any(c.is_decided for c in conclusions.families.winner)
        assert " than " not in told
        return
    compared = [c for c in conclusions.families.winner if c.difference.n]
    if not any(curves.diverged.any() for curves in conclusions.study.variants):
        for c in compared:
            assert sum(c.a in part for part in told.replace(",", "").split(". ")[1:]) == 1


def no_advice_is_for_other_replicates(conclusions):
    for told in sentences(conclusions):
        assert "hold out a larger part" not in told
        if conclusions.study.kind == "seeds":
            assert "folds" not in told
            assert "share training samples" not in told


def the_table_says_what_the_findings_say(conclusions):
    for name, row in score_table(conclusions).iterrows():
        found = [f for f in conclusions.findings if f.variant == name]
        titles = [f.title for f in found if f.verdict == "found"]
        titles = [t for t in titles if t not in ("too few replicates", "margin out of reach")]
        assert not titles or row["verdict"] == ", ".join(titles)
        others = ("inconclusive", "sound", "nothing found", "too few replicates")
        assert titles or row["verdict"].startswith(others)


CHECKS = (
    no_verdict_by_two_replicates,
    one_verdict_on_a_pair_wherever_it_is_told,
    a_level_beside_the_baseline_has_the_verdict_of_its_variant,
    one_number_of_replicates_for_a_pair,
    no_step_waits_for_epochs_that_do_not_help,
    no_step_is_unsure_of_what_the_answer_tells,
    whoever_scored_better_than_the_winner_is_told,
    whoever_is_better_scores_better,
    the_answer_tells_of_each_other_variant_once,
    no_advice_is_for_other_replicates,
    the_table_says_what_the_findings_say,
)


@pytest.mark.long
@settings(derandomize=True, max_examples=150, deadline=None)
@given(record=records())
def test_no_two_sentences_contradict_each_other(record):
    conclusions = Conclusions(record)
    for check in CHECKS:
        check(conclusions)
    assert not [told for told in sentences(conclusions) if "nan" in told.lower().split()]


def compared(*, p, p_alike=0.9, mean=0.1):
    """A winner against the baseline, of a verdict that follows from its p-values."""
    values = np.full((2, 3, 1, 4), 0.5)
    conclusions = Conclusions(record_of(values + np.arange(2)[:, None, None, None] * mean / 10))
    pair = conclusions.compare(0, 1)
    interval = Interval(mean, mean - 0.05, mean + 0.05, 3, p)
    return replace(pair, difference=interval, p_adjusted=p, p_equivalence_adjusted=p_alike)


def of_two_models(mean, p):
    return PairedProportions(10, 20, Interval(mean, mean - 0.01, mean + 0.01, 500, p))


@pytest.mark.parametrize(
    ("models", "variants", "told"),
    [
        (of_two_models(0.1, 0.00001), compared(p=0.4), "3 replicates leave undecided"),
        (of_two_models(-0.1, 0.001), compared(p=0.001), "Find out how they differ"),
        (of_two_models(0.1, 0.001), compared(p=0.4, p_alike=0.01), "differ by less than 1 point"),
        (of_two_models(0.1, 0.4), compared(p=0.001), "cannot be told apart (McNemar's exact p 0.4"),
    ],
)
def test_where_models_and_variants_seem_to_disagree_the_report_says_how_both_are_true(
    models, variants, told
):
    assert told in on_test.reconciled(models, variants, POINTS)


@pytest.mark.parametrize(
    ("models", "variants"),
    [
        (of_two_models(0.1, 0.001), compared(p=0.001)),
        (of_two_models(0.1, 0.4), compared(p=0.4)),
        (of_two_models(0.1, 0.4), compared(p=0.4, p_alike=0.01)),
    ],
)
def test_where_they_agree_nothing_more_is_told(models, variants):
    assert on_test.reconciled(models, variants, POINTS) == ""


def test_the_tested_model_is_that_of_lowest_validation_loss():
    values = np.full((2, 3, 2, 4), 0.5)
    values[1, :, :, 2] = [[0.1, 0.2], [0.3, 0.9], [0.4, 0.8]]  # validation accuracy
    values[1, :, :, 3] = [[0.9, 0.8], [0.2, 0.3], [0.6, 0.7]]  # and loss
    one = on_test.picked(Conclusions(record_of(values)), "v1")

    assert (one.variant, one.replicate, one.score) == ("v1", 1, 0.3)
    assert one.mean == Conclusions(record_of(values)).score(1).mean != one.score


def test_a_tested_model_is_told_with_its_validation_score_beside_the_mean():
    picked = [on_test.Picked("wide", 2, 0.93, 0.925), on_test.Picked("softmax", 0, 0.879, 0.49)]
    assert on_test.single_models(picked, POINTS) == (
        "These are scores of one model of each variant, the one of lowest validation loss; its "
        "validation accuracy is 93.0 % for wide (replicate 2; the mean over replicates is 92.5 %) "
        "and 87.9 % for softmax (replicate 0; the mean over replicates is 49.0 %)."
    )
