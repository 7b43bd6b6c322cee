"""`kohort predict` gives a model what it was trained on, or asks how that was made.

Images of one channel and of three, and the rows of CSV files.
"""

import json

import keras
import numpy as np
import pandas as pd
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


def trained(path, x, y, **settings):
    """A model of these data in a file, and its outputs for the first sample."""
    data = package.Dataset(x, y, **settings)
    outputs = 1 if data.classes is None else data.classes
    study = package.Study(
        "predicted",
        [package.Variant("plain", build_for, shape=data.input_shape, outputs=outputs)],
        data, replicates=package.Holdout(0.2, 2), epochs=3, batch_size=20,
    )  # fmt: skip
    best = study.run(verbose=0).best()
    best.save(path)
    return best.model().predict(data.inputs(data.x_train[:1]), verbose=0)[0]


def build_for(shape, outputs):
    activation, loss = (
        (None, "mse") if outputs == 1 else ("softmax", "sparse_categorical_crossentropy")
    )
    layers = [keras.layers.Flatten(), keras.layers.Dense(outputs, activation)]
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def answers(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


LETTERS = np.zeros((60, 8, 8), np.uint8)
LETTERS[:, 2:6, 3] = 200
LETTERS[::2, 3, 1:7] = 255


def save(folder, **images):
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["pixels", "rows of pixels", "floats"])
def test_dark_on_light_is_told_and_inverted_when_asked(kind, tmp_path):
    x = {
        "pixels": LETTERS,
        "rows of pixels": LETTERS.reshape(60, 64),
        "floats": LETTERS / np.float32(255),
    }[kind]
    outputs = trained(tmp_path / "m.keras", x, np.arange(60) % 2, class_names=["plus", "bar"])
    scale = ["--scale", "1/255"] * (kind == "floats")
    save(tmp_path, light=LETTERS[0], dark=255 - LETTERS[0])

    def run(*arguments):
        return kohort("predict", "m.keras", *arguments, *scale, cwd=tmp_path)

    usual = run("light.png")
    right = f"plus ({100 * outputs[0]:.1f} %)" if outputs[0] > 0.5 else "bar"
    assert answers(usual)[0].startswith(f"light.png: {right}")
    assert usual.stderr == ""
    odd = run("light.png", "dark.png")
    had = "may have had" if kind == "floats" else "had"
    assert odd.stderr == (
        "kohort: 1 of 2 images, such as dark.png, have light edges, and the training images "
        f"{had} dark ones: --invert exchanges black and white\n"
    )
    inverted = run("dark.png", "--invert")
    assert answers(inverted)[0] == answers(usual)[0].replace("light.png", "dark.png")
    assert inverted.stderr == ""
    wrongly = run("light.png", "--invert")
    assert ("leave --invert out" in wrongly.stderr) == (kind != "floats")


def test_models_of_light_images_are_told_of_dark_ones(tmp_path):
    trained(tmp_path / "m.keras", 255 - LETTERS, np.arange(60) % 2)
    save(tmp_path, light=LETTERS[0], dark=255 - LETTERS[0])
    done = kohort("predict", "m.keras", "light.png", "dark.png", cwd=tmp_path)
    assert "such as light.png, have dark edges, and the training images had light" in done.stderr


def test_of_pictures_with_edges_of_any_brightness_nothing_is_told(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8)).astype(np.uint8)
    trained(tmp_path / "m.keras", x, np.arange(60) % 2)
    save(tmp_path, light=np.full((8, 8), 255, np.uint8), dark=np.zeros((8, 8), np.uint8))
    assert kohort("predict", "m.keras", "light.png", "dark.png", cwd=tmp_path).stderr == ""


@pytest.mark.long
@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_of_channels_gets_them(channels, tmp_path):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (90, 6, 5, channels)).astype(np.uint8)
    y = x.mean(axis=(1, 2)).argmax(axis=1) if channels == 3 else np.arange(90) % 3
    outputs = trained(tmp_path / "m.keras", x, y, class_names=["red", "green", "blue"])
    save(tmp_path, image=x[0].squeeze())
    (line,) = answers(kohort("predict", "m.keras", "image.png", cwd=tmp_path))
    told = ["red", "green", "blue"][outputs.argmax()]
    assert line == f"image.png: {told} ({100 * outputs.max():.1f} %)"


