"""Reads tables, CSV and Parquet, whose rows are to be predicted by a model."""

from pathlib import Path

import numpy as np
import pandas as pd

from kohort.data.readers.table_files import read_csv, read_parquet
from kohort.data.system import absent, check_room, is_file
from kohort.data.tables.columns import Columns, check_names_differ, listed
from kohort.data.tables.frames import without_decimals
from kohort.errors import DataError, reason


def raw_rows(path: Path, columns: Columns) -> tuple[np.ndarray, str]:
    """The rows of a table as inputs of a model, made as they were made for its training.

    Args:
        path: The file, CSV or Parquet. Columns are found by their names, in any order; others are
            ignored. Where all are numbers, the first line of a CSV file may be a row already, of
            numbers as well.
        columns: How inputs are made.

    Returns:
        float32 `[row, input]`, and what is odd about the rows; "" where nothing is.

    Raises:
        DataError: It is no such file, a column is not there, or a cell cannot be read.
    """
    if is_parquet(path):
        frame = read_parquet(path)
        frame.columns = frame.columns.map(str)
        check_names_differ(list(frame.columns), f" in {path}")
        frame = without_decimals(frame)
    else:
        texts = {each.name: each.categories for each in columns.columns if each.kind != "number"}
        table = read_csv(path, texts)
        frame = table.frame
        frame.columns = frame.columns.map(str)
        is_named = bool(set(columns.inputs) & set(frame.columns))
        if columns.are_numbers and not is_named and _are_numbers(table.names):
            return number_rows(path, len(columns.inputs)), ""
        table.check_names(path)
    rows = columns.encode(frame)
    return rows, "; ".join(f"in {path} {each}" for each in _odd(frame, columns))


def is_parquet(path: Path) -> bool:
    """Whether a file is one of Parquet, by its ending, as where data are loaded."""
    return path.suffix.lower() == ".parquet"


def _are_numbers(names: list[str]) -> bool:
    return bool(pd.to_numeric(pd.Series(names, dtype=str), errors="coerce").notna().all())


def _odd(frame: pd.DataFrame, columns: Columns) -> list[str]:
    """What no training row had, and is none of the categories, as clauses."""
    told = []
    if unknown := columns.unknown(frame):
        many = len(unknown) > 1
        cells = f"{len(unknown):,} cells hold categories" if many else "a cell holds a category"
        told.append(
            f"{cells} that no training row had, and so none of those known: "
            f"{listed(sorted(set(unknown)))}"
        )
    if empty := columns.unknown_gaps(frame):
        gaps = [f"{name} ({count:,})" for name, count in empty.items()]
        told.append(
            "cells are empty in columns that had no empty one in training, and so none of the "
            f"categories: {listed(gaps)}"
        )
    return told


def number_rows(path: Path, columns: int) -> np.ndarray:
    """The rows of a table of numbers as float32 `[row, column]`, its columns in their order.

    Args:
        path: The file: Parquet; or CSV, numbers separated by commas, of which a first line that
            holds text names columns.
        columns: How many there must be.

    Raises:
        DataError: It is no such file.
    """
    kind = "Parquet" if is_parquet(path) else "CSV"
    told = f"a {kind} file with {columns:,} numbers in each row"
    if is_parquet(path):
        table = read_parquet(path)
    else:
        table = _table(path, told)
        first = table.iloc[0] if len(table) else pd.Series(dtype=str)
        if (first.notna() & pd.to_numeric(first, errors="coerce").isna()).any():
            table = table.iloc[1:].set_axis(table.iloc[0].astype(str), axis="columns")
    if table.shape[1] != columns or not len(table):
        raise DataError(
            told,
            f"{path} of {len(table):,} rows of {table.shape[1]:,}",
            "give the columns that the model was trained on, in their order, and no others",
        )
    numbers: np.ndarray = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            told,
            f"{table.iat[row, column]!r} in row {row}, column {column} (from 0) of {path}",
            "fill the gaps and encode text as for training",
        )
    return numbers


def _table(path: Path, told: str) -> pd.DataFrame:
    try:
        if path.exists() and not is_file(path):
            raise OSError("no file that could be read from start to end")
        check_room(path.stat().st_size, str(path))
        return pd.read_csv(path, header=None, dtype=str, skipinitialspace=True)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise absent(path) from error
    except (OSError, ValueError) as error:  # pandas's errors are ValueErrors
        raise DataError(told, f"{path} ({reason(error)})", "save the rows as CSV") from error
