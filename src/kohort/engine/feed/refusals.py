"""Refuses arrays on which `kohort.fit` would fail inside NumPy or JAX, and warns of others."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import keras
import numpy as np

from kohort.data.checking import no_numbers
from kohort.errors import DataError
from kohort.keras_api.arrays import is_packable
from kohort.keras_api.models import class_axis, overridden

_NO_NUMBERS = "OSTUMm"
"""Kinds of NumPy's dtypes that are objects, text, dates and durations."""


def check_arrays(arrays: Mapping[str, Any]) -> None:
    """Refuse single numbers, arrays without samples, and arrays without numbers.

    Of a `keras.utils.PyDataset`, and whatever else tells how many batches it has, that is checked
    alone. Generators are not checked, nor is text on backends other than JAX,
    some of which have layers for it.

    Args:
        arrays: By the name of the argument, an array `[sample, ...]`, or a dict or list of arrays.

    Raises:
        DataError: One of them cannot be trained on.
    """
    for name, given in arrays.items():
        _check_batches(name, given)
        for leaf in keras.tree.flatten(given):
            if isinstance(leaf, Number) or hasattr(leaf, "__array__"):
                _check_samples(name, given, leaf)
                _check_numbers(name, leaf)


def check_targets(models: Sequence[keras.Model], x: Any, y: Any, name: str) -> None:
    """Refuse missing targets that a loss needs, and class numbers of another rank than outputs.

    Args:
        models: The models that train on them; one that overrides its loss may need no targets.
        x: Inputs `[sample, ...]`.
        y: Targets `[sample, ...]`; None if there are none.
        name: The name of the targets, for messages.

    Raises:
        DataError: They are not targets for the loss of one of the models.
    """
    if x is None or not is_packable(x, y):
        return
    for loss, shape in [(m.loss, _output_shape(m)) for m in models if _computes_as_keras(m)]:
        if y is None and isinstance(loss, str | keras.losses.Loss):
            loss_name = loss if isinstance(loss, str) else loss.name
            raise DataError(
                f"{name}, which the loss {loss_name} compares outputs with",
                "none",
                "give an array [sample, ...]",
            )
        if _takes_class_numbers(loss) and shape is not None and hasattr(y, "shape"):
            _check_class_numbers(name, tuple(y.shape), len(shape) - 1)


def warn_of_labels(models: Sequence[keras.Model], y: Any, name: str) -> None:
    """Warn, in one line, of class numbers that have no output: such samples have no loss.

    Keras's one-hot row of such a number is zero on JAX, so that nothing is learned of the sample.
    The numbers stay Keras's.

    Args:
        models: The models that train on them.
        y: Targets. Those on a disk are not read for this.
        name: Their name.
    """
    is_there = isinstance(y, np.ndarray) or keras.ops.is_tensor(y) or hasattr(y, "to_numpy")
    short = [(m.name, n) for m in models if (n := _outputs_for_classes(m)) is not None]
    if not short or not is_there or keras.backend.backend() != "jax":
        return
    labels = np.asarray(y)
    low, high, (model, outputs) = labels.min(), labels.max(), min(short, key=lambda s: s[1])
    if (low >= 0 and high < outputs) or not np.isfinite(high - low):
        return
    shift = f"{name} {'-' if low > 0 else '+'} {abs(low):g}"
    mend = (
        f"number the classes from 0, such as by {shift}"
        if low and high - low < outputs
        else "number the classes from 0, and give the last layer a unit for each"
    )
    warnings.warn(
        f"{name} holds class numbers from {low:g} to {high:g}, and model {model!r} has outputs for "
        f"0 to {outputs - 1}: Keras on JAX learns nothing of samples with other numbers; {mend}",
        stacklevel=4,
    )


def _outputs_for_classes(model: keras.Model) -> int | None:
    """How many classes a model has outputs for; None where that is not known."""
    loss = model.loss if _computes_as_keras(model) else None
    shape = _output_shape(model)
    is_usual = getattr(loss, "ignore_class", None) is None and class_axis(loss) == -1
    return shape[-1] if shape and is_usual and _takes_class_numbers(loss) else None


def _check_batches(name: str, given: Any) -> None:
    """Refuse what yields no batch: Keras ends in an error of its own loop there, or evaluates none.

    And a list or dictionary of no arrays.
    """
    if given is None or hasattr(given, "shape") or hasattr(given, "__next__"):
        return
    try:
        count = given.num_batches if isinstance(given, keras.utils.PyDataset) else len(given)
    except (TypeError, NotImplementedError):  # It has no length, or does not know it.
        return
    if count != 0:
        return
    if isinstance(given, list | tuple | dict):
        raise DataError(
            f"one array at least in {name}", f"an empty {type(given).__name__}", "give some"
        )
    raise DataError(
        f"one batch at least in {name}",
        f"a {type(given).__name__} of length 0",
        "see what it is made of, and how its length is computed",
    )


def _check_samples(name: str, given: Any, leaf: Any) -> None:
    shape = tuple(getattr(leaf, "shape", ()))
    if not shape:
        received = f"the number {leaf}" if isinstance(leaf, Number) else "shape ()"
        raise DataError(
            f"{name} as an array [sample, ...]",
            received if leaf is given else f"a {type(given).__name__} with {received}",
            "make it an array with a row for each sample, such as by numpy.asarray",
        )
    if shape[0] == 0:
        raise DataError(f"one sample at least in {name}", f"shape {shape}", "give some")


def _check_numbers(name: str, leaf: Any) -> None:
    if keras.backend.backend() != "jax":
        return
    # A table of pandas has a dtype for each column.
    for dtype in [leaf.dtype] if hasattr(leaf, "dtype") else getattr(leaf, "dtypes", ()):
        # Dtypes of NumPy's extensions, such as bfloat16, have the kind of raw bytes too.
        is_raw = getattr(dtype, "type", None) is np.void
        if is_raw or getattr(dtype, "kind", "f") in _NO_NUMBERS:
            raise no_numbers(name, np.asarray(leaf), leaf)


def _check_class_numbers(name: str, shape: tuple[int, ...], rank: int) -> None:
    labels = shape[:-1] if len(shape) > rank and shape[-1] == 1 else shape
    if len(labels) != rank:
        raise DataError(
            f"{name} of rank {rank}, class numbers for the loss sparse_categorical_crossentropy",
            f"shape {shape}",
            "number the classes, such as by .argmax(axis=-1) of one-hot rows, or compile with "
            "another loss",
        )


def _computes_as_keras(model: keras.Model) -> bool:
    """Whether Keras computes the loss of a model, from the targets as they are."""
    computing = ("fit", "train_step", "test_step", "compute_loss")
    return not overridden(model, computing) and hasattr(model, "loss")


def _takes_class_numbers(loss: Any) -> bool:
    return (
        isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
        or loss == "sparse_categorical_crossentropy"
        or loss is keras.losses.sparse_categorical_crossentropy
    )


def _output_shape(model: keras.Model) -> tuple[int | None, ...] | None:
    """The shape `(sample, ...)` of the only output; None if there are several, or if unknown."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or any(isinstance(axis, tuple) for axis in shape):
        return None
    return shape
