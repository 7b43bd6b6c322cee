"""KH103: even the training data are not fitted as well as another variant fits them."""

import numpy as np

from kohort.findings.finding import (
    Evidence,
    Finding,
    Rule,
    StudyCurves,
    VariantCurves,
    shown,
    too_few,
)
from kohort.findings.interval import Interval

EXCESS_THRESHOLD = 0.02
"""Train error above that of the study's best, as a fraction of samples."""
FLAT_THRESHOLD = 0.10
"""Relative fall of mean train loss over the last quarter of the epochs; a flat curve is below."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether train error is above the study's best, validation error too, on a flat curve."""
    name = curves.name
    if curves.train_error is None or curves.valid_error is None:
        return RULE.finding(name, "not applicable", f"{name}: no accuracy is measured.")
    if (few := too_few(RULE, curves)) is not None:
        return few
    best = _fits_best(study)
    if best is None or best is curves:
        return RULE.finding(
            name, "not found", f"{name} fits its training data best of all variants."
        )
    excess, fall = _excess(curves, best, study, "train"), _late_fall(curves)
    evidence: Evidence = {
        "train error above the best variant's": excess,
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
    worse = _excess(curves, best, study, "valid").mean > 0
    told = f"its train error is {shown(excess, 'points', 100)} above that of {best.name}"
    if excess.lies_below(EXCESS_THRESHOLD) or not worse:
        why = "." if worse else ", but its validation error is not worse."
        return RULE.finding(name, "not found", f"{name} does not underfit: {told}{why}", evidence)
    if not excess.lies_above(EXCESS_THRESHOLD):
        return RULE.finding(
            name, "inconclusive", f"{name} may underfit: {told}.", evidence, "Run more replicates."
        )
    if fall >= FLAT_THRESHOLD:
        return RULE.finding(
            name,
            "inconclusive",
            f"{name} may underfit: {told}, but train loss still falls ({100 * fall:.0f} % over "
            "the last quarter of the epochs).",
            evidence,
            "Train longer before judging its capacity.",
        )
    return RULE.finding(
        name,
        "found",
        f"{name} underfits: {told}, its validation error is worse too, and its curve is flat.",
        evidence,
        "Give the model more capacity, or less regularisation.",
    )


def _fits_best(study: StudyCurves) -> VariantCurves | None:
    """The variant with the lowest mean train error at its own best epoch."""
    candidates = [
        (float(c.at(c.train_error, c.best).mean()), number)
        for number, c in enumerate(study.variants)
        if c.train_error is not None and len(c.sound)
    ]
    return study.variants[min(candidates)[1]] if candidates else None


def _excess(curves: VariantCurves, best: VariantCurves, study: StudyCurves, side: str) -> Interval:
    """Paired difference of an error, each variant at its own best epoch."""
    mine, theirs = (getattr(c, f"{side}_error")[:, c.best] for c in (curves, best))
    both = np.intersect1d(curves.sound, best.sound)
    return study.interval(mine[both] - theirs[both])


def _late_fall(curves: VariantCurves) -> float:
    """How far mean train loss fell over the last quarter of the epochs, relative to its start."""
    mean = curves.train_loss[curves.sound, : curves.epochs].mean(axis=0)
    start = mean[max(0, curves.epochs - 1 - max(1, curves.epochs // 4))]
    return float((start - mean[-1]) / abs(start)) if start else 0.0


RULE = Rule(
    "KH103",
    "underfit",
    "Train error at e* is above that of the variant that fits its training data best: the "
    f"interval of the paired difference lies above {100 * EXCESS_THRESHOLD:g} points; validation "
    "error is worse than that variant's too; and the curve is flat: mean train loss fell by less "
    f"than {100 * FLAT_THRESHOLD:g} % over the last quarter of the epochs.",
    "The model cannot express, or is kept from expressing, what another one learns from the same "
    "data.",
    judge,
)
