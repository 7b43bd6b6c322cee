"""Data that are streamed train to the numbers that they train to on the device, and in Keras."""

import random
from functools import partial

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kohort
from kohort.engine.feed import segments
from kohort.engine.feed.segments import by_batches, by_rows
from kohort.engine.memory import TooLargeError
from tests.marks import long
from tests.models import numbers, seeded

CLOSE = {"rtol": 2e-4, "atol": 2e-5}
SMALL = "100KB"  # the data below have 210 kB: twice as much
SETTINGS = {"epochs": 3, "batch_size": 40, "validation_split": 0.2, "verbose": 0}
# Last batches that are partial: a program more to compile, each time that data are read.
PARTIAL = {"batch_size": 32, "validation_split": 0.13}


@pytest.fixture(scope="module")
def xy():
    generator = np.random.default_rng(0)
    return generator.normal(size=(1000, 50)).astype(np.float32), generator.integers(
        0, 3, 1000, np.int32
    )


def models():
    return [seeded(seed, dropout=0.3, l2=0.01 * (seed + 1), features=50) for seed in range(2)]


def assert_same(ours, theirs, histories, references):
    for mine, yours in zip(ours, theirs, strict=True):
        for a, b in zip(numbers(mine), numbers(yours), strict=True):
            np.testing.assert_allclose(a, b, **CLOSE)
    for history, reference in zip(histories, references, strict=True):
        assert list(history.history) == list(reference.history)
        assert history.params == reference.params
        for name, values in reference.history.items():
            np.testing.assert_allclose(history.history[name], values, **CLOSE, err_msg=name)


@pytest.fixture
def segments_read(monkeypatch):
    """How many segments were read."""
    read = []

    def counted(of_rows):
        for segment in of_rows:
            read.append(segment)
            yield segment

    real = segments._ahead
    monkeypatch.setattr(segments, "_ahead", lambda of_rows: real(counted(of_rows)))
    return read


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments", [PARTIAL, *long({"train_metrics": "evaluated"}, {"chunk_size": 1})]
)
def test_twice_the_memory_trains_to_the_same_numbers(arguments, xy, segments_read):
    arguments = SETTINGS | arguments
    fits, streamed = models(), models()
    histories = kohort.fit(fits, *xy, **arguments)
    assert segments_read == []
    again = kohort.fit(streamed, *xy, memory=SMALL, **arguments)
    assert len(segments_read) > 3 * 10
    assert_same(streamed, fits, again, histories)


@pytest.mark.long
def test_hdf5_datasets_are_read_from_disk_or_loaded(xy, tmp_path, segments_read):
    expected = models()
    references = kohort.fit(expected, *xy, class_weight={1: 2.0}, **SETTINGS)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = xy[0].astype(np.float64), xy[1]
    with h5py.File(tmp_path / "data.h5") as file:
        for memory in (None, SMALL):
            ours = models()
            histories = kohort.fit(
                ours, file["x"], file["y"], class_weight={1: 2.0}, memory=memory, **SETTINGS
            )
            assert_same(ours, expected, histories, references)
    assert segments_read, "the second time they did not fit"


@pytest.mark.long
def test_a_study_streams_too(blobs, segments_read):
    variants = kohort.grid(build, rate=[1e-2, 1e-3])
    study = kohort.Study(
        "streamed", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=50
    )
    whole = study.run(verbose=0).curves()
    assert segments_read == []
    part = study.run(verbose=0, memory="15KB").curves()
    assert segments_read
    np.testing.assert_allclose(part["value"], whole["value"], **CLOSE)


def build(rate):
    from tests.models import build_mlp

    return build_mlp(learning_rate=rate, dropout=0.2)


class Batches(keras.utils.PyDataset):
    """Batches of one size; with every epoch the samples move by `drift`."""

    def __init__(self, x, y, size=40, drift=0.1):
        super().__init__()
        self.x, self.y, self.size, self.drift, self.epochs = x, y, size, drift, 0

    def __len__(self):
        return (len(self.x) + self.size - 1) // self.size

    def __getitem__(self, number):
        rows = slice(number * self.size, (number + 1) * self.size)
        return self.x[rows] + self.epochs * self.drift, self.y[rows]

    def on_epoch_end(self):
        self.epochs += 1


def endless(x, y):
    while True:
        for first in range(0, len(x), 40):
            yield x[first : first + 40], y[first : first + 40]


