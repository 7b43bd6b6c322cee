"""The data of a study: train and test arrays, class names, and a fingerprint of their bytes."""

import hashlib
import re
import reprlib
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from types import UnionType

import numpy as np

from kohort.errors import DataError, reason

MOST_CLASSES = 2**20
"""Labels that reach higher are taken for numbers that are no classes, such as prices."""

# Half of a character beyond 16 bits, which no file in UTF-8 can hold.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class PixelScale:
    """How a raw pixel (0 to 255) becomes a model input: `factor * pixel + offset`."""

    factor: float
    offset: float


CENTRED = PixelScale(1 / 255, -0.5)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Train and test arrays.

    Inputs that are stored as uint8 are raw pixels. They stay so until the training step, which
    scales them to floats from -0.5 to 0.5 (see `pixels`). A model's input shape is `input_shape`
    either way. Other inputs become float32; targets become int32 or float32.

    Args:
        x_train: Inputs `[train sample, ...]`, uint8 or other numbers.
        y_train: Targets `[train sample, ...]`: class labels `[train sample]`, integers from 0; or
            other numbers.
        x_test: Inputs `[test sample, ...]`, of the same sample shape and dtype.
        y_test: Targets `[test sample, ...]`, of the same shape and dtype for each sample.
        class_names: `[class]`, a name for each class, in the order of the labels. None names
            them by their labels.
        name: What to call the data in a report.
        groups: `[train sample]`, the integer number of the group (a font, a patient) that each
            sample belongs to. A group is never split between training and validation; the samples
            of a negative one always train.
        pixels: How raw pixels become inputs. Give it for arrays that are not uint8 if they were
            normalised from pixels; uint8 arrays have it anyway.
        unreadable: Names of files that should have been samples and could not be read.

    Raises:
        DataError: An array is none of finite numbers with a row for each sample, the arrays do not
            fit together, or labels are out of range.

    Example:
        >>> import kohort
        >>> import numpy as np
        >>> x, y = np.random.default_rng(0).normal(size=(1000, 4)), np.arange(1000) % 3
        >>> kohort.Dataset(x[:900], y[:900], x[900:], y[900:], name="mine")
        Dataset('mine', 900 train and 100 test samples of (4,) float32, 3 classes)
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    _: KW_ONLY
    class_names: Sequence[str] | None = None
    name: str | None = None
    groups: np.ndarray | None = None
    pixels: PixelScale | None = None
    unreadable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for side in ("train", "test"):
            x, y = (_array(f"{axis}_{side}", getattr(self, f"{axis}_{side}")) for axis in "xy")
            _check_side(side, x, y)
            self._set(
                f"x_{side}", x if x.dtype == np.uint8 else _narrow(f"x_{side}", x, np.float32)
            )
            self._set(f"y_{side}", _targets(f"y_{side}", y))
        _check_alike("inputs", self.x_train, self.x_test)
        _check_alike("targets", self.y_train, self.y_test)
        if self.pixels is None and self.stores_pixels:
            self._set("pixels", CENTRED)
        if self.groups is not None:
            self._set("groups", _checked_groups(self.groups, len(self.x_train)))
        self._set("class_names", self._named_classes())
        self._set("name", self.name or "data")
        _check_kind("name", self.name, str, "text")
        _check_kind("pixels", self.pixels, PixelScale | None, "a PixelScale")

    def _set(self, field: str, value: object) -> None:
        # The dataclass is frozen for its users; here its fields are still being made.
        object.__setattr__(self, field, value)

    def _named_classes(self) -> tuple[str, ...] | None:
        if self.y_train.ndim != 1 or self.y_train.dtype.kind != "i":
            return None
        labels = np.concatenate([self.y_train, self.y_test])
        if labels.max() >= MOST_CLASSES:
            raise DataError(
                f"labels of fewer than {MOST_CLASSES:,} classes",
                f"a label {labels.max()}",
                "number the classes from 0, or give targets that are no classes as floats",
            )
        names = (
            tuple(str(label) for label in range(int(labels.max()) + 1))
            if self.class_names is None
            else _checked_names(self.class_names)
        )
        if labels.min() < 0 or labels.max() >= len(names):
            raise DataError(
                f"labels from 0 to {max(0, len(names) - 1)}, one for each class name",
                f"labels from {labels.min()} to {labels.max()}",
                "number the classes from 0, or give every class a name",
            )
        return names

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, which a model takes: `keras.Input(data.input_shape)`.

        Example:
            >>> data.input_shape
            (5,)
        """
        return self.x_train.shape[1:]

    @property
    def classes(self) -> int | None:
        """The number of classes; None where the targets are no class labels.

        Example:
            >>> data.classes
            5
        """
        return len(self.class_names) if self.class_names else None

    @property
    def stores_pixels(self) -> bool:
        """Whether the inputs are raw uint8 pixels.

        Example:
            >>> data.stores_pixels, kohort.load("letters").stores_pixels
            (False, True)
        """
        return self.x_train.dtype == np.uint8

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shapes, dtypes and bytes of the four arrays, 64 hexadecimal digits.

        Example:
            >>> again = kohort.Dataset(data.x_train, data.y_train, data.x_test, data.y_test)
            >>> again.fingerprint == data.fingerprint
            True
        """
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """Samples as a model takes them: floats, scaled where they are raw pixels.

        Args:
            x: `[sample, ...]`, such as `x_train`.

        Returns:
            `[sample, ...]` float32 for raw pixels; else `x` itself.

        Example:
            >>> letters = kohort.load("letters")
            >>> inputs = letters.inputs(letters.x_test)
            >>> inputs.shape, float(inputs.min()), float(inputs.max())
            ((1930, 28, 28), -0.5, 0.5)
        """
        if x.dtype != np.uint8 or self.pixels is None:
            return x
        scaled: np.ndarray = x.astype(np.float32) * np.float32(self.pixels.factor)
        return scaled + np.float32(self.pixels.offset)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.x_train)} train and {len(self.x_test)} test samples "
            f"of {self.input_shape} {self.x_train.dtype}, "
            + (f"{self.classes} classes)" if self.classes else "no classes)")
        )


