"""Studies: the fused engine against Keras's, and what a study promises."""

import copy
import pickle
import re

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.report.costs import shown_costs
from kohort.report.words import size
from tests.doors.refusals import assert_refused
from tests.models import build_mlp

VARIANTS = {
    "plain": {},
    "faster": {"learning_rate": 0.1},
    "l2": {"l2": 0.01},
    "dropout": {"dropout": 0.4},
}


SO_LITTLE = 15_000
"""Bytes of memory: the data, which take 12,000, stream to the device."""


def study(data, names=tuple(VARIANTS), **changes):
    arguments = {"replicates": kohort.Holdout(0.2, 3), "epochs": 4, "batch_size": 50} | changes
    variants = [kohort.Variant(name, build_mlp, **VARIANTS[name]) for name in names]
    return kohort.Study("small", variants, data, **arguments)


def pivot(result):
    return result.curves().set_index(["variant", "replicate", "epoch", "metric"])["value"]


@pytest.fixture(scope="module")
def result(blobs):
    return study(blobs).run(verbose=0)


def test_fused_and_keras_engines_measure_the_same(blobs, result):
    reference = study(blobs).run(engine="keras", verbose=0)
    ours, theirs = pivot(result), pivot(reference)
    assert list(ours.index) == list(theirs.index)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    for key, member in result.members.items():
        assert member.epoch == reference.members[key].epoch
        for mine, yours in zip(member.weights, reference.members[key].weights, strict=True):
            np.testing.assert_allclose(mine, yours, rtol=1e-3, atol=1e-4)


@pytest.mark.long
def test_of_many_training_samples_a_part_is_measured_alike_by_all_engines(blobs, monkeypatch):
    monkeypatch.setattr("kohort.design.replicates.MEASURED", 150)
    runs = [
        study(blobs, ["plain"], epochs=2).run(verbose=0, **arguments)
        for arguments in ({}, {"engine": "keras"}, {"memory": SO_LITTLE})
    ]
    ours, *others = [pivot(run) for run in runs]
    for theirs in others:
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    member = runs[0].best()
    rows = member.replicate.measured
    assert len(rows) == 150
    model = member.model()
    _, accuracy = model.evaluate(blobs.inputs(blobs.x_train[rows]), blobs.y_train[rows], verbose=0)
    told = ours["plain", member.replicate.number, member.epoch, "eval_accuracy"]
    assert told == pytest.approx(accuracy, abs=1e-6)
    facts = dict(runs[0].settings.facts())
    assert facts["train metrics"].startswith("on 150 of the training samples")


def test_pixels_are_scaled_on_the_device_as_they_would_be_before(blobs):
    pixels = np.clip(blobs.x_train * 40 + 120, 0, 255).astype(np.uint8)
    test = np.clip(blobs.x_test * 40 + 120, 0, 255).astype(np.uint8)
    raw = kohort.Dataset(pixels, blobs.y_train, test, blobs.y_test)
    scaled = kohort.Dataset(pixels / 255 - 0.5, blobs.y_train, test / 255 - 0.5, blobs.y_test)
    assert raw.x_train.dtype == np.uint8
    one, two = (pivot(study(d, ["plain"], epochs=2).run(verbose=0)) for d in (raw, scaled))
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_the_same_study_again_gives_the_same_bits(blobs, result):
    again = study(blobs).run(verbose=0)
    assert pivot(again).equals(pivot(result))


