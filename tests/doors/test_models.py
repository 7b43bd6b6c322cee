"""Model files that are no models, and images for them: `kohort predict`."""

import json
import os
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from kohort.cli import prediction
from kohort.cli.prediction import predict_files
from tests.doors.refusals import assert_command_refused, assert_refused


def scoring(layers=(), shape=(6, 4), dtype="uint8", classes=3):
    inputs = keras.Input(shape, dtype=dtype)
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    for layer in layers:
        hidden = layer(hidden)
    return keras.Model(inputs, keras.layers.Dense(classes, "softmax", name="scores")(hidden))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a model that all is well with."""
    path = tmp_path_factory.mktemp("models") / "whole.keras"
    scoring().save(path)
    return path.read_bytes()


@pytest.fixture
def image(tmp_path):
    Image.fromarray(np.zeros((6, 4), np.uint8)).save(tmp_path / "image.png")
    return tmp_path / "image.png"


def changed(**changes):
    """Makes a model file some entries of which are changed: bytes, a function of them, or None."""

    def make(path, whole):
        path.write_bytes(whole)
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        for key, change in changes.items():
            name = {"config": "config.json", "weights": "model.weights.h5"}.get(key, "kohort.json")
            entries[name] = change(entries[name]) if callable(change) else change
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                if content is not None:
                    archive.writestr(name, content)

    return make


def saved(build):
    return lambda path, whole: build().save(path)


def written(change):
    return lambda path, whole: path.write_bytes(change(whole))


def legacy(path, whole):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential"})


def legacy_by_name(path, whole):
    legacy(path, whole)


def instead(module, name, **config):
    """The configuration of a model that would be something else from anywhere in Python."""
    config = {"module": module, "class_name": name, "config": config, "registered_name": name}
    return json.dumps(config).encode()


def dense_from(module, name="Dense"):
    old = b'"module": "keras.layers", "class_name": "Dense"'
    new = f'"module": "{module}", "class_name": "{name}"'.encode()
    return changed(config=lambda config: config.replace(old, new))


def two_inputs():
    inputs = [keras.Input((6, 4)) for _ in range(2)]
    return keras.Model(inputs, keras.layers.Flatten()(keras.layers.Add()(inputs)))


def three_inputs():
    inputs = [keras.Input((6, 4)) for _ in range(3)]
    return keras.Model(inputs, keras.layers.Flatten()(keras.layers.Add()(inputs)))


def two_outputs():
    model = scoring()
    return keras.Model(model.inputs, [*model.outputs, *model.outputs])


def of_weights(value):
    model = scoring()
    model.set_weights([np.full_like(weights, value) for weights in model.get_weights()])
    return model


def sequence(*layers):
    return saved(lambda: keras.Sequential([layer() for layer in layers]))


def with_lambda():
    return scoring([keras.layers.Lambda(lambda x: x)])


def of_shape(*shape):
    return saved(
        lambda: keras.Sequential(
            [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)]
        )
    )


NO_MODEL = r"a \.keras file with a Keras model, got .*model\.keras, which is none"
UNKNOWN = r"of layers that Keras knows, got .*model\.keras \(.*the winner\.keras of a study"
NO_IMAGES = (
    r"a model of images \[sample, height, width\], or with .*, or of rows \[sample, feature\]"
)
NO_NAMES = r"the names of the classes in kohort\.json, got .*model\.keras \("
WRONG = {
    # Not a zip.
    "nothing there": (lambda path, whole: None, r"model\.keras: no such file; check the path"),
    "nothing in it": (written(lambda _: b""), NO_MODEL),
    "text": (written(lambda _: b"no model"), NO_MODEL),
    "a folder": (lambda path, whole: path.mkdir(), NO_MODEL),
    "a pipe": (lambda path, whole: os.mkfifo(path), NO_MODEL),
    "a legacy HDF5 model": (legacy, NO_MODEL + ".*save a model in another format anew"),
    **{
        f"cut at {share:.0%}": (written(lambda w, s=share: w[: int(s * len(w))]), NO_MODEL)
        for share in (0.01, 0.5, 0.99)
    },
    # Not a model.
    "an empty zip": (written(lambda _: b"PK\5\6" + bytes(18)), UNKNOWN),
    "no configuration": (changed(config=None), "no item named 'config.json'"),
    "a configuration that is no JSON": (changed(config=b"{"), UNKNOWN),
    "a configuration that is no UTF-8": (changed(config=b"\xff"), UNKNOWN),
    "a configuration of a list": (changed(config=b"[1]"), UNKNOWN),
    "a configuration of nothing": (changed(config=b"null"), UNKNOWN),
    "an empty configuration": (changed(config=b"{}"), UNKNOWN),
    "a configuration nested deeply": (changed(config=b"[" * 100_000), UNKNOWN),
    "a layer in place of a model": (
        changed(config=instead("keras.layers", "Dense", units=3)),
        f"{NO_IMAGES}|{UNKNOWN}",
    ),
    "no weights": (changed(weights=None), UNKNOWN),
    "weights that are none": (changed(weights=b"text"), UNKNOWN),
    "weights that are cut": (changed(weights=lambda weights: weights[:-500]), UNKNOWN),
    "weights of another model": (
        changed(config=lambda config: config.replace(b'"units": 3', b'"units": 5')),
        UNKNOWN,
    ),
    "a broken checksum": (
        written(lambda w: w.replace(b'"units": 3', b'"units": 4')),
        UNKNOWN,
    ),
    "a layer that is unknown": (dense_from("mine", "Tower"), UNKNOWN),
    "a layer that Keras has not": (dense_from("keras.layers", "Tower"), UNKNOWN),
    # Code in it.
    "a Lambda layer": (saved(with_lambda), r"Lambda.*arbitrary code"),
    "a call of the system": (changed(config=instead("os", "system", command="echo")), UNKNOWN),
    "a call of exec": (changed(config=instead("builtins", "exec", source="1/0")), UNKNOWN),
    "a call that fetches": (
        changed(config=instead("keras.utils", "get_file", fname="x", origin="file:///etc/passwd")),
        UNKNOWN,
    ),
    "a module that lies beside it": (dense_from("trap"), UNKNOWN),
    # Not for images.
    "images of four channels": (of_shape(6, 4, 4), NO_IMAGES),
    "films": (of_shape(5, 6, 4, 3), NO_IMAGES),
    "rows": (of_shape(5), r"a CSV file with 5 numbers in each row, got .*image\.png \("),
    "images of any size": (
        sequence(lambda: keras.Input((None, 4)), keras.layers.GlobalMaxPooling1D),
        NO_IMAGES,
    ),
    "two inputs": (saved(two_inputs), NO_IMAGES),
    "three inputs": (saved(three_inputs), NO_IMAGES),
    "two outputs": (saved(two_outputs), NO_IMAGES),
    "an output for each row": (
        sequence(lambda: keras.Input((6, 4)), lambda: keras.layers.Dense(3)),
        r"gives \(None, 6, 3\)",
    ),
    "images of 10 gigapixels": (
        sequence(lambda: keras.Input((100_000, 100_000)), keras.layers.GlobalMaxPooling1D),
        "samples of at most 67,108,864 numbers, got .*100000, 100000",
    ),
    "weights of NaN": (saved(lambda: of_weights(np.nan)), "scores are NaN or infinite"),
    # Not class names.
    "names that are no JSON": (changed(names=b"{"), NO_NAMES),
    "names that are no UTF-8": (changed(names=b"\xff"), NO_NAMES),
    "names in a list": (changed(names=b'["a"]'), NO_NAMES),
    "names under another key": (changed(names=b'{"classes": []}'), NO_NAMES + "'class_names'"),
    "names as a number": (changed(names=b'{"class_names": 5}'), NO_NAMES + "5"),
    "names as numbers": (changed(names=b'{"class_names": [1, 2]}'), NO_NAMES),
    "names as a text": (changed(names=b'{"class_names": "abc"}'), NO_NAMES),
}


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built:UserWarning")
@pytest.mark.parametrize("case", WRONG)
def test_refuses(case, tmp_path, whole, image, monkeypatch):
    make, told = WRONG[case]
    make(tmp_path / "model.keras", whole)
    (tmp_path / "trap.py").write_text("open('sprung', 'w').close()\nclass Dense: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert_refused(lambda: predict_files(tmp_path / "model.keras", [image]), told, tmp_path)
    assert "trap" not in sys.modules


def png(content):
    return lambda path: path.write_bytes(content)


def without_end(path):
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:60])


IMAGES = {
    "nothing there": (lambda path: None, "No such file"),
    "nothing in it": (png(b""), "cannot identify"),
    "text": (png(b"A"), "cannot identify"),
    "a folder": (lambda path: path.mkdir(), "read from start to end"),
    "a pipe": (os.mkfifo, "read from start to end"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "read from start to end"),
    "cut short": (without_end, "check that it is whole"),
    "a program for another program": (png(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "cannot identify"),
    "a name that ends in a line": (lambda path: None, "an image file"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_refuses_what_is_no_image(case, tmp_path, whole, image):
    make, told = IMAGES[case]
    (tmp_path / "model.keras").write_bytes(whole)
    make(tmp_path / "bad.png")
    takes = "an image file, as the model takes pictures of 6 x .* pixels"
    told = rf"{takes}, got .*bad\.png \(.*{told}"
    assert_refused(
        lambda: predict_files(tmp_path / "model.keras", [image, tmp_path / "bad.png"]),
        told.replace("(.*an image file", "("),
        tmp_path,
    )


def test_weights_that_unpack_to_more_than_there_is_are_refused(
    tmp_path, whole, image, memory_of_100_bytes
):
    (tmp_path / "model.keras").write_bytes(whole)
    told = "fit in 100 B of memory, got .*model.keras"
    assert_refused(lambda: predict_files(tmp_path / "model.keras", [image]), told, tmp_path)


def test_a_model_that_fails_on_images_is_told(tmp_path, whole, image, monkeypatch):
    (tmp_path / "model.keras").write_bytes(whole)

    def fails(*_, **__):
        raise RuntimeError("out of luck\nand more")

    monkeypatch.setattr(keras.Model, "predict", fails)
    told = r"a model that takes samples of shape \(6, 4\), got .*model\.keras \(out of luck\)"
    assert_refused(lambda: predict_files(tmp_path / "model.keras", [image]), told, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["predict", "none.keras", "image.png"], "got none.keras: no such file; check the path"),
        (["predict", "model.keras", "none.png"], "got 'none.png': no such file"),
        (["predict", "model.keras", "model.keras"], "pixels, got model.keras"),
        (["predict", "model.keras", "image.png", "none\n.png"], r"got 'none\\n.png'"),
        (["predict", "model.keras", "no\x1b[31mne.png"], r"got 'no\\x1b\[31mne.png'"),
        (["predict", "model.keras", os.fsdecode(b"\xff.png")], r"got '\\udcff.png'"),
        (["predict", "model.keras"], "INPUT"),
        (["predict"], "MODEL.keras"),
        (["predict", "model.keras", "image.png", "--loud"], "No such option"),
    ],
)
def test_the_command_refuses_in_one_line(
    arguments, told, tmp_path, whole, image, monkeypatch, capsys
):
    (tmp_path / "model.keras").write_bytes(whole)
    assert_command_refused(arguments, told, tmp_path, monkeypatch, capsys)


def test_what_is_whole_is_answered(tmp_path, whole, image):
    changed(names=b'{"class_names": ["a", "b", "c"]}')(tmp_path / "model.keras", whole)
    with Image.open(image) as small:
        small.resize((30, 20)).convert("RGBA").save(tmp_path / "large.webp")
    found = predict_files(tmp_path / "model.keras", [image, tmp_path / "large.webp"])
    assert [answer.label in "abc" for answer in found.answers] == [True, True]
    assert prediction.MOST_NUMBERS >= 4096**2
