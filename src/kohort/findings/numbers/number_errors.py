"""How far predictions of a number are off: RMSE, MAE and R2, whichever of them scores."""

from dataclasses import dataclass

import numpy as np

from kohort.findings.grouped.over_groups import error_over, mean_over, without_bounds
from kohort.findings.statistics.interval import Interval


@dataclass(frozen=True)
class NumberErrors:
    """How far the predictions of one number are off, over samples that count alike.

    Args:
        rmse: The root of the mean squared error, in the unit of the target; the bounds are the
            roots of those of the mean squared error, by `error_over`.
        mae: The mean absolute error, with its bounds, likewise.
        r2: The coefficient of determination: 1 less the squared errors as a part of those of the
            samples' own mean. 0 is as good as that mean, below 0 is worse. The bounds are Student's
            of the logarithm of that part, a ratio of two means over the same samples, by how much
            each sample moves it. NaN where it is not defined.
        no_r2: Why it is not defined; empty if it is.
    """

    rmse: Interval
    mae: Interval
    r2: Interval
    no_r2: str = ""

    @property
    def is_no_better_than_the_mean(self) -> bool:
        """Whether it is no better than to answer the samples' own mean, by its interval.

        Where it has none, by R2 itself: on these samples.
        """
        return bool((self.r2.high if self.r2.is_formed else self.r2.mean) <= 0)

    @property
    def may_be_no_better_than_the_mean(self) -> bool:
        """Whether its interval does not show it to be better than that; else as above."""
        return bool((self.r2.low if self.r2.is_formed else self.r2.mean) <= 0)


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
        return NumberErrors(nothing, nothing, nothing, why)
    errors = predictions - targets
    squared = error_over(errors**2, groups, confidence)
    mean, low, high = np.sqrt([squared.mean, squared.low, squared.high]).tolist()
    rmse = Interval(mean, low, high, squared.n, np.nan)
    mae = error_over(np.abs(errors), groups, confidence)
    if np.ptp(targets) == 0:
        alike = "all targets are the same" if len(targets) > 1 else "there is one sample"
        return NumberErrors(rmse, mae, without_bounds(np.nan, len(targets)), alike)
    return NumberErrors(rmse, mae, _r2(targets, errors, confidence, groups))


def _r2(
    targets: np.ndarray, errors: np.ndarray, confidence: float, groups: np.ndarray | None
) -> Interval:
    """R2 with its interval.

    Of 10, 20, 50 and 200 samples whose true R2 is 0, the lower bound was above 0 in 2.1 to 4.3 % of
    2,000 draws at 95 % (normal, Laplace's and Student's of 5 degrees), the upper one below it in
    2.9 to 8.9 %; of lognormal ones, with far outliers among the targets, in 1.4 to 5.7 and 10 to
    16 %. Where R2 is large such outliers make the whole interval too low.
    """
    squares, around_mean = errors**2, (targets - targets.mean()) ** 2
    part = float(squares.mean() / around_mean.mean())
    if not part:
        return without_bounds(1.0, len(targets))
    moves = squares / squares.mean() - around_mean / around_mean.mean()
    half = mean_over(moves, groups, confidence).high
    low, high = (1 - part * float(np.exp(side * half)) for side in (1, -1))
    return Interval(1 - part, low, high, len(targets), np.nan)
