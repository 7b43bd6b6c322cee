"""The training part of a replicate, as build functions see it."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.replicates import Replicate

ROOM = 1 << 29
"""Bytes of rows that are kept for the build functions to come; the last part is kept anyway."""


@dataclass(frozen=True, eq=False)
class TrainingPart:
    """The samples that a model is trained on, for a build function that takes `data`.

    A layer that learns from data learns from these alone: `layer.adapt(data.x)`. Rows are taken
    from the dataset when they are first asked for, and cannot be written to.

    Args:
        dataset: The whole data.
        rows: `[sample]`, rows of its training samples.
    """

    dataset: Dataset = field(repr=False)
    rows: np.ndarray = field(repr=False)

    @cached_property
    def x(self) -> Any:
        """Inputs `[sample, ...]` as the model takes them, raw pixels scaled; or such by name."""
        return _frozen(self.dataset.inputs(self.dataset.x_train[self.rows]))

    @cached_property
    def y(self) -> np.ndarray:
        """Targets `[sample, ...]`, as in `Dataset`."""
        frozen: np.ndarray = _frozen(self.dataset.y_train[self.rows])
        return frozen

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """A name for each class; None where the targets are no class labels."""
        names = self.dataset.class_names
        return None if names is None else tuple(names)

    @property
    def classes(self) -> int | None:
        """The number of classes; None where the targets are no class labels."""
        return self.dataset.classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, for `keras.Input`."""
        return self.dataset.input_shape

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the inputs that a table's columns became; None of other data."""
        return self.dataset.feature_names

    @property
    def vocabularies(self) -> dict[str, tuple[str, ...]]:
        """The categories of each column of them, by their codes; as in `Dataset`."""
        return self.dataset.vocabularies

    @property
    def input_bytes(self) -> int:
        """Bytes of `x`, whether it was made or not."""
        return len(self) * int(np.prod(self.input_shape)) * np.dtype(np.float32).itemsize

    def __len__(self) -> int:
        return len(self.rows)


class TrainingParts:
    """The training parts of replicates; the rows of the last ones are kept while there is room.

    All variants of a replicate see one part, and models are built variant by variant: without it
    each model would copy its rows anew.

    Args:
        dataset: The data.
        room: Bytes that rows may take.
    """

    def __init__(self, dataset: Dataset, room: int = ROOM) -> None:
        self._dataset, self._room = dataset, room
        self._kept: OrderedDict[tuple[int, float], TrainingPart] = OrderedDict()

    def of(self, replicate: Replicate) -> TrainingPart:
        """The training part of a replicate."""
        key = replicate.number, replicate.share
        part = self._kept.pop(key, None) or TrainingPart(self._dataset, replicate.train)
        self._kept[key] = part
        while len(self._kept) > 1 and self._bytes > self._room:
            self._kept.popitem(last=False)
        return part

    @property
    def _bytes(self) -> int:
        return sum(part.input_bytes for part in self._kept.values())


def _frozen(arrays: Any) -> Any:
    """Arrays that nobody can write to, since several models read them."""
    for array in arrays.values() if isinstance(arrays, dict) else [arrays]:
        array.setflags(write=False)
    return arrays
