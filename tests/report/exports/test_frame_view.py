"""A row for each member, beside the table of variants that is made of the same numbers."""

import keras
import numpy as np
import pytest

import kohort


def build(units, learning_rate=0.03):
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(3, "softmax")]
    )
    optimizer = keras.optimizers.SGD(learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def result(blobs):
    variants = [
        *kohort.grid(build, units=[1, 8]),
        kohort.Variant("too fast", build, units=8, learning_rate=1e12),
    ]
    splits = kohort.Holdout(0.2, repeats=3)
    study = kohort.Study("s", variants, blobs, replicates=splits, epochs=4, batch_size=50)
    return study.run(verbose=0)


def test_its_means_are_those_of_the_table(result):
    means = result.to_frame().groupby("variant")[["val_accuracy", "train_accuracy"]].mean()
    table = result.table().loc[["units=1", "units=8"], ["val_accuracy", "train_accuracy"]]
    np.testing.assert_allclose(means.loc[table.index], table, rtol=1e-12)
    assert result.to_frame().groupby("variant")["seconds"].sum().gt(0).all()


def test_a_row_has_what_the_curves_have_at_its_epoch(result):
    curves = result.curves()
    for row in result.to_frame().query("variant == 'units=8'").itertuples():
        where = (curves.variant == row.variant) & (curves.replicate == row.replicate)
        at = curves[where & (curves.epoch == row.best_epoch) & (curves.metric == "val_accuracy")]
        assert at["value"].item() == row.val_accuracy


def test_what_diverged_has_no_score(result):
    lost = result.to_frame().query("variant == 'too fast'")
    assert len(lost) == 3
    assert lost[["val_accuracy", "train_accuracy", "best_epoch"]].isna().all(axis=None)
    assert set(lost["learning_rate"]) == {1e12}
    kept = result.to_frame().query("variant == 'units=1'")
    assert set(kept["learning_rate"]) == {0.03}  # the default of the build function


def test_in_a_race_it_has_the_members_that_trained(blobs):
    race = kohort.Race(kohort.Holdout(0.2, repeats=12), first=4, looks=3)
    variants = [
        kohort.Variant("reads nothing", build, units=1, learning_rate=1e-9),
        kohort.Variant("learns", build, units=8),
    ]
    study = kohort.Study("r", variants, blobs, replicates=race, epochs=4, batch_size=50)
    raced = study.run(verbose=0)
    counts = raced.to_frame()["variant"].value_counts().to_dict()
    assert counts == raced.race()["replicates"].to_dict()
    assert counts["reads nothing"] < 12
