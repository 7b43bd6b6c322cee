"""Whether verdicts turn: by hand, against SciPy, and how often where nothing changes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from kohort.findings.cleaned.turning import turning
from kohort.findings.conclusions import Conclusions
from tests.findings.factorial.records import record_of

WIGGLE = np.array([-2, 1, 0, 2, -1, 1, -1, 0]) / 1000
OTHER = np.array([1, -1, 2, 0, -2, 0, 1, -1]) / 1000


def conclusions(*means, wiggle=WIGGLE):
    """Of variants with these mean accuracies; replicates differ a little."""
    rows = [mean + np.roll(wiggle, number) for number, mean in enumerate(means)]
    return Conclusions(record_of([{"a": str(n)} for n in range(len(means))], rows))


def found(raw, clean):
    return turning(conclusions(*raw), conclusions(*clean, wiggle=OTHER))


OUTCOMES = {
    "another one is better": ((0.80, 0.85), (0.85, 0.80), "turns"),
    "the same one is better": ((0.80, 0.85), (0.80, 0.90), "same"),
    "the baseline is better on both": ((0.85, 0.80), (0.90, 0.80), "same"),
    "one is better, or nothing that matters": ((0.80, 0.85), (0.80, 0.80), "turns"),
    "nothing that matters, or one is better": ((0.80, 0.80), (0.80, 0.85), "turns"),
    "nothing that matters on both": ((0.80, 0.80), (0.85, 0.85), "same"),
    "better by less than matters, and nothing that matters": ((0.80, 0.804), (0.80, 0.80), "same"),
    "better, by what need not matter, and nothing that matters": (
        (0.80, 0.8095), (0.80, 0.80), "apart",
    ),
    "nothing that matters, and better by what need not matter": (
        (0.80, 0.80), (0.8095, 0.80), "apart",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTCOMES)
def test_a_verdict_turns_where_both_are_decided_and_contradict_each_other(case):
    raw, clean, outcome = OUTCOMES[case]
    (turn,) = found(raw, clean).turns
    assert turn.outcome == outcome


def test_what_is_decided_on_one_alone_is_no_turn():
    sure, unsure = conclusions(0.80, 0.85), conclusions(0.80, 0.82, wiggle=30 * OTHER)
    (turn,) = turning(sure, unsure).turns
    assert (turn.raw.better, turn.clean.better, turn.outcome) == ("v1", None, "raw alone")
    (turn,) = turning(unsure, sure).turns
    assert (turn.raw.better, turn.clean.better, turn.outcome) == (None, "v1", "clean alone")
    (turn,) = turning(unsure, unsure).turns
    assert turn.outcome == "open"


def test_pairs_are_those_with_the_baseline_and_with_the_winners():
    told = found((0.80, 0.90, 0.70, 0.60), (0.80, 0.70, 0.90, 0.60))
    assert (told.raw_winner, told.clean_winner) == ("v1", "v2")
    pairs = [(turn.raw.a, turn.raw.b) for turn in told.turns]
    assert pairs == [
        ("v0", "v1"), ("v0", "v2"), ("v0", "v3"), ("v2", "v1"), ("v3", "v1"), ("v3", "v2"),
    ]  # fmt: skip
    assert all((turn.clean.a, turn.clean.b) in pairs for turn in told.turns)
    outcomes = [turn.outcome for turn in told.turns]
    assert outcomes == ["turns", "turns", "same", "turns", "same", "same"]


def test_the_change_is_students_t_of_the_differences_differences_corrected_by_holm():
    random = np.random.default_rng(3)
    raw, clean = 0.8 + 0.01 * random.normal(size=(2, 3, 10))
    told = turning(*(Conclusions(record_of([{}] * 3, values)) for values in (raw, clean)))
    p_values = []
    for turn in told.turns:
        a, b = (int(name[1]) for name in (turn.raw.a, turn.raw.b))
        change = (clean[b] - clean[a]) - (raw[b] - raw[a])
        test = stats.ttest_1samp(change, 0.0)
        assert turn.change.difference.mean == pytest.approx(change.mean())
        interval = turn.change.difference
        assert (interval.low, interval.high) == pytest.approx(test.confidence_interval(0.95))
        assert turn.change.difference.p_value == pytest.approx(test.pvalue)
        p_values.append(test.pvalue)
    times = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(1, np.maximum.accumulate(times))
    assert np.sort([t.change.p_adjusted for t in told.turns]) == pytest.approx(adjusted)


def test_replicates_that_did_not_train_on_both_are_left_out_of_the_change():
    raw, clean = np.full((2, 6), 0.8), np.full((2, 6), 0.8)
    raw[1] += WIGGLE[:6]
    clean[1] += OTHER[:6] + 0.05
    raw[1, 2], clean[0, 4] = np.nan, np.nan
    told = turning(*(Conclusions(record_of([{}] * 2, values)) for values in (raw, clean)))
    assert len(told.turns[0].change.differences) == 4


def test_equal_scores_everywhere_show_no_change_for_sure():
    (turn,) = turning(conclusions(0.8, 0.85), conclusions(0.8, 0.85)).turns
    assert turn.outcome == "same"
    assert not turn.change.is_decided
    assert not turn.change.difference.is_formed


def test_findings_turn_where_they_are_found_on_one_and_not_on_the_other():
    good, bad = conclusions(0.8, 0.85), conclusions(0.8, 0.85)
    known = {(f.code, f.variant): f.verdict for f in good.findings}

    def with_verdict(of, code, verdict):
        changed = [replace(f, verdict=verdict) if f.code == code else f for f in of.findings]
        vars(of)["findings"] = changed
        return of

    assert known["KH105", "v0"] == "not found"
    turned = turning(with_verdict(bad, "KH105", "found"), good).findings
    assert [(t.raw.verdict, t.clean.verdict, t.clean.variant) for t in turned] == [
        ("found", "not found", "v0"), ("found", "not found", "v1"),
    ]  # fmt: skip
    assert turning(with_verdict(bad, "KH105", "inconclusive"), good).findings == []


@pytest.mark.long
def test_where_cleaning_changes_nothing_verdicts_hardly_ever_turn():
    """Of 200 studies a change is decided in at most one in twenty, but for chance."""
    random, changed, turned = np.random.default_rng(8), 0, 0
    for _ in range(200):
        truth = 0.8 + 0.01 * random.normal(size=(3, 1))
        shared = 0.01 * random.normal(size=(3, 6))  # splits and seeds are the same
        raw, clean = (truth + shared + 0.01 * random.normal(size=(3, 6)) for _ in range(2))
        told = turning(*(Conclusions(record_of([{}] * 3, values)) for values in (raw, clean)))
        changed += any(turn.change.is_decided for turn in told.turns)
        turned += bool(told.of("turns"))
    assert changed <= stats.binom.ppf(0.999, 200, 0.05)
    assert turned <= stats.binom.ppf(0.999, 200, 0.01)
