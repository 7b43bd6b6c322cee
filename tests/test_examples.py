"""The example studies, on the built-in letters, on the real notMNIST, and on docstrings."""

import runpy
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.cli.study_files import adjusted, read_study
from kohort.cli.training.letters_study import build_mlp, letters_study
from kohort.data.readers.images import load_images
from tests.marks import long

EXAMPLE = "examples/notmnist.py"
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def letters():
    return kohort.load("letters")


@pytest.fixture(scope="module")
def real(shared_data):
    return load_images(shared_data("notMNIST_small.tar.gz"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "members", "programs"),
    [
        *long(("study", 33, 9)),
        ("early_stopping", 6, 2),
        ("cross_validation", 15, 3),
        ("more_data", 90, 3),
    ],
)
def test_the_studies_of_the_example_can_be_planned(letters, name, members, programs, monkeypatch):
    monkeypatch.chdir(__file__.rsplit("/tests/", 1)[0])
    plan = read_study(f"{EXAMPLE}::{name}", letters).plan()
    assert len(plan.every_member) == members
    # Folds of whole font families may differ in size, and each size is a program.
    sizes = {member.sizes for member in plan.every_member}
    assert len(plan.cohorts) == programs * len(sizes)


@pytest.mark.long
def test_the_example_learns_the_real_letters(real, monkeypatch):
    monkeypatch.chdir(__file__.rsplit("/tests/", 1)[0])
    whole = read_study(EXAMPLE, real)
    few = kohort.Study(
        "few",
        [v for v in whole.variants if v.name in ("softmax", "200", "200 SGD")],
        real,
        replicates=kohort.Holdout(0.1, 2),
        epochs=6,
        batch_size=256,
    )
    result = few.run(verbose=0)
    tested = {score.variant: score.accuracy.mean for score in result.test()}
    assert tested["softmax"] > 0.87
    assert result.best().variant.name != "softmax"
    assert tested[result.best().variant.name] > 0.91


@pytest.mark.long
def test_a_model_of_the_built_in_letters_reads_the_real_ones(letters, real):
    keras.utils.set_random_seed(0)
    model = build_mlp(letters.input_shape, 10, units=(600, 400, 200), dropout=0.2)
    kohort.fit(
        model, letters.inputs(letters.x_train), letters.y_train,
        batch_size=256, epochs=20, verbose=0,
    )  # fmt: skip
    images = np.concatenate([real.x_train, real.x_test])
    labels = np.concatenate([real.y_train, real.y_test])
    assert len(labels) == 18_724
    predicted = model.predict(real.inputs(images), batch_size=1024, verbose=0).argmax(axis=1)
    assert (predicted == labels).mean() >= 0.90


@pytest.mark.long
def test_the_built_in_study_in_small(letters):
    few = [v for v in letters_study(letters).variants if v.name in ("softmax", "200")]
    result = kohort.Study(
        "small", few, letters, replicates=kohort.Holdout(0.2, 2), epochs=4, batch_size=256
    ).run(verbose=0)
    assert list(result.table().index)[:2] == ["200", "softmax"]
    assert result.table()["val_accuracy"].iloc[0] > 0.9


