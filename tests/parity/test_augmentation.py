"""Keras's random layers as an axis of a study: in the compiled program, to Keras's numbers."""

import keras
import numpy as np
import pytest

import kohort
from tests.parity.zoo import cases, compiling_quickly

RANGE = (-0.5, 0.5)
LAYERS = {
    "flip": [lambda: keras.layers.RandomFlip("horizontal")],
    "rotation": [lambda: keras.layers.RandomRotation(0.1)],
    "translation": [lambda: keras.layers.RandomTranslation(0.2, 0.2)],
    "zoom": [lambda: keras.layers.RandomZoom(0.2)],
    "contrast": [lambda: keras.layers.RandomContrast(0.5, value_range=RANGE)],
    "brightness": [lambda: keras.layers.RandomBrightness(0.3, value_range=RANGE)],
    "noise": [lambda: keras.layers.GaussianNoise(0.2)],
    "erasing": [keras.layers.RandomErasing],
    "blur": [keras.layers.RandomGaussianBlur],
    "mixed": [keras.layers.MixUp],
    "several": [
        lambda: keras.layers.RandomFlip("horizontal"),
        lambda: keras.layers.RandomTranslation(0.2, 0.2),
        lambda: keras.layers.RandomContrast(0.5, value_range=RANGE),
        lambda: keras.layers.GaussianNoise(0.2),
    ],
}


def study(layers):
    def build(augment):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                *[make() for make in layers if augment],
                keras.layers.Flatten(),
                keras.layers.Dense(2, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    return kohort.Study(
        "augmented",
        kohort.grid(build, augment=[False, True]),
        kohort.Dataset(pixels, np.arange(60) % 2),
        replicates=kohort.Holdout(0.25, repeats=2),
        epochs=2,
        batch_size=20,
    )


def curves(result):
    return result.curves().set_index(["variant", "replicate", "epoch", "metric"])["value"]


# Keras's MixUp asks JAX for 64-bit numbers, which JAX makes 32-bit, and says so.
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
@pytest.mark.parametrize("layers", cases(LAYERS, quick=["several"]))
def test_augmentation_trains_in_the_program_to_keras_numbers_and_is_off_in_validation(layers):
    with compiling_quickly():
        plan = study(layers).plan()
        assert [len(plan.cohorts), len(plan.alone)] == [2, 0]
        fused, alone = (
            study(layers).run(verbose=0, engine=engine) for engine in ("fused", "keras")
        )
        np.testing.assert_allclose(curves(fused), curves(alone), rtol=2e-4, atol=2e-5)
        plain, augmented = (fused.members[variant, 0] for variant in (0, 1))
        assert not np.array_equal(plain.weights[0], augmented.weights[0])
        data = augmented.data
        loss = augmented.model().evaluate(
            data.inputs(data.x_train[augmented.replicate.valid]),
            data.y_train[augmented.replicate.valid],
            verbose=0,
        )[0]
    kept = curves(fused)["augment=True", 0, augmented.epoch, "val_loss"]
    np.testing.assert_allclose(loss, kept, rtol=1e-4)


@pytest.mark.long
def test_what_augmentation_costs_is_told(tmp_path):
    with compiling_quickly():
        result = study(LAYERS["flip"]).run(verbose=0)
    table = result.table().loc[["augment=True", "augment=False"]]
    epochs = 2 * 2  # of two replicates
    np.testing.assert_allclose(table["seconds_per_epoch"], table["seconds"] / epochs)
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert ">seconds an epoch<" in page
    assert f"<td>{table['seconds_per_epoch'].iloc[0]:.3g}</td>" in page
