"""Who wins, and against whom, in sentences."""

import pytest

from kohort.findings.finding import Finding
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import POINTS
from kohort.report import winner_words, words
from tests.report.test_words import LOSS, NAN, comparison


def test_the_answer_names_the_winner_whom_it_beats_and_whom_not():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    family = [
        comparison("x", "best", 0.1, 0.01),
        comparison("y", "best", 0.0, 0.6),
        comparison("base", "best", 0.02, 0.4),
        comparison("broken", "best", -0.1, 0.01),
    ]
    to_base = [comparison("base", "x", 0.0, 0.9), comparison("base", "best", 0.02, 0.01)]
    assert winner_words.answer("best", score, POINTS, family, to_base, passed=["broken"]) == (
        "best does best on validation data: accuracy 93.0 % (92.0 to 94.0). "
        "It is better than the baseline, base: +2.0 points (+1.0 to +3.0), 20 fewer errors "
        "in 1,000. It is better than x. These replicates cannot tell it from y. "
        "broken scored better where training came to its end, and was not chosen since it "
        "diverged, or has no score, in some replicates."
    )
    named = winner_words.answer("best", score, POINTS, family, to_base, baseline="the first one")
    assert "It is better than the first one, base: +2.0 points" in named
    undecided = [comparison("base", "best", 0.02, 0.3)]
    assert (
        "It seems better than the baseline, base: +2.0 points (+1.0 to +3.0), but not "
        "after correction for all that is compared."
        in winner_words.answer("best", score, POINTS, family, undecided)
    )
    nothing = [comparison("base", "best", 0.001, 0.9)]
    assert "It cannot be told from the baseline, base: +0.1 points" in winner_words.answer(
        "best", score, POINTS, family, nothing
    )
    alike = [comparison("base", "best", 0.002, 0.3, 0.01)]
    told = winner_words.answer(
        "best", score, POINTS, [*alike, comparison("y", "best", 0, 1, 0.01)], alike
    )
    assert (
        "It differs by less than 1 point from the baseline, base: +0.2 points (-0.8 to +1.2), the "
        "90 % interval of two one-sided tests." in told
    )
    assert "Between it and y there is no difference of practical interest" in told


def test_the_answer_tells_whose_difference_only_the_correction_left_undecided():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    near, one, two = (
        comparison("near", "best", 0.0, 0.6),
        *(comparison(name, "best", mean, 0.3) for name, mean in (("one", 0.02), ("two", 0.03))),
    )
    told = winner_words.answer("best", score, POINTS, [near, one], [])
    assert told.endswith(
        "These replicates cannot tell it from near and one; without correction for all that "
        "is compared they could tell it from one."
    )
    told = winner_words.answer("best", score, POINTS, [near, one, two], [])
    assert told.endswith("compared they could tell it from one and two.")
    told = winner_words.answer("best", score, POINTS, [one, two], [])
    assert told.endswith(
        "cannot tell it from one and two; without correction for all that is compared they could."
    )
    decided = comparison("one", "best", 0.02, 0.01)
    alike = comparison("two", "best", 0.02, 0.3, 0.01)
    assert "correction" not in winner_words.answer(
        "best", score, POINTS, [near, decided, alike], []
    )


def test_a_lower_loss_is_the_better_one():
    score = Interval(0.71, 0.7, 0.72, 5, NAN)
    against = [
        comparison("x", "best", -0.1, 0.01, higher=False),
        comparison("y", "best", 0.0, 0.6, higher=False),
    ]
    told = winner_words.answer("best", score, LOSS, against, [])
    assert told == (
        "best does best on validation data: loss 0.71 (0.7 to 0.72), lower is better. It is better "
        "than x. These replicates cannot tell it from y."
    )
    verb = words.what_it_does(comparison("net", "net L2", -0.02, 0.01, higher=False), None, LOSS)
    assert verb.startswith("net L2 against net betters the score: ")


@pytest.mark.parametrize(
    ("mean", "p", "standing"),
    [
        (0.02, 0.01, "is better than"),
        (-0.02, 0.01, "is worse than"),
        (0.02, 0.3, "seems better than"),
        (-0.02, 0.3, "seems worse than"),
        (0.005, 0.3, "cannot be told from"),
    ],
)
def test_the_winner_stands_to_the_baseline_as_decided(mean, p, standing):
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    step = comparison("base", "best", mean, p)
    assert f" It {standing} the baseline, base: " in winner_words.answer(
        "best", score, POINTS, [], [step]
    )


def test_what_diverged_is_named():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    diverged = [("x", 5, 5), ("y", 1, 5), ("z", 5, 5), ("w", 4, 5)]
    assert winner_words.answer("best", score, POINTS, [], [], diverged).endswith(
        " x and z diverged in all replicates; y diverged in 1 of 5 replicates; w diverged in 4 of "
        "5 replicates."
    )
    assert winner_words.no_winner([("x", 5, 5)]) == (
        "No variant trained to the end, so there is no winner. x diverged in all replicates."
    )
    assert winner_words.no_winner([]) == "No variant trained to the end, so there is no winner."
    assert winner_words.divergence([("y", 4, 6)]) == "y diverged in 4 of 6 replicates."
    assert "diverged" not in winner_words.answer("best", score, POINTS, [], [])


