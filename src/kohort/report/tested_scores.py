"""Scores of members on the test set: the metric of the study, whatever the targets."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kohort.data.inspection.groups_of_rows import numbered
from kohort.errors import count
from kohort.evidence.readings import Tested
from kohort.evidence.settings import Settings
from kohort.findings.grouped.over_groups import (
    area_over,
    error_over,
    mean_over,
    proportion_over,
    without_bounds,
)
from kohort.findings.names import listing
from kohort.findings.numbers.errors_on_test import ErrorsOnTest
from kohort.findings.numbers.number_errors import NumberErrors, number_errors
from kohort.findings.statistics.interval import Interval, rounded
from kohort.findings.statistics.proportion import area_interval
from kohort.findings.statistics.scale import Scale, fixed, significant
from kohort.report.classes.found_labels import FoundLabel, found_labels
from kohort.report.held_out import HeldOut

BY_THRESHOLDS = 1e-3
"""An area under ROC by Keras's thresholds that is so far from that by ranks is told: tables show a
tenth of a point."""
LOW_R2 = -100.0
"""A bound of R2 that is lower is told as that: it is of few samples, and has many digits."""
_SAME = 1e-3
"""The relative difference up to which an error is the score by another name."""


@dataclass(frozen=True, eq=False)
class TestScore:
    """The score of a variant's member on the test set.

    Args:
        variant: The variant's name.
        metric: The metric, as it is logged for the training part.
        score: With its interval over test samples, which holds for this one trained model, not for
            another seed or split: Student's t, of errors of numbers `error_over`; Wilson's where
            each sample is right or wrong, as of a precision or recall; `area_interval` for an area
            under ROC of two classes; the roots of the mean's bounds where it is the RMSE of the
            predictions. It has none for other metrics that are no mean over samples.
        values: `[test sample]`, of which the score is the mean; NaN for samples that it does not
            count, and for all where it is no mean.
        no_interval: Why the score has none, said of the metric: "is no mean over samples". Empty
            if it has one.
        targets: `[test sample]`, where each sample has one number to predict, and is of no class;
            or `[test sample, number]` of a few.
        predictions: What the member predicts of them, likewise.
        errors: How far these are off, whatever the metric: RMSE, MAE and R2 of each number; none
            without predictions.
        groups: `[test sample]`, which belong together, from 0: then intervals are over groups, and
            there are none of too few. None where each stands for itself.
        by_ranks: Where the score is an area under ROC that Keras counts by thresholds, the part of
            pairs of samples of both classes that are ranked rightly; else None.
        thresholds: How many; 0 for other metrics.
        labels: Where samples may have several labels, how often each is found; else none.
        other_scale: Whether there are no errors, as the model's loss does not tell that its outputs
            predict the target itself.
        other_outputs: Whether no right answers are told, as nothing says that outputs are scores of
            the classes.
        own_aim: Whether a metric alone says that outputs predict the target: a loss of the user's
            own may be best elsewhere, as that of a quantile, so that R2 is not judged.
    """

    variant: str
    metric: str
    score: Interval
    values: np.ndarray = field(repr=False)
    no_interval: str = field(default="", repr=False)
    targets: np.ndarray | None = field(default=None, repr=False)
    predictions: np.ndarray | None = field(default=None, repr=False)
    errors: tuple[NumberErrors, ...] = field(default=(), repr=False)
    groups: np.ndarray | None = field(default=None, repr=False)
    by_ranks: float | None = field(default=None, repr=False)
    thresholds: int = field(default=0, repr=False)
    other_scale: bool = False
    other_outputs: bool = False
    own_aim: bool = False
    labels: tuple[FoundLabel, ...] = field(default=(), repr=False)

    def less(self, other: "TestScore", confidence: float) -> Interval:
        """This score less another's on the same samples, with the interval of paired differences.

        Args:
            other: The other.
            confidence: Between 0 and 1.
        """
        counted, of_other = ~np.isnan(self.values), ~np.isnan(other.values)
        is_finite = not np.isinf([self.values, other.values]).any()
        # Two precisions are of other samples each.
        if is_finite and counted.any() and (counted == of_other).all():
            groups = None if self.groups is None else self.groups[counted]
            return mean_over((self.values - other.values)[counted], groups, confidence)
        return without_bounds(self.score.mean - other.score.mean, self.score.n)


def test_score(tested: Tested, confidence: float) -> TestScore:
    """The score of a member that was measured on the test set."""
    assert tested.score is not None
    assert tested.values is not None
    errors: tuple[NumberErrors, ...] = ()
    if tested.targets is not None and tested.predictions is not None:
        errors = number_errors(tested.targets, tested.predictions, confidence, tested.groups)
    is_counted = ~np.isnan(tested.values)
    counted, value, ranked = tested.values[is_counted], float(tested.score), tested.ranked
    if ranked is not None and ranked.all():
        score = _area(tested, value, ranked, confidence)
    elif not len(counted):
        roots = [one.rmse for one in errors if np.isclose(one.rmse.mean, value, rtol=_SAME)]
        is_root = len(errors) == len(roots) == 1
        score = roots[0] if is_root else without_bounds(value, len(tested.values))
    else:
        groups = None if tested.groups is None else tested.groups[is_counted]
        score = _mean(counted, groups, confidence, are_errors=bool(errors))
    why = "counts one sample alone" if len(counted) == 1 else tested.no_interval
    if infinite := int(np.isinf(counted).sum()):
        why = f"is infinite of {count(infinite, 'sample')}"
    if score.is_formed:
        why = ""  # The root of a mean has the roots of the mean's bounds.
    predicted = tested.targets, tested.predictions, errors
    about = tested.variant, tested.metric, score, tested.values, why
    area = tested.by_ranks, tested.thresholds
    told = tested.other_scale, tested.other_outputs, tested.own_aim
    labels = found_labels(tested, confidence)
    return TestScore(*about, *predicted, tested.groups, *area, *told, labels)


def _mean(
    counted: np.ndarray, groups: np.ndarray | None, confidence: float, *, are_errors: bool
) -> Interval:
    """A score that is the mean of these values, with its interval."""
    if np.isinf(counted).any():
        return without_bounds(float(counted.mean()), len(counted))
    if np.isin(counted, (0, 1)).all():
        return proportion_over(counted == 1, groups, confidence)
    if are_errors and (counted >= 0).all():
        return error_over(counted, groups, confidence)
    return mean_over(counted, groups, confidence)


def errors_of(scores: Sequence[TestScore], scale: Scale, settings: Settings) -> list[ErrorsOnTest]:
    """The errors of which scores are means, or the roots of means; none where they are not.

    Nor are there any of what is not known to be best at zero, as the loss of a Poisson
    distribution, or where what scores on validation weighs samples.
    """
    if not scale.is_best_at_zero or settings.weighs_samples:
        return []
    found = []
    for score in scores:
        values, is_root = score.values, not np.isfinite(score.values).any()
        if is_root:
            if not score.score.is_formed or score.targets is None or score.predictions is None:
                return []
            values = (np.asarray(score.predictions, float) - score.targets) ** 2
        counted = ~np.isnan(values)
        if (values[counted] < 0).any():
            return []
        groups = None if score.groups is None else numbered(score.groups[counted])
        found.append(ErrorsOnTest(score.variant, values[counted], is_root, groups))
    return found


def _area(tested: Tested, area: float, ranked: np.ndarray, confidence: float) -> Interval:
    """An area under ROC of two classes with its interval, where one can be told."""
    if tested.groups is None:
        return area_interval(area, int(ranked[0]), int(ranked[1]), confidence)
    if tested.second is None or tested.truth is None:  # who ranks whom is not known
        return without_bounds(area, len(tested.groups))
    return area_over(area, tested.second, tested.truth == 1, tested.groups, confidence)


def told(scores: Sequence[TestScore], scale: Scale, settings: Settings) -> str:
    """The scores of the winner and of the baseline in a sentence, which follows "on the test set".

    Args:
        scores: Of the winner, then of the baseline; the same where it wins.
        scale: The scale of the metric.
        settings: Of the study: the confidence of intervals.
    """
    winner, *rest = scores

    def write(score: Interval) -> str:
        return scale.score(scale.possible(score))

    text = (
        f"by {scale.in_a_sentence}, over {len(winner.values):,} samples, {winner.variant} scores "
    )
    text += write(winner.score)
    for baseline in rest:
        text += f", and {settings.baseline}, {baseline.variant}, {write(baseline.score)}"
        difference = winner.less(baseline, settings.confidence)
        if difference.is_formed:
            worse = scale.worse(difference.negated() if scale.higher_is_better else difference)
            text += f". Sample by sample {winner.variant} is {worse}"
    off = [f"{score.variant} has {told}." for score in scores if (told := errors_text(score))]
    off += _without_errors(scores)
    lacks = without_intervals(scores, scale.in_a_sentence)
    return " ".join(filter(None, [f"{text}.", *lacks, by_thresholds(scores), *off]))


def _without_errors(scores: Sequence[TestScore]) -> list[str]:
    """Why errors, or right answers, are not told of some scores, in sentences; empty of none."""

    def of(lacking: Sequence[TestScore]) -> str:
        names = [score.variant for score in lacking]
        return "" if len(names) == len(scores) else f" of {listing(names)}"

    told = []
    if lacking := [score for score in scores if score.other_scale]:
        told.append(
            f"RMSE, MAE and R2{of(lacking)} are not told: the loss does not say that outputs are "
            "on the scale of the target, as a metric of Keras such as metrics=['mae'] would."
        )
    if lacking := [score for score in scores if score.other_outputs]:
        told.append(
            f"Right answers and recalls{of(lacking)} are not told: the loss does not say that "
            "outputs are scores of the classes, as a metric of Keras such as "
            "metrics=['accuracy'] would."
        )
    return told


def errors_text(score: TestScore) -> str:
    """How far predictions are off: `RMSE 3.1 (2.8 to 3.4), MAE ... and R2 ...`; empty of none.

    Of several numbers R2 alone, as their units may differ. What the score itself is already, such
    as the MAE, is left out.
    """
    if len(score.errors) > 1:
        each = listing([r2_text(one) for one in score.errors])
        may_be_useless = not score.own_aim and any(
            one.may_be_no_better_than_the_mean for one in score.errors
        )
        why = " (one that may be 0 or less is not shown to be better than to answer the mean)"
        return f"R2 of {each} for its {len(score.errors)} numbers{why * may_be_useless}"
    told = []
    for one in score.errors:
        for name, error in (("RMSE", one.rmse), ("MAE", one.mae)):
            if not np.isclose(error.mean, score.score.mean, rtol=_SAME):
                told.append(f"{name} {error_text(error)}")
        told.append(f"R2 {r2_text(one, '' if score.own_aim else _beside_the_mean(one))}")
    return listing(told) if told else ""


def _beside_the_mean(errors: NumberErrors) -> str:
    if not errors.may_be_no_better_than_the_mean:
        return ""
    shown = "no better" if errors.is_no_better_than_the_mean else "not shown to be better"
    return f"{shown} than to answer the mean of these targets"


def error_text(error: Interval) -> str:
    """An error in the unit of the target, with its interval if it has one."""
    mean, low, high = rounded(error, significant, 3, ())
    return f"{mean} ({low} to {high})" if error.is_formed else mean


def area(found: Interval) -> str:
    """An area under ROC with its interval as text: `0.912 (0.880 to 0.935)`."""
    mean, low, high = rounded(found, _decimals, 3, (0.5,))
    return f"{mean} ({low} to {high})" if found.is_formed else f"{mean} (no interval)"


def r2_text(errors: NumberErrors, worth: str = "") -> str:
    """R2 with its interval as text, and what it is worth; or why it is not defined."""
    if errors.no_r2:
        return f"not defined ({errors.no_r2})"
    mean, low, high = rounded(errors.r2, _decimals, 3, (0.0,))
    if errors.r2.low < LOW_R2:
        low = f"below {LOW_R2:g}"
    told = ": ".join(filter(None, [f"{low} to {high}" * errors.r2.is_formed, worth]))
    return f"{mean} ({told})" if told else mean


def _decimals(number: float, digits: int) -> str:
    return f"{number:.{digits}f}"


def without_intervals(scores: Sequence[TestScore], metric: str) -> list[str]:
    """Why scores have no interval, in sentences.

    Args:
        scores: The scores.
        metric: What their metric is called.
    """
    lacking: dict[str, list[str]] = {}
    for score in scores:
        if score.no_interval:
            lacking.setdefault(score.no_interval, []).append(score.variant)
    return [
        f"There is no interval: {metric} {why}."
        if len(of) == len(scores)
        else f"{listing(of)} has no interval: there {metric} {why}."
        for why, of in lacking.items()
    ]


def by_thresholds(scores: Sequence[TestScore]) -> str:
    """How far areas by ranks are from those by Keras's thresholds, a sentence; "" if hardly."""
    apart = [s for s in scores if s.by_ranks is not None and abs(_more(s)) >= BY_THRESHOLDS]
    if not apart:
        return ""
    sides = [(s.variant, fixed(100 * abs(_more(s))), _more(s) > 0) for s in apart]
    told = listing(
        [f"{by} points {'higher' if more else 'lower'} for {name}" for name, by, more in sides]
    )
    many = listing([f"{number:,}" for number in sorted({score.thresholds for score in apart})])
    return (
        f"By ranks {apart[0].metric} on the test set is {told} than by Keras's {many} thresholds, "
        "which score validation too (keras.metrics.AUC(num_thresholds=...) takes more)."
    )


def _more(score: TestScore) -> float:
    """By how much an area is larger by ranks."""
    assert score.by_ranks is not None
    return score.by_ranks - score.score.mean


def are_accuracies(tests: Sequence[HeldOut], scores: Sequence[TestScore]) -> bool:
    """Whether the metric that scores counts the right answers, sample by sample."""
    return bool(tests) and all(
        np.array_equal(score.values, test.right) for test, score in zip(tests, scores, strict=True)
    )
