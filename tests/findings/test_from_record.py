"""What curves of a record are for the findings."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.conclusions import Conclusions
from kohort.report import tested_scores
from kohort.report.answers import answer
from tests.findings.factorial.records import grid_of, record_of

CLASS = "{'module': 'keras.losses', 'class_name': 'MeanSquaredError', 'config': {'name': 'x'}}"


def scored_by_loss(losses, kind):
    """A record that is scored by its loss, of one kind."""
    losses = np.asarray(losses)
    record = record_of(grid_of(units=list(range(len(losses)))), 1 - losses)
    settings = replace(
        record.settings, metric="data_loss", is_proportion=False, higher_is_better=False
    )
    facts = tuple(replace(variant, loss=kind) for variant in record.variants)
    return replace(record, settings=settings, variants=facts)


WIDE = [[0.1, 0.2, 1.5], [5.0, 5.1, 5.2]]
"""Student's interval of the first reaches from -1.3 to 2.5."""


@pytest.mark.parametrize("kind", ["'mse'", "'sparse_categorical_crossentropy'", CLASS])
def test_the_interval_of_a_loss_that_is_never_negative_ends_at_zero(kind):
    conclusions = Conclusions(scored_by_loss(WIDE, kind))
    score = conclusions.score(0)
    assert (score.low, score.mean) == (0.0, pytest.approx(0.6))
    assert score.high == pytest.approx(2.54, abs=0.01)
    assert ") 0.6 (0 to 2.54)" in answer(conclusions)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("'mse'", "loss (mean squared error) 0.6"),
        (CLASS, "loss (mean squared error) 0.6"),
        ("'sparse_categorical_crossentropy'", "loss (sparse categorical crossentropy) 0.6"),
        ("{'module': 'keras.losses', 'class_name': 'Huber', 'config': {}}", "loss (huber) 0.6"),
        ("{'module': 'own', 'class_name': 'Mine', 'config': {}}", "loss 0.6"),
    ],
)
def test_a_loss_that_scores_is_named(kind, told):
    assert f"v0 does best on validation data: {told}" in answer(
        Conclusions(scored_by_loss(WIDE, kind))
    )


def test_of_several_losses_none_is_named():
    record = scored_by_loss(WIDE, "'mse'")
    mixed = (record.variants[0], replace(record.variants[1], loss="'mae'"))
    assert Conclusions(replace(record, variants=mixed)).study.scale.title == "loss"
    assert Conclusions(record_of(grid_of(units=[1]), [[0.5, 0.6]])).study.scale.title == "accuracy"


def test_the_margin_of_losses_is_a_part_of_the_best_not_of_a_baseline_that_learned_nothing():
    study = Conclusions(scored_by_loss([[40.0, 44.0], [2.0, 2.2], [3.0, 3.1]], "'mse'")).study
    assert study.margin == pytest.approx(0.05 * 2.1)
    assert study.scale.threshold(2.0, 10.0) == pytest.approx(0.1 * 2.1)


def test_a_variant_that_diverged_in_part_sets_no_margin_while_another_did_not():
    study = Conclusions(scored_by_loss([[4.0, 4.4], [2.0, np.nan]], "'mse'")).study
    assert study.margin == pytest.approx(0.05 * 4.2)
    nothing = Conclusions(scored_by_loss([[np.nan, np.nan]], "'mse'")).study
    assert np.isnan(nothing.margin)


@pytest.mark.parametrize("kind", ["'cosine_similarity'", "{'class_name': '__lambda__'}", "'own'"])
def test_that_of_any_other_loss_does_not(kind):
    assert Conclusions(scored_by_loss(WIDE, kind)).score(0).low < -1.3


def test_a_loss_that_was_negative_can_be_so_again():
    below = [[-0.1, 0.2, 1.5], [5.0, 5.1, 5.2]]
    assert Conclusions(scored_by_loss(below, "'binary_crossentropy'")).score(0).low < -1.3


def test_of_a_difference_the_interval_is_whole():
    compared = Conclusions(scored_by_loss(WIDE, "'mse'")).compare(1, 0)
    assert compared.difference.low < -4.5


def test_so_is_the_interval_on_the_test_set():
    scale = Conclusions(scored_by_loss(WIDE, "'mse'")).study.scale
    values = np.array([0.1, 0.2, 1.5])
    wide = Conclusions(scored_by_loss(WIDE, "'own'")).score(0)
    score = tested_scores.TestScore("net", "data_loss", wide, values)
    assert (
        tested_scores.told([score], scale, 0.95)
        == "by loss, over 3 samples, net scores 0.6 (0 to 2.54)."
    )
