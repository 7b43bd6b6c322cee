"""Makes the arrays of a dataset: whatever was given becomes what Keras computes with."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kohort.data.checking import (
    are_labels,
    as_array,
    check_alike,
    check_side,
    converted_targets,
    narrow,
    test_arrays,
)
from kohort.data.encoding import from_one, names_of_classes, numbered_by_name, told_of_gaps
from kohort.data.tables.rounding import told_of_arrays

AS_PIXELS = "are read as pixels"
"""What is told of bytes that may be no pixels."""
_BYTES_ARE_PIXELS = (
    f"the inputs are bytes (uint8), which {AS_PIXELS} and scaled from 0 .. 255 to -0.5 .. 0.5; if "
    "they are none, give them as another type, x.astype('float32')"
)
_BYTES_ARE_NUMBERS = (
    "the inputs are bytes (uint8), all 0 or 1: they are taken as these numbers, not as pixels"
)


_NAMES_ARE_LOST = (
    "the names of the columns are not kept: kohort.Dataset.from_frame(frame, target=...) keeps them"
)


class MadeArrays(NamedTuple):
    """The arrays of a dataset, and what was made of its targets.

    Args:
        x_train: Inputs `[train sample, ...]`, uint8 or float32.
        y_train: Targets `[train sample, ...]`, int32 or float32.
        x_test: Inputs `[test sample, ...]`, of the same sample shape and dtype.
        y_test: Targets `[test sample, ...]`, likewise.
        class_names: `[class]`; None where the targets are no class labels.
        told: What was changed, and what is odd about it, a sentence each.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...] | None
    told: tuple[str, ...]


def made_arrays(
    x: tuple[Any, Any],
    y: tuple[Any, Any],
    names: Sequence[str] | None,
    *,
    tells_rounding: bool,
    are_pixels: bool = False,
) -> MadeArrays:
    """The arrays of a dataset.

    Args:
        x: Inputs of the training samples and of the test samples, as they were given.
        y: Their targets, likewise.
        names: `[class]`; None where nobody has named the classes.
        tells_rounding: Whether to tell of numbers that float32 makes equal, by their places. Of a
            table that has been told by the names of its columns.
        are_pixels: Whether bytes are known to be pixels. Else rows of them may be something else.

    Raises:
        DataError: An array is none of finite numbers with a row for each sample, the arrays do not
            fit together, or labels are out of range.
    """
    told = [_NAMES_ARE_LOST] if hasattr(x[0], "columns") else []
    *targets, names = numbered_by_name(*y, names) or (*y, names)
    x_train, y_train = as_array("x_train", x[0]), as_array("y_train", targets[0])
    check_side("train", x_train, y_train)
    x_test, y_test = test_arrays(x[1], targets[1], x_train, y_train)
    if (numbers := from_one(y_train, y_test, names)) is not None:
        told.append(f"targets 1 to {len(numbers)} are classes of these names, numbered from 0")
        names, y_train, y_test = numbers, y_train - 1, y_test - 1
    to_labels = are_labels(y_train, y_test, named=names is not None)
    # Of what was given: afterwards nothing is left to tell.
    rounded = told_of_arrays(x_train, None if to_labels else y_train) if tells_rounding else []
    told_bytes = "" if are_pixels else _told_of_bytes(x_train, x_test)
    keeps = told_bytes != _BYTES_ARE_NUMBERS
    x_train = _inputs("x_train", x_train, keeps_bytes=keeps)
    x_test = _inputs("x_test", x_test, keeps_bytes=keeps)
    y_train = converted_targets("y_train", y_train, to_labels=to_labels)
    y_test = converted_targets("y_test", y_test, to_labels=to_labels)
    check_alike("inputs", x_train, x_test)
    check_alike("targets", y_train, y_test)
    told += [*told_of_gaps(y_train, y_test, names), *rounded, *filter(None, [told_bytes])]
    classes = names_of_classes(y_train, y_test, names)
    return MadeArrays(x_train, y_train, x_test, y_test, classes, tuple(told))


def _told_of_bytes(x_train: np.ndarray, x_test: np.ndarray) -> str:
    """What rows of bytes are taken for; "" of other inputs, and of images, which have more axes.

    Such rows may be flattened images, answers of yes and no, counts or tokens. Pixels that are all
    0 or 1 of 255 would be black, and scaled they would hardly differ.
    """
    sides = (x_train, x_test)
    if any(side.dtype != np.uint8 or side.ndim > 2 for side in sides):
        return ""
    return _BYTES_ARE_NUMBERS if max(_highest(side) for side in sides) <= 1 else _BYTES_ARE_PIXELS


def _highest(side: np.ndarray) -> int:
    return int(side.max()) if side.size else 0


def _inputs(name: str, array: np.ndarray, *, keeps_bytes: bool) -> np.ndarray:
    """Inputs as a dataset keeps them: raw pixels uint8, all others float32."""
    is_kept = keeps_bytes and array.dtype == np.uint8
    return array if is_kept else narrow(name, array, np.float32)