def shortened(study, *, samples, epochs, replicates=2):
    """The same study of some samples, in few epochs and replicates.

    Choose `samples` so that no batch is partial: each is a second body to compile.
    """
    data = study.data
    # Samples of the two examples stand class by class.
    kept, tested = (
        np.random.default_rng(0).permutation(len(x))[:count]
        for x, count in ((data.x_train, samples), (data.x_test, samples // 4))
    )
    small = kohort.Dataset(
        data.x_train[kept], data.y_train[kept], data.x_test[tested], data.y_test[tested],
        class_names=data.class_names, groups=data.groups[kept], name=data.name,
    )  # fmt: skip
    return kohort.Study(
        study.name, study.variants, small,
        replicates=kohort.Holdout(0.2, replicates), epochs=epochs, batch_size=study.spec.batch_size,
    )  # fmt: skip


@pytest.mark.long
def test_the_convolutional_example_can_be_planned():
    study = read_study(str(EXAMPLES / "convolutional.py"), None)
    plan = study.plan()
    assert len(plan.every_member) == 15
    assert len(plan.cohorts) == 5
    assert not plan.alone


def test_the_convolutional_example_takes_other_images(letters):
    study = read_study(f"{EXAMPLES / 'convolutional.py'}::images", letters)
    assert study.variants[2].model(0).input_shape == (None, 28, 28)
    coloured = study.variants[2].build((32, 32, 3), 4, filters=(8,), units=16)
    assert coloured.input_shape == (None, 32, 32, 3)
    assert coloured.output_shape == (None, 4)


@pytest.mark.long
def test_the_convolutional_example_in_small():
    whole = read_study(str(EXAMPLES / "convolutional.py"), None)
    result = shortened(whole, samples=1920, epochs=2).run(verbose=0)
    table = result.table().iloc[:-1]  # the last row is the majority class
    assert set(table.index) == {variant.name for variant in whole.variants}
    assert (table["val_accuracy"] > 0.7).all()
    assert result.test()[0].accuracy.mean > 0.8


TEXT = """Return the largest of NumPy's numbers, as np.max does. This one sentence
goes on in a second line.

Parameters
----------
x : array_like
    Numbers of any shape whatever. See below for an example.

>>> largest([1, 2])
2
"""


@pytest.fixture(scope="module")
def text():
    """What the text example defines; reading the docstrings takes seconds."""
    return runpy.run_path(str(EXAMPLES / "text.py"))


@pytest.mark.long
def test_the_text_example_reads_prose_alone(text):
    assert list(text["sentences"](TEXT)) == [
        "Return the largest of NumPy's numbers, as np.max does.",
        "This one sentence goes on in a second line.",
        "Numbers of any shape whatever.",
        "See below for an example.",
    ]
    told = text["words"]("Like jax.numpy, NumPy and np.max, tensorflow.keras has maximum.")
    assert told == ("like", "and", "max", "has", "maximum")
    rows = text["as_numbers"]([("a", "b", "new")], ["b", "a"])
    assert rows[0, :4].tolist() == [3, 2, text["UNKNOWN"], text["PADDING"]]


@pytest.mark.long
def test_the_text_example_splits_by_file(text):
    data = text["study"].data
    assert data.class_names == text["LIBRARIES"]
    for labels in (data.y_train, data.y_test):
        assert np.bincount(labels).min() > 0.5 * np.bincount(labels).max()
    of_library = [set(data.groups[data.y_train == label]) for label in range(data.classes)]
    assert min(map(len, of_library)) > 20
    assert len(np.unique(data.groups)) == sum(map(len, of_library)), "a file is of one library"
    first, *_ = text["study"].spec.replicates.replicates(data, 0)
    assert not set(data.groups[first.train]) & set(data.groups[first.valid])
    assert np.array_equal(data.x_train, data.x_train.astype(np.int32))
    assert data.x_train.max() < text["VOCABULARY"]
    few, again = text["docstrings"](wanted=100), text["docstrings"](wanted=100)
    assert few.fingerprint == again.fingerprint


@pytest.mark.long
def test_the_text_example_in_small(text, tmp_path):
    study = shortened(text["study"], samples=3200, epochs=4)
    plan = study.plan()
    # Two rates of dropout are one program.
    assert len(plan.every_member) == 14
    assert len(plan.cohorts) == 6
    assert "convolution dropout 0.2, convolution dropout 0.5" in str(plan)
    result = study.run(verbose=0)
    table = result.table().iloc[:-1]  # the last row is the majority class
    assert set(table.index) == {variant.name for variant in text["study"].variants}
    assert (table["val_accuracy"] > 0.3).all(), "chance is 0.2"
    assert result.test()[0].accuracy.mean > 0.4
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert "scipy taken for numpy" in page
    assert "<img" not in page
    assert "surest mistakes" not in page


@pytest.mark.long
@pytest.mark.parametrize(
    ("target", "metric"), [("kind", "val_accuracy"), ("size", "val_data_loss")]
)
def test_the_example_of_a_table_takes_classes_and_numbers(target, metric, tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 4)), columns=list("abcd"))
    frame["kind"] = np.where(frame["a"] > 0, "large", "small")
    frame["size"] = 1000 + 50 * frame["a"]
    others = {"kind", "size"} - {target}
    frame.drop(columns=[*others]).to_csv(tmp_path / "rows.csv", index=False)
    data = kohort.load(tmp_path / "rows.csv", target=target)
    study = read_study(str(EXAMPLES / "table.py"), data)
    result = adjusted(study, epochs=2, replicates=2).run(verbose=0)
    assert metric in result.table()
    assert len(result.table()) == 5, "four variants and a reference"