def test_members_do_not_depend_on_who_trains_beside_them(blobs, result):
    alone = pivot(study(blobs, ["faster"]).run(verbose=0))
    few = pivot(study(blobs, ["plain"], replicates=kohort.Holdout(0.2, 1)).run(verbose=0))
    everyone = pivot(result)
    np.testing.assert_allclose(alone, everyone.loc[list(alone.index)], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(few, everyone.loc[list(few.index)], rtol=1e-4, atol=1e-5)


def test_of_few_training_samples_all_are_measured(result):
    assert "train metrics" not in dict(result.settings.facts())


def test_curves_are_tidy_and_whole(result):
    curves = result.curves()
    assert list(curves.columns) == ["variant", "replicate", "epoch", "metric", "value"]
    assert set(curves["metric"].astype(str)) == {
        *("loss", "accuracy", "eval_loss", "eval_accuracy", "eval_data_loss"),
        *("val_loss", "val_accuracy", "val_data_loss"),
    }
    assert len(curves) == 4 * 3 * 4 * 8
    assert sorted(set(curves["epoch"])) == [1, 2, 3, 4]


@pytest.mark.long
def test_members_have_the_weights_of_their_best_epoch(blobs, result):
    values = pivot(result)
    replicates = kohort.Holdout(0.2, 3).replicates(blobs, 0)
    for (variant, number), member in result.members.items():
        losses = values.loc[result.variants[variant].name, number, :, "val_data_loss"]
        assert member.epoch == losses.argmin() + 1
        rows = replicates[number].valid
        seen = member.model().evaluate(
            blobs.x_train[rows], blobs.y_train[rows], verbose=0, return_dict=True
        )
        at_best = values.loc[member.variant.name, number, member.epoch]
        assert seen["accuracy"] == pytest.approx(at_best["val_accuracy"], abs=1e-6)
        assert seen["loss"] == pytest.approx(at_best["val_loss"], rel=1e-4)


def test_the_table_is_what_the_curves_say(result):
    table, values = result.table(), pivot(result)
    assert table.index.name == "variant"
    reference, table = table.iloc[-1], table.iloc[:-1]
    assert reference["verdict"] == "reference, not a variant"
    assert list(table["val_accuracy"]) == sorted(table["val_accuracy"], reverse=True)
    for name, row in table.iterrows():
        of_variant = values.loc[name]
        losses = of_variant.loc[:, :, "val_data_loss"].unstack("epoch")
        assert row["best_epoch"] == losses.mean().argmin() + 1
        # Of three replicates each is measured at the epoch that is best for the next.
        epochs = [losses.loc[(r + 1) % len(losses)].argmin() + 1 for r in losses.index]
        valid, train = (
            np.mean(
                [of_variant.loc[r, e, metric] for r, e in zip(losses.index, epochs, strict=True)]
            )
            for metric in ("val_accuracy", "eval_accuracy")
        )
        assert row["val_accuracy"] == pytest.approx(valid)
        assert row["train_accuracy"] == pytest.approx(train)
        assert row["gap"] == pytest.approx(train - valid)
        assert row["low"] < row["val_accuracy"] < row["high"]
    assert set(table["parameters"]) == {75}
    assert set(table["weights_megabytes"]) == {75 * 4 / 1e6}
    assert (table["seconds"] > 0).all()


def test_comparisons_are_paired_and_come_in_families(result):
    values, families = pivot(result), result.comparisons()
    assert list(families) == ["baseline", "winner", "additions", "rises"]
    assert [len(family) for family in families.values()] == [3, 2, 3, 3]
    assert "plain" not in {c.a for c in families["winner"]}
    assert {c.a for c in families["baseline"]} == {"plain"}
    assert {c.b for c in families["winner"]} == {result.best().variant.name}
    assert [(c.a, c.b) for c in families["additions"]] == [
        ("plain", "faster"), ("plain", "l2"), ("plain", "dropout"),
    ]  # fmt: skip
    for c in families["rises"]:
        a, b = (rises(values.loc[name, :, :, "val_data_loss"]) for name in (c.a, c.b))
        assert c.difference.mean == pytest.approx(np.mean(b) - np.mean(a))
    one = result.compare("l2", "plain")
    assert one.difference == families["additions"][1].difference
    with pytest.raises(kohort.DesignError, match="'nobody'"):
        result.compare("plain", "nobody")


def rises(losses):
    """Percent by which the last of four epochs ends above the one that is best for the next."""
    table = losses.unstack("epoch")
    best = [table.loc[(r + 1) % len(table)].idxmin() for r in table.index]
    return [
        100 * (table.loc[r, 4] / table.loc[r, e] - 1)
        for r, e in zip(table.index, best, strict=True)
    ]


@pytest.mark.long
def test_a_baseline_that_wins_is_compared_with_all_others(blobs, result):
    winner = result.best().variant.name
    assert winner != "plain"
    order = [winner, *(name for name in VARIANTS if name != winner)]
    again = study(blobs, order).run(verbose=0)
    assert again.best().variant.name == winner
    families = again.comparisons()
    assert {c.a for c in families["winner"]} == set(VARIANTS) - {winner}
    for mine, yours in zip(families["winner"], families["baseline"], strict=True):
        assert mine.difference.mean == pytest.approx(-yours.difference.mean)
        assert mine.p_adjusted == pytest.approx(yours.p_adjusted)


def test_the_winner_is_chosen_on_validation_and_tested_once(blobs, result, monkeypatch):
    assert result.best().variant.name == result.table().index[0]
    winner, baseline = result.test()
    assert [winner.variant, baseline.variant] == [result.best().variant.name, "plain"]
    model = result.best().model()
    right = (model.predict(blobs.x_test, verbose=0).argmax(1) == blobs.y_test).mean()
    assert winner.accuracy.mean == pytest.approx(right)
    assert winner.confusion.sum() == 100
    assert np.trace(winner.confusion) == round(100 * right)
    assert len(winner.mistakes) == 100 - round(100 * right)
    assert [reading.variants for reading in result.readings()] == [(winner.variant, "plain")]
    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "predict", None)
        assert result.test()[0] is winner
    assert len(result.readings()) == 1


