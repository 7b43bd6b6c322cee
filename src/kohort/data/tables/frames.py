"""Turns a table into the arrays of a dataset."""

import shlex
from collections.abc import Hashable, Sequence
from dataclasses import replace
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from kohort.data.encoding import ROWS_PER_GROUP, number_groups
from kohort.data.splits import hold_out
from kohort.data.system import check_room
from kohort.data.tables.columns import (
    Column,
    Columns,
    check_inputs_differ,
    check_names_differ,
    listed,
    texts,
    zero_in_front,
)
from kohort.data.tables.latest import latest_rows, times_of
from kohort.data.tables.moments import places_in_time, told_of_index, told_of_order
from kohort.data.tables.rounding import lost_of, told_of_lost
from kohort.data.tables.row_weights import weights_of
from kohort.data.tables.targets import Target, target_of
from kohort.data.tables.written_numbers import number_as_text
from kohort.errors import DataError, count

MOST_CATEGORIES = 100
"""A column of more different texts is no category, and left out; so is one of more than 20 where
most rows have another."""
NUMBERS_IN_TEXT = 0.9
"""Where so many of more than 20 different texts are numbers, the column is one of numbers, with
cells that are none; unless a text has a zero in front, as codes have."""
_FEW = 20


_MOMENTS = "moments; give them as numbers, such as days"
_TEXTS, _AS_TEXT = "different texts", "numbers written as text"
_OF_TEXTS = "make numbers of texts first, such as counts of words"


