from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.choice import Optimism
from kohort.findings.finding import Finding
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import POINTS, Scale, percent, shown
from kohort.report import words
from kohort.report.flattery import flattery
from kohort.report.tested import on_test

NAN = float("nan")


LOSS = Scale("loss", higher_is_better=False, reference=0.8)


def comparison(
    a, b, mean, p, p_alike=0.9, higher=True, measure="validation accuracy at the best epoch", n=5
):  # fmt: skip
    interval = Interval(mean, mean - 0.01, mean + 0.01, n, p)
    differences = tuple(mean + 0.01 * np.array([-1, 1, 0, 1, -1]))
    return Comparison(
        a, b, measure, interval, differences, higher, 0.01, 0.0, p_alike, 0.05, 1, p, p_alike
    )  # fmt: skip


@pytest.mark.parametrize(
    ("megabytes", "told"),
    [(2.6, "2.6 MB"), (0.0026, "2.6 KB"), (0.000128, "128 B"), (0.0, "0 B"), (NAN, "none")],
)
def test_sizes_have_a_unit_that_fits(megabytes, told):
    assert words.size(megabytes) == told


def rise(a, b, mean, p):
    measure = "rise of validation loss after the best epoch"
    return comparison(a, b, mean, p, higher=False, measure=measure)


def test_numbers_are_told_with_their_intervals():
    assert percent(Interval(0.921, 0.91, 0.932, 5, NAN)) == "92.1 % (91.0 to 93.2)"
    assert percent(Interval(0.921, NAN, NAN, 1, NAN)) == "92.1 % (no interval)"
    step = comparison("a", "b", 0.02, 0.01)
    assert words.difference(step, POINTS) == "+2.0 points (+1.0 to +3.0)"
    assert words.difference(step, LOSS) == "+0.02 (+0.01 to +0.03)"
    noise = comparison("a", "b", -1e-18, 1.0)
    assert words.difference(noise, LOSS) == "+0 (-0.01 to +0.01)"
    assert words.difference(rise("a", "b", -2.0, 0.01), None) == "-2.0 % (-2.0 to -2.0)"
    assert words.value(0.5, POINTS) == "50.0 %"
    assert words.value(0.5, LOSS) == "0.5"
    assert words.value(NAN, POINTS) == words.gap(NAN, LOSS) == "none"
    assert words.gap(0.0396, POINTS) == "4.0 points"
    assert words.gap(0.0396, LOSS) == "0.0396"
    assert words.p_value(0.03126) == "0.0313"
    assert words.p_value(0.00001) == "below 0.0001"
    assert words.p_value(NAN) == "none"


@pytest.mark.parametrize(
    ("p", "p_alike", "verdict"),
    [
        (0.01, 0.9, "differ"),
        (0.01, 0.01, "differ by less than matters"),
        (0.5, 0.01, "no difference of practical interest"),
        (0.5, 0.9, "undecided; about 10 replicates would tell"),
        (NAN, NAN, "undecided; about 10 replicates would tell"),
    ],
)
def test_a_comparison_comes_to_a_verdict(p, p_alike, verdict):
    # A spread of 0.01 and a margin of 0.01: an effect of 1 takes 10 pairs, by Cohen's tables.
    assert words.verdict_of(comparison("a", "b", 0.0, p, p_alike), "splits") == verdict


def test_of_folds_more_come_by_repeats():
    told = words.verdict_of(comparison("a", "b", 0.0, 0.5), "folds")
    assert told == "undecided; about 10 folds in all, by `repeats=`, would tell"


def test_a_comparison_without_a_replicate_in_common_shows_no_nan():
    gone = comparison("a", "b", NAN, NAN, NAN, n=0)
    assert words.difference(gone, POINTS) == words.errors_fewer(gone) == "none"
    assert words.verdict_of(gone, "splits") == "not both trained to the end in any replicate"
    assert words.errors_fewer(comparison("a", "b", -0.0204, 0.5)) == "-20"


def test_a_difference_of_proportions_is_told_within_what_it_can_be():
    wide = replace(comparison("a", "b", 0.9, 0.5), difference=Interval(0.9, -1.2, 3.0, 2, 0.5))
    assert words.difference(wide, POINTS) == "+90.0 points (-100.0 to +100.0)"
    assert POINTS.text(wide.difference) == "90.0 points (-100.0 to 100.0)"
    assert words.difference(wide, LOSS) == "+0.9 (-1.2 to +3)"


def test_the_winners_flattery_is_told():
    told = flattery(Optimism(0.0042, 5, {2: 4, 0: 1}), POINTS, ["a", "b", "c"], 3, "seeds")
    assert told.startswith(
        "The winner was chosen as the best of 3. Without each replicate in turn, the others choose "
        "c 4 times and a once, and what they choose scores 0.42 points worse in that replicate"
    )
    assert told.endswith(
        "The estimate misses the luck of the one split, which all replicates share; only a score "
        "on a test set is free of both."
    )