SIZES = (0.125, 0.25, 0.5)


@pytest.fixture(scope="module")
def sized(blobs):
    return study(blobs, ["plain", "l2"], sizes={"plain": SIZES}, epochs=3)


@pytest.fixture(scope="module")
def sized_result(sized):
    return sized.run(verbose=0)


@pytest.mark.long
def test_sizes_train_in_the_same_program(blobs, sized, count_compilations):
    plan = sized.plan()
    assert len(plan.cohorts) == len(study(blobs, ["plain", "l2"], epochs=3).plan().cohorts) == 2
    assert len(plan.every_member) == 2 * 3 + 3 * 3
    assert "9 of them on parts of their samples" in str(plan)
    sized.run(verbose=0)
    assert len(count_compilations) == 2


def test_sizes_change_nothing_of_what_trains_on_all_samples(blobs, sized_result):
    without = study(blobs, ["plain", "l2"], epochs=3).run(verbose=0)
    np.testing.assert_allclose(pivot(sized_result), pivot(without), rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_a_learning_curve_is_the_same_by_keras_and_by_a_stream(blobs, sized, sized_result):
    ours = sized_result.learning_curves()
    assert list(ours) == ["plain"]
    assert list(ours["plain"].samples) == [50, 100, 200, 400]
    means = [interval.mean for interval in ours["plain"].errors]
    assert means[-1] == pytest.approx(1 - sized_result.table().loc["plain", "val_accuracy"])
    for arguments in ({"engine": "keras"}, {"memory": SO_LITTLE}):
        theirs = sized.run(verbose=0, **arguments).learning_curves()["plain"]
        assert [i.mean for i in theirs.errors] == pytest.approx(means, abs=1e-6)


def test_the_next_steps_follow_from_the_evidence(sized_result):
    steps = {step.step: step for step in sized_result.next_steps()}
    assert list(steps) == ["more data", "a bigger model", "more regularisation", "more epochs"]
    assert {step.verdict for step in steps.values()} <= {"helps", "does not help", "cannot tell"}
    assert "No variant is larger" in steps["a bigger model"].sentence


@pytest.mark.long
def test_data_that_might_help_need_the_learning_curve_of_the_winner(blobs):
    result = study(blobs, ["plain", "faster"], sizes={"plain": SIZES}, epochs=3).run(verbose=0)
    assert result.best().variant.name == "faster"
    (told,) = (step.sentence for step in result.next_steps() if step.step == "more data")
    assert "no learning curve of faster" in told


@pytest.mark.long
def test_the_report_draws_learning_curves(sized_result, tmp_path):
    text = sized_result.report(tmp_path / "r.html").read_text("utf-8")
    assert "over the number of training samples" in text
    assert "trained also on" in text


@pytest.mark.long
def test_reading_the_test_set_again_is_recorded(blobs, tmp_path):
    result = study(blobs, ["plain", "l2", "faster"], epochs=2).run(verbose=0)
    tested = {held.variant for held in result.test()}
    name = next(name for name in ("l2", "faster") if name not in tested)
    (other,) = result.test(name)
    assert other.variant == name
    assert [reading.variants for reading in result.readings()][1:] == [(name,)]
    assert result.readings()[0].time <= result.readings()[1].time
    with pytest.raises(kohort.DesignError, match="'nobody'"):
        result.test("nobody")
    text = " ".join(result.report(tmp_path / "r.html").read_text("utf-8").split())
    assert "read 2 times (see below) and never to choose" in text
    assert "UTC for" in text.split("; again on")[1]
    assert "was read is flattered by it" in text


def test_the_winner_and_the_baseline_are_compared_sample_by_sample(blobs, result):
    winner, baseline = result.test()
    difference = result.test_difference()
    assert difference.difference.mean == pytest.approx(
        winner.accuracy.mean - baseline.accuracy.mean
    )
    assert difference.only_b == (winner.right & ~baseline.right).sum()
    alone = study(blobs, ["plain"], replicates=kohort.Holdout(0.2, 1), epochs=1).run(verbose=0)
    with pytest.raises(kohort.DesignError, match="got plain alone"):
        alone.test_difference()


@pytest.mark.long
@pytest.mark.parametrize("engine", ["fused", "keras"])
def test_weights_are_of_the_best_epoch_whatever_callbacks_put_back(blobs, engine):
    first = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=99, restore_best_weights=True
    )
    ended = study(blobs, ["plain"], epochs=8, callbacks=[first]).run(verbose=0, engine=engine)
    member = ended.members[0, 0]
    assert member.epoch > 1
    rows = member.replicate.valid
    told = member.model().evaluate(blobs.x_train[rows], blobs.y_train[rows], verbose=0)
    curves = ended.curves()
    at_best = curves[(curves.epoch == member.epoch) & (curves.replicate == member.replicate.number)]
    assert told[0] == pytest.approx(at_best[at_best.metric == "val_loss"].value.item(), rel=1e-5)


