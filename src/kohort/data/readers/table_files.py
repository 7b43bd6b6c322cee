"""Reads tables, CSV and Parquet, whose rows are samples."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from kohort.data.system import absent, check_room
from kohort.data.tables.columns import check_names_differ, listed, zero_in_front
from kohort.data.tables.written_numbers import have_decimal_commas
from kohort.errors import DataError, reason

SEPARATORS = ",;\t|"
_SOME_LINES = 1000
_CHUNK = 10_000
"""Rows that are looked at at once, so that a large file need not be in memory as text."""

DAMAGE = (OSError, ValueError, LookupError, TypeError, OverflowError, RuntimeError, AttributeError)
"""Errors that pandas, pyarrow and JSON raise on damaged files; many are subclasses of theirs."""


class CsvTable(NamedTuple):
    """What a CSV file holds.

    Args:
        frame: Its rows. Where two columns have one name, pandas calls the second one `name.1`.
        told: What was made of it, in sentences.
        names: The names of columns as its first line has them, some of them perhaps empty.
    """

    frame: pd.DataFrame
    told: list[str]
    names: list[str]

    def check_names(self, path: Path) -> None:
        """Refuse two columns of one name.

        Raises:
            DataError: There are such.
        """
        check_names_differ(list(filter(None, self.names)), f" in {path}")


def read_csv(path: Path, text: Mapping[str, Sequence[str]] | None = None) -> CsvTable:
    """A CSV file, its first line the names of columns.

    Its separator is the most frequent of comma, semicolon, tab and bar in the first line. Beside
    others than commas, numbers may have decimal commas. A first column without a name that numbers
    the rows is left out.

    Args:
        path: The file.
        text: The columns whose cells stay text where they look like numbers; of each the texts
            that stay where they look like none, as NA. None for the columns in which a cell has a
            zero before another digit: as numbers, the codes 01 and 1 were one.

    Raises:
        DataError: It is no such file, holds no row, has a row of fewer or more cells than columns,
            or ends within a cell.
    """
    told: list[str] = []
    names: list[str] = []
    codes: dict[str, str] = {}

    def read() -> pd.DataFrame:
        separator = separator_of(path)
        decimal = "."
        if separator != ",":
            told.append(f"columns are separated by {separator!r}")
            some = pd.read_csv(path, sep=separator, dtype=str, nrows=_SOME_LINES)
            if have_decimal_commas(some, separator, f"in {path}"):
                told.append("numbers have decimal commas")
                decimal = ","
        options = {"sep": separator, "decimal": decimal, "skipinitialspace": True}
        frame, found = _with_codes(path, text, options)
        codes.update(found)
        # Only then may pandas have filled a row up.
        if len(frame) and frame.iloc[:, -1].isna().any():
            _check_lengths(path, separator, len(frame))
        if len(frame):
            _check_names(path, frame)
            _check_last_cell(path, frame.iloc[:, -1])
        names.extend(_names(path, separator))
        return frame

    frame = _read(path, "a CSV file, the names of its columns in the first line", read)
    if _numbers_rows(frame):
        told.append("the first column, which has no name and numbers the rows, is left out")
        frame = frame.iloc[:, 1:]
    told += _told_of_codes({name: cell for name, cell in codes.items() if name in frame})
    unnamed = [f"Unnamed: {place}" for place, name in enumerate(names) if not name]
    if unnamed := [name for name in unnamed if name in frame.columns]:
        told.append(f"columns without a name, called so by their place: {', '.join(unnamed)}")
    return CsvTable(frame, told, names)


def read_parquet(path: Path) -> pd.DataFrame:
    """A Parquet file.

    Raises:
        DataError: It is no such file, holds no row, or pyarrow is not installed.
    """

    def read() -> pd.DataFrame:
        from pyarrow import parquet

        return whole_frame(parquet.ParquetFile(path).read())

    return _read(path, "a Parquet file", read)


def whole_frame(table: Any) -> pd.DataFrame:
    """The frame of an Arrow table, whose text is checked: pandas would fail where it is used.

    Raises:
        ValueError: The table is damaged.
    """
    import pyarrow as pa

    try:
        table.validate(full=True)
        frame: pd.DataFrame = table.to_pandas()
    except pa.ArrowException as error:  # some of which are no ValueErrors
        raise ValueError(reason(error)) from error
    return frame


def _read(path: Path, told: str, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    try:
        check_room(path.stat().st_size, str(path))
        frame = read()
    except DataError:
        raise
    except ImportError as error:
        raise DataError(
            "pyarrow, which reads Parquet", "none installed", "pip install 'kohort[parquet]'"
        ) from error
    except FileNotFoundError as error:
        raise absent(path) from error
    except DAMAGE as error:
        is_other_text = isinstance(error, UnicodeDecodeError)
        mend = "save the table again" + ", as CSV in UTF-8" * is_other_text
        raise DataError(told, f"{path} ({reason(error)})", mend) from error
    if not len(frame):
        raise DataError(f"{told.partition(',')[0]} with rows", f"{path} with none", "add rows")
    return frame


def _with_codes(
    path: Path, text: Mapping[str, Sequence[str]] | None, options: Mapping[str, Any]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """What pandas reads of a file, with codes as text; and a code of each column that has some.

    Args:
        path: The file.
        text: As in `read_csv`.
        options: Of pandas.
    """

    def read(columns: Iterable[str]) -> pd.DataFrame:
        dtype = dict.fromkeys(columns, str)
        found: pd.DataFrame = pd.read_csv(path, low_memory=False, dtype=dtype, **options)
        return found

    if text is not None:
        return _with_names(path, read(text), text, options), {}
    frame = read(())
    codes = _codes(path, frame, options) if len(frame) else {}
    return (read(codes) if codes else frame), codes


def _with_names(
    path: Path, frame: pd.DataFrame, text: Mapping[str, Sequence[str]], options: Mapping[str, Any]
) -> pd.DataFrame:
    """The frame with cells for which pandas has read none, though they are known texts, as NA is.

    Args:
        path: The file.
        frame: What pandas has read of it.
        text: As in `read_csv`.
        options: Of pandas.
    """
    gaps = [name for name in text if name in frame and frame[name].isna().any()]
    if not gaps:
        return frame
    written = pd.read_csv(path, low_memory=False, dtype=str, keep_default_na=False, **options)
    for name in gaps:
        cells = written[name].str.strip()
        frame[name] = frame[name].where(frame[name].notna() | ~cells.isin(text[name]), cells)
    return frame


def _codes(path: Path, frame: pd.DataFrame, options: Mapping[str, Any]) -> dict[str, str]:
    """The columns of numbers in which a cell has a zero before another digit, with that cell.

    Args:
        path: The file.
        frame: What pandas has read, which takes "01" for 1.
        options: Of pandas.
    """
    begins = re.compile(rb'(^|[\s"%b])[+-]?0\d' % options["sep"].encode())
    with path.open("rb") as file:
        if not any(map(begins.search, file)):  # as most files, which are read once
            return {}
    numbers = [str(name) for name in frame if pd.api.types.is_numeric_dtype(frame[name])]
    found: dict[str, str] = {}
    dtype = dict.fromkeys(numbers, str)
    for some in pd.read_csv(path, dtype=dtype, chunksize=_CHUNK, **options):
        for name in numbers:
            if name not in found and (cell := zero_in_front(some[name])):
                found[name] = cell
    return found


def _told_of_codes(codes: Mapping[str, str]) -> list[str]:
    """Which columns are text for the zeros in front, a sentence; none without such columns."""
    if not codes:
        return []
    shown = listed([f"{name} (such as {cell})" for name, cell in codes.items()])
    told = (
        f"text, and no numbers, as some cells have a zero in front: {shown}; where they are "
        "numbers, write them without"
    )
    return [told]


def _check_lengths(path: Path, separator: str, rows: int) -> None:
    """Refuse a file with a row of fewer cells than the others, as where it was cut off.

    pandas counts the cells that are not there as missing ones, and so they would be trained on.

    Args:
        path: The file.
        separator: Of its columns.
        rows: How many rows pandas found. Where `csv` finds another number, nothing is refused.

    Raises:
        DataError: It is such.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter=separator, skipinitialspace=True)
            cells = [
                (len(line), lines.line_num)
                for line in lines
                if len(line) > 1 or "".join(line).strip()
            ]
    except csv.Error:  # a cell longer than it takes
        return
    if len(cells) != 1 + rows:
        return
    # Names may be fewer than cells: a first column that numbers the rows needs none.
    full = max(count for count, _ in cells)
    short = [(count, line) for count, line in cells[1:] if count < full]
    if not short:
        return
    (count, line), more = short[0], len(short) - 1
    told, mend = f"in line {line:,}", "complete or drop such rows"
    if more:
        told += f", and too few in {more:,} more row{'s' * (more > 1)}"
    elif line == cells[-1][1]:
        told = f"in the last, line {line:,}: the file may be cut off"
        mend = "get the whole file, or complete or drop that row"
    raise DataError(
        f"{full:,} cells in each row of {path}",
        f"{count:,} {told}",
        f"{mend}; where only empty cells are left out, give kohort.load a pandas DataFrame of it",
    )


