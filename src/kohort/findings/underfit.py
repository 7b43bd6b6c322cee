"""KH103: even the training data are not fitted as well as another variant fits them."""

import numpy as np

from kohort.findings.curves import StudyCurves, VariantCurves
from kohort.findings.finding import Evidence, Finding, Rule, too_few

EXCESS_POINTS = 2.0
"""Train error above that of the study's best, in points, where errors are proportions."""
EXCESS_PERCENT = 10.0
"""The same in percent of the baseline's validation error, where they are anything else."""
FLAT_THRESHOLD = 0.10
"""Relative fall of mean train loss over the last quarter of the epochs; a flat curve is below."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether train error ends above the study's best, validation error too, on a flat curve."""
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    best = _fits_best(study)
    if best is None or best is curves:
        return RULE.finding(
            name, "not found", f"{name} fits its training data best of all variants."
        )
    # Where training ended, not at e*: a model that overfits early has an early e*, and that it
    # has learned little by then says nothing of what it can learn.
    excess = study.interval(curves.at_end(curves.train_error) - best.at_end(best.train_error))
    worse = study.interval(curves.at_best(curves.valid_error) - best.at_best(best.valid_error))
    fall = _late_fall(curves)
    evidence: Evidence = {
        "train error above the best variant's": excess,
        "validation error above the best variant's": worse,
        "fall of train loss in the last quarter": fall,
    }
    if not excess.is_formed or curves.epochs == 1:
        return RULE.finding(
            name,
            "inconclusive",
            f"{name} and {best.name} have too few replicates or epochs in common to tell.",
            evidence,
            "Run more replicates, and more epochs.",
        )
    threshold = study.scale.threshold(EXCESS_POINTS, EXCESS_PERCENT)
    told = (
        f"its train error ends {study.shown(excess)} above that of {best.name}, its validation "
        f"error is {study.shown(worse)} above"
    )
    if excess.lies_below(threshold) or worse.lies_below(0.0):
        return RULE.finding(name, "not found", f"{name} does not underfit: {told}.", evidence)
    if not (excess.lies_above(threshold) and worse.lies_above(0.0)):
        return RULE.finding(
            name, "inconclusive", f"{name} may underfit: {told}.", evidence, "Run more replicates."
        )
    if fall >= FLAT_THRESHOLD:
        return RULE.finding(
            name,
            "inconclusive",
            f"{name} may underfit: {told}; but train loss still falls ({100 * fall:.0f} % over "
            "the last quarter of the epochs).",
            evidence,
            "Train longer before judging its capacity.",
        )
    return RULE.finding(
        name,
        "found",
        f"{name} underfits: {told}, and its curve is flat.",
        evidence,
        "Give the model more capacity, or less regularisation.",
    )


def _fits_best(study: StudyCurves) -> VariantCurves | None:
    """The variant with the lowest mean train error at the end."""
    candidates = [
        (float(np.nanmean(errors)), number)
        for number, errors in enumerate(c.at_end(c.train_error) for c in study.variants)
        if np.isfinite(errors).any()
    ]
    return study.variants[min(candidates)[1]] if candidates else None


def _late_fall(curves: VariantCurves) -> float:
    """How far mean train loss fell over the last quarter of the epochs, relative to its start."""
    mean = curves.train_loss[curves.sound, : curves.epochs].mean(axis=0)
    start = mean[max(0, curves.end.start - 1)]
    return float((start - mean[-1]) / abs(start)) if start else 0.0


RULE = Rule(
    "KH103",
    "underfit",
    "At the end (the mean of the last quarter of the epochs) train error is above that of the "
    "variant that fits its training data best: the interval of the paired difference lies above "
    f"{EXCESS_POINTS:g} points (where the error is no proportion, {EXCESS_PERCENT:g} % of the "
    "baseline's validation error); the interval of the paired difference of validation errors, "
    "each at its e*, lies above zero; and the curve is flat: mean train loss fell by less than "
    f"{100 * FLAT_THRESHOLD:g} % over the last quarter of the epochs.",
    "The model cannot express, or is kept from expressing, what another one learns from the same "
    "data.",
    "Give the model more capacity (more units, more layers) or less regularisation. Where its "
    "train loss still falls, train it longer first.",
    judge,
)