@pytest.mark.long
def test_early_stopping_ends_each_member_on_its_own(blobs):
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1)
    arguments = {"names": ["faster"], "epochs": 15, "callbacks": [stop]}
    ours = study(blobs, **arguments).run(verbose=0)
    theirs = study(blobs, **arguments).run(engine="keras", verbose=0)
    np.testing.assert_allclose(pivot(ours), pivot(theirs), rtol=1e-3, atol=1e-4)
    lengths = ours.curves().groupby("replicate")["epoch"].max()
    assert lengths.max() < 15
    assert lengths.nunique() > 1
    assert stop.stopped_epoch == 0, "members must use copies"
    assert ours.table()["best_epoch"].iloc[0] <= lengths.min()


@pytest.mark.long
def test_folds_of_unequal_size(blobs):
    result = study(blobs, ["plain"], replicates=kohort.KFold(3), epochs=2).run(verbose=0)
    assert sorted(set(result.curves()["replicate"])) == [0, 1, 2]
    assert result.settings.kind == "folds"


def test_the_plot_has_a_panel_for_each_variant(result):
    chart = result.plot().to_dict()
    rows = next(iter(chart["datasets"].values()))
    assert {row["variant"] for row in rows} == set(VARIANTS)
    assert {row["metric"] for row in rows} == {"data_loss", "accuracy"}


@pytest.mark.long
def test_one_replicate_gives_numbers_and_no_interval(blobs):
    result = study(blobs, ["plain", "l2"], replicates=kohort.Holdout(0.2, 1)).run(verbose=0)
    assert result.table()[["low", "high"]].isna().all(axis=None)
    assert {f.verdict for f in result.findings() if f.code == "KH102"} == {"inconclusive"}
    assert "cannot be told from" in result.answer() or "cannot tell" in result.answer()


@pytest.mark.long
def test_a_study_without_accuracy_scores_by_loss(blobs):
    def build(width):
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(width, "relu"),
                                  keras.layers.Dense(1)])  # fmt: skip
        model.compile("adam", "mse")
        return model

    data = kohort.Dataset(
        blobs.x_train, blobs.x_train.sum(1), blobs.x_test, blobs.x_test.sum(1), name="sums"
    )
    result = kohort.Study(
        "regression", kohort.grid(build, width=[1, 16]), data,
        replicates=kohort.Holdout(0.2, 3), epochs=3, batch_size=25,
    ).run(verbose=0)  # fmt: skip
    assert result.metric == "data_loss"
    table = result.table()
    table = table[table["verdict"] != "reference, not a variant"]
    assert list(table["val_data_loss"]) == sorted(table["val_data_loss"])
    wide = result.best().variant.name
    assert wide == "width=16"
    step = result.compare(wide, "width=1")
    assert step.difference.mean < 0
    assert "points" not in result.answer()
    gap = next(f for f in result.findings() if (f.code, f.variant) == ("KH102", wide))
    assert "validation loss is" in gap.sentence
    assert "points" not in gap.sentence
    with pytest.raises(kohort.DesignError, match=r"class labels.*result.test_scores\(\)"):
        result.test()


def build_measured(learning_rate):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    metrics = ["mae", keras.metrics.R2Score(name="r2"), own_metric]
    model.compile(keras.optimizers.SGD(learning_rate), "mse", metrics=metrics)
    return model


def own_metric(y, predicted):
    return keras.ops.abs(y - predicted)


