"""What the data suggest of which samples belong together."""

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from kohort.data.copies import Copies
from kohort.data.dataset import Dataset, is_table
from kohort.data.encoding import ROWS_PER_GROUP
from kohort.data.inspection.groups_of_rows import count_of
from kohort.data.linked import extremes

FEWEST_VALUES = 5
"""A column with fewer different values numbers no groups: it tells a kind, such as a sex."""
TELLS, MOST_ROWS, ROUGH = 0.5, 50, 0.6
"""A column of more than `MANY_VALUES` values, of so many rows each on average, that explains this
part of the target's variance may number groups; of numbers, where neighbours are as unlike as this
(1 of values in no order, 0 of a smooth function)."""
MANY_VALUES, _MOST_COUNTED = 20, 2**22
MOST_COLUMNS = 256
"""In tables of more columns none is looked for that numbers groups."""


@dataclass(frozen=True)
class GroupFacts:
    """Which training samples belong together, as far as it is told or suggested.

    Attributes:
        given: Whether the data have groups.
        copied: The training samples that have a copy, exact or near, outside their group; where
            there are no groups, that have one at all.
        samples: All training samples.
        columns: The names of columns that look as if they numbered groups.
        across: The test samples of a group that trains too; None where the groups of test samples
            are not known.
        across_groups: How many such groups there are.
        fewer: The groups of the side, training or test, that has fewer; None as `across`.
        made_of: What the groups were made of, where nobody gave them; else "".
    """

    given: bool
    copied: int
    samples: int
    columns: tuple[str, ...] = ()
    made_of: str = ""
    across: int | None = None
    across_groups: int = 0
    fewer: int | None = None

    @property
    def percent(self) -> float:
        """Percent of the training samples that have such a copy."""
        return 100 * self.copied / max(1, self.samples)


def group_facts(data: Dataset, copies: Copies) -> GroupFacts:
    """What is told or suggested of groups.

    Args:
        data: The data.
        copies: What `find_copies` found in them.
    """
    columns = () if data.groups is not None else group_columns(data)
    copied = _copied_elsewhere(copies, data.groups)
    given, made_of = data.groups is not None, data.groups_of
    made_of = made_of if given else ""
    facts = GroupFacts(given, copied, len(data.x_train), columns, made_of)
    if data.groups is None or data.test_groups is None:
        return facts
    both = np.intersect1d(data.groups, data.test_groups)
    both = both[both >= 0]
    return replace(
        facts,
        across=int(np.isin(data.test_groups, both).sum()),
        across_groups=len(both),
        fewer=min(map(_count, (data.groups, data.test_groups))),
    )


def _count(groups: np.ndarray) -> int:
    """How many groups there are; a sample of a negative one is a group by itself."""
    return count_of(groups[groups >= 0]) + int((groups < 0).sum())


def column_names(data: Dataset) -> list[str]:
    """The names of the columns of a table `[sample, column]`, also where models name inputs."""
    if data.columns is not None:
        return list(data.columns.inputs)
    return [f"column {number}" for number in range(data.x_train.shape[1])]


def blank_samples(data: Dataset) -> np.ndarray:
    """The numbers of samples, training samples first, whose numbers are all equal, int64.

    None in tables, and where a sample is one number.
    """
    numbers = prod(data.input_shape)
    if is_table(data) or numbers < 2:
        return np.empty(0, np.int64)
    sides = (x.reshape(len(x), numbers) for x in (data.x_train, data.x_test))
    blank: np.ndarray = np.flatnonzero(
        np.concatenate([(x == x[:, :1]).all(axis=1) for x in sides])
    ).astype(np.int64)
    return blank


def group_columns(data: Dataset) -> tuple[str, ...]:
    """The names of columns of a table that look as if they numbered groups, such as patients.

    Such a column holds whole numbers or text, each in several rows, and fixes another, or the
    target, that differs between its values, as a patient's number fixes the year of birth. Of a
    table of more than `MOST_COLUMNS` columns none is named; nor of an array of whole numbers alone,
    without names: such rows are mostly the words of a text, of which one may fix the next.
    """
    if not is_table(data):
        return ()
    names, x = _table_columns(data)
    if len(names) > MOST_COLUMNS:
        return ()
    whole = np.flatnonzero((x == np.rint(x)).all(axis=0))
    if not len(whole) or (data.columns is None and len(whole) == len(names)):
        return ()
    target = None
    if data.y_train.shape in {(len(x),), (len(x), 1)}:
        target = data.y_train.reshape(len(x))
        x = np.column_stack([x, target])
    values = [len(np.unique(x[:, column])) for column in range(x.shape[1])]
    most, texts = len(x) / ROWS_PER_GROUP, _texts(data)
    return tuple(
        names[column]
        for column in map(int, whole)
        if FEWEST_VALUES <= values[column] <= most
        and (
            _fixes_another(x, column, values)
            or (
                target is not None
                and _tells(x[:, column], target, in_order=names[column] not in texts)
            )
        )
    )