def test_an_estimate_of_zero_does_not_say_that_nothing_flatters():
    none = flattery(Optimism(0.0, 5, {2: 5}), POINTS, ["a", "b", "c"], 3, "splits")
    assert (
        "choose c 5 times: the same variant always wins, and for that reason alone the estimate of "
        "how far its validation score flatters it is zero. The estimate misses the luck that all "
        "replicates share, being splits of one data set; only a score on a test set" in none
    )


def test_only_variants_with_a_score_were_chosen_from():
    assert "the best of 2. " in flattery(
        Optimism(0.0, 5, {2: 5}), POINTS, ["a", "b", "c"], 2, "folds"
    )
    assert "the best of 2, so" in flattery(None, POINTS, ["a", "b", "c"], 2, "splits")
    assert "cannot be estimated" in flattery(None, POINTS, ["a", "b"], 2, "splits")
    alone = flattery(None, POINTS, ["a", "b"], 1, "splits")
    assert alone == "The winner is the only variant with a score, so that no choice flatters it."


@pytest.mark.parametrize(
    ("score", "loss", "verb"),
    [
        ((0.02, 0.01), (-0.1, 0.9), "betters the score"),
        ((0.02, 0.5), (-0.1, 0.01), "helps against late overfitting"),
        ((-0.02, 0.01), (0.1, 0.9), "worsens the score"),
        ((0.0, 0.9), (0.1, 0.01), "adds to late overfitting"),
        ((0.02, 0.01), (-0.1, 0.01), "betters the score and helps against late overfitting"),
        ((0.02, 0.01), (0.1, 0.01), "betters the score but adds to late overfitting"),
        ((-0.02, 0.01), (-0.1, 0.01), "worsens the score but helps against late overfitting"),
        ((0.02, 0.5), (-0.1, 0.5), "shows no sure difference"),
        ((0.02, NAN), (-0.1, NAN), "shows no sure difference"),
        ((0.0, 0.9, 0.01), (0, 0.9), "makes no difference of practical interest to the score"),
    ],
)
def test_what_an_addition_does_follows_from_what_is_decided(score, loss, verb):
    told = words.what_it_does(
        comparison("net", "net L2", *score),
        rise("net", "net L2", *loss),
        POINTS,
    )
    assert told.startswith(f"net L2 against net {verb}: ")
    undecided = [not p <= 0.05 and not (rest and rest[0] <= 0.05) for _, p, *rest in (score, loss)]
    assert told.count("undecided") == sum(undecided)
    assert ("within the margin (corrected p 0.01)" in told) == (len(score) > 2)
    assert ("decided (corrected p 0.01)" in told) == (0.01 in (score[1], loss[1]))


def test_a_p_value_near_the_level_has_the_digits_that_tell_its_side():
    score = replace(comparison("net", "net L2", 0.02, 0.0495), alpha=1 - 0.95)
    told = words.what_it_does(score, rise("net", "net L2", 0.1, 0.0502), POINTS)
    assert ", decided (corrected p 0.0495); " in told
    assert "undecided (corrected p 0.0502)" in told
    far = words.what_it_does(comparison("net", "net L2", 0.02, 0.0449), None, POINTS)
    assert "decided (corrected p 0.045)" in far


@pytest.mark.parametrize(
    ("given", "verdict"),
    [((0.02, 0.01), "differ."), ((0.0, 0.9, 0.01), "no difference of practical interest.")],
)
def test_a_comparison_is_told_with_its_p_values(given, verdict):
    told = words.compared(comparison("net", "net L2", *given), POINTS, "seeds")
    assert told.startswith("net L2 against net, ")
    assert told.endswith(verdict)  # both agree: nothing is said of which to believe
    assert told.count(verdict[:-1]) == 2


def test_a_comparison_that_the_correction_keeps_undecided_is_told_with_both_and_which_to_believe():
    pair = replace(comparison("net", "net L2", 0.02, 0.0042), p_adjusted=0.99, family=325)
    told = words.compared(pair, POINTS, "seeds")

    assert "By itself: p 0.0042 by Student's t" in told
    assert ", differ. Corrected for all that the study compares: p 0.99, undecided" in told
    assert told.endswith(
        "Believe the second, as the report does; the first holds only if this pair was the one to "
        "be compared before any result was seen."
    )


@pytest.mark.parametrize(
    ("kind", "told"), [("folds", "over 5 folds. "), ("splits", "over 5 replicates. ")]
)
def test_a_comparison_tells_its_replicates(kind, told):
    assert told in words.compared(comparison("net", "net L2", 0.02, 0.01), POINTS, kind)


def test_a_comparison_without_an_interval_is_told_without_p_values():
    one = comparison("net", "one", 0.02, NAN, n=1)
    alone = replace(one, difference=Interval(0.02, NAN, NAN, 1, NAN), differences=(0.02,))
    assert words.compared(alone, POINTS, "seeds").endswith(
        ": +2.0 points (no interval) over 1 replicate: undecided."
    )
    none = words.compared(comparison("net", "hot", NAN, NAN, n=0), POINTS, "seeds")
    assert none.endswith(": not both trained to the end in any replicate.")