CASES = {
    "PyDataset": (partial(Batches, size=30), {}),
    "PyDataset, shuffled": (Batches, {"shuffle": True}),
    "PyDataset, class weights": (Batches, {"class_weight": {0: 2.0}}),
    "PyDataset, one by one": (partial(Batches, drift=0), {"chunk_size": 1, "shuffle": True}),
    "generator": (endless, {"steps_per_epoch": 9}),
    "validated by batches": (Batches, {"validation_data": Batches, "validation_freq": 2}),
    "validated by few batches": (
        endless, {"steps_per_epoch": 5, "validation_data": Batches, "validation_steps": 2},
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*(ran out of data|will be ignored)")
@pytest.mark.parametrize(
    "case", ["PyDataset", "generator", *long(*sorted({*CASES} - {"PyDataset", "generator"}))]
)
def test_whatever_yields_batches_trains_as_in_keras(case, xy):
    source, arguments = CASES[case]
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0} | arguments
    chunk = {"chunk_size": arguments.pop("chunk_size")} if "chunk_size" in arguments else {}

    def fresh():
        valid = arguments.get("validation_data")
        return arguments | ({"validation_data": valid(xy[0][:80], xy[1][:80])} if valid else {})

    theirs, references = models(), []
    for model in theirs:
        # Keras draws an order more for a model that it has yet to build.
        model.evaluate(xy[0][:2], xy[1][:2], verbose=0)
        model.optimizer.build(model.trainable_variables)
        random.seed(5)
        references.append(model.fit(source(*xy), **fresh()))
    ours = models()
    histories = kohort.fit(ours, source(*xy), **fresh(), **chunk, seed=5)
    assert_same(ours, theirs, histories, references)


@pytest.mark.long
def test_arrays_with_steps_go_on_where_the_last_epoch_ended(xy):
    arguments = {
        "epochs": 3, "batch_size": 50, "shuffle": False, "verbose": 0, "steps_per_epoch": 7,
        "validation_split": 0.2, "validation_steps": 1, "validation_batch_size": 40,
    }  # fmt: skip
    ours, theirs = models(), models()
    with pytest.warns(UserWarning, match="ran out of data"):
        references = [model.fit(*xy, **arguments) for model in theirs]
    with pytest.warns(UserWarning, match="ran out of data"):
        histories = kohort.fit(ours, *xy, **arguments)
    assert_same(ours, theirs, histories, references)


@pytest.mark.long
@pytest.mark.parametrize("often", [2, *long([1, 3])])
def test_validation_is_as_often_as_in_keras(often, xy):
    arguments = SETTINGS | {"validation_freq": often, "shuffle": False, "validation_batch_size": 8}
    ours, theirs = models(), models()
    references = [model.fit(*xy, **arguments) for model in theirs]
    assert_same(ours, theirs, kohort.fit(ours, *xy, **arguments), references)


@pytest.mark.filterwarnings("ignore:.*will be ignored")
def test_a_generator_is_not_read_again_where_members_do_not_fit(xy, monkeypatch):
    def full(needed, allowed):
        raise TooLargeError("a program")

    monkeypatch.setattr("kohort.engine.feed.streamed.check_fits", full)
    with pytest.raises(kohort.DesignError, match="after they have begun"):
        kohort.fit([seeded(0, features=50), seeded(1, features=50)], endless(*xy),
                   steps_per_epoch=3, verbose=0)  # fmt: skip


def test_a_generator_draws_what_it_would_draw_for_keras(xy):
    def drawn():
        while True:
            scale = random.random()
            yield xy[0][:50] * scale, xy[1][:50]

    found = []
    for fit in (kohort.fit, keras.Model.fit):
        random.seed(5)
        model = seeded(0, features=50)
        history = fit(model, drawn(), steps_per_epoch=6, epochs=2, shuffle=False, verbose=0)
        found.append(history.history["loss"])
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_what_keras_refuses_of_arrays_is_refused_on_disk(xy, tmp_path):
    x, y = xy
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"], file["weight"] = x, y, np.ones(len(x), np.float32)
        given = {"sample_weight": file["weight"], "class_weight": {0: 2.0}}
        with pytest.raises(kohort.DesignError, match="both sample_weight and class_weight"):
            kohort.fit(seeded(0, features=50), file["x"], file["y"], verbose=0, **given)
        for memory in (None, SMALL):
            with pytest.raises(ValueError, match="Data cardinality is ambiguous"):
                kohort.fit(seeded(0, features=50), file["x"], y[1:], verbose=0, memory=memory)


@pytest.mark.filterwarnings("ignore:.*will be ignored")
def test_a_generator_cannot_serve_two_programs(xy):
    different = [seeded(0, features=50), seeded(1, features=50, units=(4, 4))]
    with pytest.raises(kohort.DesignError, match="a generator, which ends, for models of 2 prog"):
        kohort.fit(different, endless(*xy), steps_per_epoch=2, verbose=0)
    histories = kohort.fit(different, Batches(*xy), epochs=1, shuffle=False, verbose=0)
    assert len(histories) == 2


def test_batches_cannot_be_evaluated_twice(xy):
    with pytest.raises(kohort.DesignError, match="arrays for train_metrics='evaluated'"):
        kohort.fit(seeded(0, features=50), Batches(*xy), train_metrics="evaluated", verbose=0)


@settings(derandomize=True, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 2000), st.randoms())
def test_segments_hold_every_row_in_order(samples, batch_size, largest, shuffler):
    rows = list(range(samples))
    shuffler.shuffle(rows)
    data = (np.arange(samples * 3).reshape(samples, 3), np.arange(samples))
    found = list(by_rows(data, np.array(rows), batch_size, largest))
    np.testing.assert_array_equal(np.concatenate([y.reshape(-1) for _, y in found]), rows)
    np.testing.assert_array_equal(
        np.concatenate([x.reshape(-1, 3) for x, _ in found]), data[0][rows]
    )
    assert all(y.shape[1] == batch_size for _, y in found[:-1])
    assert all(x.nbytes + y.nbytes <= largest or len(y) == 1 for x, y in found)


def test_batches_of_unequal_shapes_are_segments_of_their_own():
    batches = [np.zeros((size, 2)) for size in (4, 4, 4, 3, 3, 4)]
    assert [s.shape for s in by_batches(iter(batches), 10**6)] == [(3, 4, 2), (2, 3, 2), (1, 4, 2)]
    assert [len(s) for s in by_batches(iter(batches[:3]), 128)] == [2, 1]
