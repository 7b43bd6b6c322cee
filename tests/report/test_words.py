import numpy as np
import pytest

from kohort.findings.comparison import Comparison
from kohort.findings.finding import Finding, shown
from kohort.findings.interval import Interval
from kohort.report import words

NAN = float("nan")


def comparison(a, b, mean, p, measure="validation accuracy at the best epoch"):
    return Comparison(a, b, measure, Interval(mean, mean - 0.01, mean + 0.01, 5, p), p, 0.05)


def test_numbers_are_told_with_their_intervals():
    assert words.percent(Interval(0.921, 0.91, 0.932, 5, NAN)) == "92.1 % (91.0 to 93.2)"
    assert words.percent(Interval(0.921, NAN, NAN, 1, NAN)) == "92.1 % (no interval)"
    assert words.difference(comparison("a", "b", 0.02, 0.01)) == "+2.0 points (+1.0 to +3.0)"
    loss = comparison("a", "b", -0.02, 0.01, "validation loss at the last epoch")
    assert words.difference(loss) == "-0.020 (-0.030 to -0.010)"
    assert words.value(0.5, "accuracy") == "50.0 %"
    assert words.value(0.5, "data_loss") == "0.5000"


def test_the_answer_names_the_winner_whom_it_beats_and_whom_not():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    family = [
        comparison("x", "best", 0.1, 0.01),
        comparison("y", "best", 0.0, 0.6),
        comparison("base", "best", 0.02, 0.4),
    ]
    to_base = [comparison("base", "x", 0.0, 0.9), comparison("base", "best", 0.02, 0.01)]
    assert words.answer("best", score, "accuracy", family, to_base) == (
        "best does best on validation data: accuracy 93.0 % (92.0 to 94.0). "
        "It is better than the baseline, base: +2.0 points (+1.0 to +3.0). "
        "It is better than x. These replicates cannot tell it from y."
    )
    undecided = [comparison("base", "best", 0.02, 0.3)]
    assert "It cannot be told from the baseline, base: +2.0 points" in words.answer(
        "best", score, "accuracy", family, undecided
    )


def test_a_baseline_that_wins_is_told_from_the_others():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    told = words.answer(
        "base", score, "accuracy",
        [comparison("x", "base", 0.1, 0.01)], [comparison("base", "x", -0.1, 0.01)],
    )  # fmt: skip
    assert told.endswith("accuracy 93.0 % (92.0 to 94.0). It is better than x.")


@pytest.mark.parametrize(
    ("score", "loss", "verb"),
    [
        ((0.02, 0.01), (-0.1, 0.9), "raises the score"),
        ((0.02, 0.5), (-0.1, 0.01), "helps against late overfitting"),
        ((-0.02, 0.01), (0.1, 0.9), "lowers the score"),
        ((0.0, 0.9), (0.1, 0.01), "adds to late overfitting"),
        ((0.02, 0.01), (0.1, 0.01), "raises the score and adds to late overfitting"),
        ((0.02, 0.5), (-0.1, 0.5), "makes no difference that these replicates can tell"),
        ((0.02, NAN), (-0.1, NAN), "makes no difference that these replicates can tell"),
    ],
)
def test_what_an_addition_does_follows_from_what_is_decided(score, loss, verb):
    told = words.what_it_does(
        comparison("net", "net L2", *score),
        comparison("net", "net L2", *loss, "validation loss at the last epoch"),
    )
    assert told.startswith(f"net L2 against net {verb}: ")
    assert told.count("undecided") == sum(not p <= 0.05 for _, p in (score, loss))
    assert ("corrected p 0.01" in told) == (0.01 in (score[1], loss[1]))


def test_a_decided_difference_counts_by_its_sign():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    told = words.answer("best", score, "accuracy", [comparison("x", "best", -0.1, 0.01)], [])
    assert "better than x" not in told


def test_the_overview_has_a_line_for_each_rule():
    findings = [
        Finding("KH101", "overfit", "a", "found", {}, ""),
        Finding("KH102", "gap", "a", "not found", {}, ""),
        Finding("KH101", "overfit", "b", "found", {}, ""),
        Finding("KH101", "overfit", "c", "inconclusive", {}, ""),
    ]
    assert words.overview(findings) == [
        "Overfit (KH101) found: a and b; inconclusive: c.",
        "Gap (KH102) found nowhere.",
    ]


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")],
)
def test_listing(names, text):
    assert words.listing(names) == text


def test_held_out_mistakes_come_surest_first():
    from kohort.data.dataset import Dataset
    from kohort.report.held_out import score

    data = Dataset(np.eye(3), [0, 1, 2], np.eye(4, 3), [0, 1, 2, 2], class_names="abc")
    predicted = np.array([[0.6, 0.4, 0], [0.7, 0.2, 0.1], [0, 0, 1], [0.05, 0.9, 0.05]])
    held = score("v", data, predicted, 0.95)
    assert held.accuracy.mean == 0.5
    assert [(m.sample, m.truth, m.predicted) for m in held.mistakes] == [(3, 2, 1), (1, 1, 0)]
    assert held.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]


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
    from kohort.report.held_out import class_probabilities

    np.testing.assert_allclose(class_probabilities(np.array(scores)), expected)


def test_a_bound_that_rounds_to_zero_has_no_sign():
    small = Interval(-0.0001, -0.0004, 0.01, 5, NAN)
    assert words.percent(small) == "0.0 % (0.0 to 1.0)"
    assert shown(small, "%", digits=0) == "0 % (0 to 0)"
