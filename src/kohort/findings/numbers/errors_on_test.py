"""How far an error on the test set lies above that on validation."""

from dataclasses import dataclass, field

import numpy as np

from kohort.data.inspection.groups_of_rows import are_too_few
from kohort.findings.grouped.over_groups import design_effect, error_over
from kohort.findings.grouped.right_by_group import effect_on_others
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import Interval, half_of_one_more
from kohort.findings.statistics.proportion import apart


@dataclass(frozen=True, eq=False)
class ErrorsOnTest:
    """The errors of a variant's member on the samples of the test set.

    Args:
        variant: The variant's name.
        values: `[test sample]`, none below zero, of which what scores is the mean.
        is_root: Whether it is the root of the mean, as the RMSE is of squared errors.
        groups: int64 `[test sample]`, which belong together, numbered from 0; None where they are
            not known.
    """

    variant: str
    values: np.ndarray = field(repr=False)
    is_root: bool = False
    groups: np.ndarray | None = field(default=None, repr=False)

    @property
    def score(self) -> float:
        """What scores, on the test set."""
        mean = float(self.values.mean())
        return float(np.sqrt(mean)) if self.is_root else mean


def times_above(study: StudyCurves, tested: ErrorsOnTest) -> Interval | None:
    """How many times as large a variant's error is on the test set as on validation.

    An error is as sure as it is relative to itself, so that this is an interval of logarithms, as
    `error_over` is. The same parts the two beside a true ratio as of accuracies: the samples of
    both, at a level for all variants of which this one was chosen (Bonferroni), and that the tested
    member is one of several. How far errors of samples spread is taken from the test set for both.
    Groups are counted likewise: where those of the test set are known they show how alike errors of
    one group are, and that is taken of validation too; else groups are counted for samples.

    Returns:
        The ratio, without bounds of too few samples or groups, or where a replicate has no error;
        None where one of the two errors is zero or no finite number.
    """
    of_replicates, power = study.finite_errors(tested.variant), 2 if tested.is_root else 1
    on_test = float(tested.values.mean())
    if not of_replicates.any() or not 0 < on_test < np.inf:
        return None
    on_valid = float(of_replicates.mean())
    rows, groups, confidence = len(tested.values), tested.groups, study.confidence_of_all
    alone = _half(error_over(tested.values, None, confidence))
    of_test, effect = alone * np.sqrt(study.group_size), 1.0
    if groups is not None:
        of_test = _half(error_over(tested.values, groups, confidence))
        if not are_too_few(groups):
            effect = design_effect(tested.values - on_test, groups)
            effect = effect_on_others(effect, np.bincount(groups), study.group_size)
    behind, of_one = (
        study.samples_behind(count, of_groups=groups is None) / effect
        for count in (len(of_replicates), 1)
    )
    of_valid = alone * np.sqrt(rows / behind)
    explained = float(tested.values.var()) / on_test**2 / of_one if study.draws_samples else 0.0
    luck = np.nan
    if of_replicates.all():
        luck = half_of_one_more(power * np.log(of_replicates), study.confidence, explained)
    logarithms = apart(
        _around(float(np.log(on_test)), float(of_test), rows),
        _around(power * float(np.log(on_valid)), float(of_valid), int(behind)),
        luck,
    )
    mean, low, high = np.exp(
        np.array([logarithms.mean, logarithms.low, logarithms.high]) / power
    ).tolist()
    return Interval(mean, low, high, rows, np.nan)


def _half(error: Interval) -> float:
    """Half the width of the interval of an error's logarithm; NaN without bounds."""
    return float(np.log(error.high / error.mean))


def _around(mean: float, half: float, samples: int) -> Interval:
    return Interval(mean, mean - half, mean + half, samples, np.nan)
