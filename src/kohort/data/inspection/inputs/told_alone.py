"""What single inputs tell of the target: columns of a table, places of windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from kohort.data.dataset import Dataset, is_windows
from kohort.data.inspection.inputs.earlier_targets import (
    by_themselves,
    hold_earlier_targets,
    targets_before,
    targets_of,
)
from kohort.data.inspection.inputs.one_rule import Parts, explained_by, ranks_with, told_classes
from kohort.data.labels import ClassLabels
from kohort.data.making.windows import are_windows, place_name
from kohort.data.splits import deal, random_part

TOLD = 0.95
"""The balanced accuracy of one input above which it gives the class away."""
EXPLAINED = 0.98
"""The part of the variance of a number that one input explains, to give it away."""
RANKED = 0.999
"""Spearman's correlation, without its sign, of an input that gives a number away."""
FOLDS = 5
MOST_SAMPLES, FEWEST_SAMPLES = 20_000, 1_000
"""Of more training samples a random part is looked at; a bound of numbers keeps the latter."""
_OTHERS = 0.5
"""The part of the samples in which the step beside must hold another number than the target, for a
place to be the target itself."""
MOST_PLACES, MOST_ASKED = 512, 64
"""Of windows of more places, those of the last steps are looked at; of these, so many that seem to
tell most are asked."""


@dataclass(frozen=True, eq=False)
class ToldAlone:
    """What each input tells of the target by itself, by the training samples.

    Attributes:
        names: `[input]`, what is asked: columns of a table, of categories the whole column and not
            the input of each, or places of windows.
        count: How many were asked.
        right: int64 `[input, class]`, the samples whose class it tells, out of sample; None where
            targets are no classes.
        of_class: int64 `[class]`, the samples of each.
        explained: float64 `[input]`, of numbers to predict, the part of their variance that it
            explains, out of sample; None where targets are classes.
        ranked: float64 `[input]`, of numbers to predict, Spearman's correlation with it, without
            its sign; None where targets are classes.
        earlier: Those that hold the target of an earlier row; sought among those that tell so much
            that they may give the target away, as is `before`.
        before: float64 `[2]`, of numbers to predict, `explained` and `ranked` of the target of the
            row before; of places of windows `[input, 2]`, those of the step beside it, of itself,
            and 0 where a place does not tell so much. Of classes `[1]`, the balanced accuracy of
            the class of the row before.
        in_time: Whether moments tell the order of the rows, or they are in that of a series.
        of_windows: Whether they are places of windows.
        series: bool `[input]`, whether each is a place of an input that differs between steps.
        number: Of targets of several numbers, which of them (from 0, flat).
        numbers: How many numbers a target has.
    """

    names: tuple[str, ...]
    count: int
    right: np.ndarray | None = field(repr=False, default=None)
    of_class: np.ndarray | None = field(repr=False, default=None)
    explained: np.ndarray | None = field(repr=False, default=None)
    ranked: np.ndarray | None = field(repr=False, default=None)
    earlier: tuple[str, ...] = ()
    before: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(2))
    in_time: bool = False
    of_windows: bool = False
    series: np.ndarray | None = field(repr=False, default=None)
    number: int = 0
    numbers: int = 1

    def first(self, most: int) -> "ToldAlone":
        """The same of the inputs that tell most, so many at most."""
        if self.right is not None and self.of_class is not None:
            told = (self.right / np.maximum(1, self.of_class)).sum(axis=1)
        else:
            assert self.explained is not None
            assert self.ranked is not None
            told = np.maximum(self.explained, self.ranked)
        kept = np.sort(np.argsort(-told, kind="stable")[:most])
        names = tuple(self.names[n] for n in kept)
        return replace(
            self,
            names=names,
            right=None if self.right is None else self.right[kept],
            explained=None if self.explained is None else self.explained[kept],
            ranked=None if self.ranked is None else self.ranked[kept],
            earlier=tuple(name for name in self.earlier if name in names),
            before=self.before if self.before.ndim == 1 else self.before[kept],
            series=None if self.series is None else self.series[kept],
        )