def _check_names(path: Path, frame: pd.DataFrame) -> None:
    """Refuse a file whose rows have more cells than its first line has names.

    pandas takes the first cells for names of the rows then, and every other cell comes under the
    name of its neighbour. Where they are such names, as R writes them, that is right.

    Args:
        path: The file.
        frame: What pandas has read.

    Raises:
        DataError: It is such.
    """
    index = frame.index
    if index.equals(pd.RangeIndex(len(frame))):  # of pandas itself, or of R
        return
    are_names = index.equals(pd.RangeIndex(1, len(frame) + 1)) or (
        pd.api.types.is_string_dtype(index) and index.is_unique
    )
    # A separator at the end of each row makes a last column without a cell.
    if are_names and not frame.iloc[:, -1].isna().all():
        return
    names = frame.shape[1]
    raise DataError(
        f"as many cells in each row of {path} as names in its first line, {names:,}",
        f"{names + index.nlevels:,} in its first row",
        "name each column in the first line, and end no row with a separator",
    )


def _check_last_cell(path: Path, column: pd.Series) -> None:
    """Refuse a file that ends within a category, which would become one of its own.

    Args:
        path: The file.
        column: Its last one.

    Raises:
        DataError: No line break ends the file, and its last cell, unlike any other, begins one of
            the categories.
    """
    last, others = column.iat[-1], column.iloc[:-1]
    if not isinstance(last, str):
        return
    kinds = others.dropna().unique()
    are_categories = last not in kinds and 2 * len(kinds) <= len(others)
    longer = [kind for kind in kinds if are_categories and str(kind).startswith(last)]
    if longer and not path.read_bytes().endswith((b"\n", b"\r")):
        raise DataError(
            f"a file that ends with a whole cell, {path}",
            f"{last!r} at its end, which no other row has, where others have {longer[0]!r}: "
            "the file may be cut off",
            "get the whole file; or, if it is whole, end its last line with a line break",
        )


def separator_of(path: Path) -> str:
    """The separator of a CSV file, by its first line."""
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
    return max(SEPARATORS, key=first.count)


def _names(path: Path, separator: str) -> list[str]:
    """The names of columns as a CSV file has them, some of them perhaps empty, or equal."""
    options = {"sep": separator, "skipinitialspace": True, "dtype": str}
    first = pd.read_csv(path, header=None, nrows=1, keep_default_na=False, **options)  # type: ignore[call-overload]
    return first.iloc[0].tolist()  # type: ignore[no-any-return]


def _numbers_rows(frame: pd.DataFrame) -> bool:
    """Whether the first column has no name and counts the rows from 0 or 1, as `to_csv` writes."""
    if frame.shape[1] < 2 or not str(frame.columns[0]).startswith("Unnamed:"):
        return False
    numbers = pd.to_numeric(frame.iloc[:, 0], errors="coerce").to_numpy()
    return bool((numbers[1:] - numbers[:-1] == 1).all() and numbers[0] in (0, 1))
