"""KH104: training ended while validation loss still fell."""

import numpy as np

from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import changes

LAST_FRACTION = 0.1
"""The last part of the epochs in which e* must lie (at least one epoch)."""
SLOPE_THRESHOLD = 0.5
"""The fall of validation loss per epoch, in percent, over the last quarter of the epochs."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether e* is among the last epochs and validation loss still falls significantly."""
    name = curves.name
    if curves.was_stopped:
        return RULE.finding(
            name,
            "not applicable",
            f"{name} was stopped before its {curves.planned_epochs} epochs.",
        )
    if curves.epochs == 1:
        return RULE.finding(
            name, "inconclusive", f"{name} trained one epoch only.", advice="Train longer."
        )
    if (few := too_few(RULE, curves)) is not None:
        return few
    best, last = curves.best, curves.last
    if best < curves.epochs - max(1, round(LAST_FRACTION * curves.epochs)):
        return RULE.finding(
            name,
            "not found",
            f"{name} trained long enough: validation loss was lowest at epoch {best + 1} "
            f"of {last + 1}.",
            {"best epoch": best + 1, "last epoch": last + 1},
        )
    ending = curves.valid_loss[curves.sound, max(0, curves.end.start - 1) : curves.epochs]
    if (ending <= 0).any():
        return RULE.finding(
            name, "not applicable", f"{name}: a fall in percent needs a loss above zero."
        )
    slope = _slope(ending, study)
    evidence: Evidence = {"best epoch": best + 1, "fall of validation loss per epoch, %": slope}
    change = changes(slope, 1, SLOPE_THRESHOLD, "falls rises")
    clause = f"over its last epochs validation loss {change} an epoch."
    if slope.lies_above(SLOPE_THRESHOLD):
        return RULE.finding(
            name,
            "found",
            f"{name} is undertrained: {clause}",
            evidence,
            "Train for more epochs, or with a higher learning rate.",
        )
    if slope.lies_below(SLOPE_THRESHOLD):
        return RULE.finding(name, "not found", f"{name} has levelled out: {clause}", evidence)
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may be undertrained: {clause}",
        evidence,
        "Train for more epochs, or run more replicates.",
    )


def _slope(ending: np.ndarray, study: StudyCurves) -> Interval:
    """The fall per epoch, in percent, of losses `[replicate, epoch]`, by least squares in each."""
    falls = -np.polyfit(np.arange(ending.shape[1]), ending.T, 1)[0]
    return study.interval(100 * falls / ending.mean(axis=1))


RULE = Rule(
    "KH104",
    "undertrained",
    f"e* is among the last {100 * LAST_FRACTION:g} % of the epochs (the last one at least), and "
    "validation loss still falls: the interval of its relative fall per epoch, a least squares "
    "line through the last quarter of the epochs in each replicate, lies above "
    f"{SLOPE_THRESHOLD:g} %.",
    "The curve says that more epochs would have helped; judging the model now sells it short.",
    "Train for more epochs, or with a higher learning rate, before comparing it with others.",
    judge,
)
