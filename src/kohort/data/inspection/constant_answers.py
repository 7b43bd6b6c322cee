"""What one answer for all samples scores: by an area, an error of numbers, a crossentropy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels, class_labels

type ErrorKind = Literal["mse", "rmse", "mae", "r2"]
type AreaKind = Literal["roc", "pr"]
type EntropyKind = Literal["crossentropy", "binary crossentropy"]
type LossKind = ErrorKind | EntropyKind
type PlacesKind = Literal["binary accuracy", "sparse accuracy", "categorical accuracy"]
type ConstantKind = LossKind | AreaKind | PlacesKind

MOST_COUNTS = 2**24
"""Of more classes times places of a target nothing is counted."""
_AT_ONCE = 2**22
"""How many places of targets are counted at once."""
_SHARES = "the share of each class"
_MOST_COMMON = "the most common value in each place"


@dataclass(frozen=True, eq=False)
class ConstantAnswer:
    """What the metric that scores gives to the answer of a model that looks at nothing.

    Args:
        name: The answer in words.
        train: `[replicate]`, its score on the samples that train, float64.
        valid: `[replicate]`, its score on the samples that validate.
        ones: The part of these that are of class 1, on average, where the score is the area under
            the ROC curve of two classes; else None.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    ones: float | None = None


def constant_answer(
    kind: ConstantKind, data: Dataset, parts: Iterable[tuple[np.ndarray, np.ndarray]]
) -> ConstantAnswer | None:
    """What the best answer that is one for all samples scores, chosen on the training part.

    That is the mean of the training targets, or their median for absolute errors; for areas one
    score for all samples, and of one-hot rows, whose columns Keras takes together, the share of
    each class, as for crossentropies. For accuracies of targets with several places, such as the
    pixels of a mask, it is the most common value in each place.

    Args:
        kind: What Keras's metric computes, over all samples and columns.
        data: The data.
        parts: For each replicate the rows that train and those that validate.

    Returns:
        What it scores; None where the targets are not what such a metric is for.
    """
    sides = tuple(parts)
    match kind:
        case "mse" | "rmse" | "mae" | "r2":
            answer = _of_error(kind, data.y_train, sides)
        case "binary accuracy" | "sparse accuracy" | "categorical accuracy":
            answer = _of_places(kind, data.y_train, sides)
        case _:
            labels = class_labels(data, floats_are_labels=True)
            answer = None if labels is None else _of_classes(kind, labels, sides)
    is_known = answer is not None and np.isfinite([answer.train, answer.valid]).all()
    return answer if is_known else None


