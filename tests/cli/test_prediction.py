"""`kohort predict` gives a model what it was trained on, or asks how that was made."""

import keras
import numpy as np
import pytest
from PIL import Image

import kohort as package
from tests.cli.in_process import kohort

PIXELS = np.random.default_rng(0).integers(0, 256, (240, 6, 6)).astype(np.uint8)
Y = (PIXELS[:, :3].mean(axis=(1, 2)) > PIXELS[:, 3:].mean(axis=(1, 2))).astype(int)


def build(shape):
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of the same images: as pixels, and as floats that somebody made of them."""
    folder = tmp_path_factory.mktemp("models")
    kinds = {
        "pixels": PIXELS,
        "floats": PIXELS / np.float32(255),
        "centred": PIXELS / np.float32(255) - np.float32(0.5),
    }
    for name, x in kinds.items():
        data = package.Dataset(x[:200], Y[:200], x[200:], Y[200:], class_names=("low", "high"))
        study = package.Study(
            name, [package.Variant("plain", build, shape=data.input_shape)], data,
            replicates=package.Holdout(0.2, 2), epochs=3, batch_size=20,
        )  # fmt: skip
        best = study.run(verbose=0).best()
        best.save(folder / f"{name}.keras")
        scores = best.model().predict(data.inputs(data.x_test[:1]), verbose=0)[0]
        (folder / f"{name}.txt").write_text(f"{100 * scores.max():.1f}")
    Image.fromarray(PIXELS[200]).save(folder / "image.png")
    return folder


SCALES = {
    "pixels": [],
    "floats": ["--scale", "1/255"],
    "centred": ["--scale", str(1 / 255), "--offset", "-0.5"],
}


@pytest.mark.parametrize("name", SCALES)
def test_the_probability_is_that_of_the_trained_model(folder, name):
    done = kohort("predict", f"{name}.keras", "image.png", *SCALES[name], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"({(folder / f'{name}.txt').read_text()} %)" in done.stdout


@pytest.mark.parametrize("name", ["floats", "centred"])
def test_a_model_of_floats_asks_for_their_scale(folder, name):
    done = kohort("predict", f"{name}.keras", "image.png", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.strip().splitlines()
    assert "expected to know how the training images were scaled" in line
    assert "--scale 1/255" in line


def test_a_model_of_pixels_takes_no_scale(folder):
    done = kohort("predict", "pixels.keras", "image.png", "--scale", "1/255", cwd=folder)
    assert done.returncode == 2
    assert "leave --scale and --offset out" in done.stderr


@pytest.mark.parametrize("scale", ["much", "1/0", "0", "nan", "1e999", ""])
def test_scales_that_are_none_are_refused(folder, scale):
    done = kohort("predict", "floats.keras", "image.png", "--scale", scale, cwd=folder)
    assert done.returncode == 2
    assert "expected --scale as a number or a fraction" in done.stderr


def test_an_offset_alone_is_refused(folder):
    done = kohort("predict", "floats.keras", "image.png", "--offset", "-0.5", cwd=folder)
    assert done.returncode == 2
    assert "expected --scale as a number" in done.stderr
