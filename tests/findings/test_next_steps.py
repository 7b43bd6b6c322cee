"""What would help next: each answer from the evidence that gives it."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.choice import choose
from kohort.findings.diagnosis import diagnose
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.next_steps import next_steps
from kohort.findings.statistics.learning_curve import learning_curve
from kohort.findings.statistics.scale import POINTS
from tests.findings.curve_builders import percent_of

EPOCHS, REPLICATES = 12, 5
RANDOM = np.random.default_rng(3)
SHARED = RANDOM.normal(0, 0.004, REPLICATES)
"""What all variants have in common in a replicate."""


def variant(
    name, error, *, train_error=None, parameters=1000, regularizer_count=0, losses=None, seed=0
):
    """A variant with a noise of its own; `losses` are of one replicate, and errors follow them."""
    random = np.random.default_rng(seed)
    individual = random.normal(0, 0.0005, REPLICATES)
    valid = np.repeat((error + SHARED + individual)[:, None], EPOCHS, axis=1)
    train = valid - 0.001 if train_error is None else np.full_like(valid, train_error)
    train = train + random.normal(0, 0.0005, (REPLICATES, 1))
    if losses is None:
        losses = np.r_[1.0, np.full(EPOCHS - 1, 0.5)]
    else:
        valid, train = (errors + 0.1 * (losses - losses[-1]) for errors in (valid, train))
    losses = losses + random.normal(0, 0.001, (REPLICATES, EPOCHS))
    return VariantCurves(
        name, losses - np.linspace(0, 1, EPOCHS), losses, train, valid,
        np.full(REPLICATES, EPOCHS), EPOCHS, 2.3, parameters, regularizer_count,
    )  # fmt: skip


def steps(*variants, winner=0, additions=(), curves=None, scale=POINTS):
    study = StudyCurves(variants, 0.95, 0.0, scale, 0.01, tuple(additions), tuple(additions))
    assert choose(study) == winner
    found = next_steps(study, winner, diagnose(study), curves or {})
    return {step.step: step for step in found}


def test_the_steps_come_in_one_order():
    assert list(steps(variant("a", 0.1), variant("b", 0.2, seed=1))) == [
        "more data", "a bigger model", "more regularisation", "more epochs",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "verdict", "told"),
    [
        (
            [0.5657, 0.4, 0.2828, 0.2, 0.1414],
            "helps",
            "Twice the 800 samples would better the accuracy of a by",
        ),
        ([0.1, 0.1001, 0.1, 0.1, 0.1], "does not help", "Twice the 800 samples would better"),
        ([0.1, 0.1, 0.1, 0.2, 0.1], "cannot tell", "Error rises from 200 to 400 samples"),
    ],
)
def test_more_data_helps_where_the_learning_curve_says_so(errors, verdict, told):
    noise = np.random.default_rng(1).normal(0, 0.0005, (5, REPLICATES))
    curve = learning_curve(
        np.array([50, 100, 200, 400, 800]), np.array(errors)[:, None] + SHARED + noise, margin=0.01
    )
    step = steps(variant("a", 0.1), variant("b", 0.2, seed=1), curves={0: curve})["more data"]
    assert step.verdict == verdict
    assert step.sentence.startswith(told)


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (POINTS, r"better the accuracy of a by \d\.\d points \(\d\.\d to \d\.\d\), if"),
        (percent_of(0.3, "mae"), r"better the mae of a by 0\.0\d+ \(0\.0\d+ to 0\.0\d+\), if"),
    ],
)
def test_a_gain_is_told_in_the_unit_of_the_metric(scale, told):
    errors = np.array([0.5657, 0.4, 0.2828, 0.2, 0.1414])[:, None] + SHARED
    errors = errors + np.random.default_rng(1).normal(0, 0.0005, errors.shape)
    curve = learning_curve(np.array([50, 100, 200, 400, 800]), errors, margin=0.01)
    step = steps(variant("a", 0.1), variant("b", 0.2, seed=1), curves={0: curve}, scale=scale)

    assert re.search(told, step["more data"].sentence)


def test_without_sizes_more_data_cannot_be_told_and_a_gap_is_a_hint():
    others = variant("b", 0.2, seed=1)
    assert steps(variant("a", 0.1), others)["more data"].sentence == (
        "The study has no learning curve of a; give it sizes."
    )
    gap = steps(variant("a", 0.1, train_error=0.02), others)["more data"]
    assert gap.verdict == "cannot tell"
    assert "room that more data may close" in gap.sentence


def test_a_variant_that_is_as_good_lends_its_learning_curve():
    noise = np.random.default_rng(1).normal(0, 0.0005, (5, REPLICATES))
    errors = np.array([0.5657, 0.4, 0.2828, 0.2, 0.1414])[:, None] + SHARED + noise
    curve = learning_curve(np.array([50, 100, 200, 400, 800]), errors, margin=0.01)
    winner, alike, worse = variant("a", 0.1), variant("b", 0.101, seed=1), variant("c", 0.2, seed=2)

    lent = steps(winner, alike, worse, curves={1: curve})["more data"]
    assert lent.verdict == "helps"
    assert "the accuracy of b, which is as good as a, by" in lent.sentence
    unlike = steps(winner, alike, worse, curves={2: curve})["more data"]
    assert unlike.sentence == "The study has no learning curve of a; give it sizes."


def test_a_race_takes_no_sizes_and_is_not_told_to():
    study = StudyCurves(
        (variant("a", 0.1), variant("b", 0.2, seed=1)), 0.95, 0.0, POINTS, 0.01, looks=(5,)
    )
    more_data = next_steps(study, 0, diagnose(study), {})[0]
    assert more_data.sentence == (
        "The study has no learning curve of a; train that alone, in a study with sizes."
    )


def test_a_bigger_model_is_judged_by_the_larger_variants():
    winner, worse = variant("a", 0.1), variant("b", 0.2, parameters=5000, seed=1)
    alike = variant("c", 0.101, parameters=9000, seed=2)
    assert steps(winner, variant("s", 0.2, parameters=10))["a bigger model"].verdict == (
        "cannot tell"
    )
    both = steps(winner, worse, alike)["a bigger model"]
    assert (both.verdict, both.sentence) == (
        "does not help", "The larger b or c do no better than a.",
    )  # fmt: skip
    noisy = replace(alike, valid_error=alike.valid_error + RANDOM.normal(0, 0.05, (REPLICATES, 1)))
    unsure = steps(winner, worse, noisy)["a bigger model"]
    assert (unsure.verdict, unsure.sentence) == (
        "cannot tell", "The study cannot tell a from the larger c.",
    )  # fmt: skip


def test_a_few_weights_more_make_no_bigger_model():
    winner, normalised = variant("a", 0.1), variant("b", 0.2, parameters=1024, seed=1)
    step = steps(winner, normalised)["a bigger model"]
    assert (step.verdict, step.sentence) == (
        "cannot tell", "No variant is much larger than a; try one.",
    )  # fmt: skip
    larger = replace(normalised, parameters=1250)
    assert steps(winner, larger)["a bigger model"].verdict == "does not help"


def test_more_regularisation_is_judged_by_what_adds_it():
    winner, added = variant("a", 0.1), variant("a L2", 0.15, regularizer_count=1, seed=1)
    tried = steps(winner, added, additions=[(0, 1)])["more regularisation"]
    assert (tried.verdict, tried.sentence) == (
        "does not help", "The regularised a L2 does no better than a.",
    )  # fmt: skip
    sound = steps(winner, added)["more regularisation"]
    assert sound.verdict == "does not help"
    assert "neither overfits nor has a generalisation gap" in sound.sentence
    # Where it still learns, overfitting may be to come.
    early = steps(variant("a", 0.1, losses=np.linspace(2, 0.5, EPOCHS)), added)
    assert early["more epochs"].verdict == "helps"
    assert early["more regularisation"].verdict == "cannot tell"
    assert early["more regularisation"].sentence == (
        "a neither overfits nor has a generalisation gap to close, but whether it would after more "
        "epochs the study cannot tell."
    )
    one_more = np.r_[1.0, np.full(EPOCHS - 2, 0.5), 0.40]
    unsure = steps(variant("a", 0.1, losses=one_more), added)
    assert unsure["more epochs"].verdict == "cannot tell"
    assert unsure["more regularisation"].verdict == "cannot tell"
    rising = np.r_[1.0, 0.5, np.linspace(0.5, 0.9, EPOCHS - 2)]
    overfit = steps(variant("a", 0.1, losses=rising), added)["more regularisation"]
    assert overfit.verdict == "cannot tell"


def test_where_early_stopping_ended_the_winner_no_step_waits_for_more_epochs():
    winner = replace(variant("a", 0.1), planned_epochs=2 * EPOCHS)
    found = steps(winner, variant("b", 0.2, seed=1))

    assert found["more epochs"].verdict == found["more regularisation"].verdict == "does not help"
    assert "epochs" not in found["more regularisation"].sentence


@pytest.mark.parametrize(
    ("count", "others", "is_more"), [(0, 1, True), (0, 3, True), (1, 1, False), (2, 1, False)]
)
@pytest.mark.parametrize("parameters", [500, 1000, 2000])
def test_a_regulariser_more_is_one_more_in_the_model_whatever_its_size(
    count, others, is_more, parameters
):
    winner = variant("a", 0.1, regularizer_count=count)
    added = variant("a L2", 0.15, regularizer_count=others, parameters=parameters, seed=1)
    step = steps(winner, added, additions=[(0, 1)])["more regularisation"]

    assert ("The regularised a L2" in step.sentence) is is_more
    assert ("neither overfits" in step.sentence) is not is_more


def test_what_a_regulariser_is_added_to_is_the_winner():
    # The winner is b with less: nothing was added to it.
    winner = variant("a", 0.1, regularizer_count=1)
    other = variant("b", 0.15, regularizer_count=2, seed=1)
    step = steps(winner, other, additions=[(1, 0)])["more regularisation"]

    assert "neither overfits" in step.sentence
    # Nor is what was added to another one added to the winner.
    third = variant("b L2", 0.15, regularizer_count=3, seed=2)
    step = steps(winner, other, third, additions=[(1, 2)])["more regularisation"]
    assert "neither overfits" in step.sentence


def test_a_regulariser_that_never_trained_to_the_end_says_nothing():
    gone = variant("a L2", 0.15, regularizer_count=1, seed=1)
    gone = replace(gone, train_loss=np.full_like(gone.train_loss, np.nan))
    step = steps(variant("a", 0.1), gone, additions=[(0, 1)])["more regularisation"]

    assert "a L2" not in step.sentence


@pytest.mark.parametrize("broken", [0, 3])
def test_one_that_lost_a_replicate_and_is_better_elsewhere_does_not_do_no_better(broken):
    better = variant("b", 0.05, parameters=5000, regularizer_count=1, seed=1)
    losses = better.train_loss.copy()
    losses[broken, -1] = np.nan
    found = steps(variant("a", 0.1), replace(better, train_loss=losses), additions=[(0, 1)])

    for step, told in (("a bigger model", "larger"), ("more regularisation", "regularised")):
        assert found[step].verdict == "cannot tell"
        assert found[step].sentence == (
            f"The {told} b scored better than a where they trained to the end, and diverged "
            "elsewhere."
        )


def test_one_that_lost_a_replicate_and_is_worse_elsewhere_does_no_better():
    worse = variant("b", 0.2, parameters=5000, seed=1)
    worse.train_loss[2, -1] = np.nan

    assert steps(variant("a", 0.1), worse)["a bigger model"].sentence == (
        "The larger b does no better than a."
    )


def test_scores_that_tie_by_chance_do_not_show_that_nothing_is_gained():
    # Equal errors in all replicates, and losses that are not the same.
    winner, larger = variant("a", 0.1), variant("b", 0.1, parameters=5000, seed=1)
    larger = replace(larger, valid_error=winner.valid_error.copy())
    other = replace(larger, valid_loss=1.05 * larger.valid_loss)

    assert steps(winner, other)["a bigger model"].verdict == "cannot tell"
    same = replace(larger, valid_loss=winner.valid_loss.copy())
    assert steps(winner, same)["a bigger model"].verdict == "does not help"


def test_more_epochs_follow_the_curve():
    falling = variant("a", 0.1, losses=np.linspace(2, 0.5, EPOCHS))
    others = variant("b", 0.2, seed=1)
    assert steps(falling, others)["more epochs"].verdict == "helps"
    assert steps(variant("a", 0.1), others)["more epochs"].verdict == "does not help"
    stopped = replace(falling, planned_epochs=2 * EPOCHS)
    assert steps(stopped, others)["more epochs"].verdict == "does not help"
    # Where some ran out of epochs, they had not all stopped for improving no more.
    lengths = np.array([EPOCHS, EPOCHS, EPOCHS - 1, EPOCHS, EPOCHS - 2])
    some = replace(falling, lengths=lengths)
    assert steps(some, others)["more epochs"].verdict == "cannot tell"
    all_of_them = replace(falling, lengths=np.minimum(lengths, EPOCHS - 1))
    assert steps(all_of_them, others)["more epochs"].verdict == "does not help"
    negative = variant("a", 0.1, losses=np.linspace(-1, -2, EPOCHS))
    assert steps(negative, others)["more epochs"].verdict == "helps"


FALLING = np.linspace(2, 0.5, EPOCHS)
"""Losses of a model that still learns."""


def test_epochs_come_first_where_the_winner_is_undertrained():
    found = steps(variant("a", 0.1, losses=FALLING), variant("b", 0.2, seed=1))
    assert next(iter(found)) == "more epochs"
    assert "undertrained" in found["more epochs"].sentence
    assert "But" not in found["more epochs"].sentence


def test_epochs_come_first_where_the_baseline_is_undertrained_and_the_winner_is_not():
    found = steps(variant("a", 0.2, losses=FALLING), variant("b", 0.1, seed=1), winner=1)
    first = next(iter(found.values()))
    assert (first.step, first.verdict) == ("more epochs", "does not help")
    assert first.sentence.endswith(" But a, with which all others are compared, is undertrained.")
    # Another variant that is, is nobody's measure.
    third = variant("c", 0.3, losses=FALLING, seed=2)
    others = steps(variant("a", 0.2), variant("b", 0.1, seed=1), third, winner=1)
    assert list(others)[-1] == "more epochs"


def test_a_winner_that_is_not_the_baseline_is_compared_with_it_too():
    baseline = variant("base", 0.2, parameters=9000)
    step = steps(baseline, variant("a", 0.1, seed=1), winner=1)["a bigger model"]
    assert step.sentence == "The larger base does no better than a."


def test_a_score_that_gains_where_the_loss_rises_is_said_not_to_count():
    epochs = np.arange(EPOCHS)
    rising = variant("a", 0.1, losses=np.r_[1.0, 0.5 + 0.05 * epochs[:-1]])
    errors = 0.1 + 0.02 * (EPOCHS - epochs) + SHARED[:, None]
    rising = replace(rising, valid_error=errors, train_error=errors - 0.01)
    told = steps(rising, variant("b", 0.6, seed=1))["more epochs"]
    assert told.verdict == "does not help"
    assert told.sentence.endswith("what the accuracy gains after it does not count.")
    flat = steps(variant("a", 0.1), variant("b", 0.2, seed=1))["more epochs"]
    assert "count" not in flat.sentence


def test_where_all_is_right_no_gain_is_told_that_would_not_count():
    """One replicate came late to 100 %, so that the forecast alone could gain more."""
    epochs = np.arange(EPOCHS)
    errors = np.maximum(0.0, 0.02 * (EPOCHS - 1 - epochs) + SHARED[:, None])
    errors[:, -3:] = 0.0
    right = variant("a", 0.1)
    right = replace(right, valid_error=errors, train_error=np.zeros_like(errors))
    told = steps(right, variant("b", 0.6, seed=1))["more epochs"]
    assert told.sentence == (
        "a is not undertrained: its validation accuracy ends within 1 point of 100 %."
    )
