"""Checks what a dataset is given, and converts it to the dtypes that Keras computes with."""

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.data.encoding import is_missing, number_groups
from kohort.errors import DataError, reason, row_text

if TYPE_CHECKING:
    from kohort.data.tables.columns import Columns


@dataclass(frozen=True)
class PixelScale:
    """How a raw pixel (0 to 255) becomes a model input: `factor * pixel + offset`."""

    factor: float
    offset: float
    image: tuple[int, ...] = ()  # its shape, where it is a row of pixels and was no grey square

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """Inputs float32 of raw pixels, of the same shape."""
        scaled: np.ndarray = pixels.astype(np.float32) * np.float32(self.factor)
        return scaled + np.float32(self.offset)


CENTRED = PixelScale(1 / 255, -0.5)
_ONE_ARRAY = (
    "join them along the last axis, and take them apart in the model (x[:, :4]) or in the loss; "
    "kohort.fit takes several inputs and outputs"
)


def as_array(name: str, given: object) -> np.ndarray:
    """What was given, as an array of numbers `[sample, ...]`.

    Raises:
        DataError: NumPy cannot make an array of it, it holds something else than numbers, or some
            values are masked, NaN or infinite.
    """
    array = _converted(name, given)
    if array.dtype.kind not in "iufb" or array.ndim < 1:
        raise no_numbers(name, array, given)
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        raise _not_finite(name, ~finite, getattr(given, "columns", None))
    return array


def _not_finite(name: str, wrong: np.ndarray, columns: Any) -> DataError:
    """An error that tells how many samples hold NaN or infinity, and where the first does.

    Args:
        name: What they are called.
        wrong: bool `[sample, ...]`, where they do.
        columns: The names of the columns of a table; None where they have none.
    """
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    rows = int(wrong.reshape(len(wrong), -1).any(axis=1).sum())
    first = f"{row_text(int(place[0]))}{_column(tuple(map(int, place)), columns)}"
    return DataError(
        f"finite numbers in {name}",
        f"NaN or infinity in {rows:,} of {len(wrong):,} samples, the first in {first}",
        "drop or repair those samples",
    )


def _converted(name: str, given: object) -> np.ndarray:
    # As an array it would hold numbers where the mask says that there are none.
    if np.ma.is_masked(given):
        raise DataError(
            f"{name} without gaps", "masked values", "drop those samples or fill the gaps"
        )
    if isinstance(given, Mapping):
        raise DataError(f"{name} as one array", f"a dictionary of {len(given)}", _ONE_ARRAY)
    try:
        return np.asarray(given)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        if isinstance(given, list | tuple) and _are_parts(given):
            told = f"a {type(given).__name__} of {len(given)} arrays"
            raise DataError(f"{name} as one array", told, _ONE_ARRAY) from error
        raise DataError(
            f"{name} as an array of numbers",
            f"{type(given).__name__} that is none ({reason(error)})",
            "give samples of one shape",
        ) from error


def _are_parts(given: Sequence[object]) -> bool:
    """Whether these are arrays of as many samples each, as models of several inputs take them."""
    lengths = {len(part) if isinstance(part, np.ndarray) and part.ndim else 0 for part in given}
    return len(lengths) == 1 and lengths.pop() > len(given)


def no_numbers(name: str, array: np.ndarray, given: Any) -> DataError:
    """An error that tells how to make numbers of what an array holds.

    Args:
        name: What it is called: `y`, `y_test` and `y of validation_data` are targets.
        array: The array.
        given: What it was made of, such as a table, whose columns have names.
    """
    mend, such_as = "give each sample one or more numbers", ""
    is_target = re.match(r"y\b|y_", name) is not None
    if array.dtype.kind in "Mm":
        mend = "give moments as numbers, such as the days since the first"
    elif is_target and (rows := _without_label(array, given)):
        more = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
        such_as = f", with no label in {row_text(rows[0])}{more}"
        mend = "give every sample its label, or drop those without"
    elif array.dtype.kind in "OTUSV" and array.ndim:
        place = _first_that_is_no_number(array)
        if place is None:
            mend = "convert them by .astype('float32')"
        elif array[place] is not None:
            such_as = f", such as {reprlib.repr(array[place])}"
            such_as += _column(place, getattr(given, "columns", None))
            mend = (
                "number the classes: class_names, y = numpy.unique(y, return_inverse=True)"
                if is_target
                else "make numbers of text, moments and gaps; kohort.Dataset.from_frame does"
            )
    dtype = getattr(given, "dtype", array.dtype)
    return DataError(
        f"{name} as an array of numbers", f"shape {array.shape} of {dtype}{such_as}", mend
    )


