"""KH103: even the training data are not fitted as well as another variant fits them."""

import numpy as np

from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.rules import overfit, undertrained

EXCESS_POINTS = 2.0
"""Train error above that of the study's best, in points, where errors are proportions."""
EXCESS_PERCENT = 10.0
"""The same for other errors, in percent of the baseline's score."""
FLAT_THRESHOLD = 0.10
"""A curve is flat if mean train loss changes by less than this, relative to its value, over the
last quarter of the epochs."""

LONGER = "Train longer first, before judging its capacity."


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether train and validation error are above those of the best variant, on a flat curve."""
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    number = next(n for n, c in enumerate(study.variants) if c is curves)
    ends, every = _ends(study), np.arange(len(curves.lengths))
    known = np.isfinite(ends).any(axis=1)
    if not known[number] or known.sum() == 1:
        whose = "of another variant to compare with" if known[number] else "of it"
        sentence = f"{name}: there is no train {study.scale.metric} {whose}."
        return RULE.finding(name, "not applicable", sentence)
    best = _fits_best(ends)
    if (best[curves.sound] == number).all():
        return RULE.finding(
            name, "not found", f"{name} fits its training data best of all variants."
        )
    # Where training ended, not at e*: a model that overfits early has an early e*, and that it
    # has learned little by then says nothing of what it can learn.
    excess = study.interval(ends[number] - ends[best, every])
    worse = study.interval(study.errors[number] - study.errors[best, every])
    names = _names(study, best[curves.sound], number)
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
            f"{name} and {names} have too few replicates or epochs in common to tell.",
            evidence,
            "Run more replicates, and more epochs.",
        )
    scale = study.scale
    threshold = scale.threshold(EXCESS_POINTS, EXCESS_PERCENT)
    clause = (
        f"its train {scale.metric} ends {scale.worse(excess, threshold)} than that of {names}, its "
        f"validation {scale.metric} is {scale.worse(worse, 0.0)}"
    )
    if excess.lies_below(threshold) or worse.lies_below(0.0):
        return RULE.finding(name, "not found", f"{name} does not underfit: {clause}.", evidence)
    if (doubt := _doubt(curves, study, fall)) is not None:
        but, advice = doubt
        return RULE.finding(
            name, "inconclusive", f"{name} may underfit: {clause}; but {but}.", evidence, advice
        )
    if not (excess.lies_above(threshold) and worse.lies_above(0.0)):
        return RULE.finding(
            name,
            "inconclusive",
            f"{name} may underfit: {clause}.",
            evidence,
            "Run more replicates.",
        )
    return RULE.finding(
        name,
        "found",
        f"{name} underfits: {clause}, and its curve is flat.",
        evidence,
        "Give the model more capacity or less regularisation; or, where nothing but the training "
        f"sets it apart from {names}, train it that way.",
    )


def _doubt(curves: VariantCurves, study: StudyCurves, fall: float) -> tuple[str, str] | None:
    """A reason to doubt a lack of capacity, and what to do about it; None if there is none."""
    over = "over the last quarter of the epochs"
    if bad := int(curves.diverged.sum()):
        return (
            f"{bad} of its {len(curves.lengths)} replicates diverged",
            "Lower the learning rate, or clip gradients, before judging its capacity.",
        )
    if overfit.judge(curves, study).verdict == "found":
        return "it overfits as well", "Regularise, or get more data, before judging its capacity."
    if fall <= -FLAT_THRESHOLD:
        return (
            f"train loss rises ({-100 * fall:.0f} % {over})",
            "Lower the learning rate before judging its capacity.",
        )
    if fall >= FLAT_THRESHOLD:
        return f"it still learns: train loss falls ({100 * fall:.0f} % {over})", LONGER
    if undertrained.judge(curves, study).verdict == "found":
        return "it still learns: validation loss falls (KH104)", LONGER
    return None


def _ends(study: StudyCurves) -> np.ndarray:
    """Train errors at the end, `[variant, replicate]`."""
    return np.array([curves.at_end(curves.train_error) for curves in study.variants])


def _fits_best(ends: np.ndarray) -> np.ndarray:
    """The variant with the lowest mean train error in the other replicates, `[replicate]`.

    The best of several equal variants is the luckiest one, and any other looks worse. The choice
    of the other replicates is free of this bias.

    Args:
        ends: `[variant, replicate]`, train errors at the end.
    """
    known = np.isfinite(ends)
    count = known.sum(axis=1, keepdims=True) - known
    others = np.nansum(ends, axis=1, keepdims=True) - np.nan_to_num(ends)
    means = np.full(ends.shape, np.inf)
    np.divide(others, count, out=means, where=count > 0)
    return np.asarray(means.argmin(axis=0))


def _names(study: StudyCurves, chosen: np.ndarray, but: int) -> str:
    """The variants that were chosen `[replicate]` as text, the most frequent one first."""
    numbers, counts = np.unique(chosen[chosen != but], return_counts=True)
    return " or ".join(study.variants[n].name for n in numbers[np.argsort(-counts, kind="stable")])


def _late_fall(curves: VariantCurves) -> float:
    """The relative fall of mean train loss over the last quarter of the epochs."""
    mean = curves.train_loss[curves.sound, : curves.epochs].mean(axis=0)
    start = mean[max(0, curves.end.start - 1)]
    return float((start - mean[-1]) / abs(start)) if start else 0.0


RULE = Rule(
    "KH103",
    "underfit",
    "At the end (the mean of the last quarter of the epochs) train error is above that of the "
    "variant that fits its training data best, for each replicate the one that does so in the "
    "others: the interval of the paired difference lies above "
    f"{EXCESS_POINTS:g} points (where the metric is no proportion, {EXCESS_PERCENT:g} % of what "
    "the baseline scores on validation); the interval of the paired difference of validation "
    "errors, each at its e*, lies above zero; and the curve is flat: mean train loss fell or rose "
    f"by less than {100 * FLAT_THRESHOLD:g} % over the last quarter of the epochs. With nothing to "
    "compare with it is not applicable. Where the errors do not rule it out, but the curve is not "
    "flat, the variant overfits (KH101) or is undertrained (KH104), or replicates of it diverged "
    "(KH105), it is inconclusive: what it could learn was not seen.",
    "The model cannot express, or is kept from expressing, what another one learns from the same "
    "data.",
    "Give the model more capacity (more units, more layers) or less regularisation; or, where the "
    "variant that fits better differs only in how it is trained, train it that way. Where it still "
    "learns, train it longer first; where its train loss rises or replicates diverged, lower the "
    "learning rate first.",
    judge,
)
