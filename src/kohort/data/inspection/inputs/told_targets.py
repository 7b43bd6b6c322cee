"""What single inputs tell of targets, of which each may have several numbers."""

import numpy as np

from kohort.data.dataset import Dataset, is_table, is_windows
from kohort.data.inspection.inputs.earlier_targets import by_themselves
from kohort.data.inspection.inputs.one_rule import unit_ranks
from kohort.data.inspection.inputs.told_alone import (
    FEWEST_SAMPLES,
    MOST_PLACES,
    ToldAlone,
    told_alone,
)
from kohort.data.labels import ClassLabels
from kohort.data.splits import random_part

MOST_TARGETS = 4
"""Of targets of several numbers, so many are asked: those that an input is nearest to in order."""
_MOST_PAIRS = 2**13
"""Of wide tables fewer are asked, and one at least: so many pairs of a column and a number."""
_LEVELS = 10
"""Of windows, the different values that a number of a target must have: fewer are labels, and a
series tells much of its own state."""
_NEAR = 0.995
"""Of windows, the rank correlation that a further number of a target must have with an input to be
asked: less than what gives it away, as it is that of some rows."""


def told_of_targets(
    data: Dataset, labels: ClassLabels | None, together: np.ndarray, most: int | None = None
) -> tuple[ToldAlone, ...]:
    """What each column of a table, or place of windows, tells of targets by itself.

    Args:
        data: The data.
        labels: Their classes; None where targets are none.
        together: int64 `[train sample]`, equal for rows that no fold may part.
        most: The most numbers to look at; of more samples a random part is. None for no bound.

    Returns:
        What they tell of the target; of targets of several numbers, of `MOST_TARGETS` of them.
        Nothing where samples are neither rows of a table nor windows `[sample, step, input]`, or
        targets have as many numbers as a table has columns, or one for each step, as those of
        autoencoders and of models that answer at each step: such targets are the inputs, or the
        next of them, on purpose.
    """
    if not (is_table(data) or is_windows(data)) or not len(data.x_train):
        return ()
    if labels is not None or data.y_train.size == len(data.y_train):
        return (told_alone(data, labels, together, most),)
    y = data.y_train
    if len(data.x_train[0]) in (y[0].size, len(y[0])):
        return ()
    return tuple(told_alone(data, None, together, most, n) for n in _nearest(data))


def _nearest(data: Dataset) -> list[int]:
    """The numbers of targets that an input is nearest to in order, the nearest first."""
    rows = random_part(np.random.default_rng(0), np.arange(len(data.x_train)), FEWEST_SAMPLES)
    y = data.y_train[rows].reshape(len(rows), -1)
    enough = [
        number
        for number, column in enumerate(y.T)
        if len(np.unique(column)) >= (_LEVELS if is_windows(data) else 2)
    ]
    if is_windows(data):
        x = data.x_train[rows].reshape(len(rows), -1)[:, -MOST_PLACES:]
    else:
        x = np.column_stack([*by_themselves(data, data.x_train[rows]).values()])
    most = max(1, min(MOST_TARGETS, _MOST_PAIRS // x.shape[1]))
    nearest = np.abs(unit_ranks(y[:, enough]).T @ unit_ranks(x)).max(axis=1, initial=0)
    order = np.argsort(-nearest, kind="stable")[:most]
    # A place of a series gives away only what has its order, and there are many places to ask.
    far = is_windows(data) & (nearest[order] < _NEAR) & (np.arange(len(order)) > 0)
    return [enough[place] for place in order[~far]]