def _without_label(array: np.ndarray, given: Any) -> list[int]:
    """The rows of targets `[sample]` that are missing, such as None and NaN beside text."""
    if array.ndim != 1 or array.dtype.kind not in "OTU":
        return []
    # NumPy makes the text "nan" of a NaN in a list of text.
    labels = given if isinstance(given, list | tuple) else array
    return [
        n for n, label in enumerate(labels) if not hasattr(label, "__len__") and is_missing(label)
    ]


def _first_that_is_no_number(array: np.ndarray) -> tuple[int, ...] | None:
    """The place of the first entry that does not become a number; None where all do."""
    try:
        array.astype(np.float32)
    except (ValueError, TypeError, OverflowError):
        for place, value in np.ndenumerate(array):
            try:
                float(value)
            except (ValueError, TypeError, OverflowError):
                return place
        return (0,) * array.ndim
    return None


def _column(place: tuple[int, ...], columns: Any) -> str:
    if len(place) != 2:
        return ""
    return f" in column {place[1] if columns is None else repr(columns[place[1]])}"


def checked_groups(given: Any, samples: int) -> np.ndarray:
    """The groups of samples as integers `[sample]`; integers stay what they are.

    Raises:
        DataError: They are of another number, or a sample has none.
    """
    is_listed = isinstance(given, list | tuple)
    if not is_listed or all(isinstance(group, int | np.integer) for group in given):
        given = _converted("groups", given)
    shape = (len(given),) if is_listed else given.shape
    if shape != (samples,):
        raise DataError(
            f"a group for each of the {samples} training samples",
            f"groups of shape {shape}",
            "give as many as x_train has samples",
        )
    if isinstance(given, np.ndarray) and given.dtype.kind in "iu":
        return given
    return number_groups(given)


