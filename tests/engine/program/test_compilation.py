"""The programs that are kept, and those that are forgotten."""

from concurrent.futures import wait
from threading import Event, current_thread
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kohort
from kohort.engine.program import compilation
from kohort.engine.program.compilation import Programs


class Leaf:
    """What a program's key reads of an array."""

    def __init__(self, *shape, dtype="float32"):
        self.shape, self.dtype = shape, dtype


def test_the_program_used_longest_ago_is_forgotten():
    made = []
    programs = Programs(size=2, compiled=lambda number: number)

    def get(key, *arguments):
        return programs.get(key, arguments or (Leaf(3, 4),), lambda: made.append(key) or len(made))

    assert [get("a"), get("b"), get("a"), get("c")] == [1, 2, 1, 3]
    assert [get("a"), get("b")] == [1, 4]
    programs.clear()
    assert get("a") == 5
    assert get("a", Leaf(5, 4)) == 6
    assert get("a", Leaf(5, 4, dtype="int32")) == 7
    assert get("a", [Leaf(5, 4)]) == 8


def test_a_program_that_was_begun_is_compiled_once_in_another_thread():
    threads = []
    programs = Programs(size=2, compiled=lambda key: threads.append(current_thread()) or key)
    for _ in range(2):
        programs.begin("a", [Leaf(3)], lambda: "a")
    assert programs.get("a", [Leaf(3)], lambda: "again") == "a"
    assert programs.get("a", [Leaf(3)], lambda: "again") == "a"
    programs.begin("a", [Leaf(3)], lambda: "again")
    (thread,) = threads
    assert thread is not current_thread()


def test_what_compiling_raises_comes_where_the_program_is_asked_for():
    def compiled(lowered):
        if lowered == "large":
            raise MemoryError("too large")
        return lowered

    programs = Programs(size=2, compiled=compiled)
    programs.begin("a", [Leaf(3)], lambda: "large")
    with pytest.raises(MemoryError, match="too large"):
        programs.get("a", [Leaf(3)], lambda: "small")
    assert programs.get("a", [Leaf(3)], lambda: "small") == "small"


def test_what_programs_take_is_told(monkeypatch):
    now, goes_on = [0.0], Event()
    monkeypatch.setattr(compilation, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def compiled(seconds):
        if seconds == 7.0:
            goes_on.wait()
        now[0] += seconds
        return seconds

    programs = Programs(size=8, compiled=compiled)

    def told():
        return tuple(programs.compiling())

    assert told() == (0.0, 0, 0.0, False)
    for _ in range(2):  # The second time it is there.
        programs.get("a", (), lambda: 3.0)
        assert told() == (3.0, 1, 3.0, False)
    programs.begin("b", (), lambda: 7.0)
    assert told() == (3.0, 1, 3.0, True)
    begun = programs._begun
    goes_on.set()
    wait(begun)
    now[0] += 100.0  # Nobody waits for it meanwhile.
    assert programs.get("b", (), lambda: 0.0) == 7.0
    assert told() == (3.0, 2, 10.0, False)


@pytest.mark.parametrize("memory", [None, 20_000], ids=["resident", "streamed"])
def test_steps_with_loops_or_products_of_sequences_alone_are_compiled_lightly(memory, monkeypatch):
    def train(*layers):
        model = keras.Sequential([keras.Input((4, 3)), *layers, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        kohort.fit(model, np.ones((512, 4, 3)), np.ones((512, 1)), memory=memory, verbose=0)

    # XLA refuses an option that it does not know, so who fails was compiled with it.
    monkeypatch.setattr(compilation, "_LIGHTLY", {"xla_no_such_option": 1})
    train(keras.layers.Flatten())
    train(keras.layers.Conv1D(2, 2), keras.layers.Dense(2), keras.layers.Flatten())
    for layers in (keras.layers.GRU(2),), (keras.layers.Dense(2), keras.layers.Flatten()):
        with pytest.raises(Exception, match="xla_no_such_option"):
            train(*layers)
