"""The data of a study: train and test arrays, class names, and a fingerprint of their bytes."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.data.checking import (
    CENTRED,
    PixelScale,
    check_kind,
    check_named,
    groups_of_sides,
)
from kohort.data.making.made_arrays import made_arrays
from kohort.data.making.windows import WINDOWS, are_windows
from kohort.data.raw_data import RawData, fingerprint_by_name
from kohort.data.tables.row_weights import checked_weights

if TYPE_CHECKING:
    import pandas as pd

    from kohort.data.tables.columns import Columns


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Train and test arrays.

    Inputs that are stored as uint8 are raw pixels. They stay so until the training step, which
    scales them to floats from -0.5 to 0.5 (see `pixels`). Rows of them may be flattened images, so
    they are scaled too, which `notes` tell, unless they hold 0 and 1 alone: give other numbers as
    another dtype. A model's input shape is `input_shape` either way. Other inputs become float32;
    targets become int32 or float32.

    Args:
        x_train: Inputs `[train sample, ...]`, uint8 or other numbers.
        y_train: Targets `[train sample, ...]`: class labels `[train sample]`, integers from 0, or
            text or truth values, which are numbered in the order of `class_names`; or other
            numbers. Floats `[train sample]` are labels too where all are whole, and
            `class_names` are given or every number from 0 to the highest is there. Labels from 1,
            whole, with none left out and two samples of each on average, are numbered from 0, and
            the classes named by what they were; floats `[train sample, 1]` stay numbers.
        x_test: Inputs `[test sample, ...]`, of the same sample shape and dtype; None, or no
            samples, where there is no test set.
        y_test: Targets `[test sample, ...]`, of the same shape and dtype for each sample.
        class_names: `[class]`, a name for each class, in the order of the labels; for targets
            `[sample, class]` of zeros and ones, one-hot or several labels a sample, a name for
            each column. None names them by their numbers, text in its order.
        name: What to call the data in a report.
        groups: `[train sample]`, the group (a font, a patient) that each sample belongs to, of
            any hashable kind. A group is never split between training and validation; where they
            are integers, the samples of a negative one always train.
        test_groups: `[test sample]`, their groups, named alike, where they are known: `kohort data
            check` finds those on both sides.
        groups_of: What they were made of, where nobody gave them; what reads images gives it.
        pixels: How raw pixels become inputs. Give it for arrays that are not uint8 if they were
            normalised from pixels; uint8 arrays have it anyway.
        unreadable: Names of files that should have been samples and could not be read.
        columns: How the inputs were made of the columns of a table; `from_frame` and `load` give
            it, and a saved model keeps it for `kohort predict`.
        notes: What was changed on reading, a sentence each; reports and commands show them.
        test_from: Where the test set comes from, in a few words; what reads or draws one gives it.
        source_rows: `[sample]`, training samples first, the row of the table that each was, from 0
            and without its header; `from_frame` and `load` give it. None of other data.
        source_files: `[sample]`, likewise, the name of the image file that each was.
        named: Whether models take a table's columns as inputs by name; see `by_name`.
        sample_weight: `[train sample]`, how much each counts in the loss, numbers of 0 or more: the
            `sample_weight` of studies on these data that are given none of their own.

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
    x_test: np.ndarray = None  # type: ignore[assignment]  # an array from __post_init__ on
    y_test: np.ndarray = None  # type: ignore[assignment]
    _: KW_ONLY
    class_names: Sequence[str] | None = None
    name: str | None = None
    groups: np.ndarray | None = None
    test_groups: np.ndarray | None = None
    groups_of: str = ""
    pixels: PixelScale | None = None
    unreadable: tuple[str, ...] = ()
    columns: "Columns | None" = None
    notes: tuple[str, ...] = ()
    test_from: str = "as the source gives them"
    source_rows: np.ndarray | None = None
    source_files: tuple[str, ...] | None = None
    raw: RawData | None = None
    named: bool = False
    sample_weight: np.ndarray | None = None

    def __post_init__(self) -> None:
        made = made_arrays(
            (self.x_train, self.x_test),
            (self.y_train, self.y_test),
            self.class_names,
            tells_rounding=self.columns is None,
            are_pixels=self.pixels is not None,
        )
        for field in ("x_train", "y_train", "x_test", "y_test", "class_names"):
            self._set(field, getattr(made, field))
        told = dict.fromkeys([*self.notes, *made.told])
        if self.groups is None and are_windows(self.x_train):
            told[WINDOWS] = None
        elif self.groups is not None:
            told.pop(WINDOWS, None)
        self._set("notes", tuple(told))
        if self.pixels is None and self.stores_pixels:
            self._set("pixels", CENTRED)
        groups = groups_of_sides(self.groups, self.test_groups, len(self.x_train), len(self.x_test))
        for field, of_side in zip(("groups", "test_groups"), groups, strict=True):
            self._set(field, of_side)
        if self.raw is not None:
            self.raw.check(len(self.x_train))
        if self.named:
            check_named(self.columns)
        self._set("sample_weight", checked_weights(self.sample_weight, len(self.x_train)))
        self._set("name", self.name or "data")
        check_kind("name", self.name, str, "text")
        check_kind("pixels", self.pixels, PixelScale | None, "a PixelScale")

    def _set(self, field: str, value: object) -> None:
        # The dataclass is frozen for its users; here its fields are still being made.
        object.__setattr__(self, field, value)

    @classmethod
    def from_frame(
        cls,
        frame: "pd.DataFrame",
        *,
        target: Hashable,
        group: Hashable | None = None,
        test: float | None = None,
        time: Hashable | None = None,
        sample_weight: Hashable | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """A dataset of a table, a row for each sample.

        Columns of numbers and truth values become inputs as they are; a column of text or
        categories an input of 0 and 1 for each category of the training rows. Missing cells become
        0, and a further input tells where they were. Nothing is learned from the values: scaling
        is for the model. A column of more than 100 different texts, or of moments, is left out.
        `notes` tell what was done, `feature_names` the inputs.

        Args:
            frame: The table, a `pandas.DataFrame`.
            target: The column to predict: classes (text, truth values, categories, few whole
                numbers), or numbers.
            group: The column of the group of each row, such as a patient, of any hashable kind.
            test: The part of the rows to hold out as the test set: whole groups, or as large a
                part of each class. None is a fifth, 0 none. The seed is always 0.
            time: The column of when each row came to be, moments or numbers; no input. The test
                set is the latest rows then, whole groups and all rows of one moment.
            sample_weight: The column of how much each row counts in the loss; no input.
            name: What to call the data in a report.

        Raises:
            DataError: A column is not there, a target, group, moment or weight is missing, or a
                cell cannot be read.

        Example:
            >>> import pandas as pd
            >>> pets = pd.DataFrame({"kg": [4, 9, 5, 30] * 5, "species": ["cat", "dog"] * 10})
            >>> kohort.Dataset.from_frame(pets, target="species", name="pets")
            Dataset('pets', 16 train and 4 test samples of (1,) float32, 2 classes)
        """
        from kohort.data.tables.frames import of_frame

        return cls(**of_frame(frame, target, group, test, time, sample_weight), name=name)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the inputs that a table's columns became; None of other data.

        Of data `by_name` they are the names of a model's inputs.

        Example:
            >>> data.feature_names is None
            True
        """
        if self.columns is None:
            return None
        return self.columns.names if self.named else self.columns.inputs

    @property
    def vocabularies(self) -> dict[str, tuple[str, ...]]:
        """The categories of each column that has them, by their codes in data `by_name`.

        As `keras.layers.StringLookup.get_vocabulary` they begin with "[UNK]": code 0 is a category
        that training rows do not have, and a missing cell.

        Example:
            >>> data.vocabularies
            {}
        """
        columns = () if self.columns is None else self.columns.columns
        return {each.name: each.vocabulary for each in columns if each.kind == "category"}

    def by_name(self) -> "Dataset":
        """The same data of a table, for models that take its columns as inputs by name.

        `inputs` gives a dictionary then, an array `[sample, 1]` for each of `feature_names`:
        numbers and truth values float32, where cells are missing `NAME is missing` beside them;
        categories by their codes, int32, the places in `vocabularies`. A model takes all or some
        of them, as `keras.Input((1,), name=NAME)`, and categories with `dtype="int32"`.

        Raises:
            DataError: The data are of no table, or Keras takes no input of a column's name.

        Example:
            >>> import pandas as pd
            >>> pets = {"kg": [4, 9] * 9, "fur": ["long", "short"] * 9, "is cat": [1, 0] * 9}
            >>> read = kohort.Dataset.from_frame(pd.DataFrame(pets), target="is cat", test=0)
            >>> named = read.by_name()
            >>> {name: array[:2, 0].tolist() for name, array in named.inputs(named.x_train).items()}
            {'kg': [4.0, 9.0], 'fur': [1, 2]}
            >>> named.vocabularies
            {'fur': ('[UNK]', 'long', 'short')}
        """
        check_named(self.columns)
        if self.columns is None or self.named:
            return self
        raw = self.raw and self.raw.by_name()
        return replace(self, named=True, raw=raw, notes=(*self.notes, self.columns.told_by_name))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, which a model takes: `keras.Input(data.input_shape)`.

        Of data `by_name` it is that of a row of `x_train`, and each of a model's inputs is `(1,)`.

        Example:
            >>> data.input_shape
            (5,)
        """
        return self.x_train.shape[1:]

    @property
    def classes(self) -> int | None:
        """The number of classes; None where the targets are no numbers of classes.

        Example:
            >>> data.classes
            5
        """
        return len(self.class_names) if self.class_names and self.y_train.ndim == 1 else None

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

        Of clean data it is also over what they were made of, which their splits depend on; of data
        `by_name` over that.

        Example:
            >>> again = kohort.Dataset(data.x_train, data.y_train, data.x_test, data.y_test)
            >>> again.fingerprint == data.fingerprint
            True
        """
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        if self.raw is not None:
            digest.update(self.raw.fingerprint.encode() + self.raw.rows.tobytes())
        plain = digest.hexdigest()
        return fingerprint_by_name(plain) if self.named else plain

    def inputs(self, x: np.ndarray) -> Any:
        """Samples as a model takes them: floats, scaled where they are raw pixels.

        Args:
            x: `[sample, ...]`, such as `x_train`.

        Returns:
            `[sample, ...]` float32 for raw pixels; of data `by_name` a dictionary, `[sample, 1]`
            by name; else `x` itself.

        Example:
            >>> letters = kohort.load("letters")
            >>> inputs = letters.inputs(letters.x_test)
            >>> inputs.shape, float(inputs.min()), float(inputs.max())
            ((1930, 28, 28), -0.5, 0.5)
        """
        if self.named and self.columns is not None:
            return self.columns.by_name(x)
        return self.scaled(x)

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """As `inputs`, as one array also of data `by_name`.

        Example:
            >>> data.scaled(data.x_train) is data.x_train
            True
        """
        return x if x.dtype != np.uint8 or self.pixels is None else self.pixels.scaled(x)

    def __str__(self) -> str:
        return "\n".join([repr(self), *self.notes])

    def __repr__(self) -> str:
        count = self.classes or 0
        classes = f"{count or 'no'} class{'es' * (count != 1)}"
        by_name = f"{len(self.feature_names or ())} inputs by name"
        shape = by_name if self.named else f"{self.input_shape} {self.x_train.dtype}"
        sides = f"{len(self.x_train)} train and {len(self.x_test) or 'no'} test samples"
        return f"Dataset({self.name!r}, {sides} of {shape}, {classes})"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in (repr(self), *self.notes))


def is_table(data: Dataset) -> bool:
    """Whether samples are rows of a table: one axis of numbers that are no pixels."""
    return data.pixels is None and data.x_train.ndim == 2


def is_windows(data: Dataset) -> bool:
    """Whether samples may be windows `[step, input]`: two axes of numbers that are no pixels."""
    return data.pixels is None and data.x_train.ndim == 3