def measured(blobs, **arguments):
    sums = blobs.x_train.sum(1, keepdims=True), blobs.x_test.sum(1, keepdims=True)
    data = kohort.Dataset(blobs.x_train, sums[0], blobs.x_test, sums[1])
    return kohort.Study(
        "measured", kohort.grid(build_measured, learning_rate=[1e-4, 1e-3, 1e-2]), data,
        replicates=kohort.Holdout(0.2, 3), epochs=2, batch_size=25, **arguments,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    ("metric", "mode", "ascending"),
    [("mae", "auto", True), ("r2", "auto", False), ("own_metric", "min", True),
     ("loss", "auto", True)],
)  # fmt: skip
def test_any_metric_scores_and_keras_knows_its_direction(blobs, metric, mode, ascending):
    result = measured(blobs, metric=metric, mode=mode).run(verbose=0)
    column = f"val_{result.metric}"
    table = result.table()
    table = table[table["verdict"] != "reference, not a variant"]
    assert table[column].is_monotonic_increasing is ascending
    assert table.index[0] == result.best().variant.name == "learning_rate=0.01"
    worst = result.compare("learning_rate=0.0001", "learning_rate=0.01")
    assert (worst.difference.mean > 0) is ascending
    # 5 % of what the best variant scores, where zero is the best there is; of R2 of what it is
    # above that of the mean, which is 0.
    best = table.loc["learning_rate=0.01", column]
    whole = 0.0 if metric == "own_metric" else best
    assert worst.margin == pytest.approx(whole / 20)
    assert len([f for f in result.findings() if f.code == "KH105" and f.verdict == "found"]) == 0


@pytest.mark.long
def test_a_metric_that_cannot_score(blobs):
    with pytest.raises(kohort.DesignError, match=r"with: loss, mae, own_metric, r2.*got 'auc'"):
        measured(blobs, metric="auc").plan()
    with pytest.raises(kohort.DesignError, match="pass mode='max' or mode='min'"):
        measured(blobs, metric="own_metric").plan()


@pytest.mark.long
def test_the_margin_is_the_studys(blobs, result):
    assert result.compare("plain", "l2").margin == 0.01
    wide = study(blobs, ["plain", "l2"], margin=0.5).run(verbose=0)
    assert wide.compare("plain", "l2").margin == 0.5
    assert wide.compare("plain", "l2").is_equivalent
    assert "no difference of practical interest" in wide.additions()[0]


def test_seeds_on_one_split_are_labelled_and_have_narrower_intervals(blobs):
    seeds = kohort.Holdout(0.2, 3, same_split=True)
    result = study(blobs, ["plain", "l2"], replicates=seeds).run(verbose=0)
    splits = {tuple(member.replicate.valid) for member in result.members.values()}
    assert len(splits) == 1
    assert len({member.replicate.seed for member in result.members.values()}) == 3
    assert result.settings.kind == "seeds"
    assert result.compare("plain", "l2").test_to_train == 0


@pytest.mark.long
def test_members_that_diverge_do_no_harm_and_are_found(blobs):
    result = with_rates(blobs, 0.1, 1e30)
    found = {f.variant for f in result.findings() if f.code == "KH105" and f.verdict == "found"}
    assert found == {"1e+30"}
    assert result.best().variant.name == "0.1"
    alone = pivot(with_rates(blobs, 0.1))
    np.testing.assert_allclose(alone, pivot(result).loc[list(alone.index)], rtol=1e-4, atol=1e-5)