def _of_error(
    kind: ErrorKind, targets: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> ConstantAnswer | None:
    if targets.ndim > 2 or targets.dtype.kind not in "iuf":
        return None
    scores = [
        _error(kind, targets[train], (targets[train], targets[valid])) for train, valid in parts
    ]
    if kind != "r2" and not np.all(scores):  # nothing to be better than
        return None
    middle = "median" if kind == "mae" else "mean"
    return ConstantAnswer(f"the {middle} of the training targets", *np.array(scores).T)


def _error(kind: ErrorKind, known: np.ndarray, sides: Sequence[np.ndarray]) -> list[float]:
    """The scores on some sides of the best constant of the targets that are known."""
    constant = np.median(known, axis=0) if kind == "mae" else known.mean(axis=0, dtype=float)
    scores = []
    for targets in sides:
        apart = targets - constant
        if kind == "mae":
            scores.append(float(np.abs(apart).mean()))
            continue
        squares = np.square(apart).mean(axis=0)
        if kind == "r2":
            with np.errstate(invalid="ignore", divide="ignore"):
                squares = 1 - squares / targets.var(axis=0, dtype=float)
        scores.append(float(np.sqrt(squares.mean()) if kind == "rmse" else squares.mean()))
    return scores


def _of_places(
    kind: PlacesKind, targets: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> ConstantAnswer | None:
    """Of accuracies that count several places of a target; of one place there is a majority."""
    one_hot = kind == "categorical accuracy"
    if targets.ndim < 2 + one_hot or targets.size == len(targets):
        return None
    classes = targets.shape[-1] if one_hot else 1 + int(targets.max())
    places = targets[0].size // (classes if one_hot else 1)
    if places * classes > MOST_COUNTS:
        return None
    if not one_hot and (targets.min() < 0 or (targets != np.floor(targets)).any()):
        return None  # Parts of classes, or grey levels: no answer is right there.
    if kind == "binary accuracy" and classes > 2:
        return None
    scores = []
    for part in parts:
        train, valid = (_counts(targets, rows, places, classes, one_hot=one_hot) for rows in part)
        answer = train.argmax(axis=1)[:, None]
        scores.append(
            [np.take_along_axis(c, answer, axis=1).sum() / c.sum() for c in (train, valid)]
        )
    return ConstantAnswer(_MOST_COMMON, *np.array(scores).T)


def _counts(
    targets: np.ndarray, rows: np.ndarray, places: int, classes: int, *, one_hot: bool
) -> np.ndarray:
    """int64 `[place, class]`, the rows that have a class in a place of their targets."""
    counts, step = np.zeros(places * classes, np.int64), max(1, _AT_ONCE // places)
    for start in range(0, len(rows), step):
        some = targets[rows[start : start + step]]
        labels = some.argmax(axis=-1) if one_hot else some.astype(np.int64)
        of_place = labels.reshape(-1, places) + classes * np.arange(places)
        counts += np.bincount(of_place.reshape(-1), minlength=places * classes)
    return counts.reshape(places, classes)


def _of_classes(
    kind: AreaKind | EntropyKind,
    labels: ClassLabels,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
) -> ConstantAnswer | None:
    is_of = labels.train[:, None] == np.arange(len(labels.names))
    # [replicate, side, class], the part of the samples of each side that are of a class.
    shares = np.array([[is_of[rows].mean(axis=0) for rows in part] for part in parts])
    match kind:
        case "roc" | "pr":
            return _of_area(kind, labels, shares)
        case _:
            return _of_entropy(kind, labels, shares)


def _of_area(kind: AreaKind, labels: ClassLabels, shares: np.ndarray) -> ConstantAnswer | None:
    if labels.form == "one-hot":
        if kind == "pr":
            return None
        areas = [[_micro_area(train, side) for side in (train, valid)] for train, valid in shares]
        return ConstantAnswer(_SHARES, *np.array(areas).T)
    if len(labels.names) != 2:
        return None
    ones = shares[:, :, 1]
    # Without both classes Keras's area is 0.
    scores = 0.5 * ((ones > 0) & (ones < 1)) if kind == "roc" else ones
    known = float(ones[:, 1].mean()) if kind == "roc" else None
    return ConstantAnswer("one score (chance)", scores[:, 0], scores[:, 1], known)


def _of_entropy(
    kind: EntropyKind, labels: ClassLabels, shares: np.ndarray
) -> ConstantAnswer | None:
    if kind == "binary crossentropy":
        if labels.form != "one-hot" and shares.shape[-1] != 2:
            return None
        # Of each column, which is or is not. The two of two classes have the same, as one has.
        shares = np.stack([shares, 1 - shares], axis=-1)
    known = shares[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, -shares * np.log(known), 0.0).sum(axis=-1)
    scores = terms.mean(axis=-1) if kind == "binary crossentropy" else terms
    if not np.all(scores):  # nothing to be better than
        return None
    return ConstantAnswer(_SHARES, scores[:, 0], scores[:, 1])


def _micro_area(scores: np.ndarray, shares: np.ndarray) -> float:
    """The area under the ROC curve of all columns `[class]` together, each of one score.

    Args:
        scores: The score of each column.
        shares: The part of the samples that are of its class.
    """
    above = np.sign(scores[:, None] - scores) / 2 + 0.5
    return float(shares @ above @ (1 - shares) / (len(shares) - 1))