def test_an_addition_to_what_did_not_train_is_told_as_such():
    told = words.what_it_does(comparison("net", "hot", NAN, NAN, n=0), None, POINTS)
    assert told == "hot and net did not both train to the end in any replicate."


@pytest.mark.parametrize(
    ("mean", "low", "high", "told"),
    [
        (-22.4, -30.1, -14.7, "22.4 percentage points (14.7 to 30.1) less, "),
        (22.4, 14.7, 30.1, "22.4 percentage points (14.7 to 30.1) more, "),
        (-2.0, -5.0, 1.0, "2.0 percentage points less (1.0 more to 5.0 less), "),
    ],
)
def test_a_rise_that_is_smaller_is_said_to_be_less_and_not_negative(mean, low, high, told):
    late = replace(rise("net", "l2", mean, 0.01), difference=Interval(mean, low, high, 5, 0.01))
    sentence = words.what_it_does(comparison("net", "l2", 0.02, 0.01), late, POINTS)
    assert f"; after the best epoch validation loss rises {told}" in sentence


def test_the_overview_has_a_line_for_each_rule():
    findings = [
        Finding("KH201", "leak", None, "found", {}, "The data leak."),
        Finding("KH101", "overfit", "a", "found", {}, ""),
        Finding("KH102", "gap", "a", "not found", {}, ""),
        Finding("KH101", "overfit", "b", "found", {}, ""),
        Finding("KH101", "overfit", "c", "inconclusive", {}, ""),
        Finding("KH104", "undertrained", "c", "not applicable", {}, ""),
        Finding("KH202", "too few replicates", "a", "not found", {}, ""),
        Finding("KH202", "margin out of reach", "b", "found", {}, ""),
    ]
    assert words.overview(findings) == [
        "Leak (KH201) found: The data leak.",
        "Overfit (KH101) found: a and b; inconclusive: c.",
        "Gap (KH102) found nowhere.",
        "Undertrained (KH104) not applicable.",
        "Too few replicates (KH202) found nowhere.",
        "Margin out of reach (KH202) found: b.",
    ]


def test_readings_are_told_with_their_number_and_for_whom():
    from datetime import UTC, datetime

    from kohort.evidence.readings import Reading, Tested

    a, b = (Tested(name, 1, 7, "", None, None) for name in "ab")
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    both, again = Reading(when, (a, b)), Reading(when.replace(day=3), (b,))
    assert on_test.readings([]) == "never"
    once = "on 2026-01-02 at 03:04:05 UTC for a (replicate 1, epoch 7) and b (replicate 1, epoch 7)"
    assert on_test.readings([both]) == f"once, {once}"
    more = "on 2026-01-03 at 03:04:05 UTC for b (replicate 1, epoch 7)"
    assert on_test.readings([both, again]) == f"2 times, {once}; again {more}"


def test_held_out_mistakes_come_surest_first():
    from kohort.evidence.readings import Tested
    from kohort.report.held_out import score

    predicted = np.array([[0.6, 0.4, 0], [0.7, 0.2, 0.1], [0, 0, 1], [0.05, 0.9, 0.05]])
    tested = Tested(
        "v", 0, 1, "", names=("a", "b", "c"), truth=np.array([0, 1, 2, 2]),
        classes=predicted.argmax(1), probabilities=predicted.max(1), losses=np.zeros(4),
    )  # fmt: skip
    held = score(tested, 0.95)
    assert held.accuracy.mean == 0.5
    assert [(m.sample, m.truth, m.predicted) for m in held.mistakes] == [(3, 2, 1), (1, 1, 0)]
    assert held.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]
    assert repr(held).startswith("HeldOut(variant='v', accuracy=Interval(mean=0.5,")
    assert "array" not in repr(held)
    assert "np." not in repr(held)
    assert "Mistake" not in repr(held)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([[0.2, 0.8]], [[0.2, 0.8]]),
        ([[0.25]], [[0.75, 0.25]]),
        ([[0.0, np.log(3)]], [[0.25, 0.75]]),
        ([[-np.log(3)]], [[0.75, 0.25]]),
    ],
    ids=["probabilities", "one probability", "logits", "one logit"],
)
def test_scores_of_any_kind_become_probabilities(scores, expected):
    from kohort.keras_api.class_outputs import class_probabilities

    np.testing.assert_allclose(class_probabilities(np.array(scores)), expected)


def test_a_bound_that_rounds_to_zero_has_no_sign():
    small = Interval(-0.0001, -0.0004, 0.01, 5, NAN)
    assert percent(small) == "0.0 % (0.0 to 1.0)"
    assert shown(small, "%", digits=0) == "0 % (0 to 0)"
