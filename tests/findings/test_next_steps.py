"""What would help next: each answer from the evidence that gives it."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.curves import POINTS, StudyCurves, VariantCurves
from kohort.findings.diagnosis import diagnose
from kohort.findings.families import families
from kohort.findings.learning_curve import learning_curve
from kohort.findings.next_steps import next_steps

EPOCHS, REPLICATES = 12, 5
RANDOM = np.random.default_rng(3)
SHARED = RANDOM.normal(0, 0.004, REPLICATES)
"""What all variants have in common in a replicate."""


def variant(name, error, *, train_error=None, parameters=1000, losses=None, seed=0):
    """A variant of flat errors, with a noise of its own; `losses` are of one replicate."""
    random = np.random.default_rng(seed)
    own = random.normal(0, 0.0005, REPLICATES)
    valid = np.repeat((error + SHARED + own)[:, None], EPOCHS, axis=1)
    train = valid - 0.001 if train_error is None else np.full_like(valid, train_error)
    train = train + random.normal(0, 0.0005, (REPLICATES, 1))
    losses = np.r_[1.0, np.full(EPOCHS - 1, 0.5)] if losses is None else np.asarray(losses)
    losses = losses + random.normal(0, 0.001, (REPLICATES, EPOCHS))
    return VariantCurves(
        name, losses - np.linspace(0, 1, EPOCHS), losses, train, valid,
        np.full(REPLICATES, EPOCHS), EPOCHS, 2.3, parameters,
    )  # fmt: skip


def steps(*variants, winner=0, additions=(), curves=None):
    study = StudyCurves(variants, 0.95, 0.0, POINTS, 0.01)
    own = families(study, winner, additions, additions)
    found = next_steps(study, winner, diagnose(study), own, curves or {})
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
            "Twice the 800 samples would lower the error of a by",
        ),
        ([0.1, 0.1001, 0.1, 0.1, 0.1], "does not help", "Twice the 800 samples would lower"),
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


def test_without_sizes_more_data_cannot_be_told_and_a_gap_is_a_hint():
    others = variant("b", 0.2, seed=1)
    assert steps(variant("a", 0.1), others)["more data"].sentence == (
        "The study has no learning curve of a; give it sizes."
    )
    gap = steps(variant("a", 0.1, train_error=0.02), others)["more data"]
    assert gap.verdict == "cannot tell"
    assert "room that more data may close" in gap.sentence


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


def test_more_regularisation_is_judged_by_what_adds_it():
    winner, added = variant("a", 0.1), variant("a L2", 0.15, seed=1)
    tried = steps(winner, added, additions=[(0, 1)])["more regularisation"]
    assert (tried.verdict, tried.sentence) == (
        "does not help", "The regularised a L2 does no better than a.",
    )  # fmt: skip
    sound = steps(winner, added)["more regularisation"]
    assert sound.verdict == "does not help"
    assert "neither overfits nor has a generalisation gap" in sound.sentence
    rising = np.r_[1.0, 0.5, np.linspace(0.5, 0.9, EPOCHS - 2)]
    overfit = steps(variant("a", 0.1, losses=rising), added)["more regularisation"]
    assert overfit.verdict == "cannot tell"
    # An addition that makes the model larger is none that restrains it.
    larger = replace(added, parameters=2000)
    assert "larger" not in steps(winner, larger, additions=[(0, 1)])["more regularisation"].sentence


def test_more_epochs_follow_the_curve():
    falling = variant("a", 0.1, losses=np.linspace(2, 0.5, EPOCHS))
    others = variant("b", 0.2, seed=1)
    assert steps(falling, others)["more epochs"].verdict == "helps"
    assert steps(variant("a", 0.1), others)["more epochs"].verdict == "does not help"
    stopped = replace(falling, planned_epochs=2 * EPOCHS)
    assert steps(stopped, others)["more epochs"].verdict == "does not help"
    negative = variant("a", 0.1, losses=np.linspace(-1, -2, EPOCHS))
    assert steps(negative, others)["more epochs"].verdict == "cannot tell"


def test_a_winner_that_is_not_the_baseline_is_compared_with_it_too():
    baseline = variant("base", 0.2, parameters=9000)
    step = steps(baseline, variant("a", 0.1, seed=1), winner=1)["a bigger model"]
    assert step.sentence == "The larger base does no better than a."
