"""How far a variant's curves would still fall, and how far it is behind the best."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from kohort.findings.curves.ends import stretched
from kohort.findings.judged import WORSE_THRESHOLD, StudyCurves, VariantCurves
from kohort.findings.statistics.choosers import choosers
from kohort.findings.statistics.forecast import Forecast, forecast
from kohort.findings.statistics.interval import Interval, half_of_one_more

EXCESS_POINTS = 2.0
"""Train error above that of the study's best, in points, where errors are proportions."""
EXCESS_PERCENT = 10.0
"""The same for other errors, in percent of what `Scale.reference` is."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """How far a variant's curves would fall in as many epochs again, over its sound replicates.

    Each replicate in as many as it trained itself.

    Args:
        train_error: In the unit of the errors.
        valid_error: The same.
        train_loss: As a part of the fall so far: of how far mean train loss has moved since
            training began. So it depends neither on the size of the loss nor on its sign.
        valid_loss: As a part of the same.
    """

    train_error: Forecast
    valid_error: Forecast
    train_loss: Forecast
    valid_loss: Forecast


@dataclass(frozen=True, eq=False)
class Behind:
    """How far a variant is behind the one that fits its training data best.

    Args:
        excess: Of its train error at the end.
        worse: Of its validation error at e*.
        rivals: The names of what it is compared with, the most frequent one first.
        threshold: What an excess must be above to be of interest; NaN where that is not known.
    """

    excess: Interval
    worse: Interval
    rivals: str
    threshold: float

    @property
    def border(self) -> float:
        """What an excess must be below to be none; zero where no threshold is known."""
        return 0.0 if np.isnan(self.threshold) else self.threshold

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the excess lies above the threshold."""
        return self.excess.lies_above(self.threshold)


@dataclass(frozen=True, eq=False)
class Rivals:
    """What a variant is held against: for each replicate the one that others choose.

    Args:
        replicates: `[shared]`, those that it shares with another variant.
        chosen: `[shared]`, the number of the variant that is chosen, which may be its own.
        study: The study.
    """

    replicates: np.ndarray
    chosen: np.ndarray
    study: StudyCurves

    def of(self, values: np.ndarray) -> np.ndarray:
        """What is chosen of values `[variant, replicate]`, `[replicate]`; NaN if not shared."""
        read = np.full(values.shape[1], np.nan)
        read[self.replicates] = values[self.chosen, self.replicates]
        return read

    def names(self, but: int) -> str:
        """The variants that are chosen, but one, as text; the most frequent one first."""
        numbers, counts = np.unique(self.chosen[self.chosen != but], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return " or ".join(self.study.variants[n].name for n in numbers[order]) or "the others"


_forecast: WeakKeyDictionary[StudyCurves, dict[VariantCurves, Outlook]] = WeakKeyDictionary()
"""Of each study that is still in use, since several rules ask for the same."""


def outlook_of(curves: VariantCurves, study: StudyCurves) -> Outlook:
    """How far the curves of one of a study's variants would still fall; it trained two epochs."""
    known = _forecast.setdefault(study, {})
    if curves not in known:
        known[curves] = _outlook(curves, study)
    return known[curves]


def behind_of(curves: VariantCurves, study: StudyCurves) -> Behind | None:
    """How far a variant is behind the best; None if it is that, or not measured, or alone.

    For each replicate the best is the one with the lowest mean train error in those that choose
    for it.
    """
    number, ends = study.number(curves), train_ends(study, curves)
    known = np.isfinite(ends).any(axis=1)
    if not known[number] or known.sum() == 1:
        return None
    rivals = rivals_of(study, ends, number)
    if len(rivals.chosen) > 1 and (rivals.chosen == number).all():
        return None
    return Behind(
        # Where training ended, not at e*: a model that overfits early has an early e*, and that it
        # has learned little by then says nothing of what it can learn.
        study.interval(ends[number] - rivals.of(ends)),
        study.interval(study.errors[number] - rivals.of(study.errors)),
        rivals.names(number),
        study.scale.threshold(EXCESS_POINTS, EXCESS_PERCENT),
    )


def train_ends(study: StudyCurves, curves: VariantCurves) -> np.ndarray:
    """Train errors at the end, float64 `[variant, replicate]`, for a variant to be compared with.

    NaN for replicates not sound, and for variants that train with other weights of classes.
    """
    return only_alike(study.train_ends, study, curves)


def only_alike(values: np.ndarray, study: StudyCurves, curves: VariantCurves) -> np.ndarray:
    """Values `[variant, replicate]`, NaN for variants that train with other weights of classes."""
    alike = np.array([each.weighting == curves.weighting for each in study.variants])
    return np.where(alike[:, None], values, np.nan)


def rivals_of(study: StudyCurves, errors: np.ndarray, number: int) -> Rivals:
    """For each replicate the variant with the lowest mean error in its `choosers`.

    The best of several equal variants is the luckiest one, and any other looks worse. The choice
    of other replicates is free of this bias; and were all others to choose for each, the luck of
    one would be in what is read of all, and intervals too short for it.

    Args:
        study: The study.
        errors: `[variant, replicate]`.
        number: The variant that is held against them. Replicates that it shares with no other one
            neither choose nor are chosen for.
    """
    known = np.isfinite(errors)
    shared = np.flatnonzero(known[number] & (known.sum(axis=0) > 1))
    chooses, there = choosers(len(shared)), known[:, shared]
    sums = np.where(there, errors[:, shared], 0.0) @ chooses.T
    means = np.full(sums.shape, np.inf)
    count = there @ chooses.T.astype(int)
    np.divide(sums, count, out=means, where=count > 0)
    return Rivals(shared, means.argmin(axis=0), study)


def _outlook(curves: VariantCurves, study: StudyCurves) -> Outlook:
    def sound(curve: np.ndarray) -> np.ndarray:
        return stretched(curve, curves.sound, curves.lengths)

    def ahead(values: np.ndarray, limits: tuple[float, float]) -> Forecast:
        return forecast(
            values,
            limits=limits,
            confidence=study.confidence,
            test_to_train=study.test_to_train,
        )

    lowest, highest = study.scale.error_limits
    of_errors = max(lowest, 0.0) if study.scale.is_best_at_zero else lowest, highest
    first = curves.train_loss[curves.sound, 0]
    moved = _moved(first, sound(curves.train_loss), curves.untrained_loss) or 1.0
    of_losses = curves.lowest_loss / moved, np.inf
    return Outlook(
        ahead(sound(curves.train_error), of_errors),
        ahead(sound(curves.valid_error), of_errors),
        ahead(sound(curves.train_loss) / moved, of_losses),
        ahead(sound(curves.valid_loss) / moved, of_losses),
    )


def _moved(first: np.ndarray, losses: np.ndarray, untrained: float) -> float:
    """How far the mean of losses has moved since training began.

    The loss before training is that of one model on some samples. Where it is not above the mean
    after the first epoch by `WORSE_THRESHOLD`, and by more than losses differ there (the prediction
    interval of one more), it is left out: it may tell how models and samples differ.

    Args:
        first: `[replicate]`, after the first epoch.
        losses: `[replicate, time]`, after equal parts of the epochs, to the last one.
        untrained: Before training; NaN if unknown.
    """
    mean, count = np.append(losses.mean(axis=0), first.mean()), len(first)
    if count > 1:
        alike = half_of_one_more(first, 0.95)
        if untrained - mean[-1] > max(alike, WORSE_THRESHOLD * abs(untrained)):
            mean = np.append(mean, untrained)
    return float(np.ptp(mean))
