"""Reads tables, CSV and Parquet, whose rows are samples."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kohort.data.system import absent, check_room
from kohort.errors import DataError, reason, row_text

SEPARATORS = ",;\t|"
_SOME_LINES = 1000

DAMAGE = (OSError, ValueError, LookupError, TypeError, OverflowError, RuntimeError, AttributeError)
"""Errors that pandas, pyarrow and JSON raise on damaged files; many are subclasses of theirs."""


def read_csv(path: Path, text: Sequence[str] = ()) -> tuple[pd.DataFrame, list[str]]:
    """A CSV file, its first line the names of columns; and what was made of it, in sentences.

    Its separator is the most frequent of comma, semicolon, tab and bar in the first line. Beside
    semicolons, numbers may have decimal commas. A first column without a name that numbers the
    rows is left out.

    Args:
        path: The file.
        text: The columns whose cells stay text where they look like numbers.

    Raises:
        DataError: It is no such file, holds no row, or its last row alone is short.
    """
    told: list[str] = []

    def read() -> pd.DataFrame:
        separator = separator_of(path)
        if separator != ",":
            told.append(f"columns are separated by {separator!r}")
        options = {"sep": separator, "skipinitialspace": True, "dtype": dict.fromkeys(text, str)}
        decimal = "," if separator == ";" and _has_decimal_commas(path, separator) else "."
        if decimal == ",":
            told.append("numbers have decimal commas")
        frame = pd.read_csv(path, decimal=decimal, low_memory=False, **options)  # type: ignore[call-overload]
        # Only then may pandas have filled the row up.
        if len(frame) and pd.isna(frame.iat[-1, -1]):
            _check_end(path, separator, len(frame))
        return frame  # type: ignore[no-any-return]

    frame = _read(path, "a CSV file, the names of its columns in the first line", read)
    if _numbers_rows(frame):
        told.append("the first column, which has no name and numbers the rows, is left out")
        frame = frame.iloc[:, 1:]
    return frame, told


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
        raise DataError(told, f"{path} ({reason(error)})", "save the table again") from error
    if not len(frame):
        raise DataError(f"{told.partition(',')[0]} with rows", f"{path} with none", "add rows")
    return frame


def _check_end(path: Path, separator: str, rows: int) -> None:
    """Refuse a file whose last row has fewer cells than all others, as where it was cut off.

    pandas counts the cells that are not there as missing ones.

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
            cells = [len(line) for line in lines if len(line) > 1 or "".join(line).strip()]
    except csv.Error:  # a cell longer than it takes
        return
    if len(cells) != 1 + rows:
        return
    *others, last = cells
    full = max(others)
    # Names may be fewer than cells: a first column that numbers the rows needs none.
    if last < full and all(length == full for length in others[1:]):
        raise DataError(
            f"{full:,} cells in each row of {path}",
            f"{last:,} in the last, {row_text(rows - 1)}: the file may be cut off",
            "get the whole file, or complete or drop that row",
        )


def separator_of(path: Path) -> str:
    """The separator of a CSV file, by its first line."""
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
    return max(SEPARATORS, key=first.count)


def _has_decimal_commas(path: Path, separator: str) -> bool:
    some = pd.read_csv(path, sep=separator, dtype=str, nrows=_SOME_LINES)
    cells = some.stack()
    return bool(cells.str.fullmatch(r"\s*-?\d+,\d+\s*").any()) and not bool(
        cells.str.fullmatch(r"\s*-?\d+\.\d+\s*").any()
    )


def _numbers_rows(frame: pd.DataFrame) -> bool:
    """Whether the first column has no name and counts the rows from 0 or 1, as `to_csv` writes."""
    if frame.shape[1] < 2 or not str(frame.columns[0]).startswith("Unnamed:"):
        return False
    numbers = pd.to_numeric(frame.iloc[:, 0], errors="coerce").to_numpy()
    return bool((numbers[1:] - numbers[:-1] == 1).all() and numbers[0] in (0, 1))
