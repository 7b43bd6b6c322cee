"""Numbers the classes and the groups that were given as text, or as anything else with a name."""

import re
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.errors import DataError, row_text

MOST_NUMBERED = 20
"""Up to so many different whole numbers, of two samples each on average, are classes."""
MOST_CLASSES = 2**20
"""Labels that reach higher are taken for numbers that are no classes, such as prices."""
ROWS_PER_GROUP = 2
"""The fewest rows that a value has on average, where a column numbers groups."""
MOST_STRAY, STRAY_PART = 5, 0.01
"""Labels far apart from all others may be mistakes in so many rows, and in this part, at most."""
_NAMED = (str, bool, np.bool)
# Half of a character beyond 16 bits, which no file in UTF-8 can hold.
_HALF = re.compile("[\ud800-\udfff]")
_MISSING = frozenset({"NoneType", "NAType", "NaTType"})


def are_named(targets: object) -> bool:
    """Whether targets are one text or truth value a sample: classes by their names."""
    if isinstance(targets, list | tuple):
        return bool(targets) and all(isinstance(value, _NAMED) for value in targets)
    is_of_pandas = type(targets).__module__.partition(".")[0] == "pandas"
    if type(targets) is not np.ndarray and not is_of_pandas:
        return False
    array = np.asarray(targets)
    if array.ndim != 1 or not len(array) or array.dtype.kind not in "OUb":
        return False
    return array.dtype.kind != "O" or all(isinstance(value, _NAMED) for value in array)


def numbered_by_name(
    train: object, test: Any, names: Sequence[str] | None
) -> tuple[np.ndarray, Any, tuple[str, ...]] | None:
    """Labels of both sides and names of classes that are given by name, with no number among them.

    Args:
        train: `[train sample]`, of any kind.
        test: `[test sample]`, likewise; None, or no samples, where there is no test set.
        names: The classes in the order to number them in; None where nobody has said so.

    Returns:
        As `number_classes`; None where targets are no names of classes.
    """
    is_listed = hasattr(test, "__len__") and getattr(test, "shape", None) != ()
    has_test = is_listed and len(test) > 0
    if not are_named(train) or (has_test and not are_named(test)):
        return None
    checked = None if names is None else checked_names(names)
    labels = number_classes(train, test if has_test else None, checked)
    return labels if has_test else (labels[0], test, labels[2])


