"""The example studies, on the built-in letters and on the real notMNIST."""

import keras
import numpy as np
import pytest

import kohort
from kohort.data.images import load_images
from kohort.letters_study import build_mlp, letters_study
from kohort.study_file import read_study

EXAMPLE = "examples/notmnist.py"


@pytest.fixture(scope="module")
def letters():
    return kohort.load("letters")


@pytest.fixture(scope="module")
def real(shared_data):
    return load_images(shared_data("notMNIST_small.tar.gz"))


@pytest.mark.parametrize(
    ("name", "members", "programs"),
    [("study", 30, 9), ("early_stopping", 6, 2), ("cross_validation", 15, 3)],
)
def test_the_studies_of_the_example_can_be_planned(letters, name, members, programs, monkeypatch):
    monkeypatch.chdir(__file__.rsplit("/tests/", 1)[0])
    plan = read_study(f"{EXAMPLE}::{name}", letters).plan()
    assert len(plan.every_member) == members
    # Folds of whole font families may differ in size, and each size is a program.
    sizes = {member.sizes for member in plan.every_member}
    assert len(plan.cohorts) == programs * len(sizes)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_built_in_study_in_small(letters):
    few = [v for v in letters_study(letters).variants if v.name in ("softmax", "200")]
    result = kohort.Study(
        "small", few, letters, replicates=kohort.Holdout(0.2, 2), epochs=4, batch_size=256
    ).run(verbose=0)
    assert list(result.table().index) == ["200", "softmax"]
    assert result.table()["val_accuracy"].iloc[0] > 0.9
