"""The latest rows of a table as its test set."""

import numpy as np
import pandas as pd

from kohort.data.linked import extremes
from kohort.data.splits import test_part
from kohort.data.tables.columns import zero_in_front
from kohort.data.tables.moments import NO_MOMENT, places_in_time
from kohort.errors import DataError, row_text

MOST_OFF = 2.0
"""By this factor at most the test set is larger or smaller than the part that was asked for: rows
of one moment, and groups, are not parted."""


def times_of(cells: pd.Series) -> np.ndarray:
    """The place in time of each row, int64 `[row]`, from 0; rows of one moment have one.

    Args:
        cells: `[row]`, moments as `places_in_time` reads them, or numbers.

    Raises:
        DataError: A cell is missing, or they are none.
    """
    name, missing = str(cells.name), cells.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"a moment for each row in time={name!r}",
            f"{missing.sum():,} without one, such as {row_text(int(missing.argmax()))}",
            "fill them in, or drop those rows",
        )
    places = places_in_time(cells)
    if places is None:
        numbers = cells.infer_objects()
        if not pd.api.types.is_numeric_dtype(numbers) or pd.api.types.is_bool_dtype(numbers):
            has_zeros = bool(zero_in_front(cells))
            raise DataError(
                f"moments or numbers in time={name!r}",
                f"cells such as {str(cells.iloc[0])!r}, which can be read in no way or in several",
                "write moments as 2024-01-31, or 2024-01-31T09:00+00:00, all of them with an "
                "offset or none" + ", and numbers without zeros in front" * has_zeros,
            )
        places = pd.factorize(numbers, sort=True)[0].astype(np.int64)
    assert (places != NO_MOMENT).all()
    return places


def latest_rows(
    cells: pd.Series, places: np.ndarray, groups: np.ndarray | None, test: float | None
) -> tuple[np.ndarray, str]:
    """The rows of a test set that is later than all other rows.

    Of the moments between which no group lies on both sides, the cut is at the one that gives the
    test set nearest to the part.

    Args:
        cells: `[row]`, the moments.
        places: `[row]`, what `times_of` gives for them.
        groups: `[row]`, what stays together; None where there are no groups.
        test: The part of the rows to hold out; None is a fifth, 0 holds out none.

    Returns:
        Their rows, ascending; and how they were chosen, as a sentence.

    Raises:
        DataError: No such cut is near the part.
    """
    part = test_part(test)
    if not part:
        return np.arange(0), "no samples are held out as a test set"
    name = str(cells.name)
    later, wanted = _test_sizes(places, groups), part * len(places)
    is_near = (later >= wanted / MOST_OFF) & (later <= wanted * MOST_OFF)
    if not is_near.any():
        raise _no_cut(name, later[later > 0] / len(places), part, has_groups=groups is not None)
    first = int(np.abs(np.where(is_near, later, np.inf) - wanted).argmin())
    rows = np.flatnonzero(places >= first)
    begins, ends = (_shown(cells, places == place) for place in (first, first - 1))
    how = (
        f"{len(rows):,} of {len(places):,} samples are held out as the test set, the latest by "
        f"{name}: from {begins} on; training samples end at {ends}"
    )
    return rows, how + ", and no group has rows on both sides" * (groups is not None)


def _test_sizes(places: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """The rows from each moment on, int64 `[moment]`; 0 for one that cannot begin a test set."""
    sizes = np.bincount(places)
    later: np.ndarray = sizes[::-1].cumsum()[::-1]
    later[0] = 0
    if groups is None:
        return later
    number = np.unique(groups, return_inverse=True)[1]
    first, last = extremes(places, number, int(number.max()) + 1)
    # A group from one moment to another forbids those after its first one, and up to its last.
    change = np.zeros(len(sizes) + 1, np.int64)
    np.add.at(change, first + 1, 1)
    np.add.at(change, last + 1, -1)
    return np.where(change[:-1].cumsum() == 0, later, 0)


def _shown(cells: pd.Series, where: np.ndarray) -> str:
    """A moment as the table has it, without a time of day that is none."""
    return str(cells[where].iloc[0]).removesuffix(" 00:00:00")


def _no_cut(name: str, parts: np.ndarray, part: float, *, has_groups: bool) -> DataError:
    whole = ", with no group on both sides" * has_groups
    expected = f"a moment in time={name!r} from which on about {part:g} of the rows are{whole}"
    if not len(parts):
        got = "groups that are on both sides of each" if has_groups else "one moment in all rows"
        no_group = "no group where rows need not stay together, or " * has_groups
        return DataError(expected, got, f"name {no_group}another column")
    nearest = float(parts[np.abs(np.log(parts / part)).argmin()])
    return DataError(expected, f"{nearest:.3g} as the nearest part", f"give test={nearest:.3g}")