def test_a_baseline_that_wins_is_told_from_the_others():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    told = winner_words.answer(
        "base", score, POINTS,
        [comparison("x", "base", 0.1, 0.01)], [comparison("base", "x", -0.1, 0.01)],
    )  # fmt: skip
    assert told.endswith("accuracy 93.0 % (92.0 to 94.0). It is better than x.")


def test_a_decided_difference_counts_by_its_sign():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    told = winner_words.answer("best", score, POINTS, [comparison("x", "best", -0.1, 0.01)], [])
    assert "better than x" not in told


def test_no_sentence_lists_more_than_three_names():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    names = [f"v{number}" for number in range(10)]
    for p, p_alike in ((0.01, 0.9), (0.9, 0.9), (0.9, 0.01)):
        # The closest ones are named.
        against = [comparison(n, "best", 0.1 - int(n[1:]) / 100, p, p_alike) for n in names]
        told = winner_words.answer("best", score, POINTS, against, [])
        assert "v9, v8, v7 and 7 others" in told
    diverged = [*((name, 1, 5) for name in names), *((f"x{name}", 5, 5) for name in names)]
    told = winner_words.divergence(diverged)
    assert told.startswith("xv0, xv1, xv2 and 7 others diverged in all replicates; v0 diverged")
    assert told.endswith("; and 7 more of them in some replicates.")
    found = [Finding("KH101", "overfit", name, "found", {}, "") for name in names]
    assert words.overview(found) == ["Overfit (KH101) found: v0, v1, v2 and 7 others."]


def test_whom_the_winner_beats_is_told_in_a_sentence():
    won = [comparison(name, "best", 0.1, 0.01) for name in "xyz"]
    assert winner_words.whom_it_beats("best", [], POINTS) == ""
    assert winner_words.whom_it_beats("best", won[:1], POINTS) == "It is better than x."
    assert winner_words.whom_it_beats("best", won, POINTS) == "It is better than all 3 others."
    open_ones = [comparison(name, "best", 0.0, 0.6) for name in "abcd"]
    alike = comparison("like", "best", 0.0, 0.9, p_alike=0.01)
    by_little = comparison("near", "best", 0.004, 0.01, p_alike=0.01)
    lucky = comparison("lucky", "best", -0.1, 0.01)
    others = [*won, *open_ones, alike, by_little, lucky]
    told = winner_words.whom_it_beats("best", others, POINTS, ["lucky"])
    assert told == (
        "like and near are as good within 1 point. These replicates cannot tell it from 4 "
        "variants. lucky scored better where training came to its end, and was not chosen since "
        "it diverged, or has no score, in some replicates."
    )


NOT_CHOSEN = (
    "scored better where training came to its end, and {} not chosen since {} diverged, or {} no "
    "score, in some replicates"
)


def test_one_that_scored_better_and_lost_replicates_is_not_among_those_that_cannot_be_told():
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    near = comparison("near", "best", -0.001, 0.6)
    lost = [comparison(name, "best", -0.1, 0.3) for name in ("a", "b", "c", "d")]
    for told in (
        winner_words.answer("best", score, POINTS, [near, lost[0]], [], passed=["a"]),
        winner_words.whom_it_beats("best", [near, lost[0]], POINTS, ["a"]),
    ):
        assert told.endswith(
            f"These replicates cannot tell it from near. a {NOT_CHOSEN.format('was', 'it', 'has')}"
            "; these replicates do not decide between it and best."
        )
    passed = ["a", "b", "c", "d"]
    many = NOT_CHOSEN.format("were", "they", "have")
    told = winner_words.answer("best", score, POINTS, [near, *lost], [], passed=passed)
    assert told.endswith(
        f"a, b, c and d {many}; these replicates do not decide between them and best."
    )
    told = winner_words.whom_it_beats("best", [near, *lost], POINTS, passed)
    assert f" 4 variants {many}; these" in told
    # That it is as good is decided, and says all.
    alike = comparison("a", "best", -0.002, 0.3, 0.01)
    told = winner_words.answer("best", score, POINTS, [alike], [], passed=["a"])
    assert told.endswith("there is no difference of practical interest (less than 1 point).")


@pytest.mark.parametrize(
    ("p", "standing", "more"),
    [
        (0.01, "is worse than", ""),
        (0.3, "seems worse than", "; these replicates do not decide between it and best"),
    ],
)
def test_why_a_better_baseline_is_not_the_winner_is_told_too(p, standing, more):
    score = Interval(0.93, 0.92, 0.94, 5, NAN)
    step = [comparison("base", "best", -0.1, p)]
    told = winner_words.answer("best", score, POINTS, [], step, passed=["base"])
    assert f"It {standing} the baseline, base: " in told
    assert told.endswith(f" base {NOT_CHOSEN.format('was', 'it', 'has')}{more}.")
    assert "not chosen" not in winner_words.answer("best", score, POINTS, [], step)


def test_where_all_lost_replicates_that_is_not_why_another_was_not_chosen():
    told = winner_words.whom_it_beats("best", [comparison("a", "best", -0.1, 0.01)], POINTS)
    assert told == (
        "a scored better in the replicates that both have, but not in the mean over all that each "
        "has."
    )
