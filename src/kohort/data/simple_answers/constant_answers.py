"""What one answer for all samples scores: by an area, an error of numbers, a crossentropy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels, class_labels
from kohort.data.simple_answers.error_kinds import (
    EPSILON,
    MOST_PLACES,
    SOUGHT,
    ErrorKind,
    best_constant,
    error_of,
    mean_of,
    of_rows,
)

type AreaKind = Literal["roc", "pr"]
type EntropyKind = Literal["crossentropy", "binary crossentropy"]
type LossKind = ErrorKind | EntropyKind
type PlacesKind = Literal["binary accuracy", "sparse accuracy", "categorical accuracy"]
type ConstantKind = LossKind | AreaKind | PlacesKind

MOST_COUNTS = 2**24
"""Of more classes times places of a target nothing is counted."""
_AT_ONCE = 2**22
"""How many places of targets are counted at once."""
MOST_NUMBERS, MOST_RANKED = 2**26, 2**24
"""Of targets with more numbers in all no mean is taken, and no median, which takes longer."""
_SHARES = "the share of each class"
_CHANCE = "one score (chance)"
_MOST_COMMON = "the most common value in each place"
_IN_EACH_PLACE = " in each place"
_BY_WEIGHT = ", by the weights of samples"


@dataclass(frozen=True, eq=False)
class ConstantAnswer:
    """What the metric that scores gives to an answer that takes no model.

    It is one for all samples, or a straight line of one input.

    Args:
        name: The answer in words.
        train: `[replicate]`, its score on the samples that train, float64.
        valid: `[replicate]`, its score on the samples that validate.
        ones: The part of these that are of class 1, on average, where the score is the area under
            the ROC curve of two classes; else None.
        is_line: Whether it is a straight line.
        from_zero: Whether no score is below zero: another may be told as a part of it.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    ones: float | None = None
    is_line: bool = False
    from_zero: bool = True

    def told(self, always: str) -> str:
        """What models are compared with, in words: `always the mean of ...`, `a straight line`."""
        return self.name if self.is_line else f"{always} {self.name}"

    @property
    def is_of_classes(self) -> bool:
        """Whether what scores takes the targets for classes: it is an area, or a crossentropy."""
        return self.name.removesuffix(_BY_WEIGHT) in (_CHANCE, _SHARES)

    def times(self, train: np.ndarray, valid: np.ndarray) -> "ConstantAnswer":
        """The same answer with its scores multiplied, `[replicate]` of each side."""
        return replace(self, train=self.train * train, valid=self.valid * valid)


