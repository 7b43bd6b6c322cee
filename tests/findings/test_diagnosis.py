"""All rules over all variants, and what they come to."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings import gap, overfit, underfit, undertrained
from kohort.findings.diagnosis import RULES, diagnose, verdict
from kohort.findings.finding import Finding, StudyCurves
from tests.findings.curve_builders import variant, variants


def test_codes_are_unique_and_sorted():
    codes = [rule.code for rule in RULES]

    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"KH[1-9]\d\d", code) for code in codes)
    assert len({rule.title for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("rule", "thresholds"),
    [
        (overfit.RULE, [f"{overfit.GL_THRESHOLD:g} %"]),
        (gap.RULE, [f"{100 * gap.GAP_THRESHOLD:g} points"]),
        (
            underfit.RULE,
            [f"{100 * underfit.EXCESS_THRESHOLD:g} points", f"{100 * underfit.FLAT_THRESHOLD:g} %"],
        ),
        (
            undertrained.RULE,
            [f"{100 * undertrained.LAST_FRACTION:g} %", f"{undertrained.SLOPE_THRESHOLD:g} %"],
        ),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_a_rule_in_words_tells_its_thresholds(rule, thresholds):
    for threshold in thresholds:
        # Not as the end of another number: "5 %" is not told by "0.5 %".
        assert re.search(rf"(?<![\d.]){re.escape(threshold)}", rule.rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_says_what_it_is_why_it_matters_and_whence_it_comes(rule):
    assert rule.rule.endswith(".")
    assert rule.why.endswith(".")
    assert rule.source
    assert rule.title == rule.title.lower()


def test_findings_come_by_variant_and_then_by_code():
    losses = {"train": [[1.0, 0.5]] * 2, "valid": [[1.0, 0.5]] * 2}
    found = diagnose(StudyCurves((variant("b", **losses), variant("a", **losses))))

    assert [(f.variant, f.code) for f in found] == [(v, r.code) for v in "ba" for r in RULES]
    assert [f.title for f in found] == [r.title for r in RULES] * 2


@settings(derandomize=True, deadline=None)
@given(data=st.data(), replicates=st.integers(1, 4))
def test_every_rule_comes_to_a_verdict_on_any_curves(data, replicates):
    study = StudyCurves(tuple(data.draw(variants(name, replicates)) for name in "abc"))

    for finding in diagnose(study):
        assert finding.verdict in {"found", "not found", "inconclusive", "not applicable"}
        assert finding.sentence.startswith(finding.variant)
        assert finding.sentence.endswith(".")
        # A finding that claims something stands on numbers, and says what to do.
        assert finding.verdict != "found" or (finding.evidence and finding.advice)
        assert finding.verdict != "inconclusive" or finding.advice


def test_all_replicates_diverged_leaves_one_finding():
    curves = variant(
        train=[[1.0, np.nan]] * 3,
        valid=[[1.0, np.nan]] * 3,
        train_error=[[0.5, np.nan]] * 3,
        valid_error=[[0.5, np.nan]] * 3,
    )
    found = diagnose(StudyCurves((curves,)))

    assert [f.verdict for f in found] == ["not applicable"] * 4 + ["found"]
    assert verdict(found) == "diverged"


def findings(**verdicts):
    blank = Finding("KH000", "", "v", "not found", {}, "")
    return [replace(blank, title=title, verdict=v) for title, v in verdicts.items()]


@pytest.mark.parametrize(
    ("given_findings", "words"),
    [
        (findings(), "sound"),
        (findings(overfit="not found", gap="not applicable"), "sound"),
        (findings(overfit="found", gap="not found"), "overfit"),
        (findings(overfit="found", gap="found"), "overfit, gap"),
        (findings(overfit="inconclusive", gap="found"), "gap"),
        (findings(overfit="inconclusive", gap="not found"), "inconclusive (overfit)"),
        (findings(overfit="inconclusive", gap="inconclusive"), "inconclusive (overfit, gap)"),
    ],
)
def test_verdict_in_words(given_findings, words):
    assert verdict(given_findings) == words