X = np.random.default_rng(1).normal(size=(80, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Models of rows: of classes, and of a number; and the rows, with their names and without."""
    folder = tmp_path_factory.mktemp("tables")
    labels, numbers = (X[:, 0] > 0).astype(int), X @ np.array([1.0, 2.0, 3.0], np.float32)
    outputs = {
        "classes": trained(folder / "classes.keras", X, labels, class_names=["low", "high"]),
        "numbers": trained(folder / "numbers.keras", X, numbers),
    }
    table = pd.DataFrame(X[:2], columns=["a", "b", "c"])
    table.to_csv(folder / "named.csv", index=False)
    table.to_csv(folder / "bare.csv", index=False, header=False)
    return folder, outputs


@pytest.mark.parametrize("file", ["named.csv", "bare.csv"])
def test_rows_of_a_table_are_told_one_by_one(file, tables):
    folder, outputs = tables
    lines = answers(kohort("predict", "classes.keras", file, cwd=folder))
    best = outputs["classes"]
    told = f"{['low', 'high'][best.argmax()]} ({100 * best.max():.1f} %)"
    assert lines[0] == f"{file}, row 0: {told}"
    assert lines[1].startswith(f"{file}, row 1: ")
    lines = answers(kohort("predict", "numbers.keras", file, file, cwd=folder))
    assert len(lines) == 4
    name, _, number = lines[0].partition(": ")
    assert name == f"{file}, row 0"
    assert float(number) == pytest.approx(outputs["numbers"][0], rel=1e-5)


def test_programs_get_json(tables):
    folder, outputs = tables
    first = json.loads(kohort("predict", "classes.keras", "bare.csv", "--json", cwd=folder).stdout)[
        0
    ]
    best = outputs["classes"]
    assert first["sample"] == "bare.csv, row 0"
    assert first["class"] == ["low", "high"][best.argmax()]
    assert first["probability"] == pytest.approx(best.max(), rel=1e-5)
    every = dict(zip(("low", "high"), best.tolist(), strict=True))
    assert first["probabilities"] == pytest.approx(every, rel=1e-5)
    rows = json.loads(kohort("predict", "numbers.keras", "bare.csv", "--json", cwd=folder).stdout)
    assert rows[0]["outputs"] == pytest.approx(np.ravel(outputs["numbers"][0]).tolist(), rel=1e-5)
    assert "class" not in rows[0]


def summing(loss):
    layer = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((3,)), layers_of(layer)])
    metrics = ["accuracy"] if loss is closeness else None
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=metrics)
    return model


def closeness(y, predicted):
    return keras.ops.mean(keras.ops.square(y - predicted), axis=-1)


def layers_of(layer):
    # Nested, as the saved model of pixels is: the last layer is one of a model's.
    return keras.Sequential([keras.Input((3,)), layer])


@pytest.mark.parametrize(
    ("loss", "ships", "told"),
    [
        (keras.losses.BinaryCrossentropy(from_logits=True), "best", "high (57.4 %)"),
        (keras.losses.BinaryCrossentropy(from_logits=True), "ensemble", "high (57.4 %)"),
        (keras.losses.Hinge(), "best", "high"),
        (closeness, "best", "low"),
    ],
    ids=["logits", "the mean of members with logits", "margins", "numbers"],
)
def test_one_row_alone_is_told_by_what_its_output_is(loss, ships, told, tmp_path):
    """0.3 as a logit or a margin is on the second side; as a probability it would be on the first.

    Of many rows some lie outside 0 to 1, and tell what they are; of one nothing does.
    """
    labels = (X.sum(axis=1) > 0).astype(int)
    data = package.Dataset(X[:60], labels[:60], X[60:], labels[60:], class_names=("low", "high"))
    study = package.Study(
        "sums", [package.Variant("sum", summing, loss=loss)], data,
        replicates=package.Holdout(0.2, 2), epochs=1, batch_size=48,
    )  # fmt: skip
    result = study.run(verbose=0)
    getattr(result, ships)().save(tmp_path / "m.keras")
    (tmp_path / "row.csv").write_text("0.1,0.1,0.1\n")
    (line,) = answers(kohort("predict", "m.keras", "row.csv", cwd=tmp_path))
    assert line == f"row.csv, row 0: {told}"
    (row,) = json.loads(kohort("predict", "m.keras", "row.csv", "--json", cwd=tmp_path).stdout)
    assert row["class"] == told.split()[0]
    assert ("probability" in row) == ("%" in told)
    assert row.get("outputs", [0.3]) == pytest.approx([0.3])


BAD = {
    "a column more": ("1,2,3,4\n", "of 1 rows of 4; give the columns"),
    "a column less": ("1,2\n", "of 1 rows of 2"),
    "names alone": ("a,b,c\n", "of 0 rows of 3"),
    "nothing": ("", "save the rows as CSV"),
    "text": ("a,b,c\n1,2,3\n1,red,3\n", "'red' in row 1, column 1 (from 0) of bad.csv; fill"),
    "a gap in the first row": ("1,,3\n1,2,3\n", "in row 0, column 1 (from 0) of bad.csv; fill"),
    "a gap": ("1,2,3\n1,,3\n", "in row 1, column 1 (from 0) of bad.csv"),
    "infinity": ("1,2,inf\n", "got 'inf' in row 0, column 2 "),
    "rows of several lengths": ("1,2,3\n1,2,3,4\n", "save the rows as CSV"),
    "no text": (b"\x89PNG\xff\xfe\x00", "save the rows as CSV"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_table_is_refused(case, tables, tmp_path):
    content, told = BAD[case]
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = kohort("predict", tables[0] / "numbers.keras", "bad.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "a CSV file with 3 numbers in each row, got" in line
    assert told in line


@pytest.mark.parametrize("option", [["--invert"], ["--scale", "1/255"]])
def test_options_for_images_are_refused_for_rows(option, tables):
    done = kohort("predict", "numbers.keras", "bare.csv", *option, cwd=tables[0])
    assert done.returncode == 2
    assert "which takes rows of 3 numbers; leave them out" in done.stderr


def test_a_model_of_bytes_refuses_rows_that_are_none(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (80, 3)).astype(np.uint8)
    trained(tmp_path / "m.keras", x, np.arange(80) % 2)
    (tmp_path / "rows.csv").write_text("10,20,30\n0,255,30\n")
    assert len(answers(kohort("predict", "m.keras", "rows.csv", cwd=tmp_path))) == 2
    for cell in ("0.5", "-1", "256"):
        (tmp_path / "bad.csv").write_text(f"10,20,30\n{cell},20,30\n")
        done = kohort("predict", "m.keras", "bad.csv", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert "expected whole numbers from 0 to 255, the pixels that the model takes" in line
        assert f"got {cell} in row 1, column 0 (from 0) of bad.csv; give the pixels as" in line


def test_a_model_of_numbers_takes_the_columns_of_parquet_in_their_order(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    outputs = trained(tmp_path / "numbers.keras", x, (x[:, 0] > 0).astype(int))
    pd.DataFrame(x[:1], columns=list("abc")).to_parquet(tmp_path / "rows.parquet")
    done = kohort("predict", "numbers.keras", "rows.parquet", cwd=tmp_path)
    assert answers(done) == [
        f"rows.parquet, row 0: {outputs.argmax()} ({100 * outputs.max():.1f} %)"
    ]
    pd.DataFrame(x[:1, :2], columns=list("ab")).to_parquet(tmp_path / "few.parquet")
    done = kohort("predict", "numbers.keras", "few.parquet", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "a Parquet file with 3 numbers in each row, got few.parquet of 1 rows of 2" in done.stderr
    )