def _array(name: str, given: object) -> np.ndarray:
    """What was given, as an array.

    Raises:
        DataError: NumPy cannot make an array of it, or some values are masked.
    """
    # As an array it would hold numbers where the mask says that there are none.
    if np.ma.is_masked(given):
        raise DataError(
            f"{name} without gaps", "masked values", "drop those samples or fill the gaps"
        )
    try:
        return np.asarray(given)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        raise DataError(
            f"{name} as an array of numbers",
            f"{type(given).__name__} that is none ({reason(error)})",
            "give samples of one shape",
        ) from error


def _checked_groups(given: object, samples: int) -> np.ndarray:
    groups = _array("groups", given)
    if groups.shape != (samples,) or groups.dtype.kind not in "iu":
        raise DataError(
            f"an integer for each of the {samples} training samples",
            f"groups of shape {groups.shape}, {groups.dtype}",
            "number the groups, and give them the length of x_train",
        )
    return groups


def _checked_names(given: Sequence[str]) -> tuple[str, ...]:
    names = tuple(given) if np.iterable(given) else ()
    are_text = all(isinstance(n, str) and n and not _HALF.search(n) for n in names)
    if not names or not are_text or len(set(names)) < len(names):
        raise DataError(
            "class_names as text, each another",
            reprlib.repr(given),
            "give every class another name, in the order of the labels",
        )
    return names


def _check_kind(what: str, given: object, kind: type | UnionType, told: str) -> None:
    if not isinstance(given, kind):
        raise DataError(f"{what} as {told}", reprlib.repr(given), "give it so, or leave it out")


def _targets(name: str, y: np.ndarray) -> np.ndarray:
    """Targets as Keras computes with them: labels `[sample]` int32, or `[sample, ...]` float32."""
    if y.dtype.kind not in "iub":
        return _narrow(name, y, np.float32)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    return _narrow(name, y, np.int32)


def _narrow(name: str, array: np.ndarray, dtype: type[np.number]) -> np.ndarray:
    """The same numbers in another dtype.

    Raises:
        DataError: The dtype cannot hold them: float32 would be infinite, int32 another number.
    """
    with np.errstate(over="ignore"):
        narrow: np.ndarray = array.astype(dtype, copy=False)
    kept = np.isfinite(narrow).all() if dtype is np.float32 else (narrow == array).all()
    if not kept:
        raise DataError(
            f"numbers in {name} that {np.dtype(dtype)} holds",
            f"values from {array.min()} to {array.max()}",
            "scale them, or number the classes from 0",
        )
    return narrow


def _check_side(side: str, x: np.ndarray, y: np.ndarray) -> None:
    for name, array in ((f"x_{side}", x), (f"y_{side}", y)):
        if array.dtype.kind not in "iufb" or array.ndim < 1:
            raise DataError(
                f"{name} as an array of numbers",
                f"shape {array.shape} of {array.dtype}",
                "give each sample one or more numbers, such as by .astype('float32')",
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DataError(
                f"finite numbers in {name}", "NaN or infinity", "drop or repair those samples"
            )
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


def _check_alike(what: str, train: np.ndarray, test: np.ndarray) -> None:
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise DataError(
            f"test {what} like the training {what}, {train.shape[1:]} {train.dtype}",
            f"{test.shape[1:]} {test.dtype}",
            "prepare both in the same way",
        )
