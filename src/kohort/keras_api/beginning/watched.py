"""Watches what a build function does with its seed.

The seed reaches a model by the generators of Python, NumPy and Keras. Mostly Keras alone draws from
them: a seed for each initializer and each layer of dropout that was given none. Then a model for
another seed is the same one, but for the values that these seeds make. A build function that draws
itself, or that reads what was drawn, may do anything with it.
"""

import functools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src import backend
from keras.src.backend.common import KerasVariable, global_state
from keras.src.backend.common.symbolic_scope import in_symbolic_scope
from keras.src.random import seed_generator

from kohort.keras_api.beginning.patches import Patches, Replacement

_HIGHEST_SEED = int(1e9)


class Watch:
    """What the last build in a block of `watching` did with its seed."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was seen: a build function begins."""
        self.seeds: list[int] = []
        """The seeds that Keras has drawn for what was given none."""
        self.initializers: dict[int, tuple[Any, Callable[..., Any]]] = {}
        """By its `id`, a variable that has been created, and what initialized it."""
        self.is_clean = True
        """Whether Keras alone has drawn, and nobody has read a value that depends on the seed."""
        self._initializing = 0
        self._is_over = False

    def end(self, seed: int) -> None:
        """A build function has ended: compare the generators with what Keras has drawn of them."""
        self._is_over = True
        expected, after = seeds_of(seed, len(self.seeds))
        states = zip(np.random.get_state(), np.random.RandomState(seed).get_state(), strict=True)
        self.is_clean &= (
            self.seeds == expected
            and after == random.getstate()
            and all(np.array_equal(one, other) for one, other in states)  # type: ignore[arg-type]
            and global_state.get_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR) is None
        )

    def draws_seed(self, seed: int) -> None:
        """Keras has drawn a seed."""
        self.seeds.append(seed)
        # Afterwards the generators are no longer seeded.
        self.is_clean &= not self._is_over

    def draws(self, seed: Any) -> None:
        """Keras draws numbers from a seed, or from a generator."""
        # As it looks for shapes it draws nothing.
        is_of_variable = self._initializing and isinstance(seed, int)
        self.is_clean &= bool(is_of_variable or in_symbolic_scope())

    def reads(self, variable: Any) -> None:
        """Somebody reads the value of a variable."""
        _, initializer = self.initializers.get(id(variable), (None, None))
        self.is_clean &= not is_seeded(initializer) or in_symbolic_scope()

    @contextmanager
    def initializing(self, variable: Any, initializer: Callable[..., Any]) -> Iterator[None]:
        """A block in which a variable gets its first value."""
        self._initializing += 1
        try:
            yield
        finally:
            self._initializing -= 1
        self.initializers[id(variable)] = variable, initializer


def seeds_of(seed: int, count: int) -> tuple[list[int], object]:
    """The seeds that Keras draws after `seed`, for what was given none; and the generator then."""
    generator = random.Random(seed)  # noqa: S311 (it is Keras's)
    # As `make_default_seed` does.
    seeds = [generator.randint(1, _HIGHEST_SEED) for _ in range(count)]
    return seeds, generator.getstate()


def is_seeded(initializer: object) -> bool:
    """Whether what it gives a variable may depend on a seed."""
    return initializer is not None and not isinstance(
        initializer, keras.initializers.Zeros | keras.initializers.Ones
    )


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch the build functions that run in this thread, in this block."""
    outer = _THIS_THREAD.watch
    _THIS_THREAD.watch = watch = Watch()
    try:
        with _PATCHES.active():
            yield watch
    finally:
        _THIS_THREAD.watch = outer


def current() -> Watch | None:
    """The watch of this thread."""
    return _THIS_THREAD.watch


class _OfThread(threading.local):
    watch: Watch | None = None


_THIS_THREAD = _OfThread()


def _seed_drawn(original: Callable[[], int]) -> Callable[[], int]:
    @functools.wraps(original)
    def make_default_seed() -> int:
        seed = original()
        watch = current()
        if watch is not None:
            watch.draws_seed(seed)
        return seed

    return make_default_seed


def _drawing(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def draw_seed(seed: Any) -> Any:
        watch = current()
        if watch is not None:
            watch.draws(seed)
        return original(seed)

    return draw_seed


def _initializing(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @functools.wraps(original)
    def initialize(variable: Any, initializer: Any) -> None:
        watch = current()
        if watch is None:
            original(variable, initializer)
            return
        with watch.initializing(variable, initializer):
            original(variable, initializer)

    return initialize


def _reading(original: property) -> property:
    def value(variable: Any) -> Any:
        watch = current()
        if watch is not None:
            watch.reads(variable)
        assert original.fget is not None
        return original.fget(variable)

    return property(value, original.fset, original.fdel, original.__doc__)


def _replaced() -> Iterator[Replacement]:
    yield backend.random, "make_default_seed", _seed_drawn
    yield seed_generator, "make_default_seed", _seed_drawn
    yield backend.random, "draw_seed", _drawing
    yield backend.Variable, "_initialize_with_initializer", _initializing
    yield KerasVariable, "value", _reading


_PATCHES = Patches(_replaced)