def of_frame(
    frame: pd.DataFrame,
    target: Hashable,
    group: Hashable | None,
    test: float | None,
    time: Hashable | None = None,
    sample_weight: Hashable | None = None,
) -> dict[str, Any]:
    """The arguments of a `Dataset` that a table makes.

    Args:
        frame: The table, a row for each sample.
        target: The column to predict.
        group: The column of what samples belong together, such as a patient; no input.
        test: The part of the rows to hold out; None holds out a fifth.
        time: The column by which the latest rows are held out; no input.
        sample_weight: The column of how much each row counts in the loss; no input.

    Raises:
        DataError: It is no table, a column is not there, has gaps where it must not, or cannot be
            read.
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError("a pandas DataFrame", type(frame).__name__, "make one, or give arrays")
    rest, found, groups = parts_of(frame, target, group)
    names = [str(name) for name in frame.columns]
    weights = None
    if sample_weight is not None:
        if str(sample_weight) not in names or str(sample_weight) in map(str, (target, group, time)):
            raise _no_column("sample_weight", sample_weight, names)
        weights = weights_of(rest[str(sample_weight)])
        rest = rest.drop(columns=str(sample_weight))
    if time is None:
        made = of_parts(rest, found, groups, test)
        told = told_of_order(list(made["columns"].moments))
    else:
        if str(time) not in names or str(time) == str(target):
            raise _no_column("time", time, names)
        moments = frame.set_axis(names, axis="columns")[str(time)]
        rest = rest.drop(columns=str(time), errors="ignore")  # It may be the group, too.
        made, told = of_parts(rest, found, groups, test, moments), []
    told += told_of_index(frame.index)
    if weights is not None:
        made["sample_weight"] = weights[made["source_rows"][: len(made["x_train"])]]
        told.append(
            f"{sample_weight} weighs the rows in the loss, from {weights.min():g} to "
            f"{weights.max():g}, and is no input"
        )
    return {**made, "notes": (*made["notes"], *told)}


def parts_of(
    frame: pd.DataFrame, target: Hashable, group: Hashable | None
) -> tuple[pd.DataFrame, Target, list[object] | None]:
    """The inputs, the targets and the groups of a table.

    Raises:
        DataError: A column is not there, or a target is missing.
    """
    if not len(frame):
        raise DataError(
            "a table with rows", "none, an empty table", "add rows, one for each sample"
        )
    names = [str(name) for name in frame.columns]
    check_names_differ(names)
    frame = frame.set_axis(names, axis="columns")
    frame = without_decimals(frame)
    if target is None or str(target) not in names:
        raise _no_column("target", target, names)
    if group is not None and (str(group) not in names or str(group) == str(target)):
        raise _no_column("group", group, names)
    groups = None if group is None else [_stripped(cell) for cell in frame[str(group)].tolist()]
    rest = frame.drop(columns=[str(target)] + [str(group)] * (group is not None))
    return rest, target_of(frame[str(target)]), groups


def _stripped(cell: object) -> object:
    """A cell without the blanks around its text, as categories are."""
    return cell.strip() if isinstance(cell, str) else cell


def without_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """A table, its columns of decimal numbers as floats."""
    return frame.astype({name: np.float64 for name in frame if _are_decimals(frame[name])})


def _are_decimals(cells: pd.Series) -> bool:
    """Whether a column holds decimal numbers, as databases and Parquet do, or these beside others.

    To pandas they are objects, as text is.
    """
    kind = pd.api.types.infer_dtype(cells, skipna=True)
    if not kind.startswith("mixed"):
        return kind == "decimal"
    return all(
        isinstance(cell, Decimal | Real) and not isinstance(cell, bool) for cell in cells.dropna()
    )


def of_parts(
    frame: pd.DataFrame,
    target: Target,
    groups: Sequence[object] | None,
    test: float | np.ndarray | None,
    time: pd.Series | None = None,
) -> dict[str, Any]:
    """As `of_frame`, of a table of inputs alone, its targets, groups and moments apart.

    `test` may also be the rows of the test set.
    """
    numbered = None if groups is None else number_groups(groups)
    labels = None if target.names is None else target.values
    times = None if time is None else times_of(time)
    if isinstance(test, np.ndarray):
        held_out, how = test, f"the test set is the {len(test):,} samples of that name"
    elif time is not None and times is not None:
        held_out, how = latest_rows(time, times, numbered, test)
    else:
        held_out, how = hold_out(len(frame), labels, numbered, test)
    train = np.setdiff1d(np.arange(len(frame)), held_out)
    columns, told = _columns(frame, train)
    told += [] if numbered is not None else _asked(columns, frame)
    if time is not None and times is not None:
        # Others, such as a date of birth, are not when a row came to be.
        columns = replace(columns, moments={str(time.name): times})
    check_room(4 * len(frame) * len(columns.inputs), "the inputs of all rows")
    x = columns.encode(frame)
    unknown = sorted(set(columns.unknown(frame.iloc[held_out])))
    if unknown:
        told.append(f"in test rows alone, and so none of the categories: {listed(unknown)}")
    return {
        "x_train": x[train],
        "y_train": target.values[train],
        "x_test": x[held_out],
        "y_test": target.values[held_out],
        "class_names": target.names,
        "groups": None if numbered is None else numbered[train],
        "test_groups": None if numbered is None else numbered[held_out],
        "columns": columns,
        "notes": (target.told, *told, how),
        "test_from": how,
        "source_rows": np.concatenate([train, held_out]),
    }


def _no_column(argument: str, given: object, names: list[str]) -> DataError:
    # Most tables have what is to be predicted in their last column.
    last = f" (the last is {listed(names[-1:])})" * (len(names) > 11)
    return DataError(
        f"{argument}= one of the columns {listed(names)}{last}",
        "none" if given is None else repr(given),
        "name the column to predict" if argument == "target" else "name another column",
    )


def _columns(frame: pd.DataFrame, train: np.ndarray) -> tuple[Columns, list[str]]:
    """How inputs are made of the columns, and what was done to them, in sentences."""
    places = {name: places_in_time(frame[name]) for name in frame.columns}
    moments = {name: each for name, each in places.items() if each is not None}
    found: list[Column] = []
    why: dict[str, str] = {}
    for name in frame.columns:
        column = _column(frame[name], train, are_moments=name in moments)
        if isinstance(column, Column):
            found.append(column)
        else:
            why[str(name)] = column
    left_out = [f"{name} ({reason})" for name, reason in why.items()]
    of_text = [name for name, reason in why.items() if reason.endswith(_TEXTS)]
    may_repeat = [*of_text, *(name for name, reason in why.items() if _AS_TEXT in reason)]
    repeated = {name: each for name in may_repeat if (each := _repeated(frame[name])) is not None}
    if not found:
        raise DataError(
            "a column at least of numbers or categories, beside the target",
            f"none; left out: {listed(left_out)}" if left_out else "none",
            f"{_OF_TEXTS}, or add columns" if of_text else "add columns to predict from",
        )
    check_inputs_differ(found)
    told = [f"{count(len(found), 'column')} of inputs: {listed([c.name for c in found])}"]
    parted = [f"{c.name} ({len(c.categories)})" for c in found if c.kind == "category"]
    gaps = [f"{c.name} ({frame[c.name].isna().sum():,})" for c in found if c.has_gaps]
    if parted:
        told.append(f"categories became inputs of 0 and 1, one for each: {listed(parted)}")
    if gaps:
        told.append(f"missing cells became 0, and another input is 1 there: {listed(gaps)}")
    numbers = {c.name: _numbers(frame[c.name]) for c in found if c.kind == "number"}
    told += told_of_lost({name: lost_of(values) for name, values in numbers.items()})
    told += _told_of_numbering([n for n, v in numbers.items() if _numbers_rows(v, len(frame))])
    if left_out:
        told.append(f"columns left out: {listed(left_out)}")
    if of_text:
        told.append(
            "texts are no inputs of a model here, since Keras's TextVectorization and StringLookup "
            f"need TensorFlow: {_OF_TEXTS}"
        )
    return Columns(tuple(found), repeated, moments), told


def _numbers(cells: pd.Series) -> np.ndarray:
    """Those of a column that are there, `[cell]`; whole ones as they are, beyond float64 too."""
    present = cells.dropna()
    return present.to_numpy(present.dtype.type if present.dtype.kind in "iu" else np.float64)


def _numbers_rows(present: np.ndarray, rows: int) -> bool:
    """Whether a column has another whole number in each row, nearly all of a range."""
    values = np.sort(present.astype(np.float64))
    if len(values) < max(_FEW, rows) or (values != np.rint(values)).any():
        return False
    return bool((np.diff(values) > 0).all() and values[-1] - values[0] < 2 * len(values))


def _told_of_numbering(names: list[str]) -> list[str]:
    """What columns that number the rows are taken for, a sentence; none without such columns."""
    if not names:
        return []
    if len(names) == 1:
        what = "numbers the rows, as identifiers do, and is an input: drop it if it tells"
    else:
        what = "number the rows, as identifiers do, and are inputs: drop those that tell"
    return [f"{listed(names)} {what} nothing else"]


def _repeated(cells: pd.Series) -> np.ndarray | None:
    """The number of each cell's text, int32 `[row]`, -1 where missing; None if few repeat."""
    numbers, different = pd.factorize(texts(cells).where(cells.notna()))
    repeat = (numbers >= 0).sum() >= ROWS_PER_GROUP * len(different)
    return numbers.astype(np.int32) if repeat else None


