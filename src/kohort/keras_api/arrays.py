"""Packs arrays as Keras does, and draws the batches that `keras.Model.fit` would draw."""

from collections.abc import Iterator
from typing import Any

import jax
import keras
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
    get_numpy_iterator,
    is_jax_sparse,
    is_scipy_sparse,
    is_tensorflow_ragged,
    is_tensorflow_sparse,
)
from keras.src.trainers.data_adapters.generator_data_adapter import GeneratorDataAdapter
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter
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


def is_dense(*parts: Any) -> bool:
    """Whether data hold no sparse or ragged arrays, of SciPy, JAX or TensorFlow."""
    kinds = (is_scipy_sparse, is_jax_sparse, is_tensorflow_sparse, is_tensorflow_ragged)
    return not any(is_kind(leaf) for leaf in tree.flatten(parts) for is_kind in kinds)


def check_leaves(data: ArrayTree) -> None:
    """Refuse data as Keras packs them where a leaf is not an array, but holds some.

    JAX takes apart what is registered with it; the parts are not rows of samples.

    Raises:
        ModelError: A leaf is such a container, or an array of objects.
    """
    for leaf in tree.flatten(data):
        is_array = isinstance(leaf, np.ndarray | jax.Array) and leaf.dtype != object
        if leaf is not None and not is_array:
            raise _no_array(leaf)


def _no_array(leaf: Any) -> ModelError:
    kind = type(leaf)
    return ModelError(
        "dense arrays of numbers for engine='fused'",
        f"{kind.__module__.partition('.')[0]}'s {kind.__name__}",
        "make them dense (x.toarray() or x.todense()), or pass engine='keras'",
    )


def shapes_of_batch(
    x: Any, y: Any, sample_weight: Any, class_weight: Any, batch_size: int
) -> ArrayTree:
    """Shapes and dtypes of a first batch of data that stay as they are: sparse arrays.

    Args:
        x: Inputs; each leaf has a shape `[sample, ...]`.
        y: Targets, likewise, or None.
        sample_weight: Likewise, `[sample]`.
        class_weight: By class; it makes weights of samples.
        batch_size: Samples a step.
    """

    def of_one(leaf: Any) -> jax.ShapeDtypeStruct:
        dtype = np.dtype(leaf.dtype)
        dtype = keras.config.floatx() if np.issubdtype(dtype, np.floating) else dtype
        shape = (min(batch_size, leaf.shape[0]), *leaf.shape[1:])
        return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype))  # type: ignore[no-untyped-call]

    if class_weight is not None:
        sample_weight = np.ones(np.shape(y)[0], keras.config.floatx())
    packed = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    return tree.map_structure(of_one, packed, none_is_leaf=False)


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
        steps_per_execution: Keras takes whole executions, of so many batches.
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
        steps_per_execution: int = 1,
    ) -> None:
        self._iterator = _BatchByBatch(
            x,
            y,
            sample_weight,
            batch_size=batch_size if is_packable(x, y, sample_weight) else None,
            steps_per_epoch=steps,
            shuffle=shuffle,
            class_weight=class_weight,
            steps_per_execution=steps_per_execution,
        )

    @property
    def count(self) -> int | None:
        """Batches an epoch; None where that is unknown."""
        count: int | None = self._iterator.num_batches
        return count

    @property
    def adapter(self) -> Any:
        """Keras's adapter of the data, which `keras.Model.fit` takes in their place."""
        return self._iterator.data_adapter

    def look(self) -> ArrayTree:
        """A first batch, without a word to the data that an epoch begins, and without taking it."""
        adapter = self._iterator.data_adapter
        if isinstance(adapter, PyDatasetAdapter):
            batches = [adapter._standardize_batch(adapter.py_dataset[0])]
        elif isinstance(adapter, GeneratorDataAdapter):
            batches = adapter._first_batches
        else:
            return next(iter(adapter.get_numpy_iterator()))
        return next(get_numpy_iterator(batches))

    def reset(self) -> None:
        """Start over, as Keras does after it has drawn a first batch."""
        self._iterator.reset()

    def epoch(self) -> Iterator[ArrayTree]:
        """Yield the batches of the next epoch, each leaf `[batch, ...]`."""
        with self._iterator.catch_stop_iteration():
            for _, _, batches in self._iterator:
                yield next(batches)
                for _ in range(self._iterator.steps_per_execution - 1):
                    try:
                        batch = next(batches)
                    except StopIteration:  # They end within an execution.
                        break
                    yield batch


class _BatchByBatch(EpochIterator):  # type: ignore[misc]  # Keras is untyped
    """Draws batches when they are asked for, as the iterator of Keras's JAX trainer does."""

    def __next__(self) -> Any:
        return next(self._epoch_iterator)


def split_last(x: Any, y: Any, sample_weight: Any, fraction: float) -> tuple[Any, Any]:
    """Split `(x, y, sample_weight)` as `validation_split` does; the last part is for validation."""
    train, valid = array_slicing.train_validation_split((x, y, sample_weight), fraction)
    return train, valid
