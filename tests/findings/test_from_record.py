"""What curves of a record are for the findings."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import kohort
from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.conclusions import Conclusions
from kohort.findings.from_record import learning_curves
from kohort.findings.rules import gap, underfit
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


@pytest.mark.parametrize(
    ("value", "is_proportion"), [(1.4, False), (-0.2, False), (1 + 1e-7, True)]
)
def test_values_that_no_proportion_can_have_are_told_in_no_percent(value, is_proportion):
    record = record_of(grid_of(units=[1, 2]), np.array([[value, 0.5], [0.4, 0.6]]))
    study = Conclusions(record).study
    assert study.scale.is_proportion == is_proportion
    assert study.errors[1] == pytest.approx([0.6, 0.4] if is_proportion else [-0.4, -0.6])


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
    ("kind", "lowest"),
    [
        ("'mse'", 0.0),
        ("'sparse_categorical_crossentropy'", 0.0),
        ("'squared_hinge'", 0.0),
        (CLASS, 0.0),
        ("'poisson'", -np.inf),
        ("{'module': 'own', 'class_name': 'Mine', 'config': {}}", -np.inf),
    ],
)
def test_the_lowest_value_of_a_loss_is_zero_where_it_is_best_there(kind, lowest):
    # Whatever scores.
    record = scored_by_loss(WIDE, kind)
    settings = replace(
        record.settings, metric="accuracy", is_proportion=True, higher_is_better=True
    )
    by_accuracy = replace(record, settings=settings)
    for each in (record, by_accuracy):
        assert [c.lowest_loss for c in Conclusions(each).study.variants] == [lowest, lowest]


def test_a_loss_that_was_below_zero_has_no_lowest_value():
    record = scored_by_loss([[0.1, 0.2, -0.1], [5.0, 5.1, 5.2]], "'mse'")
    assert [c.lowest_loss for c in Conclusions(record).study.variants] == [-np.inf, 0.0]


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
    for rule in (gap.RULE, underfit.RULE):
        assert "10 % of what the best variant scores on validation" in rule.rule


def test_a_variant_that_diverged_in_part_sets_no_margin_while_another_did_not():
    study = Conclusions(scored_by_loss([[4.0, 4.4], [2.0, np.nan]], "'mse'")).study
    assert study.margin == pytest.approx(0.05 * 4.2)
    nothing = Conclusions(scored_by_loss([[np.nan, np.nan]], "'mse'")).study
    assert np.isnan(nothing.margin)


POISSON = [[0.01, -0.02, 0.05], [0.03, -0.04, 0.04]]
"""Losses of counts whose mean is near e: about zero, which is not the best that there is."""


@pytest.mark.parametrize("kind", ["'poisson'", "{'class_name': '__lambda__'}", "'own'"])
@pytest.mark.parametrize("losses", [POISSON, WIDE, [[-7.1, -7.2, -6.9], [-7.0, -7.2, -7.1]]])
def test_a_loss_of_which_zero_is_not_the_best_sets_no_margin(kind, losses):
    assert Conclusions(scored_by_loss(losses, kind)).study.margin == 0.0


def test_where_there_is_no_margin_one_is_asked_for():
    conclusions = Conclusions(scored_by_loss(POISSON, "'poisson'"))
    told = [f.advice for f in conclusions.findings if f.code == "KH202" and f.verdict == "found"]
    assert told
    assert all("Name a margin above 0" in advice for advice in told)


@pytest.mark.parametrize(
    "kind", ["'hinge'", "'kl_divergence'", CLASS.replace("MeanSquaredError", "SquaredHinge")]
)
def test_of_other_losses_zero_is_the_best_too(kind):
    study = Conclusions(scored_by_loss(WIDE, kind)).study
    assert study.margin == pytest.approx(0.05 * 0.6)


def scored_by(metric, scores, constant=None, *, higher_is_better=True, **settings):
    """A record that is scored by a metric which is no proportion; `constant` is `[replicate]`."""
    record = record_of(grid_of(units=list(range(len(scores)))), scores)
    curves = {1.0: replace(record.whole, metrics=(f"val_{metric}", f"eval_{metric}", *LOSSES))}
    settings = replace(
        record.settings, metric=metric, is_proportion=False, higher_is_better=higher_is_better,
        **settings,
    )  # fmt: skip
    of_one = constant and ConstantAnswer("the mean", *np.array([constant, constant]))
    return replace(record, settings=settings, curves=curves, constant=of_one)


LOSSES = ("val_data_loss", "eval_data_loss")


def margin_of(*what, **how):
    return Conclusions(scored_by(*what, **how)).study.margin


def test_the_margin_of_r2_is_a_part_of_what_is_better_than_the_mean():
    assert margin_of("r2_score", [[0.88, 0.9, 0.92], [0.8, 0.8, 0.8]], [-0.01, -0.03, -0.02]) == (
        pytest.approx(0.05 * 0.92)
    )
    # Nothing is shown to beat the mean: there is no size of which 5 % would be one.
    assert margin_of("r2_score", [[0.01, -0.02, 0.03], [0.0, 0.0, 0.01]], [0.0, 0.0, 0.0]) == 0
    assert margin_of("r2_score", [[0.9, 0.9, 0.9]]) == 0


def gaps_of(train, valid, constant):
    """KH102 of two variants that are scored by R2, the first `[replicate]` of which are given."""
    record = scored_by("r2_score", [valid, [0.0] * len(valid)], constant)
    curves = record.whole
    values = curves.values.copy()
    values[0, :, :, curves.metrics.index("eval_r2_score")] = np.array(train)[:, None]
    whole = {1.0: replace(curves, values=values)}
    found = Conclusions(replace(record, curves=whole)).findings
    return next(f for f in found if (f.code, f.variant) == ("KH102", "v0"))


def test_a_gap_of_r2_is_held_against_what_is_better_than_the_mean():
    # A gap of 0.03 where 0.9 is explained: a tenth of the score itself would be 0.001.
    far = gaps_of([0.04, 0.043, 0.038], [0.01, 0.011, 0.009], [-0.9, -0.9, -0.9])
    assert far.verdict == "not found"
    near = gaps_of([0.94, 0.943, 0.938], [0.81, 0.811, 0.809], [-0.1, -0.1, -0.1])
    assert near.verdict == "found"


def test_a_gap_is_open_where_nobody_knows_how_large_a_difference_of_the_score_matters():
    lost = gaps_of([0.04, 0.043, 0.038], [0.01, 0.011, 0.009], None)
    assert lost.verdict == "inconclusive"
    assert lost.sentence.endswith("How large a gap of this score matters is not known.")
    assert "nan" not in lost.sentence
    assert gaps_of([0.0, 0.001, 0.0], [0.1, 0.11, 0.12], None).verdict == "not found"


def test_underfit_is_open_where_nobody_knows_how_large_a_difference_of_the_score_matters():
    found = Conclusions(scored_by_loss(POISSON, "'poisson'")).findings
    told = [f for f in found if f.code in ("KH102", "KH103")]
    assert "found" not in {f.verdict for f in told}
    assert not any("nan" in f.sentence for f in told)


def test_an_error_of_another_name_has_its_margin_as_ever():
    errors = [[2.0, 2.1, 2.2], [3.0, 3.0, 3.1]]
    for name in ("rmse", "mae", "rmse_of_price", "price_mae", "log_mae"):
        assert margin_of(name, errors, higher_is_better=False) == pytest.approx(0.05 * 2.1)
    assert margin_of("worst", errors, higher_is_better=False) == 0
    assert margin_of("log_mae", [[-2.0, -2.1, -2.2]], higher_is_better=False) == 0
    assert margin_of("r2_score", [[0.9, 0.9, 0.9]], margin=0.03) == 0.03


def test_in_a_race_the_margin_is_that_of_the_first_look():
    scores = [[0.9, 0.9, 0.7, 0.6], [0.8, 0.8, 0.8, 0.8]]
    told = margin_of("r2_score", scores, [-0.5, 0.8, 0.2, 0.3], looks=(2, 4))
    assert told == 0, "two differ too much to show anything"
    apart = [[0.91, 0.9, 0.7, 0.6], [0.8, 0.8, 0.8, 0.8]]
    told = margin_of("r2_score", apart, [0.0, 0.0, 0.2, 0.3], looks=(2, 4))
    assert told == pytest.approx(0.05 * 0.905)


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


SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)


def of_sizes(scores, **settings):
    """A record of one variant, with scores `[size, replicate]` after training on parts of 160."""
    *parts, record = (record_of(grid_of(units=[1]), row[None]) for row in scores)
    settings = replace(record.settings, samples=(160, 40), shares={"v0": SHARES}, **settings)
    curves = {share: part.whole for share, part in zip(SHARES, parts, strict=True)}
    return replace(record, settings=settings, curves={**curves, **record.curves})


@pytest.mark.parametrize("highest", [1.0, 0.5])
def test_a_score_of_which_more_is_better_has_a_learning_curve_though_it_is_no_proportion(highest):
    falls = 0.5 * np.array([1.0, 0.707, 0.5, 0.354, 0.25])[:, None]
    noise = np.random.default_rng(1).normal(0, 1e-3, (5, 4))
    record = of_sizes(highest - falls + noise, is_proportion=False, margin=0.01)
    curve = learning_curves(record, Conclusions(record).study)[0]
    assert (curve.verdict, curve.reason) == ("helps", "")
    assert curve.gain.low < 0.125 * (1 - 0.707) < curve.gain.high


@pytest.mark.parametrize(
    ("settings", "lowest"),
    [
        ({}, 0.0),
        ({"is_proportion": False}, -np.inf),
        ({"is_proportion": False, "higher_is_better": False, "metric": "data_loss"}, -np.inf),
    ],
)
def test_errors_are_never_below_zero_only_where_that_is_known(settings, lowest):
    record = of_sizes(np.full((5, 3), 0.5), **settings)
    assert Conclusions(record).study.scale.lowest_error == lowest
    assert Conclusions(scored_by_loss(WIDE, "'mse'")).study.scale.lowest_error == 0.0


HUBER = "{'module': 'keras.losses', 'class_name': 'Huber', 'config': {}}"


@pytest.mark.parametrize(
    ("texts", "measured", "is_one"),
    [
        ((HUBER, HUBER), ("huber()", "huber(delta=3.0)"), False),
        ((HUBER, HUBER), ("huber(delta=3.0)", "huber(delta=3.0)"), True),
        (("'mse'", CLASS), ("mean_squared_error", "mean_squared_error"), True),
        # Kept before it was known what losses measure: texts that tell all of it.
        (("'mse'", "'mse'"), ("", ""), True),
        (("'mse'", "'mae'"), ("", ""), False),
        ((CLASS, CLASS), ("", ""), True),
        ((HUBER, HUBER), ("", ""), False),
        (("{'module': 'builtins', 'class_name': 'function'}",) * 2, ("", ""), False),
    ],
)
def test_rises_of_a_loss_are_compared_where_it_is_known_to_be_one(texts, measured, is_one):
    record = scored_by_loss(WIDE, "'mse'")
    facts = tuple(
        replace(each, loss=text, measured_loss=name)
        for each, text, name in zip(record.variants, texts, measured, strict=True)
    )
    study = Conclusions(replace(record, variants=facts, additions=((0, 1),))).study
    assert study.one_loss == ((0, 1),) * is_one


def test_rises_of_two_deltas_of_huber_are_not_compared():
    def build(delta=1.0, l2=0.0):
        penalty = keras.regularizers.L2(l2) if l2 else None
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer=penalty)]
        )
        model.compile("sgd", keras.losses.Huber(delta=delta), metrics=["mae"])
        return model

    x = np.random.default_rng(0).standard_normal((40, 2)).astype("float32")
    variants = [
        kohort.Variant("plain", build),
        kohort.Variant("wide", build, delta=3.0),
        kohort.Variant("penalty", build, l2=0.1),
    ]
    replicates = kohort.Holdout(0.25, 2)
    data = kohort.Dataset(x, x.sum(axis=1))
    study = kohort.Study(
        "deltas", variants, data, replicates=replicates, epochs=2, batch_size=15, metric="mae"
    )
    found = study.run(verbose=0).comparisons()["rises"]
    assert [(each.a, each.b) for each in found] == [("plain", "penalty")]
