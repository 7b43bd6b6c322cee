"""The recall of each class on validation, and their mean, with intervals over replicates."""

from dataclasses import dataclass

import numpy as np

from kohort.evidence.class_counts import ClassCounts
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import Interval

UNEVEN = 2.0
"""How many times as many validation samples the largest class has as the smallest, where an
accuracy hides which class is found."""


@dataclass(frozen=True)
class Recalls:
    """The recalls of a variant on the validation parts, means over its sound replicates.

    Args:
        of_class: `[class]`, the part of the class's samples that is given this class; the bounds
            are NaN where it is the same in all replicates, and the mean where no part has any.
        balanced_accuracy: Their mean, over the classes that the study's parts hold; NaN where those
            of this variant lack one. Its bounds are NaN where not every part holds every class.
    """

    of_class: tuple[Interval, ...]
    balanced_accuracy: Interval


def recalls_of(counts: ClassCounts, study: StudyCurves, variant: int) -> Recalls:
    """The recalls of a variant, with the study's intervals.

    Args:
        counts: What its members find.
        study: The curves: which replicates are sound, and how intervals are made.
        variant: Its number.
    """
    values = _by_replicate(counts, study, variant)
    of_class = tuple(_interval(study, of_one) for of_one in values.T)
    return Recalls(of_class, _balanced(study, values[:, classes_held(counts)]))


def classes_held(counts: ClassCounts) -> np.ndarray:
    """Bool `[class]`, whether any validation part holds samples of it."""
    held: np.ndarray = counts.samples.any(axis=0)
    return held


def _balanced(study: StudyCurves, recalls: np.ndarray) -> Interval:
    """Of recalls `[replicate, class]` of classes that are held; NaN where a part lacks the class.

    A part that lacks a class has no balanced accuracy: over the classes that are left, one answer
    for all samples would have more than 1 / classes. So the classes' means are averaged, and only
    where each part holds each class do replicates tell how far that mean scatters.
    """
    known = recalls[np.isfinite(recalls).any(axis=1)]
    if np.isfinite(known).all():
        return _interval(study, known.mean(axis=1))
    means = [study.interval(of_one).mean for of_one in known.T]
    return Interval(float(np.mean(means)), np.nan, np.nan, len(known), np.nan)


def _by_replicate(counts: ClassCounts, study: StudyCurves, variant: int) -> np.ndarray:
    """Recalls, float64 `[replicate, class]`; NaN where there are none."""
    values = np.full(counts.samples.shape, np.nan)
    for replicate in study.variants[variant].sound:
        found, of_class = counts.found.get((variant, int(replicate))), counts.samples[replicate]
        if found is not None:
            values[replicate] = np.where(of_class, found / of_class.clip(1), np.nan)
    return values


def _interval(study: StudyCurves, values: np.ndarray) -> Interval:
    # A class that no replicate finds is as good as never found, but with no certainty.
    return study.interval(values).of_a_score.within(0.0, 1.0)


def is_uneven(counts: ClassCounts) -> bool:
    """Whether the largest class has `UNEVEN` times as many validation samples as the smallest."""
    samples = counts.samples.sum(axis=0)
    return bool(samples.max() >= UNEVEN * samples[samples > 0].min())
