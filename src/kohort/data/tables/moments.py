"""Which columns of a table hold moments (dates, times), in which order, and what to tell of it."""

import re
import shlex

import numpy as np
import pandas as pd

from kohort.data.tables.columns import listed, texts

NO_MOMENT = -1
"""The place of a cell that is missing."""
_OFFSET = r"(?P<offset> ?(Z|[+-]\d{2}:?\d{2}))?"
_ISO = re.compile(rf"\d{{4}}-\d{{2}}(-\d{{2}}([T ]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?{_OFFSET})?)?")
_DAYS = re.compile(r"\d{1,2}(?P<mark>[./-])\d{1,2}(?P=mark)\d{4}(?P<time> \d{2}:\d{2}(:\d{2})?)?")
_FIRST_DAY, _LAST_DAY = 1900_01_01, 2100_12_31
"""Whole numbers from the one to the other may be days, such as 20240131."""
_FEWEST_DAYS = 5
"""So many different ones have to be: of numbers in that range one in 27 is a day by chance."""


def places_in_time(cells: pd.Series) -> np.ndarray | None:
    """The place of each moment among the different ones of a column; None if it holds none.

    Moments are pandas's own, and where all cells that are there can be read in one way only: text
    as ISO 8601 has it (2024-01-31, with a time and an offset or without), text with the day or the
    month first (31.1.2024) if not every cell may be either, and whole numbers such as 20240131, of
    which five at least differ.
    Offsets count, so that moments of several time zones are in order; of cells some of which have
    one and some none, there is no order. Text before 1677 or after 2262 takes pandas 3.

    Args:
        cells: `[row]`.

    Returns:
        int64 `[row]`, from 0, equal for equal moments, `NO_MOMENT` where a cell is missing.
    """
    present = cells[cells.notna()]
    moments = _moments(present) if len(present) else None
    if moments is None:
        return None
    places = np.full(len(cells), NO_MOMENT, np.int64)
    places[cells.notna().to_numpy()] = pd.factorize(moments, sort=True)[0]
    return places


def _moments(present: pd.Series) -> pd.Series | None:
    """Cells, none of them missing, as what pandas orders in time; None if they are no moments."""
    kind = present.dtype
    if kind.kind == "M" or isinstance(kind, pd.PeriodDtype):
        return present
    if pd.api.types.is_bool_dtype(kind) or kind.kind in "mc":
        return None
    if pd.api.types.is_numeric_dtype(kind):
        return _of_numbers(present)
    first = str(present.iloc[0]).strip()
    if _ISO.fullmatch(first):
        return _of_iso(texts(present))
    return _of_days(texts(present)) if _DAYS.fullmatch(first) else None


def _of_numbers(present: pd.Series) -> pd.Series | None:
    """Days as whole numbers, 20240131; every one of them has to be a day."""
    if not _FIRST_DAY <= present.iloc[0] <= _LAST_DAY:  # Most columns end here.
        return None
    numbers = present.to_numpy(np.float64)
    is_within = (numbers >= _FIRST_DAY) & (numbers <= _LAST_DAY) & (numbers == np.rint(numbers))
    if not is_within.all() or len(np.unique(numbers)) < _FEWEST_DAYS:
        return None
    return _read(pd.Series(numbers.astype(np.int64)).astype(str), "%Y%m%d")


def _of_iso(text: pd.Series) -> pd.Series | None:
    found = [_ISO.fullmatch(cell) for cell in text]
    has_offset = {match["offset"] is not None for match in found if match}
    return None if None in found or len(has_offset) > 1 else _read(text, "ISO8601")


def _of_days(text: pd.Series) -> pd.Series | None:
    """Days with the year last, where one order alone of day and month can be read."""
    found = [_DAYS.fullmatch(cell) for cell in text]
    forms = {(match["mark"], len(match["time"] or "")) for match in found if match}
    if None in found or len(forms) > 1:
        return None
    ((mark, length),) = forms
    time = {0: "", 6: " %H:%M", 9: " %H:%M:%S"}[length]
    orders = (f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y")
    read = [each for order in orders if (each := _read(text, order + time)) is not None]
    return read[0] if len(read) == 1 else None


def _read(text: pd.Series, form: str) -> pd.Series | None:
    moments = pd.to_datetime(text, format=form, errors="coerce", utc=True)
    return None if moments.isna().any() else moments


def told_of_order(names: list[str]) -> list[str]:
    """What columns of moments mean for splits, a sentence; none without such columns."""
    if not names:
        return []
    hold = "holds" if len(names) == 1 else "hold"
    told = (
        f"{listed(names)} {hold} moments, and splits are random: test and validation samples lie "
        "between training samples in time. If the model is to predict later rows, make the latest "
        f"ones the test set: time={names[0]!r}, --time {shlex.quote(names[0])}; kohort data check "
        "tells whether targets are alike over time"
    )
    return [told]


def told_of_index(index: pd.Index) -> list[str]:
    """That an index which says something is no column."""
    kinds = pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex
    if index.names == [None] and not isinstance(index, kinds):
        return []
    called = ", ".join(str(name) for name in index.names if name is not None)
    return [
        f"the index{f' {called}' * bool(called)} is no column: frame.reset_index() makes it one"
    ]
