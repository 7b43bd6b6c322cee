"""First states of models from their seeds, without the models.

Of most variables the first value is the same whatever the seed. The others take theirs from a seed
that Keras draws: weights by an initializer, generators of dropout as it is. So the first state of a
model for another seed takes the seeds that Keras would draw, and calls of the same initializers.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import keras
import numpy as np
from keras.src.initializers.random_initializers import RandomInitializer

from kohort.keras_api.beginning.first_values import building
from kohort.keras_api.beginning.watched import Watch, seeds_of

type _Parts = tuple[list[Any], list[Any], list[Any], list[Any]]

_OF_GENERATOR = "SeedGenerator.__init__.<locals>.seed_initializer"


@dataclass(frozen=True)
class _Drawn:
    """What an initializer draws from one of the seeds of a model."""

    place: int
    initializer: RandomInitializer
    shape: tuple[int, ...]
    dtype: Any

    def value(self, seeds: Sequence[int]) -> Any:
        """Its numbers, for these seeds of a model."""
        seeded = copy.copy(self.initializer)
        seeded.seed = seeds[self.place]
        return keras.ops.convert_to_tensor(seeded(self.shape, dtype=self.dtype), dtype=self.dtype)


@dataclass(frozen=True)
class _Seed:
    """The state of a generator that begins with one of the seeds of a model."""

    place: int
    dtype: Any

    def value(self, seeds: Sequence[int]) -> Any:
        """The state, for these seeds of a model."""
        return np.array([seeds[self.place], 0], self.dtype)


@dataclass(frozen=True)
class _Fixed:
    """A value that is the same for all seeds."""

    fixed: np.ndarray

    def value(self, seeds: Sequence[int]) -> Any:
        """The value."""
        del seeds
        return self.fixed


@dataclass(frozen=True)
class FirstStates:
    """The first states of all models that a build function makes, as far as one of them tells.

    Args:
        seeds: How many seeds Keras draws for a model.
        parts: Of each variable, in the order of the state, what its value comes from.
    """

    seeds: int
    parts: _Parts

    @classmethod
    def of(cls, watch: Watch, variables: _Parts, state: _Parts) -> "FirstStates | None":
        """What a model tells that was watched as it was built; None where it is not known.

        Args:
            watch: What its build function did.
            variables: Of the model, which is prepared and has not trained.
            state: Their values.
        """
        if not watch.is_clean or len(set(watch.seeds)) < len(watch.seeds):
            return None
        with building():  # As the model was built: its draws have their programs.
            trainable, rest, optimizer, metrics = (
                [_source(watch, *each) for each in zip(*part, strict=True)]
                for part in zip(variables, state, strict=True)
            )
        return cls(len(watch.seeds), (trainable, rest, optimizer, metrics))

    def of_seed(self, seed: int) -> _Parts:
        """The state with which a model for this seed begins."""
        seeds, _ = seeds_of(seed, self.seeds)
        with building():
            trainable, rest, optimizer, metrics = (
                [source.value(seeds) for source in part] for part in self.parts
            )
        return trainable, rest, optimizer, metrics

    def agrees(self, seed: int, state: _Parts) -> bool:
        """Whether the first state of a model for this seed has the bits that follow for it."""
        expected, found = (
            jax.device_get(jax.tree.leaves(each)) for each in (self.of_seed(seed), state)
        )
        return len(expected) == len(found) and all(map(have_equal_bits, expected, found))


def _source(watch: Watch, variable: Any, value: Any) -> _Drawn | _Seed | _Fixed:
    """What the value of a variable comes from."""
    fixed = _Fixed(np.asarray(value))
    found = _from_seed(watch, variable, fixed.fixed)
    if found is None:
        return fixed
    # Something else may have been assigned to it since.
    drawn = np.asarray(found.value(watch.seeds))
    return found if have_equal_bits(drawn, fixed.fixed) else fixed


def _from_seed(watch: Watch, variable: Any, value: np.ndarray) -> _Drawn | _Seed | None:
    """How a variable was initialized from a seed that Keras drew; None where it was not."""
    _, initializer = watch.initializers.get(id(variable), (None, None))
    if isinstance(initializer, RandomInitializer) and initializer.seed in watch.seeds:
        place = watch.seeds.index(initializer.seed)
        return _Drawn(place, copy.copy(initializer), tuple(variable.shape), variable.dtype)
    is_of_generator = getattr(initializer, "__qualname__", "") == _OF_GENERATOR
    if is_of_generator and value[0] in watch.seeds:
        return _Seed(watch.seeds.index(value[0]), value.dtype)
    return None


def have_equal_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have one dtype, one shape, and the same bits."""
    kinds = [(array.dtype, array.shape) for array in (one, other)]
    return kinds[0] == kinds[1] and one.tobytes() == other.tobytes()