def _texts(data: Dataset) -> set[str]:
    """The columns of a table that hold text, whose order says nothing."""
    if data.columns is None:
        return set()
    kinds = (column.name for column in data.columns.columns if column.kind == "category")
    return {*kinds, *data.columns.left_out}


def _tells(cells: np.ndarray, target: np.ndarray, *, in_order: bool) -> bool:
    """Whether most of the target differs between the values of a column, and at random.

    The part is that of an analysis of variance, corrected for the number of values; of classes
    that of their indicators together.

    Args:
        cells: `[sample]`.
        target: `[sample]`, numbers or the numbers of classes.
        in_order: Whether the values are numbers: a target that is a smooth function of them, as of
            an age, makes no groups.
    """
    different, value, rows = np.unique(cells, return_inverse=True, return_counts=True)
    if len(different) <= MANY_VALUES or len(cells) > MOST_ROWS * len(different):
        return False
    count = len(cells)
    if target.dtype.kind in "iu":
        classes, label = np.unique(target, return_inverse=True)
        if len(classes) * len(different) > _MOST_COUNTED:
            return False
        shape = len(different), len(classes)
        pairs = np.bincount(value * len(classes) + label, minlength=shape[0] * shape[1])
        means = pairs.reshape(shape) / rows[:, None]
        left = count - (rows[:, None] * np.square(means)).sum()
        spread = count - np.square(np.bincount(label)).sum() / count
    else:
        means = (np.bincount(value, target) / rows)[:, None]
        left = np.square(target - means[value, 0]).sum()
        spread = np.square(target - target.mean(dtype=float)).sum(dtype=float)
    if not spread or left / (count - len(different)) > (1 - TELLS) * spread / (count - 1):
        return False
    steps, apart = np.diff(means, axis=0), means - means.mean(axis=0)
    unlike = np.square(steps).sum() / max(2 * np.square(apart).sum(), np.finfo(float).tiny)
    # As much more than one is a function, too: of whether a number is even.
    return not in_order or bool(ROUGH <= unlike <= 2 - ROUGH)


def _table_columns(data: Dataset) -> tuple[list[str], np.ndarray]:
    """The columns of the table, `[sample, column]`; one of text as a number for each text.

    Among them are those of so many texts that they are no inputs.
    """
    if data.columns is None:
        return column_names(data), data.x_train
    found, at = [], 0
    for column in data.columns.columns:
        inputs = data.x_train[:, at : at + len(column.inputs)]
        is_text = column.kind == "category" and inputs.shape[1]
        # A category that is missing is 0 in each input.
        found.append(inputs @ (1.0 + np.arange(inputs.shape[1])) if is_text else inputs[:, 0])
        at += len(column.inputs)
    names = [column.name for column in data.columns.columns]
    if data.source_rows is not None:
        train = data.source_rows[: len(data.x_train)]
        names += data.columns.left_out
        found += [numbers[train] for numbers in data.columns.left_out.values()]
    return names, np.column_stack(found)


def _fixes_another(x: np.ndarray, column: int, values: list[int]) -> bool:
    """Whether a column of fewer values than this one is constant within each of its values."""
    order = np.argsort(x[:, column], kind="stable")
    same = np.diff(x[order, column]) == 0
    others = [
        other
        for other, count in enumerate(values)
        if other != column and 1 < count <= values[column]
    ]
    return any(not np.diff(x[order, other])[same].any() for other in others)


def _copied_elsewhere(copies: Copies, groups: np.ndarray | None) -> int:
    """How many training samples have a copy outside their group."""
    pattern = copies.pattern
    group = np.arange(len(pattern)) if groups is None else groups.astype(np.int64)
    # A negative group says nothing of which samples belong together, and never leaves training.
    counted = group >= 0
    lowest, highest = extremes(group[counted], pattern[counted], int(pattern.max()) + 1)
    is_copied = lowest < highest
    one, other = copies.near.T
    there = (highest[one] >= 0) & (highest[other] >= 0)
    apart = there & ((lowest[one] != lowest[other]) | (highest[one] != highest[other]))
    is_copied[one[apart]] = is_copied[other[apart]] = True
    return int(is_copied[pattern[counted]].sum())
