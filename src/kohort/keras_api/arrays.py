"""Packs arrays as Keras does, and draws the batches that `keras.Model.fit` would draw."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras.src import tree
from keras.src.trainers.data_adapters import array_slicing
from keras.src.trainers.data_adapters.array_data_adapter import (
    ArrayDataAdapter,
    can_convert_arrays,
)
from keras.src.trainers.data_adapters.data_adapter_utils import (
    check_data_cardinality,
    class_weight_to_sample_weights,
)
from keras.src.trainers.epoch_iterator import EpochIterator

from kohort.errors import ModelError

type ArrayTree = Any
"""A pytree of arrays `[sample, ...]`, as Keras packs `(x, y, sample_weight)`."""


def is_packable(x: Any, y: Any, sample_weight: Any = None) -> bool:
    """Whether Keras takes these as arrays, not as a generator or a dataset object."""
    return bool(can_convert_arrays((x, y, sample_weight)))


def pack(x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> ArrayTree:
    """Check and pack training data as `keras.Model.fit` does.

    Returns:
        `x`, `(x, y)` or `(x, y, sample_weight)`, each leaf an array of shape `[sample, ...]`;
        floating leaves have `keras.config.floatx()`.

    Raises:
        ModelError: A leaf is not an array (but a generator or a dataset object).
        ValueError: Keras refuses unequal lengths or weights.
    """
    if not is_packable(x, y, sample_weight):
        raise ModelError(
            "x, y and sample_weight as arrays (NumPy, JAX or pandas)",
            f"x of type {type(x).__name__}",
            "load it into arrays, or pass engine='keras', which takes what keras.Model.fit takes",
        )
    adapter = ArrayDataAdapter(x, y, sample_weight=sample_weight, class_weight=class_weight)
    sliceables = array_slicing.convert_to_sliceable(adapter._inputs, target_backend="jax")
    return tree.map_structure(
        lambda s: s.convert_to_jax_compatible(s[:]), sliceables, none_is_leaf=False
    )


def check_lengths(data: ArrayTree) -> None:
    """Refuse packed data of unequal lengths, as `keras.Model.fit` does, without reading them.

    Raises:
        ValueError: The lengths differ.
    """
    check_data_cardinality(data)


def weights_of_classes(y: np.ndarray, class_weight: dict[int, float]) -> np.ndarray:
    """Weights `[sample]` of samples by their class, as `keras.Model.fit` computes them.

    Args:
        y: Labels `[sample]`, or one-hot `[sample, class]`.
        class_weight: The weight of each class.
    """
    weights: np.ndarray = class_weight_to_sample_weights(y, class_weight)
    return weights


class EpochBatches:
    """The batches that `keras.Model.fit` would draw, epoch by epoch.

    Args:
        x: Arrays, a generator, a `keras.utils.PyDataset`, or anything else that Keras takes.
        y: Targets, unless x yields them.
        sample_weight: Weights, unless x yields them.
        class_weight: As in `keras.Model.fit`.
        batch_size: Samples in a batch of arrays; other data have their batch size.
        steps: Batches an epoch; None for all.
        shuffle: As in `keras.Model.fit`.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Any,
        batch_size: int,
        steps: int | None,
        shuffle: Any,
    ) -> None:
        self._iterator = EpochIterator(
            x,
            y,
            sample_weight,
            batch_size=batch_size if is_packable(x, y, sample_weight) else None,
            steps_per_epoch=steps,
            shuffle=shuffle,
            class_weight=class_weight,
        )

    @property
    def count(self) -> int | None:
        """Batches an epoch; None where that is unknown."""
        count: int | None = self._iterator.num_batches
        return count

    def reset(self) -> None:
        """Start over, as Keras does after it has drawn a first batch."""
        self._iterator.reset()

    def epoch(self) -> Iterator[ArrayTree]:
        """Yield the batches of the next epoch, each leaf `[batch, ...]`."""
        for _, _, batches in self._iterator.enumerate_epoch():
            yield from batches


def split_last(x: Any, y: Any, sample_weight: Any, fraction: float) -> tuple[Any, Any]:
    """Split `(x, y, sample_weight)` as `validation_split` does; the last part is for validation."""
    train, valid = array_slicing.train_validation_split((x, y, sample_weight), fraction)
    return train, valid
