"""What Keras's errors and losses of numbers give to answers that take no model."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy

type ErrorKind = Literal["mse", "rmse", "mae", "r2", "huber", "log_cosh", "mape", "msle", "poisson"]

SOUGHT = ("huber", "log_cosh", "mape", "msle")
"""Whose best answer is sought for each number of a target by itself."""
MOST_PLACES = 64
"""Of targets of more numbers none is sought."""
EPSILON = 1e-7
"""Keras's, below which it divides by no number and takes no logarithm."""
_AT_ONCE = 2**20
"""How many numbers are compared at once: what is larger than a cache takes five times as long."""
_LOG_2 = float(np.log(2))


def of_rows(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """The weights of some rows, where samples have any."""
    return None if weights is None else weights[rows]


def mean_of(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The weighted mean over samples of values `[sample, ...]`, float64."""
    if weights is None:
        return np.asarray(values.mean(axis=0, dtype=float))
    return np.asarray(weights.astype(float) @ values / weights.sum(dtype=float))


def _median(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The weighted median over samples of values `[sample]` or `[sample, number]`."""
    if weights is None:
        return np.asarray(np.median(values, axis=0))
    if values.ndim == 2:
        return np.array([_median(column, weights) for column in values.T])
    order = np.argsort(values, kind="stable")
    weight = np.cumsum(weights[order], dtype=float)
    # Where half of the weight ends at a target, the middle between that and the next one.
    ends = [np.searchsorted(weight, weight[-1] / 2, side) for side in ("left", "right")]
    return np.asarray(values[order[ends]].mean(dtype=float))


def error_of(
    kind: ErrorKind, targets: np.ndarray, answers: np.ndarray, weights: np.ndarray | None
) -> float:
    """What Keras's metric gives to answers to some samples, or to one for all of them.

    Args:
        kind: What it computes.
        targets: `[sample]` or `[sample, number]`.
        answers: Of the same shape, or of that of one target.
        weights: `[sample]`; None without.
    """
    means = _mean_error(kind, targets, answers, weights)
    if kind == "r2":
        spread = _mean_error(kind, targets, mean_of(targets, weights), weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = 1 - means / spread
    return float(np.sqrt(means.mean()) if kind == "rmse" else means.mean())


def _mean_error(
    kind: ErrorKind, targets: np.ndarray, answers: np.ndarray, weights: np.ndarray | None
) -> np.ndarray:
    """The weighted mean over samples of the error of each number, a few samples at a time."""
    each, step = answers.ndim == targets.ndim, max(1, _AT_ONCE // max(1, targets[:1].size))
    total, count = np.zeros(targets.shape[1:]), 0.0
    for start in range(0, len(targets), step):
        rows = slice(start, start + step)
        weight = None if weights is None else weights[rows]
        some = float(len(targets[rows])) if weight is None else float(weight.sum(dtype=float))
        if some:
            error = _EACH[kind](targets[rows], answers[rows] if each else answers)
            total, count = total + some * mean_of(error, weight), count + some
    return np.asarray(total / count)


def best_constant(
    kind: ErrorKind, targets: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """The one answer to all targets `[sample]` or `[sample, number]` of the lowest error, named."""
    weighted = "weighted " * (weights is not None)
    match kind:
        case "mae":
            return _median(targets, weights), f"the {weighted}median of the training targets"
        case "mse" | "rmse" | "r2" | "poisson":
            return mean_of(targets, weights), f"the {weighted}mean of the training targets"
    columns = targets.reshape(len(targets), -1).T.astype(float)
    found = np.array([_lowest(kind, column, weights) for column in columns])
    return found.reshape(targets.shape[1:]), "the number of lowest error for the training targets"


def _lowest(kind: ErrorKind, targets: np.ndarray, weights: np.ndarray | None) -> float:
    """The number of the lowest error for targets `[sample]`."""
    if kind == "mape":
        scale = 1 / np.maximum(np.abs(targets), EPSILON)
        return float(_median(targets, scale if weights is None else scale * weights))
    if kind == "msle":
        return float(np.expm1(mean_of(np.log1p(np.maximum(targets, EPSILON)), weights)))
    # Both are convex, and grow beyond all targets.
    least, span = targets.min(), np.ptp(targets)
    sought = scipy.optimize.minimize_scalar(
        lambda part: error_of(kind, targets, np.asarray(least + part * span), weights),
        bounds=(0, 1),
        options={"xatol": 1e-9},
    )
    return float(least + sought.x * span)


def _huber(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    apart = np.abs(targets - answers)
    return np.asarray(np.where(apart <= 1, np.square(apart) / 2, apart - 0.5))


def _log_cosh(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    apart = np.abs(targets - answers)
    return np.asarray(apart + np.log1p(np.exp(-2.0 * apart)) - _LOG_2)


def _percentage(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return np.asarray(100 * np.abs(targets - answers) / np.maximum(np.abs(targets), EPSILON))


def _squared_logarithms(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    of_answers, of_targets = (np.log1p(np.maximum(v, EPSILON)) for v in (answers, targets))
    return np.asarray(np.square(of_answers - of_targets))


def _squares(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(targets - answers))


_EACH: dict[ErrorKind, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mse": _squares,
    "rmse": _squares,
    "r2": _squares,
    "mae": lambda targets, answers: np.abs(targets - answers),
    "huber": _huber,
    "log_cosh": _log_cosh,
    "mape": _percentage,
    "msle": _squared_logarithms,
    "poisson": lambda targets, answers: answers - scipy.special.xlogy(targets, answers + EPSILON),
}
"""The error of each number; that of all is their mean, its root, or a part of their spread."""
