"""How members are put side by side."""

import jax
import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kohort
from kohort.engine.loop import chunking
from kohort.engine.loop.chunking import blocks, candidates, choose
from kohort.engine.loop.cohort import Cohort
from kohort.engine.memory import TooLargeError
from kohort.engine.program import cache
from kohort.keras_api.models import prepare
from kohort.tracing.lifting import Work
from kohort.tracing.signature import first_batch, trace_steps
from tests.models import build_mlp, seeded


@given(st.lists(st.integers(0, 4), min_size=1, max_size=24), st.integers(1, 30))
@example([0, 1, 0, 1, 0, 1], 2)  # Each block is of one order.
def test_blocks_hold_every_member_once_and_are_of_one_size(order_of, chunk):
    found = blocks(range(len(order_of)), order_of, chunk)
    members = [list(dict.fromkeys(block)) for block in found]
    assert sorted(member for block in members for member in block) == list(range(len(order_of)))
    assert len({len(block) for block in found}) == 1
    assert len(found[0]) <= chunk
    for block, seats in zip(found, members, strict=True):
        assert block[: len(seats)] == seats, "only a block's end is filled up"
    if chunk <= min(order_of.count(order) for order in order_of):
        assert all(len({order_of[member] for member in block}) == 1 for block in found)


def test_members_that_read_the_same_batches_stand_together():
    assert blocks(range(6), [0, 1, 2, 0, 1, 2], 2) == [[0, 3], [1, 4], [2, 5]]
    assert blocks(range(6), [0, 1, 2, 0, 1, 2], 4) == [[0, 3, 1], [4, 2, 5]]
    assert blocks([1, 4, 2], [0, 1, 2, 0, 1, 2], 1) == [[1], [4], [2]]
    assert blocks(range(5), [0] * 5, 4) == [[0, 1, 2], [3, 4, 4]]


def test_candidates_are_one_some_those_alike_and_all():
    assert candidates([0]) == [1]
    assert candidates([0, 0, 0]) == [1, 3]
    assert candidates([0, 1, 2]) == [1, 3]
    assert candidates([0, 0, 1, 1]) == [1, 2, 4]
    assert candidates([0] * 64) == [1, 8, 64]


class TestChoice:
    @pytest.fixture(autouse=True)
    def _own_cache(self, monkeypatch, tmp_path):
        monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))

    def choice(self, seconds, steps=10**6, *, convolves=False, key="key", **known):
        measured = []

        def probe(chunk):
            measured.append(chunk)
            if seconds[chunk] is None:
                raise TooLargeError
            return seconds[chunk]

        sizes = sorted(seconds)
        chosen = choose(sizes, steps, key, probe, convolves=convolves, **known)
        return chosen, measured

    def test_small_work_is_not_measured(self):
        assert self.choice({1: 1.0, 4: 1.0}, steps=100) == (4, [])
        assert self.choice({1: 1.0, 4: 1.0}, steps=100, convolves=True) == (1, [])
        assert self.choice({1: 1.0}) == (1, [])

    def test_nor_is_what_likely_takes_less_than_a_compilation(self):
        assert self.choice({1: 1.0, 4: 1.0}, steps=5000, likely=1e-4) == (4, [])
        assert self.choice({1: 1.0, 4: 1.0}, steps=5000, likely=1e-4, convolves=True) == (1, [])
        assert self.choice({1: 1.0, 4: 1.0}, steps=5000, likely=1e-3) == (1, [1])

    def test_short_work_is_told_by_its_step(self):
        assert self.choice({1: 1e-4, 4: 1.0}, steps=5000, key="fast") == (4, [1])
        assert self.choice({1: 5e-3, 4: 1.0}, steps=1500, key="slow") == (1, [1])

    def test_a_long_step_has_nothing_to_share(self):
        assert self.choice({1: 5e-3, 4: 1.0}, key="long") == (1, [1])

    def test_what_is_long_by_its_products_is_not_measured(self):
        assert self.choice({1: 1e-4, 4: 1e-5}, at_least=2e-3) == (1, [])
        assert self.choice({1: 1e-4, 4: 1e-5}, at_least=5e-4) == (4, [1, 4])

    def test_the_fastest_is_chosen_and_remembered(self):
        seconds = {1: 3e-4, 8: 1e-4, 64: 2e-4}
        assert self.choice(seconds) == (8, [1, 8, 64])
        assert self.choice(seconds) == (8, [])
        assert self.choice({1: 1e-4, 8: 3e-4}, key="other") == (1, [1, 8])

    def test_what_does_not_fit_is_not_chosen(self):
        assert self.choice({1: 3e-4, 8: 1e-4, 64: None}) == (8, [1, 8, 64])
        assert self.choice({1: 3e-4, 8: None, 64: 1e-4}, key="more") == (1, [1, 8])

    def test_what_follows_from_a_step_depends_on_how_much_there_is_to_train(self):
        seconds = {1: 5e-4, 8: 1e-4}
        assert self.choice(seconds, 1000, convolves=True) == (1, [1])
        assert self.choice(seconds, 10**6, convolves=True) == (8, [8])
        assert self.choice(seconds, 1000, convolves=True) == (1, [])

    def test_what_did_not_fit_is_measured_where_it_does(self):
        assert self.choice({1: 3e-4, 8: None}) == (1, [1, 8])
        assert self.choice({1: 3e-4, 8: 1e-4}) == (8, [8])
        assert self.choice({1: None, 8: None}, key="none") == (1, [1])

    def test_a_damaged_record_is_measured_anew(self):
        self.choice({1: 3e-4, 8: 1e-4})
        for path in cache.folder().glob("*.json"):
            path.write_text("{")
        assert self.choice({1: 3e-4, 8: 1e-4}) == (8, [1, 8])


