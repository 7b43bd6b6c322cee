"""The columns of a table as inputs of a model: numbers as they are, categories as 0 and 1."""

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from kohort.errors import DataError, row_text, shortened

UNKNOWN = "[UNK]"
"""What Keras's lookups call the category of code 0."""
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
_ZERO_IN_FRONT = re.compile(r"\s*[+-]?0\d+([.,]\d*)?([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Column:
    """One column of a table, and how inputs are made of it.

    Args:
        name: Its name.
        kind: "number"; "truth", which is 0 or 1; or "category", an input of 0 or 1 for each.
        categories: `[category]`, those that training rows have, ascending; empty for others.
        has_gaps: Whether cells of the table were missing. Its inputs are 0 there, and another
            input is 1.
    """

    name: str
    kind: Literal["number", "truth", "category"]
    categories: tuple[str, ...] = ()
    has_gaps: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs that are made of it."""
        values = tuple(f"{self.name}={category}" for category in self.categories)
        gaps = (f"{self.name} is missing",) * self.has_gaps
        return (values if self.kind == "category" else (self.name,)) + gaps

    def by_name(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Inputs `[row, 1]` by name, of `inputs` `[row, input]`: of categories one, of their codes.

        A code is the place of a category in `vocabulary`, int32; 0 where there is none of those
        known, or none at all. Other inputs stay as they are.
        """
        if self.kind == "category":
            # Of a row without a known category all are 0, and so the first place is the highest.
            known = np.insert(x[:, : len(self.categories)], 0, 0.5, axis=1)
            return {self.name: known.argmax(axis=1).astype(np.int32)[:, None]}
        return {name: x[:, [place]] for place, name in enumerate(self.inputs)}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those of `by_name`."""
        return (self.name,) if self.kind == "category" else self.inputs

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Its categories by their codes, as `StringLookup.get_vocabulary` gives them."""
        return (UNKNOWN, *self.categories)

    def encode(self, cells: pd.Series) -> np.ndarray:
        """Inputs of cells, float32 `[row, input]`.

        A category that is not known is 0 in each input, as is a missing one.

        Raises:
            DataError: A cell is no number or truth value, or missing where none was.
        """
        missing = cells.isna().to_numpy()
        if self.kind != "category" and missing.any() and not self.has_gaps:
            mend = "training had none: fill it, or leave the row out"
            raise self._wrong(missing, "an empty cell", mend)
        parts = [self._categories(cells) if self.kind == "category" else self._numbers(cells)]
        parts += [missing[:, None]] * self.has_gaps
        return np.concatenate(parts, axis=1).astype(np.float32)

    def unknown(self, cells: pd.Series) -> list[str]:
        """The text of each cell whose category is none of those known."""
        if self.kind != "category":
            return []
        present = texts(cells[cells.notna()])
        return present[~present.isin(self.categories)].tolist()

    def _categories(self, cells: pd.Series) -> np.ndarray:
        codes = pd.Index(self.categories).get_indexer(pd.Index(texts(cells)))
        present = cells.notna().to_numpy()
        is_it: np.ndarray = codes[:, None] == np.arange(len(self.categories))
        return is_it & present[:, None]

    def _numbers(self, cells: pd.Series) -> np.ndarray:
        if self.kind == "truth":
            numbers = texts(cells).str.lower().map(_TRUTH)
        else:
            numbers = pd.to_numeric(cells, errors="coerce")
        values = numbers.to_numpy(np.float64, na_value=np.nan)
        missing = cells.isna().to_numpy()
        wrong = ~(np.abs(values) <= np.finfo(np.float32).max) & ~missing
        if wrong.any():
            found = reprlib.repr(str(cells.iloc[int(wrong.argmax())]))
            is_truth = self.kind == "truth"
            wanted = "write true or false" if is_truth else "give a number that float32 holds"
            raise self._wrong(wrong, found, wanted + ", or empty it" * self.has_gaps)
        return np.where(missing, 0.0, values)[:, None]

    def _wrong(self, where: np.ndarray, found: str, mend: str) -> DataError:
        row = row_text(int(where.argmax()))
        of = "truth values" if self.kind == "truth" else "numbers"
        return DataError(f"{of} in column {self.name!r}", f"{found} in {row}", mend)


@dataclass(frozen=True)
class Columns:
    """How the inputs of a model are made of a table's rows; the same for training and prediction.

    Args:
        columns: Those that inputs are made of, in order.
        left_out: By name, those of texts that repeat, but are too many for inputs: int32
            `[table row]`, the number of the cell's text, -1 where it is missing. A check of data
            looks for groups in them; a saved model does not keep them.
        moments: By name, those of moments, or the one that was named as the time: int64
            `[table row]`, the place of the moment among the different ones, from 0, -1 where it is
            missing. A check of data measures by them whether targets are alike over time; a saved
            model does not keep them.
    """

    columns: tuple[Column, ...]
    left_out: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    moments: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of all inputs, in order."""
        return tuple(name for column in self.columns for name in column.inputs)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs of a model that takes them by name, in order."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def told_by_name(self) -> str:
        """What a model that takes them by name gets, as a sentence."""
        has_categories = any(column.kind == "category" for column in self.columns)
        codes = f"; of categories their codes, 0 for {UNKNOWN}" if has_categories else ""
        return f"models take {len(self.names):,} inputs by name: {listed(self.names)}{codes}"

    @property
    def are_numbers(self) -> bool:
        """Whether each column is one input of numbers, as it is."""
        return all(column.kind == "number" and not column.has_gaps for column in self.columns)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Inputs of rows, float32 `[row, input]`; other columns of the table are ignored.

        Raises:
            DataError: A column is not there, or a cell cannot be read.
        """
        lacking = [column.name for column in self.columns if column.name not in frame.columns]
        if lacking:
            plural = "s" * (len(lacking) > 1)
            raise DataError(
                f"the column{plural} {listed(list(map(repr, lacking)))} of the training data",
                f"a table of {listed(frame.columns)}",
                "give all columns that the model was trained on, by their names",
            )
        parts = [column.encode(frame[column.name]) for column in self.columns]
        return np.concatenate(parts, axis=1)

    def by_name(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of rows, `[row, 1]` by name, as `Column.by_name` makes them.

        Args:
            x: `[row, input]`, as `encode` gives them.
        """
        ends = np.cumsum([len(column.inputs) for column in self.columns])
        parts = np.split(x, ends[:-1], axis=1)
        named = [c.by_name(part) for c, part in zip(self.columns, parts, strict=True)]
        return {name: array for part in named for name, array in part.items()}

    def unknown(self, frame: pd.DataFrame) -> list[str]:
        """`column=category` of each cell whose category no training row has."""
        return [
            f"{column.name}={category}"
            for column in self.columns
            for category in column.unknown(frame[column.name])
        ]

    def unknown_gaps(self, frame: pd.DataFrame) -> dict[str, int]:
        """The missing cells of columns of categories in which none was missing, by their names."""
        certain = [
            each.name for each in self.columns if each.kind == "category" and not each.has_gaps
        ]
        counts = {name: int(frame[name].isna().sum()) for name in certain}
        return {name: count for name, count in counts.items() if count}

    def as_json(self) -> list[dict[str, Any]]:
        """All of it, for a file."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_json(cls, given: Sequence[Mapping[str, Any]]) -> "Columns":
        """What `as_json` wrote."""
        return cls(
            tuple(Column(**{**each, "categories": tuple(each["categories"])}) for each in given)
        )


def check_names_differ(names: Sequence[str], where: str = "") -> None:
    """Refuse two columns of one name.

    Args:
        names: The names.
        where: What follows in the error, such as " in FILE".

    Raises:
        DataError: There are two such.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        expected = f"columns of different names{where}"
        raise DataError(expected, f"two columns {twice!r}", "rename one")


def check_inputs_differ(columns: Sequence[Column]) -> None:
    """Refuse columns whose inputs get one name, as `a` with gaps and `a is missing` do.

    Raises:
        DataError: There are two such.
    """
    made_of: dict[str, str] = {}
    for column in columns:
        for name in column.inputs:
            if name in made_of:
                told = f"two called {name!r}, of the columns {made_of[name]!r} and {column.name!r}"
                raise DataError("inputs of different names", told, "rename or drop a column")
            made_of[name] = column.name


def texts(cells: pd.Series) -> pd.Series:
    """Cells as text, without the blanks around it."""
    return cells.astype(object).map(str).str.strip()


def zero_in_front(cells: pd.Series) -> str:
    """The first number with a zero before another digit, `007`, as codes have; "" where none has.

    As numbers, "007" and "7" would be one.

    Args:
        cells: Text; others have no such zero.
    """
    different = map(str, cells.dropna().unique())
    return next(filter(_ZERO_IN_FRONT.fullmatch, different), "").strip()


def listed(names: Sequence[object] | pd.Index) -> str:
    """The first names of a list, for a sentence."""
    shown = [text if len(text) <= 60 else f"{text[:57]}..." for text in map(str, names)]
    return shortened(shown, 10, rest="more")
