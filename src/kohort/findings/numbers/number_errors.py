"""How far predictions of a number are off: RMSE, MAE and R2, whichever of them scores."""

from dataclasses import dataclass

import numpy as np

from kohort.findings.grouped.over_groups import error_over
from kohort.findings.statistics.interval import Interval


@dataclass(frozen=True)
class NumberErrors:
    """How far the predictions of one number are off, over samples that count alike.

    Args:
        rmse: The root of the mean squared error, in the unit of the target; the bounds are the
            roots of those of the mean squared error, by `error_over`.
        mae: The mean absolute error, with its bounds, likewise.
        r2: The coefficient of determination: 1 less the squared errors as a part of those of the
            samples' own mean. 0 is as good as that mean, below 0 is worse. NaN where it is not
            defined. It is no mean over samples, and has no interval.
        no_r2: Why it is not defined; empty if it is.
    """

    rmse: Interval
    mae: Interval
    r2: float
    no_r2: str = ""


def number_errors(
    targets: np.ndarray,
    predictions: np.ndarray,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
) -> tuple[NumberErrors, ...]:
    """RMSE, MAE and R2 of each number that is predicted.

    Definitions: those of scikit-learn's `root_mean_squared_error`, `mean_absolute_error` and
    `r2_score`; but R2 of targets that are all the same is not defined here, where that gives 0 or
    1. Where a prediction is not finite nothing is.

    Args:
        targets: `[sample]` or `[sample, number]`, finite; one sample or more.
        predictions: Of the same shape.
        confidence: Of the intervals, between 0 and 1.
        groups: `[sample]`, which samples belong together; None where each stands for itself.
    """
    wanted, given = (np.asarray(part, float) for part in (targets, predictions))
    wanted, given = (part.reshape(len(part), -1) for part in (wanted, given))
    return tuple(
        _of_one(one, of_it, confidence, groups)
        for one, of_it in zip(wanted.T, given.T, strict=True)
    )


def _of_one(
    targets: np.ndarray, predictions: np.ndarray, confidence: float, groups: np.ndarray | None
) -> NumberErrors:
    if strange := int((~np.isfinite(predictions)).sum()):
        nothing = Interval(np.nan, np.nan, np.nan, len(targets), np.nan)
        why = f"{strange:,} of {len(targets):,} predictions are no finite numbers"
        return NumberErrors(nothing, nothing, np.nan, why)
    errors = predictions - targets
    squared = error_over(errors**2, groups, confidence)
    mean, low, high = np.sqrt([squared.mean, squared.low, squared.high]).tolist()
    rmse = Interval(mean, low, high, squared.n, np.nan)
    mae = error_over(np.abs(errors), groups, confidence)
    if np.ptp(targets) == 0:
        alike = "all targets are the same" if len(targets) > 1 else "there is one sample"
        return NumberErrors(rmse, mae, np.nan, alike)
    spread = float(((targets - targets.mean()) ** 2).sum())
    return NumberErrors(rmse, mae, 1 - float((errors**2).sum()) / spread)
