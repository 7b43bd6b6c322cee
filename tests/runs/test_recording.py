"""What a study records of its data."""

import keras
import numpy as np
import pytest

import kohort
from kohort.design.building import BuiltModels
from tests.data.inspection.test_group_facts import patients
from tests.models import build_mlp


@pytest.mark.long
@pytest.mark.parametrize("given", [True, False])
def test_a_study_says_what_it_knows_of_groups_and_keeps_it(given, tmp_path):
    x = patients()
    y = np.arange(200) % 3
    data = kohort.Dataset(x, y, groups=x[:, 0].astype(int) if given else None)
    study = kohort.Study(
        "patients", [kohort.Variant("net", build_mlp, features=5)], data,
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=50,
    )  # fmt: skip
    result = study.run(tmp_path / "k.db", verbose=0)
    (leak,) = (finding for finding in result.findings() if finding.code == "KH201")
    assert leak.verdict == "not found"
    assert ("no split parts the groups that are given" in leak.sentence) == given
    assert ("column 0 may number groups" in leak.sentence) == (not given)
    assert (leak.advice == "") == given
    (kept,) = (f for f in kohort.open(tmp_path / "k.db", "patients").findings() if f == leak)
    assert kept.sentence == leak.sentence


def fit_numbers():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    return model


@pytest.mark.parametrize("samples", [600, 10_000])
def test_the_loss_before_training_is_of_all_samples_where_they_are_in_order(samples):
    """The first rows have the smallest targets: their loss alone would be passed at once."""
    random = np.random.default_rng(0)
    x = random.normal(size=(samples, 3)).astype("float32")
    y = np.sort(random.uniform(0, 9, samples)).astype("float32")
    variants, splits = [kohort.Variant("net", fit_numbers)], kohort.Holdout(0.2, repeats=2)
    study = kohort.Study("sorted", variants, kohort.Dataset(x, y), replicates=splits, epochs=1)
    replicate = study.spec.replicate(0, 1.0)
    model = BuiltModels(study.spec, room=0).new(0, replicate)
    rows = replicate.train
    expected = ((model.predict(x[rows], verbose=0)[:, 0] - y[rows]) ** 2).mean()
    result = study.run(verbose=0)
    (facts,) = result.record.variants
    assert facts.untrained_loss == pytest.approx(expected, rel=1e-5 if samples == 600 else 0.05)
    assert result.winner == "net"
    assert not any(f.verdict == "found" for f in result.findings() if f.code == "KH105")