def with_rates(blobs, *rates):
    """The result of a study of learning rates."""

    def build(learning_rate):
        model = build_mlp()
        model.compile(
            keras.optimizers.SGD(learning_rate), "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )  # fmt: skip
        return model

    variants = [kohort.Variant(str(rate), build, learning_rate=rate) for rate in rates]
    return kohort.Study(
        "rates", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=3, batch_size=25
    ).run(verbose=0)  # fmt: skip


def text_of(report):
    """What a reader sees of a report, without its pictures."""
    html = re.sub(r"<(svg|style).*?</\1>", "", report.read_text("utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.long
def test_a_baseline_that_diverges_is_told_and_not_tested(blobs, tmp_path):
    result = with_rates(blobs, 1e30, 0.1)
    assert "The baseline, 1e+30, did not train to the end." in result.answer()
    assert "1e+30 diverged in all replicates." in result.answer()
    assert [held.variant for held in result.test()] == ["0.1"]
    text = text_of(result.report(tmp_path / "r.html"))
    assert "did not train to the end" in text
    assert "not both trained to the end in any replicate" in text
    assert "the only variant with a score" in text
    # No pair was tested, and no number is missing.
    assert "McNemar" not in text
    assert not re.search(r"\bnan\b", text)


def test_a_study_of_which_all_variants_diverged_is_told_and_reported(blobs, tmp_path):
    result = with_rates(blobs, 1e30, 1e35)
    assert result.answer() == (
        "No variant trained to the end, so there is no winner. 1e+30 and 1e+35 diverged in all "
        "replicates."
    )
    assert result.winner is None
    assert result.next_steps() == result.additions() == result.test() == []
    with pytest.raises(kohort.DesignError, match="a variant that trains to the end"):
        result.best()
    with pytest.raises(kohort.DesignError, match="a winner and a baseline, got no winner"):
        result.test_difference()
    text = text_of(result.report(tmp_path / "r.html", command="kohort run rates.py"))
    assert result.answer() in text
    assert "There are no two variants with a score to compare." in text
    assert "1e+30 diverged in 2 of 2 replicates." in text
    assert "kohort run rates.py" in text
    for unsaid in ("What would help", "The model to ship", "gets wrong", "The test set", "None"):
        assert unsaid not in text
    assert not re.search(r"\bnan\b", text)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"names": []}, "at least one variant"),
        ({"names": ["plain", "plain"]}, "variants with names of their own"),
        ({"epochs": {"plain": 3}}, "epochs as a number, or for each"),
        ({"epochs": 0}, "1 or more"),
        ({"batch_size": 0}, "1 or more"),
        ({"confidence": 95}, "confidence between 0 and 1, got 95"),
        ({"epochs": 2.5}, "1 or more"),
        ({"replicates": 5}, "replicates as a kohort.Holdout . KFold . Race, got 5"),
        ({"seed": -1}, "seed of 0 or more, got -1"),
        ({"margin": 0}, "margin above 0, got 0"),
        ({"mode": "up"}, "'auto', 'min' or 'max', got 'up'"),
        ({"sizes": (0.5, 1.0)}, r"between 0 and 1, got \[0.5, 1.0\]"),
        ({"sizes": {"nobody": (0.5,)}}, "got sizes for .'nobody'"),
        ({"sizes": (0.5,), "callbacks": lambda *_: []}, "callbacks that are copied"),
        (
            {"callbacks": lambda name: []},
            "a variant's name and a replicate's number, .*too many pos",
        ),
    ],
)
def test_parts_that_do_not_fit(blobs, changes, match):
    with pytest.raises(kohort.DesignError, match=match):
        study(blobs, **changes)


def test_arrays_are_taken_for_data_without_a_test_set(blobs):
    train, test = (blobs.x_train, blobs.y_train), (blobs.x_test, blobs.y_test)
    assert study(train).data.fingerprint == kohort.Dataset(*train).fingerprint
    assert study((train, test)).data.fingerprint == blobs.fingerprint


@pytest.mark.parametrize(
    "data",
    [
        lambda x, y: x,
        lambda x, y: [x, y],
        lambda x, y: (x, y, x, y),
        lambda x, y: ((x, y), x),
        lambda x, y: {"x": x, "y": y},
        lambda x, y: pd.DataFrame(x),
        lambda x, y: None,
    ],
)
def test_what_is_no_data_is_refused_without_its_numbers(blobs, data):
    assert_refused(lambda: study(data(blobs.x_train, blobs.y_train)), r"data as a kohort.Dataset")
    with pytest.raises(kohort.InputError) as caught:
        study(data(blobs.x_train, blobs.y_train))
    assert not re.search(r"\d\.\d", str(caught.value))


def test_a_report_measures_what_its_first_rows_cost(result, tmp_path, monkeypatch):
    monkeypatch.setattr(shown_costs, "SECONDS", float("inf"))
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert '<th scope="col">file</th><th scope="col">ms for 1,000 rows</th>' in page
    known = result._costs
    assert list(known) == result.table().index[: len(known)].to_list()
    assert len(known) == sum(1 for curves in result.conclusions.study.variants if len(curves.sound))
    for cost in known.values():
        assert f"<td>{cost.milliseconds:.3g}</td>" in page
        assert f'<td data-value="{cost.file_megabytes}">{size(cost.file_megabytes)}</td>' in page
    assert "measured by the process that wrote this report" in page
    assert "Measured were" not in page


def test_costs_are_those_of_the_models_and_of_their_files(result, tmp_path):
    told = '<th scope="col">ms for 1,000 rows</th>'
    before, costs = result.readings(), result.costs()
    # Of one name there is one thing: weights are no files.
    assert set(costs) & set(result.table()) == {"parameters"}
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert page.count(told) == page.count('<th scope="col">weights</th>') > 1
    assert f"<td>{costs['milliseconds'].iloc[0]:.3g}</td>" in page
    assert costs.index.to_list() == result.table().index[: len(costs)].to_list()
    assert (costs["milliseconds"] > 0).all()
    for name, row in costs.iterrows():
        number = [variant.name for variant in result.variants].index(name)
        best = result.members[number, result.conclusions.best_replicate(number)]
        assert row["parameters"] == best.model().count_params()
        size = best.save(tmp_path / "model.keras").stat().st_size
        # Names in it are counted.
        assert row["file_megabytes"] == pytest.approx(size / 1e6, rel=0.01)
        weights = result.table()["weights_megabytes"][name]
        assert weights < row["file_megabytes"] < weights + 0.04
    assert result.readings() == before