def constant_answer(
    kind: ConstantKind,
    data: Dataset,
    parts: Iterable[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None = None,
) -> ConstantAnswer | None:
    """What the best answer that is one for all samples scores, chosen on the training part.

    That is the mean of the training targets, their median for absolute errors, or another number
    that an error is lowest for; for areas one
    score for all samples, and of one-hot rows, whose columns Keras takes together, the share of
    each class, as for crossentropies. For accuracies of targets with several places, such as the
    pixels of a mask, it is the most common value in each place; for errors and binary
    crossentropies of such the mean in each.

    Args:
        kind: What Keras's metric computes, over all samples and columns.
        data: The data.
        parts: For each replicate the rows that train and those that validate.
        weights: `[train sample]`, by which samples count in what is measured, as in
            `weighted_metrics` of Keras, and so in the choice of the answer; None without.

    Returns:
        What it scores; None where the targets are not what such a metric is for, or where the
        samples of a part weigh nothing.
    """
    sides = tuple(parts)
    if weights is not None and _weighs_nothing(sides, weights):
        return None
    match kind:
        case "crossentropy" | "binary crossentropy" | "roc" | "pr":
            labels = class_labels(data, floats_are_labels=True)
            if labels is not None:
                answer = _of_classes(kind, labels, sides, weights)
            elif kind == "binary crossentropy":
                answer = _of_shares(data.y_train, sides, weights)
            else:
                answer = None
        case "binary accuracy" | "sparse accuracy" | "categorical accuracy":
            answer = _of_places(kind, data.y_train, sides, weights)
        case _:
            answer = _of_error(kind, data.y_train, sides, weights)
    is_known = answer is not None and np.isfinite([answer.train, answer.valid]).all()
    return answer if is_known else None


def heaviest_class(
    labels: ClassLabels, parts: Iterable[tuple[np.ndarray, np.ndarray]], weights: np.ndarray
) -> ConstantAnswer | None:
    """The weighted accuracy of always answering the class of the most weight.

    Args:
        labels: The classes.
        parts: For each replicate the rows that train and those that validate.
        weights: `[train sample]`.

    Returns:
        What it scores; None where the samples of a part weigh nothing.
    """
    sides = tuple(parts)
    if _weighs_nothing(sides, weights):
        return None
    number = int(np.bincount(labels.train, weights).argmax())
    is_it = labels.train == number
    shares = [[mean_of(is_it[rows], weights[rows]) for rows in part] for part in sides]
    return ConstantAnswer(f"class {labels.names[number]}", *np.array(shares).T)


def _weighs_nothing(parts: Sequence[tuple[np.ndarray, np.ndarray]], weights: np.ndarray) -> bool:
    """Whether all samples of some part have the weight 0."""
    return not all(weights[rows].any() for part in parts for rows in part)


def _of_error(
    kind: ErrorKind,
    targets: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None,
) -> ConstantAnswer | None:
    most = MOST_RANKED if kind == "mae" else MOST_NUMBERS
    if targets.dtype.kind not in "iuf" or targets.size > most:
        return None
    # Keras takes R2 of columns.
    if targets.ndim > 2 and (kind == "r2" or weights is not None):
        return None
    if kind in SOUGHT and targets[:1].size > MOST_PLACES:
        return None
    scores, name = [], ""
    for part in parts:
        sides = [(targets[rows], of_rows(weights, rows)) for rows in part]
        constant, name = best_constant(kind, *sides[0])
        scores.append([error_of(kind, those, constant, weight) for those, weight in sides])
    if kind != "r2" and not np.all(scores):  # nothing to be better than
        return None
    name += _IN_EACH_PLACE * (targets.ndim > 2)
    return replace(ConstantAnswer(name, *np.array(scores).T), from_zero=kind != "poisson")


def _of_shares(
    targets: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None,
) -> ConstantAnswer | None:
    """The binary crossentropy of the mean in each place, of labels of 0 and 1 or parts of one.

    It is linear in the targets, so that their means tell it.
    """
    if targets.dtype.kind not in "iufb" or targets.size > MOST_NUMBERS or not targets.size:
        return None
    if targets.min() < 0 or targets.max() > 1:
        return None
    places, scores = targets.reshape(len(targets), -1), []
    for part in parts:
        train, valid = (mean_of(places[rows], of_rows(weights, rows)) for rows in part)
        known = np.clip(train, EPSILON, 1 - EPSILON)
        logarithms = np.log(known), np.log1p(-known)
        scores.append(
            [-(m * logarithms[0] + (1 - m) * logarithms[1]).mean() for m in (train, valid)]
        )
    weighted = "weighted " * (weights is not None)
    name = f"the {weighted}mean of the training targets{_IN_EACH_PLACE * (places.shape[1] > 1)}"
    return ConstantAnswer(name, *np.array(scores).T)


def _of_places(
    kind: PlacesKind,
    targets: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None,
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
        train, valid = (
            _counts(targets, rows, places, classes, weights, one_hot=one_hot) for rows in part
        )
        answer = train.argmax(axis=1)[:, None]
        scores.append(
            [np.take_along_axis(c, answer, axis=1).sum() / c.sum() for c in (train, valid)]
        )
    name = _MOST_COMMON + _BY_WEIGHT * (weights is not None)
    return ConstantAnswer(name, *np.array(scores).T)


def _counts(
    targets: np.ndarray,
    rows: np.ndarray,
    places: int,
    classes: int,
    weights: np.ndarray | None,
    *,
    one_hot: bool,
) -> np.ndarray:
    """`[place, class]`, the rows that have a class in a place of their targets, or their weight."""
    counts: np.ndarray = np.zeros(places * classes, np.int64 if weights is None else np.float64)
    step = max(1, _AT_ONCE // places)
    for start in range(0, len(rows), step):
        those = rows[start : start + step]
        some = targets[those]
        labels = some.argmax(axis=-1) if one_hot else some.astype(np.int64)
        of_place = labels.reshape(-1, places) + classes * np.arange(places)
        each = None if weights is None else np.repeat(weights[those], places)
        counts += np.bincount(of_place.reshape(-1), each, minlength=places * classes)
    return counts.reshape(places, classes)


def _of_classes(
    kind: AreaKind | EntropyKind,
    labels: ClassLabels,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None,
) -> ConstantAnswer | None:
    is_of = labels.train[:, None] == np.arange(len(labels.names))
    # [replicate, side, class], the part of the samples of each side that are of a class.
    shares = np.array(
        [[mean_of(is_of[rows], of_rows(weights, rows)) for rows in part] for part in parts]
    )
    match kind:
        case "roc" | "pr":
            answer = _of_area(kind, labels, shares)
        case _:
            answer = _of_entropy(kind, labels, shares)
    if answer is None or weights is None:
        return answer
    # Weighted samples are not so many: no interval of an area is theirs.
    name = answer.name + _BY_WEIGHT * (answer.name == _SHARES)
    return replace(answer, name=name, ones=None)


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
    return ConstantAnswer(_CHANCE, scores[:, 0], scores[:, 1], known)


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