def told_alone(
    data: Dataset,
    labels: ClassLabels | None,
    together: np.ndarray,
    most: int | None = None,
    number: int = 0,
) -> ToldAlone:
    """What each column of a table, or place of windows, tells of the target by itself.

    An input alone tells the target by a rule of one column (after Holte 1993, "Very simple
    classification rules perform well on most commonly used datasets", Machine Learning 11): its
    values are cut where the class changes, and each bin answers with the class that it has most
    of, in parts of the class's rows. Of numbers, bins have equal counts and answer with their
    mean; each category is a bin. Bins and answers are learned on four fifths of the rows and scored
    on the other fifth, five times. Bins are coarse where rows are few or a target is skewed, so
    that the ranks of numbers are compared as well.

    Args:
        data: A table, or windows `[sample, step, input]`, with training samples.
        labels: Their classes; None where targets are none.
        together: int64 `[train sample]`, equal for rows that no fold may part.
        most: The most numbers to look at; of more samples a random part is. None for no bound.
        number: Which number of a target, where it has several (from 0, flat).
    """
    of_windows = is_windows(data)
    random = np.random.default_rng(0)
    width = data.x_train[0].size
    width = min(width, MOST_PLACES) if of_windows else width
    bound = MOST_SAMPLES if most is None else max(FEWEST_SAMPLES, most // max(1, width))
    rows = random_part(random, np.arange(len(data.x_train)), min(MOST_SAMPLES, bound))
    parts = [
        (np.setdiff1d(np.arange(len(rows)), held_out), held_out)
        for held_out in deal(random, together[rows], FOLDS)
        if 0 < len(held_out) < len(rows)
    ]
    of_sides = targets_of(data, labels, number)
    target = of_sides[rows] if labels is None else labels.train[rows]
    places = _telling(data.x_train, rows, target, width) if of_windows else []
    sides, inputs = _inputs_of(data, places)
    asked = inputs(sides[0][rows])
    found = ToldAlone(
        tuple(asked),
        width if of_windows else len(asked),
        in_time=(
            are_windows(data.x_train)
            if of_windows
            else data.columns is not None and bool(data.columns.moments)
        ),
        of_windows=of_windows,
        series=_vary(data.x_train, rows, places) if of_windows else None,
        number=number,
        numbers=1 if labels is not None else data.y_train[0].size,
    )
    if labels is not None:
        counts = np.bincount(target, minlength=len(labels.names))

        def recall(right: np.ndarray) -> float:
            return float((right[counts > 0] / counts[counts > 0]).mean())

        right = [told_classes(c, target, len(counts), parts) for c in asked.values()]
        found = replace(found, right=np.array(right), of_class=counts)
        suspect = np.array([recall(one) > TOLD for one in right])
        if not suspect.any():
            return found
        of_before = [
            recall(told_classes(one, target, len(counts), parts))
            for one in targets_before(data, of_sides)[:, rows]
        ]
        before = np.array([max(of_before)])
    else:
        y = target.astype(np.float64)
        explained = np.array([explained_by(c, y, parts) for c in asked.values()])
        ranked = ranks_with(np.column_stack([*asked.values()]), y, together[rows])
        found = replace(found, explained=explained, ranked=ranked)
        # Of a series that goes on only ranks give a number away.
        is_series = np.zeros(len(asked), bool) if found.series is None else found.series
        suspect = (ranked >= RANKED) | ((explained >= EXPLAINED) & ~is_series)
        if not suspect.any():
            return found
        if of_windows:
            before = np.zeros((len(places), 2))
            before[suspect] = _of_steps_beside(
                data.x_train, rows, y, np.array(places)[suspect].tolist(), together[rows], parts
            )
        else:
            earlier = targets_before(data, of_sides)[:, rows]
            part = max(explained_by(one, y, parts) for one in earlier)
            before = np.array([part, ranks_with(earlier.T, y, together[rows]).max()])
    names = {name for name, is_one in zip(asked, suspect, strict=True) if is_one}
    held = hold_earlier_targets(
        data, of_sides, sides, lambda x: {n: c for n, c in inputs(x).items() if n in names}
    )
    return replace(found, earlier=held, before=before)


def _inputs_of(
    data: Dataset, places: Sequence[int]
) -> tuple[tuple[np.ndarray, np.ndarray], Callable[[np.ndarray], dict[str, np.ndarray]]]:
    """Training and test samples, and what makes inputs by name of such: of windows, of places."""
    if not places:
        return (data.x_train, data.x_test), partial(by_themselves, data)
    names = [place_name(place, data.x_train.shape[1:]) for place in places]
    train, test = ([_at(x, place) for place in places] for x in (data.x_train, data.x_test))
    sides = np.stack(train, axis=1), np.stack(test, axis=1)
    return sides, partial(_by_name, names)


def _telling(x: np.ndarray, rows: np.ndarray, y: np.ndarray, width: int) -> list[int]:
    """The places of windows, flat, that seem to tell most of a target.

    By the part of the variance of each that a line of the target, or its class, explains; of the
    last `width` places, the last first where that is equal.

    Args:
        x: `[train sample, step, input]`.
        rows: Of the samples, int64 `[row]`.
        y: Their targets, `[row]`.
        width: The most places.
    """
    steps, inputs = x.shape[1:]
    last = -(-width // inputs)
    # What is not looked at is not copied.
    flat = x[:, steps - min(last, steps) :][rows].reshape(len(rows), -1)[:, ::-1][:, :width]
    places = np.arange(steps * inputs)[::-1][:width]
    if len(places) <= MOST_ASKED:
        return [int(place) for place in places]
    apart = flat - flat.mean(axis=0, dtype=np.float64)
    spread = np.square(apart).sum(axis=0)
    if y.dtype.kind == "f":
        line = y - y.mean(dtype=np.float64)
        of_target = np.square(line @ apart) / max(float(line @ line), np.finfo(float).tiny)
    else:
        label, counts = np.unique(y, return_inverse=True, return_counts=True)[1:]
        sums = np.zeros((len(counts), apart.shape[1]))
        np.add.at(sums, label, apart)
        of_target = (np.square(sums) / counts[:, None]).sum(axis=0)
    told = np.divide(of_target, spread, out=np.zeros_like(spread), where=spread > 0)
    most = np.sort(np.argsort(-told, kind="stable")[:MOST_ASKED])
    return [int(place) for place in places[most]]


def _at(x: np.ndarray, place: int) -> np.ndarray:
    """The numbers of windows `[sample, step, input]` at a place, flat, `[sample]`."""
    column: np.ndarray = x[:, place // x.shape[2], place % x.shape[2]]
    return column


def _by_name(names: Sequence[str], x: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(names, x.T, strict=True))


def _vary(x: np.ndarray, rows: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Whether the input of each place differs between steps, bool `[place]`."""
    inputs = {place % x.shape[2] for place in places}
    differs = {n: bool((x[rows, :, n] != x[rows, :1, n]).any()) for n in inputs}
    return np.array([differs[place % x.shape[2]] for place in places])


def _of_steps_beside(
    x: np.ndarray,
    rows: np.ndarray,
    y: np.ndarray,
    places: Sequence[int],
    together: np.ndarray,
    parts: Parts,
) -> np.ndarray:
    """What the steps beside tell of places of windows; float64 `[place, 2]`.

    An input that is the same in all steps tells no series, and a place that holds the target itself
    is no earlier value: of these it is none. Ranks that are nearly those of the step beside may be
    nearer to the target's by rounding: they count as equal.
    """
    (steps, inputs), found, target = x.shape[1:], np.zeros((len(places), 2)), y.astype(x.dtype)
    for number, place in enumerate(places):
        beside = place - inputs if place >= inputs else place + inputs
        if beside >= steps * inputs:
            continue
        one, other = _at(x, place)[rows], _at(x, beside)[rows]
        holds_target = (one == target).all() and (other != target).mean() > _OTHERS
        if not holds_target and (other != one).any():
            of_place = one.astype(np.float64)
            rank = float(ranks_with(other[:, None], of_place, together)[0])
            found[number] = explained_by(other, of_place, parts), 1.0 if rank > RANKED else rank
    return found