def _asked(columns: Columns, frame: pd.DataFrame) -> list[str]:
    """A question for each column whose texts repeat: whether it says what belongs together.

    Asked of those that are no inputs, and of those that are, with more categories than a kind has.
    """
    many = [c.name for c in columns.columns if len(c.categories) > _FEW]
    kept = {name: each for name in many if (each := _repeated(frame[name])) is not None}
    return [
        f"is {name} (each text in {(each >= 0).sum() / (each.max() + 1):.1f} rows on average) what "
        f"belongs together, such as a patient? Then make it the group: group={name!r}, "
        f"--group {shlex.quote(name)}"
        for name, each in {**columns.left_out, **kept}.items()
    ]


def _column(cells: pd.Series, train: np.ndarray, *, are_moments: bool) -> Column | str:
    """How inputs are made of a column; or why none are."""
    name, has_gaps = str(cells.name), bool(cells.isna().any())
    if not cells.notna().to_numpy()[train].any():
        return "all cells empty"
    if cells.dtype == object:
        cells = cells.convert_dtypes()
    if pd.api.types.is_bool_dtype(cells) and not isinstance(cells.dtype, pd.CategoricalDtype):
        return Column(name, "truth", has_gaps=has_gaps)
    if pd.api.types.is_complex_dtype(cells):
        return "complex numbers"
    if pd.api.types.is_numeric_dtype(cells):
        return Column(name, "number", has_gaps=has_gaps)
    if cells.dtype.kind in "Mm":
        return _MOMENTS
    found = _category(name, cells, train, has_gaps=has_gaps)
    return _MOMENTS if are_moments and not isinstance(found, Column) else found


def _category(name: str, cells: pd.Series, train: np.ndarray, *, has_gaps: bool) -> Column | str:
    present = texts(cells[cells.notna()])
    different = pd.Series(present.unique())
    numbers = pd.to_numeric(different, errors="coerce").notna()
    are_numbers = len(different) > _FEW and NUMBERS_IN_TEXT <= numbers.mean() < 1
    if are_numbers and not zero_in_front(different):
        odd = present[present == different[~numbers].iloc[0]]
        raise DataError(
            f"numbers in column {name!r}",
            f"{odd.iloc[0]!r} in {len(odd):,} of {len(cells):,} rows",
            "leave such cells empty, or drop the column",
        )
    if len(different) > min(MOST_CATEGORIES, max(_FEW, len(present) / 2)):
        such_as = "" if zero_in_front(different) else number_as_text(different)
        if such_as:
            return f"{len(different):,} {_AS_TEXT}, such as {such_as}"
        return f"{len(different):,} {_TEXTS}"
    some = cells.iloc[train]
    return Column(
        name, "category", tuple(sorted(texts(some[some.notna()]).unique())), has_gaps=has_gaps
    )