def groups_of_sides(
    train: Any, test: Any, samples: int, test_samples: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The groups of training and of test samples, as integers; None where they are not known.

    Raises:
        DataError: They are of another number, a sample has none, or those of training samples miss.
    """
    if test is None:
        return (None if train is None else checked_groups(train, samples)), None
    sizes = [len(side) if hasattr(side, "__len__") else None for side in (train, test)]
    if sizes != [samples, test_samples]:
        raise DataError(
            f"groups of the {samples} training and test_groups of the {test_samples} test samples",
            " and ".join("none" if size is None else str(size) for size in sizes),
            "give one for each sample",
        )
    if all(isinstance(side, np.ndarray) and side.dtype.kind in "iu" for side in (train, test)):
        return checked_groups(train, samples), checked_groups(test, test_samples)
    numbered = checked_groups([*train, *test], samples + test_samples)
    return numbered[:samples], numbered[samples:]


def check_named(columns: "Columns | None") -> None:
    """Refuse inputs by name of data that are no table, and names that Keras takes for none.

    Raises:
        DataError: They are such.
    """
    if columns is None:
        raise DataError(
            "a table, whose columns have names, for inputs by name",
            "arrays without any",
            "read it by kohort.load or Dataset.from_frame",
        )
    names = columns.names
    wrong = next((n for n in names if not n or "/" in n or names.count(n) > 1), None)
    if wrong is not None:
        raise DataError(
            "columns that can name a model's inputs: each another, and no / in it",
            repr(wrong),
            "rename the column",
        )


def check_kind(what: str, given: object, kind: type | UnionType, told: str) -> None:
    """Refuse an argument of another type.

    Raises:
        DataError: It is of another type.
    """
    if not isinstance(given, kind):
        raise DataError(f"{what} as {told}", reprlib.repr(given), "give it so, or leave it out")


def are_labels(train: np.ndarray, test: np.ndarray, *, named: bool) -> bool:
    """Whether targets are class labels: `[sample]` or `[sample, 1]`, and integers.

    Floats `[sample]`, as from a file that has only floats, are labels where all are whole, and
    the classes have names or the training samples have every number from 0 to the highest.

    Args:
        train: Of the training samples.
        test: Of the test samples.
        named: Whether the classes have names.
    """
    if any(y.ndim != 1 and y.shape[1:] != (1,) for y in (train, test)):
        return False
    if train.dtype.kind != "f" and test.dtype.kind != "f":
        return True
    # A column of floats stays one: some metrics of Keras, such as F1Score, need it.
    if train.ndim == 2 or not all((y == np.rint(y)).all() for y in (train, test)):
        return False
    values = np.unique(train)
    return named or (len(values) > 1 and bool((values == np.arange(len(values))).all()))


def converted_targets(name: str, y: np.ndarray, *, to_labels: bool) -> np.ndarray:
    """Targets as Keras computes with them: labels `[sample]` int32; else int32 or float32.

    Args:
        name: What they are called.
        y: The targets.
        to_labels: Whether they are class labels.

    Raises:
        DataError: The dtype cannot hold them.
    """
    if to_labels:
        return narrow(name, y.reshape(len(y)), np.int32)
    return narrow(name, y, np.int32 if y.dtype.kind in "iub" else np.float32)


def narrow(name: str, array: np.ndarray, dtype: type[np.number]) -> np.ndarray:
    """The same numbers in another dtype.

    Raises:
        DataError: The dtype cannot hold them: float32 would be infinite, int32 another number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        narrowed: np.ndarray = array.astype(dtype, copy=False)
    kept = np.isfinite(narrowed).all() if dtype is np.float32 else (narrowed == array).all()
    if not kept:
        raise DataError(
            f"numbers in {name} that {np.dtype(dtype)} holds",
            f"values from {array.min()} to {array.max()}",
            "scale them, or number the classes from 0",
        )
    return narrowed


def check_side(side: str, x: np.ndarray, y: np.ndarray) -> None:
    """Refuse inputs and targets of unequal length, and samples without numbers.

    Raises:
        DataError: They are such.
    """
    if len(x) != len(y) or len(x) == 0:
        raise DataError(
            f"x_{side} and y_{side} of equal length, one sample at least",
            f"{len(x)} inputs and {len(y)} targets",
            "give each sample its target",
        )
    for name, array in ((f"x_{side}", x), (f"y_{side}", y)):
        if array.size == 0:
            raise DataError(
                f"{name} with a number at least in each sample",
                f"shape {array.shape}",
                "leave no axis empty",
            )


def test_arrays(
    given_x: object, given_y: object, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The test arrays as they were given; no samples like `x` and `y` where there are none.

    Raises:
        DataError: They are no arrays of numbers, or one is lacking.
    """
    given = {
        name: as_array(name, side)
        for name, side in (("x_test", given_x), ("y_test", given_y))
        if side is not None
    }
    if not any(map(len, given.values())):
        return x[:0], y[:0]
    if len(given) == 1:
        raise DataError("x_test and y_test, or neither", f"{next(iter(given))} alone", "give both")
    check_side("test", *given.values())
    return given["x_test"], given["y_test"]


def check_alike(what: str, train: np.ndarray, test: np.ndarray) -> None:
    """Refuse test samples of another shape or dtype than the training samples.

    Raises:
        DataError: They are such.
    """
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise DataError(
            f"test {what} like the training {what}, {train.shape[1:]} {train.dtype}",
            f"{test.shape[1:]} {test.dtype}",
            "prepare both in the same way",
        )