def test_a_function_in_the_place_of_what_it_makes_is_told_to_be_called(blobs):
    def my_data():
        raise AssertionError("it was called")

    told = r"a kohort.Dataset, got the function my_data itself; call it: my_data\(...\)"
    assert_refused(lambda: study(my_data), told)
    with pytest.raises(kohort.DataError, match=r"got my_data; call it: kohort.load\(my_data\(\)\)"):
        kohort.load(my_data)
    told = r"a kohort.*Holdout.*, got the class Holdout itself; call it: Holdout\(...\)"
    assert_refused(lambda: study(blobs, replicates=kohort.Holdout), told)


class Batches(keras.callbacks.Callback):
    """Counts the batches that it sees."""

    seen = 0

    def on_train_batch_end(self, batch, logs=None):
        Batches.seen += 1


@pytest.mark.long
@pytest.mark.parametrize("given", [Batches(), lambda *_: [Batches()]], ids=["list", "function"])
def test_callbacks_inside_epochs_are_keras_task(blobs, count_compilations, given, capsys):
    watched = study(blobs, ["plain"], epochs=1, callbacks=given)
    with pytest.raises(kohort.ModelError, match="on_train_batch_end, which acts inside epochs"):
        watched.run(engine="fused", verbose=0)
    assert not count_compilations

    plan = watched.plan()
    Batches.seen = 0
    assert len(watched.run().members) == 3
    steps = [-(-member.sizes[0] // plan.batch_size) for member in plan.every_member]
    assert Batches.seen == sum(steps)
    why = "because its callback Batches overrides on_train_batch_end"
    assert why in (capsys.readouterr().err if callable(given) else str(plan))


def test_a_function_of_callbacks_is_asked_once_for_each_member(blobs):
    """It may open files, or runs of a tracker."""
    asked = []

    def callbacks(name, replicate):
        asked.append((name, replicate))
        return []

    watched = study(blobs, ["plain"], epochs=1, callbacks=callbacks)
    watched.plan()
    assert not asked
    watched.run(verbose=0)
    assert sorted(asked) == [("plain", number) for number in range(3)]


def test_an_engine_that_there_is_not(blobs):
    with pytest.raises(kohort.DesignError, match="engine in"):
        study(blobs).run(engine="fast")


def one_output(activation, loss):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, activation)])
    metric = keras.metrics.BinaryAccuracy("accuracy", threshold=0.5 if activation else 0)
    model.compile("adam", loss, metrics=[metric])
    return model


@pytest.mark.long
@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("sigmoid", "binary_crossentropy"),
        (None, keras.losses.BinaryCrossentropy(from_logits=True)),
    ],
)
def test_two_classes_by_one_output_are_tested_and_reported(blobs, tmp_path, activation, loss):
    x, y = blobs.x_train, (blobs.y_train == 1).astype(int)
    data = kohort.Dataset(x, y, blobs.x_test, (blobs.y_test == 1).astype(int))
    variant = kohort.Variant("one", one_output, activation=activation, loss=loss)
    result = kohort.Study(
        "binary", [variant], data, replicates=kohort.Holdout(0.2, 2), epochs=3, batch_size=25
    ).run(verbose=0)  # fmt: skip
    scores = result.best().model().predict(data.x_test, verbose=0)[:, 0]
    right = ((scores > (0.5 if activation else 0.0)) == data.y_test).mean()
    assert result.test()[0].accuracy.mean == pytest.approx(right)
    assert "On the test set" in result.report(tmp_path / "r.html").read_text("utf-8")


@pytest.mark.long
def test_models_without_class_scores_are_tested_by_the_metric(blobs, tmp_path):
    counts = kohort.Dataset(
        blobs.x_train, (10 * blobs.y_train + 3), blobs.x_test, (10 * blobs.y_test + 3)
    )
    variant = kohort.Variant("count", one_output, activation=None, loss="mse")
    result = kohort.Study(
        "counts", [variant], counts, replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=25,
        metric="loss",
    ).run(verbose=0)  # fmt: skip
    with pytest.raises(kohort.DesignError, match="score for each class"):
        result.test()
    (score,) = result.test_scores()
    logs = result.best().model().evaluate(counts.x_test, counts.y_test, verbose=0, return_dict=True)
    assert score.score.mean == pytest.approx(logs["loss"])
    text = result.report(tmp_path / "r.html").read_text("utf-8")
    assert "On the test set, read once and never to choose, by loss" in text
    assert "gets wrong" not in text
    assert "best of 1" not in text
    assert "flatters" not in text


