"""What callbacks add to the logs, such as the learning rate, is among a study's curves."""

import keras
import numpy as np
import pytest

import kohort
from tests.marks import long
from tests.models import build_mlp


class Notes(keras.callbacks.Callback):
    """Adds to the logs, as callbacks may: a number, and what is none."""

    def on_epoch_end(self, epoch, logs=None):
        logs["halves"] = np.float32(epoch / 2)
        logs["note"] = "said"


def run(data, callbacks, store=None, **options):
    variants = [
        kohort.Variant(name, build_mlp, units=(4,), learning_rate=rate)
        for name, rate in (("slow", 1e-3), ("fast", 0.3))
    ]
    study = kohort.Study(
        "added", variants, data, replicates=kohort.Holdout(0.2, 2), epochs=4, batch_size=50,
        callbacks=callbacks,
    )  # fmt: skip
    return study.run(store, verbose=0, **options)


def series(result, metric):
    curves = result.curves()
    return curves[curves.metric == metric].reset_index(drop=True)


@pytest.mark.long
def test_the_learning_rate_is_recorded_by_both_engines_and_kept(blobs, tmp_path):
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=1, min_delta=1.0),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]
    fused = run(blobs, callbacks, tmp_path / "kept.db", engine="fused")
    rates = series(fused, "learning_rate")
    assert len(rates) == 2 * 2 * 4
    assert rates.value.iloc[0] == pytest.approx(0.9e-3)
    assert rates.value.iloc[3] < 0.01 * 0.9**4, "the plateau has lowered it"
    by_keras = run(blobs, callbacks, engine="keras")
    np.testing.assert_allclose(rates.value, series(by_keras, "learning_rate").value, rtol=1e-5)
    assert sorted(fused.curves().metric.unique()) == sorted(by_keras.curves().metric.unique())
    kept = kohort.open(tmp_path / "kept.db", "added").curves()
    assert kept.equals(fused.curves())


@pytest.mark.parametrize("engine", ["fused", *long("keras")])
def test_numbers_that_a_callback_of_ones_own_adds_are_recorded(blobs, engine):
    result = run(blobs, [Notes()], engine=engine)
    assert series(result, "halves").value.tolist() == [0, 0.5, 1, 1.5] * 4
    assert "note" not in set(result.curves().metric)
