"""Trained members: the model, the deployable one, and the file that needs no kohort."""

import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import kohort


def own_loss(labels, scores):
    """A loss that only the study's file knows."""
    wanted = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32"), 3)
    return keras.ops.mean(keras.ops.square(wanted - scores), axis=-1)


def build_image_model(input_shape):
    model = keras.Sequential(
        [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", own_loss, metrics=["accuracy"])
    return model


def train(x, **dataset):
    y = np.arange(60) % 3
    data = kohort.Dataset(x[:50], y[:50], x[50:], y[50:], class_names="XYZ", **dataset)
    variant = kohort.Variant("images", build_image_model, input_shape=data.input_shape)
    study = kohort.Study("s", [variant], data, replicates=kohort.Holdout(0.2, 2), epochs=2)
    return study.run(verbose=0).best()


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)


@pytest.mark.long
def test_the_deployable_model_takes_raw_pixels(pixels):
    member = train(pixels)
    model, deployable = member.model(), member.deployable()
    assert deployable.input_shape == (None, 4, 4)
    assert deployable.inputs[0].dtype == "uint8"
    np.testing.assert_allclose(
        deployable.predict(pixels, verbose=0),
        model.predict(pixels / np.float32(255) - np.float32(0.5), verbose=0),
        rtol=1e-5,
    )
    assert model.compiled
    assert not deployable.compiled


@pytest.mark.long
def test_rows_of_normalised_pixels_deploy_for_images_too(pixels):
    rows = (pixels.reshape(60, 16) / 255 - 0.5).astype(np.float32)
    member = train(rows, pixels=kohort.load("letters").pixels)
    deployable = member.deployable()
    assert deployable.input_shape == (None, 4, 4)
    np.testing.assert_allclose(
        deployable.predict(pixels, verbose=0), member.model().predict(rows, verbose=0), rtol=1e-5
    )


def test_inputs_of_unknown_origin_deploy_as_they_are(pixels):
    member = train(pixels.reshape(60, 16) / 100 - 1)
    assert member.deployable().input_shape == (None, 16)


LOAD = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))
assert "kohort" not in sys.modules
"""


def test_the_file_loads_without_kohort(pixels, tmp_path):
    member = train(pixels)
    path = member.save(tmp_path / "new folder" / "winner.keras")
    np.save(tmp_path / "x.npy", pixels)
    subprocess.run(
        [sys.executable, "-c", LOAD, path, tmp_path / "y.npy", tmp_path / "x.npy"],
        check=True,
        cwd=tmp_path,
    )
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), member.deployable().predict(pixels, verbose=0), rtol=1e-5
    )
    assert [p.name for p in path.parent.iterdir()] == ["winner.keras"]
    assert b"X" in zipfile.ZipFile(path).read("kohort.json")


@pytest.mark.long
def test_the_file_holds_weights_and_no_optimizer(pixels, tmp_path):
    path = train(pixels).save(tmp_path / "winner.keras")
    loaded = keras.saving.load_model(path)
    assert not loaded.compiled
    assert all(not layer.compiled for layer in loaded.layers if hasattr(layer, "compiled"))
