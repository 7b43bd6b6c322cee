"""The target column of a table: classes by name or number, or numbers to predict."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from kohort.data.encoding import ASK_STRAY, MOST_NUMBERED, number_classes, stray_labels
from kohort.data.tables.columns import listed, texts, zero_in_front
from kohort.data.tables.rounding import check_target, lost_of
from kohort.errors import DataError, legible, row_text


class Target(NamedTuple):
    """The targets of rows.

    Args:
        values: `[row]`, labels from 0 int32, or floats.
        names: `[class]`; None where they are no classes.
        told: What was made of the column, as a sentence.
    """

    values: np.ndarray
    names: tuple[str, ...] | None
    told: str


def target_of(column: pd.Series) -> Target:
    """The targets in a column.

    Text, truth values and categories are classes, in the order of their names (of categories,
    their order). Whole numbers are classes where every number from 0 to the highest is there, or
    where there are few of them (`MOST_NUMBERED`); other numbers are what to predict.

    Raises:
        DataError: Cells are missing, hold neither names nor numbers, or are all equal.
    """
    name = str(column.name)
    column = column.infer_objects()
    _check_whole(column, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories()
        names = tuple(map(str, used.cat.categories))
        return _classes(name, used.cat.codes.to_numpy(np.int32), names)
    if pd.api.types.is_complex_dtype(column):
        raise DataError(
            f"names of classes or numbers in the target {name!r}",
            f"complex numbers, {column.dtype}",
            "give their real parts, or their sizes",
        )
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _of_numbers(name, column.to_numpy(np.float64))
    if column.dtype.kind in "Mm":
        raise DataError(
            f"names of classes or numbers in the target {name!r}",
            f"moments, {column.dtype}",
            "give them as numbers, such as the days since the first",
        )
    labels, _, names = number_classes(texts(column), None, None)
    if len(names) > max(MOST_NUMBERED, len(labels) / 2):
        has_zeros = bool(zero_in_front(pd.Series(names)))
        raise DataError(
            f"classes of several rows each in the target {name!r}",
            f"{len(names):,} different texts in {len(labels):,} rows",
            "name the column that holds the class"
            + ", or write numbers without zeros in front" * has_zeros,
        )
    target = _classes(name, labels, names)
    twins = _differ_in_case(names)
    told = f"{target.told}; {twins} differ in case alone: {ASK_STRAY}"
    return target._replace(told=told) if twins else target


def _differ_in_case(names: tuple[str, ...]) -> str:
    """Names that are one but for the case of their letters, in words; "" where none are."""
    alike: dict[str, list[str]] = {}
    for each in names:
        alike.setdefault(each.casefold(), []).append(each)
    return listed([" and ".join(each) for each in alike.values() if len(each) > 1])


def _check_whole(column: pd.Series, name: str) -> None:
    missing = column.isna().to_numpy()
    if pd.api.types.is_string_dtype(column) or column.dtype == object:
        missing = missing | (texts(column) == "").to_numpy()
    if missing.any():
        raise DataError(
            f"a target in each row of {name!r}",
            f"{missing.sum():,} of {len(column):,} cells empty, the first in "
            f"{row_text(int(missing.argmax()))}",
            "fill them, or drop those rows (of a CSV file NA, None and null are read as empty: "
            "rename such a class)",
        )


def _of_numbers(name: str, values: np.ndarray) -> Target:
    if (wrong := ~np.isfinite(values)).any():
        raise DataError(
            f"finite numbers in the target {name!r}",
            f"infinity in {wrong.sum():,} of {len(values):,} rows, the first in "
            f"{row_text(int(wrong.argmax()))}",
            "repair or drop those rows",
        )
    found = np.unique(values)
    if len(found) == 1:
        return _classes(name, np.zeros(len(values), np.int32), (f"{found[0]:g}",))
    are_whole = bool((found == np.rint(found)).all())
    is_numbering = bool((found == np.arange(len(found))).all())
    are_few = 2 <= len(found) <= min(MOST_NUMBERED, len(values) / 2)
    if are_whole and (are_few or (is_numbering and len(found) > 1)):
        labels = np.searchsorted(found, values).astype(np.int32)
        target = _classes(name, labels, tuple(str(int(number)) for number in found))
        if stray := stray_labels(values, values[:0]):
            target = target._replace(told=f"{target.told}; {stray}: {ASK_STRAY}")
        return target if is_numbering else target._replace(told=target.told + _renumbered(found))
    check_target(f"the target {name!r}", values)
    told = f"target {name!r}: numbers to predict, {found[0]:g} to {found[-1]:g}"
    if (lost := lost_of(values)) is not None:
        told += f"; rounded to float32, {lost.given:,} different ones become {lost.left:,}"
    return Target(values, None, told)


def _renumbered(found: np.ndarray) -> str:
    """That labels are not the numbers of the target, and why, as the end of a sentence."""
    has_gaps = found[-1] - found[0] >= len(found)
    why = ", as no row has the numbers between" if has_gaps else ""
    return f"; their labels are 0 to {len(found) - 1}{why}"


def _classes(name: str, labels: np.ndarray, names: tuple[str, ...]) -> Target:
    if len(names) < 2:
        raise DataError(
            f"two classes or more in the target {name!r}",
            f"{legible(names[0])!r} in each of the {len(labels):,} rows",
            "name the column that holds the class, or add rows of another",
        )
    return Target(labels, names, f"target {name!r}: {len(names):,} classes, {listed(names)}")