def number_classes(
    train: object, test: object, names: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Number classes that are given by name.

    Args:
        train: `[train sample]`, text or truth values.
        test: `[test sample]`; None where there is no test set.
        names: The classes in the order to number them in; None sorts the names that are there.
            Of truth values, the first is that of False.

    Returns:
        The labels int32 of both sides, and the names `[class]`.

    Raises:
        DataError: A target is none of the names.
    """
    given = [np.asarray(side) for side in (train, test) if side is not None]
    if all(side.dtype.kind == "b" for side in given) and (names is None or len(names) == 2):
        labels = [side.astype(np.int32) for side in given]
        named = ("False", "True") if names is None else (names[0], names[1])
        return labels[0], (labels[1] if test is not None else None), named
    sides = [side.astype(str) for side in given]
    known = np.unique(np.concatenate(sides)) if names is None else np.asarray(tuple(names), str)
    strange = np.setdiff1d(np.concatenate(sides), known)
    if len(strange):
        raise DataError(
            f"targets among class_names, {reprlib.repr(known.tolist())}",
            repr(str(strange[0])),
            "name every class, or leave class_names out",
        )
    order = np.argsort(known, kind="stable")
    labels = [order[np.searchsorted(known, side, sorter=order)].astype(np.int32) for side in sides]
    return labels[0], (labels[1] if test is not None else None), tuple(known.tolist())


def from_one(
    train: np.ndarray, test: np.ndarray, names: Sequence[str] | None
) -> tuple[str, ...] | None:
    """What names the classes of targets that number them from 1; None where targets do not.

    They do where all are whole and the highest is the number of `names`, or, without names, where
    none from 1 to the highest is left out, and there are two samples of each on average; floats
    are as many as `MOST_NUMBERED` at most.

    Args:
        train: `[train sample]` numbers, or `[train sample, 1]` integers.
        test: `[test sample]`, likewise; no samples where there is no test set.
        names: What the classes are called; None where nobody has said so.
    """
    sides = (train, test)
    if any(side.ndim != 1 and (side.shape[1:] != (1,) or side.dtype.kind == "f") for side in sides):
        return None
    targets = np.concatenate([side.ravel() for side in sides])
    if targets.min() != 1 or not (targets == np.rint(targets)).all():
        return None  # Most targets, which need not be sorted to see it.
    values, counts = np.unique(targets, return_counts=True)
    if names is not None:
        is_last = hasattr(names, "__len__") and len(names) == values[-1]
        return tuple(names) if is_last else None
    numbers = np.arange(1, len(values) + 1)
    is_whole = len(values) > 1 and bool((values == numbers).all())
    most = MOST_NUMBERED if values.dtype.kind == "f" else len(values)
    is_few = len(values) <= min(most, counts.sum() / 2)
    return tuple(map(str, numbers)) if is_whole and is_few else None


def number_groups(groups: Sequence[object] | np.ndarray) -> np.ndarray:
    """Number groups of any hashable kind from 0, in the order in which they are first met.

    Args:
        groups: `[sample]`.

    Returns:
        int64 `[sample]`.

    Raises:
        DataError: A sample has no group, or one cannot be told from others.
    """
    given = list(groups)
    try:
        missing = [row for row, group in enumerate(given) if is_missing(group)]
        numbers: dict[object, int] = {}
        found = np.array([numbers.setdefault(group, len(numbers)) for group in given], np.int64)
    except TypeError as error:
        raise DataError(
            "groups that are hashable, such as numbers or text",
            reprlib.repr(given[0]),
            "give each sample the name of its group",
        ) from error
    if missing:
        raise DataError(
            "a group for each sample",
            f"{len(missing):,} without one, such as {row_text(missing[0])}",
            "name their groups, or drop those rows",
        )
    return found


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, or a mark of pandas."""
    # pandas's own marks are known by their names, so that pandas need not be imported.
    return type(value).__name__ in _MISSING or value != value  # noqa: PLR0124 (NaN)


def checked_names(given: Sequence[str]) -> tuple[str, ...]:
    """The names of classes as a tuple.

    Raises:
        DataError: They are not text, or two are equal.
    """
    names = tuple(given) if np.iterable(given) else ()
    are_text = all(isinstance(n, str) and n and not _HALF.search(n) for n in names)
    if not names or not are_text or len(set(names)) < len(names):
        raise DataError(
            "class_names as text, each another",
            reprlib.repr(given),
            "give every class another name, in the order of the labels",
        )
    return names


NO_SAMPLE = "no sample"
"""What is told of classes whose numbers are between those that there are."""
ASK_STRAY = "see whether that is a mistake"
"""What to ask of them where they are classes."""


def told_of_gaps(
    train: np.ndarray, test: np.ndarray, names: Sequence[str] | None
) -> tuple[str, ...]:
    """That some classes have no sample, as integer labels without names leave numbers out.

    First come labels far apart from all others, for which that may be so.
    """
    if names is not None or train.ndim != 1 or train.dtype.kind != "i":
        return ()
    found = np.unique(np.concatenate([train, test]))
    classes = int(found[-1]) + 1
    lacking = classes - len(found)
    if found[0] < 0 or not lacking or classes > MOST_CLASSES:
        return ()
    first = np.flatnonzero(~np.isin(np.arange(classes), found))[:5]
    few = ", ".join(map(str, first)) + (", ..." if lacking > len(first) else "")
    has = "has" if lacking == 1 else "have"
    stray = stray_labels(train, test)
    told = (f"{stray}: {ASK_STRAY}",) if stray else ()
    return (
        *told,
        f"of {classes:,} classes, 0 to {classes - 1}, {lacking:,} {has} {NO_SAMPLE}: {few}",
    )


def stray_labels(train: np.ndarray, test: np.ndarray) -> str:
    """Labels of a few rows that are far apart from all others, in a clause; "" where none are.

    They are further from the next label than the others are from one another, with a number left
    out between. Such a label is often a mistake, or stands for none, as 99 and -99 do.

    Args:
        train: `[train sample]`, whole numbers; of more axes none are told.
        test: `[test sample]`, likewise.
    """
    if train.ndim != 1:
        return ""
    labels = np.concatenate([train, test]).astype(np.int64)
    values = np.unique(labels)
    apart = np.diff(values)
    if apart.max(initial=0) < 2:
        return ""
    lower, upper = np.split(values, [int(apart.argmax()) + 1])
    # So few are less than half of the rows, so that one of the two at most is stray.
    for few, others in ((lower, upper), (upper, lower)):
        rows = np.flatnonzero(np.isin(labels, few))
        is_few = len(rows) <= min(MOST_STRAY, STRAY_PART * len(labels))
        if is_few and apart.max() > others[-1] - others[0]:
            places = [_label_in_row(labels, int(row), len(train)) for row in rows]
            rest = f"{others[0]} to {others[-1]}" if len(others) > 1 else f"{others[0]}"
            return f"label{'s' * (len(rows) > 1)} {', '.join(places)}, all others {rest}"
    return ""


def mend(stray: str, otherwise: str = "") -> str:
    """What to do about labels that cannot be: first about stray ones, where there are any.

    Args:
        stray: From `stray_labels`.
        otherwise: What to do where they are classes; "" where they cannot be.
    """
    return ", or ".join(filter(None, ["mend or drop such rows" * bool(stray), otherwise]))


def _label_in_row(labels: np.ndarray, row: int, train: int) -> str:
    place = row_text(row) if row < train else f"{row_text(row - train)} of y_test"
    return f"{labels[row]} in {place}"


def check_labels(train: np.ndarray, test: np.ndarray, names: Sequence[str], *, named: bool) -> None:
    """Refuse labels that number none of the classes.

    Args:
        train: `[train sample]`.
        test: `[test sample]`.
        names: `[class]`, the names of the classes.
        named: Whether they were given, and not made of the labels.

    Raises:
        DataError: A label is below 0, or has no name.
    """
    labels = np.concatenate([train, test])
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest >= 0 and highest < len(names):
        return
    stray, received = stray_labels(train, test), f"labels from {lowest} to {highest}"
    if not named:
        if stray:
            raise DataError("labels from 0", stray, mend(stray))
        raise DataError(
            "labels from 0",
            received,
            f"number the classes from 0, {how_to_number(labels)}; or give numbers to predict as "
            "floats in a column, y.astype('float32')[:, None]",
        )
    raise DataError(
        f"labels from 0 to {max(0, len(names) - 1)}, one for each class name",
        stray or received,
        mend(stray, "number the classes from 0, or give every class a name"),
    )


def how_to_number(labels: np.ndarray) -> str:
    """How to number the classes of whole numbers from 0, as a clause that ends in code."""
    values = np.unique(labels)
    if len(values) <= np.ptp(values):
        return "such as by np.unique(y, return_inverse=True)[1]"
    return f"such as by y {'-' if values[0] > 0 else '+'} {abs(int(values[0]))}"


def names_of_classes(
    train: np.ndarray, test: np.ndarray, given: Sequence[str] | None
) -> tuple[str, ...] | None:
    """The names of the classes of targets, by their labels where none are given; None of numbers.

    Rows of zeros and ones have names where some are given, one for each column.

    Raises:
        DataError: A label is below 0, too high, or has no name; or names are of no classes.
    """
    if train.ndim != 1 or train.dtype.kind != "i":
        return None if given is None else _names_of_columns(train, test, given)
    labels = np.concatenate([train, test])
    if labels.max() >= MOST_CLASSES:
        stray = stray_labels(train, test)
        raise DataError(
            f"labels of fewer than {MOST_CLASSES:,} classes",
            stray or f"a label {labels.max()}",
            mend(stray, "number the classes from 0, or give targets that are no classes as floats"),
        )
    names = (
        tuple(str(label) for label in range(int(labels.max()) + 1))
        if given is None
        else checked_names(given)
    )
    check_labels(train, test, names, named=given is not None)
    return names


def _names_of_columns(train: np.ndarray, test: np.ndarray, given: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of rows of zeros and ones, or of the classes of a column of floats.

    Raises:
        DataError: There are more or fewer, or targets are neither.
    """
    names, width = checked_names(given), train.shape[1] if train.ndim == 2 else 0
    if width == 1 and all(np.isin(side, range(len(names))).all() for side in (train, test)):
        return names
    if width < 2 or not all(np.isin(side, (0, 1)).all() for side in (train, test)):
        raise DataError(
            "class_names of targets that are labels, or rows of zeros and ones",
            f"targets of shape {train.shape} that are no such",
            "leave class_names out, or give the labels",
        )
    if len(names) != width:
        raise DataError(
            f"a name for each of the {width:,} columns of the targets",
            f"{len(names):,} class_names",
            "give every column a name, in their order",
        )
    return names