@pytest.mark.parametrize("chunk", [0, -1, 2.5, True, "all"])
def test_a_chunk_that_is_none_is_refused(blobs, chunk):
    with pytest.raises(kohort.DesignError, match="a chunk_size of 1 or more"):
        kohort.fit(seeded(0), blobs.x_train, blobs.y_train, chunk_size=chunk, verbose=0)


def test_members_that_do_not_fit_alone_say_so_before_they_are_measured(blobs, monkeypatch):
    monkeypatch.setattr(chunking, "_SMALL", 1)
    monkeypatch.setattr(chunking, "_BRIEF", 0.0)
    models = [seeded(seed, units=(999,)) for seed in (0, 1)]
    with pytest.raises(kohort.DesignError, match="expected a model that fits in memory"):
        kohort.fit(models, blobs.x_train, blobs.y_train, memory="20KB", verbose=0)


def test_the_products_of_a_step_tell_what_it_takes_at_least(monkeypatch):
    monkeypatch.setattr(chunking, "cores", lambda: 2)
    # The widest net of the letters: 256 samples, three products for a layer but two for the first.
    products = 2 * 784 * 600 + 3 * (600 * 400 + 400 * 200 + 200 * 10)
    assert chunking.least_seconds(2 * 256 * products) == pytest.approx(2.5e-3, rel=0.05)


def test_how_long_a_step_likely_takes_is_not_known_of_loops_that_end_when_something_is_so():
    straight = Work(equations=200, numbers=10**6, products=10**8, is_open=False)
    assert chunking.likely_seconds(straight) == pytest.approx(1e-4 + 4e-4 + 1e-3)
    assert chunking.likely_seconds(straight._replace(is_open=True)) == np.inf


def steps_of(build, features, **arguments):
    """The traced steps of a model of 3 classes."""
    model = seeded(0, build, **arguments)
    batch = first_batch((np.zeros((32, features), "float32"), np.zeros(32, "int64")), 32)
    prepare(model, batch)
    return trace_steps(model, batch)


def recurrent(steps):
    """Reads 8 features as so many steps."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Reshape((steps, 8 // steps)),
            layers.GRU(4),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class TestCosts:
    def test_a_large_net_costs_more_than_a_small_one(self, monkeypatch):
        kinds = ((8,), (8,), (900, 900))
        traced = [steps_of(build_mlp, 5, units=units) for units in kinds]
        small, same, large = chunking.step_costs(traced)
        assert 0 < small == same < 0.1 * large
        assert chunking.step_costs([*traced, None]) == [1, 1, 1, 1], "of one it is not known"
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        assert chunking.step_costs(traced) == [1, 1, 1]

    def test_each_pass_of_a_loop_costs(self):
        short, long = chunking.step_costs([steps_of(recurrent, 8, steps=of) for of in (2, 8)])
        assert 1.3 * short < long < 4 * short


@pytest.mark.parametrize(("units", "probes"), [((8,), 0), ((900, 900), 1)])
def test_only_what_takes_a_while_is_measured(blobs, monkeypatch, tmp_path, units, probes):
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))
    monkeypatch.setattr(chunking, "_SMALL", 1)
    monkeypatch.setattr(chunking, "cores", lambda: 10**6)  # no step is long by its products
    measured = []
    monkeypatch.setattr(
        Cohort, "_seconds_a_step", lambda _cohort, chunk: measured.append(chunk) or 1e-3
    )
    models = [seeded(seed, units=units) for seed in (0, 1)]
    kohort.fit(models, blobs.x_train, blobs.y_train, epochs=2, batch_size=4, verbose=0)
    assert measured == [1] * probes


@pytest.mark.long
def test_members_are_measured_on_copies_and_then_trained(blobs, monkeypatch, tmp_path):
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))
    monkeypatch.setattr(chunking, "_SMALL", 1)
    monkeypatch.setattr(chunking, "_BRIEF", 0.0)
    monkeypatch.setattr(chunking, "_WORTH", 0.0)
    x, y = blobs.x_train, blobs.y_train
    arguments = {"epochs": 2, "batch_size": 50, "validation_split": 0.1, "verbose": 0}
    measured, told = [seeded(i) for i in range(3)], [seeded(i) for i in range(3)]
    histories = kohort.fit(measured, x, y, **arguments)
    (kept,) = tmp_path.rglob("*.json")
    assert '"seconds": {"1": ' in kept.read_text()
    for ours, theirs in zip(
        histories, kohort.fit(told, x, y, chunk_size=1, **arguments), strict=True
    ):
        np.testing.assert_allclose(ours.history["val_loss"], theirs.history["val_loss"], rtol=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="a GPU's cores are not counted")
def test_members_whose_products_take_long_are_trained_one_by_one_unmeasured(
    blobs, monkeypatch, tmp_path
):
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))
    monkeypatch.setattr(chunking, "_SMALL", 1)
    monkeypatch.setattr(chunking, "_BRIEF", 0.0)
    monkeypatch.setattr(chunking, "_WORTH", 0.0)
    monkeypatch.setattr(chunking, "_CORE", 1.0)
    models = [seeded(i) for i in range(3)]
    kohort.fit(models, blobs.x_train, blobs.y_train, batch_size=50, verbose=0)
    assert not list(tmp_path.rglob("*.json"))