@pytest.mark.long
def test_a_variant_of_which_some_replicates_diverged_does_not_win(blobs):
    def build(explodes):
        model = build_mlp()
        if explodes and np.random.random() < 0.5:
            rate = keras.optimizers.SGD(1e30)
            model.compile(rate, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    variants = [kohort.Variant("steady", build, explodes=False)]
    variants += [kohort.Variant("fragile", build, explodes=True)]
    result = kohort.Study(
        "fragile", variants, blobs, replicates=kohort.Holdout(0.2, 4), epochs=2, batch_size=25
    ).run(verbose=0)  # fmt: skip
    diverged = [f for f in result.findings() if f.code == "KH105" and f.verdict == "found"]
    assert [f.variant for f in diverged] == ["fragile"]
    assert 0 < diverged[0].evidence["replicates that diverged"] < 4
    assert result.best().variant.name == "steady"


@pytest.mark.long
def test_a_studys_callbacks_that_write_to_files_have_files_of_their_own(blobs, tmp_path):
    arguments = {"replicates": kohort.Holdout(0.2, 2), "epochs": 2, "batch_size": 50}
    variants = kohort.grid(build_mlp, units=[(4,), (8,)])
    csv = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    with pytest.raises(kohort.DesignError, match="lambda variant, replicate"):
        kohort.Study("files", variants, blobs, callbacks=[csv], **arguments)

    def with_files(variant, replicate):
        return keras.callbacks.CSVLogger(tmp_path / f"{variant} {replicate}.csv")

    kohort.Study("files", variants, blobs, callbacks=with_files, **arguments).run(verbose=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"units=({units},) {replicate}.csv" for units in (4, 8) for replicate in (0, 1)
    ]


def test_what_a_study_was_given_can_be_read_and_not_changed(blobs):
    study = kohort.Study(
        "given", [kohort.Variant("plain", build_mlp)], blobs,
        replicates=kohort.Holdout(0.2, 2), epochs={"plain": 3}, batch_size=7, seed=5, margin=0.1,
    )  # fmt: skip
    assert (study.batch_size, study.seed, study.margin, study.confidence) == (7, 5, 0.1, 0.95)
    assert study.replicates == kohort.Holdout(0.2, 2)
    assert study.epochs_of(study.variants[0]) == 3
    for name in ("epochs", "data", "batch_size"):
        with pytest.raises(AttributeError, match=f"{name} of a study cannot be changed: make anot"):
            setattr(study, name, 1)
    with pytest.raises(AttributeError, match="a study has no attribute 'epoch'"):
        _ = study.epoch


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_study_that_was_planned_can_be_copied_and_so_can_its_plan(blobs, copied):
    planned = study(blobs, ["plain"], epochs=1)
    plan = planned.plan()
    again = copied(planned)
    assert (repr(again), again.epochs) == (repr(planned), 1)
    assert again.plan() == copied(plan) == plan
    assert planned._planned.plan is plan, "what was copied need not plan again"


def test_a_comparison_prints_what_it_says(result):
    one = result.compare("l2", "plain")
    assert str(one) == result.comparison_text("l2", "plain")
    assert str(one).startswith("l2 against plain, validation accuracy at the best epoch: ")
    assert "Corrected for all that the study compares: p" in str(one)
    assert repr(one) == str(one)
    # What is another comparison does not say the same.
    assert str(one.turned) == repr(one.turned)
    assert str(one.alone) == repr(one.alone)


@pytest.mark.long
def test_young_moving_averages_are_no_divergence():
    """Three layers of batch normalisation after nine steps: inference is far off, training not."""

    def build():
        layers = [keras.Input((5,))]
        for _ in range(3):
            layers += [keras.layers.Dense(32, "relu"), keras.layers.BatchNormalization()]
        model = keras.Sequential([*layers, keras.layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
        return model

    random = np.random.default_rng(7)
    y = random.integers(0, 3, 400)
    data = kohort.Dataset(4 + random.normal(size=(400, 5)) + 2.5 * np.eye(3, 5)[y], y)
    replicates = kohort.Holdout(0.2, 3)
    study = kohort.Study(
        "young", [kohort.Variant("net", build)], data, replicates=replicates, epochs=3,
        batch_size=100,
    )  # fmt: skip
    result = study.run(verbose=0)
    losses = pivot(result).xs("net", level="variant")
    assert losses.xs((3, "eval_data_loss"), level=["epoch", "metric"]).max() > 3  # from 1.3
    found = next(f for f in result.findings() if f.code == "KH105")
    assert found.verdict == "not found"
    assert "in inference mode alone" in found.sentence
