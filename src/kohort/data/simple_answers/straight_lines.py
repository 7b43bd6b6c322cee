"""What a straight line of one input scores where numbers are to be predicted."""

from collections.abc import Iterator, Sequence

import numpy as np

from kohort.data.dataset import Dataset, is_table, is_windows
from kohort.data.inspection.group_facts import column_names
from kohort.data.making.windows import place_name
from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.data.simple_answers.error_kinds import ErrorKind, error_of, mean_of, of_rows

_AT_ONCE = 2**23
"""How many numbers are looked at at once."""
_TO_CHOOSE = 2**25
"""By how many numbers of a training part an input is chosen; of more, every so many samples are."""


def straight_line(
    kind: ErrorKind,
    data: Dataset,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None = None,
) -> ConstantAnswer | None:
    """What the least-squares line of one input scores, chosen and fitted on each training part.

    The input is that of the highest correlation with the target there; of targets of several
    numbers each has its own. A lag of a series, or the last step of its windows, is such
    an input: the line is what is called persistence then, whatever the scale of inputs. A missing
    cell counts as the mean of the others.

    Args: as of `constant_answer`.

    Returns:
        What it scores; None where samples are neither rows of a table nor windows
        `[sample, step, input]`, targets are no numbers, or no input varies in some part.
    """
    y = data.y_train.reshape(len(data.y_train), -1).astype(np.float64)
    if not (is_table(data) or is_windows(data)) or data.y_train.ndim > 2 or not data.x_train.size:
        return None
    inputs, chosen, scores = _Inputs(data), list[np.ndarray](), []
    for train, valid in parts:
        some = train[:: 1 + train.size * inputs.count // _TO_CHOOSE]
        weight = np.ones(len(some)) if weights is None else weights[some]
        best = inputs.most_correlated(some, y[some], weight)
        if best is None:
            return None
        slope, constant = _fitted(inputs.values(train, best), y[train], of_rows(weights, train))
        scores.append(
            [
                error_of(
                    kind,
                    y[rows],
                    inputs.values(rows, best) * slope + constant,
                    of_rows(weights, rows),
                )
                for rows in (train, valid)
            ]
        )
        chosen.append(best)
    on_train, on_valid = np.array(scores).T
    return ConstantAnswer(inputs.told(np.concatenate(chosen)), on_train, on_valid, is_line=True)


def _fitted(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and constants `[number]` of lines of `x`, both `[sample, number]`."""
    middle, level = mean_of(x, weights), mean_of(y, weights)
    apart = x - middle
    squares = mean_of(np.square(apart), weights)
    slope = mean_of(apart * (y - level), weights) / np.where(squares > 0, squares, 1.0)
    return slope, level - slope * middle


class _Inputs:
    """The inputs of training samples, as columns; `count` of them.

    Args:
        data: A table, or windows.
    """

    def __init__(self, data: Dataset) -> None:
        self._x = data.x_train.reshape(len(data.x_train), -1)
        self._shape = data.x_train.shape[1:]
        self.count = self._x.shape[1]
        self._names = column_names(data) if is_table(data) else []
        self._gaps: dict[int, np.ndarray] = {}
        place = 0
        for column in () if data.columns is None else data.columns.columns:
            if column.has_gaps and column.kind != "category":
                is_gap = self._x[:, place + 1] != 0
                if not is_gap.all():
                    self._gaps[place] = is_gap
            place += len(column.inputs)
        self._means = {
            place: self._x[~is_gap, place].mean(dtype=np.float64)
            for place, is_gap in self._gaps.items()
        }

    def values(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """float64 `[row, place]`, gaps filled."""
        x: np.ndarray = self._x[rows][:, places].astype(np.float64)
        for column, place in enumerate(places.tolist()):
            if place in self._gaps:
                x[self._gaps[place][rows], column] = self._means[place]
        return x

    def most_correlated(
        self, rows: np.ndarray, y: np.ndarray, weights: np.ndarray
    ) -> np.ndarray | None:
        """The place of the input for each number of the targets; None where no input varies.

        Args:
            rows: Of the samples.
            y: Their targets, `[row, number]`.
            weights: `[row]`.
        """
        counts = weights.astype(np.float64)
        count, every = counts.sum(), np.arange(self.count)
        if not count:
            return None
        parts = [(part, rows[part]) for part in self._stretches(len(rows))]
        mean = sum(counts[part] @ self.values(those, every) for part, those in parts) / count
        y = y - counts @ y / count
        squares, products = np.zeros(len(every)), np.zeros((len(every), y.shape[1]))
        for part, those in parts:
            apart = self.values(those, every) - mean
            weighted = apart * counts[part, None]
            squares += (weighted * apart).sum(axis=0)
            products += weighted.T @ y[part]
        # What is left of a constant by rounding is no spread.
        varies = squares > 1e-12 * count * (1 + np.square(mean))
        if not varies.any():
            return None
        explained = np.where(varies, 1 / np.where(varies, squares, 1.0), 0.0)[:, None]
        return np.asarray((np.square(products) * explained).argmax(axis=0))

    def _stretches(self, count: int) -> Iterator[slice]:
        step = max(1, _AT_ONCE // self.count)
        for start in range(0, count, step):
            yield slice(start, start + step)

    def told(self, places: np.ndarray) -> str:
        """The line of some inputs, in words."""
        if len(set(places.tolist())) > 1:
            return f"straight lines, each of one {'column' if self._names else 'step'}"
        place = int(places[0])
        if self._names:
            return f"a straight line of {self._names[place]}"
        return f"a straight line of {place_name(place, self._shape)}"
