"""KH104: training ended while validation still improved."""

import numpy as np

from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.outlook import outlook_of
from kohort.findings.rules import overfit
from kohort.findings.statistics.forecast import Forecast
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import changes, fixed

LAST_FRACTION = 0.1
"""The last part of the epochs in which e* lies, where validation loss fell to the end."""
FALL_THRESHOLD = 0.03
"""A loss has levelled out if in as many epochs again it would fall by less than this part of the
fall so far."""

WIDE = 1.0
"""An interval of the fall that is wider than the whole fall so far tells next to nothing."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether in as many epochs again validation would improve by an amount of interest."""
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
    best, outlook = curves.best, outlook_of(curves, study)
    loss = outlook.valid_loss.gain
    evidence: Evidence = {
        "best epoch": best + 1,
        "last epoch": curves.last + 1,
        "fall of validation error in as many epochs again": outlook.valid_error.told,
        "fall of validation loss in as many epochs again, part of the fall so far": (
            outlook.valid_loss.told
        ),
    }
    if (nothing := nothing_left(curves, study)) is not None:
        return RULE.finding(name, "not found", f"{name} is not undertrained: {nothing}.", evidence)
    clause = told(curves, study, "validation", FALL_THRESHOLD)
    if still_improves(curves, study):
        return RULE.finding(
            name,
            "found",
            f"{name} is undertrained: {_of_loss(curves, study) or clause}.",
            evidence,
            "Train for more epochs, or with a higher learning rate.",
        )
    if _has_levelled_out(curves, study):
        # What gets surely worse is not level.
        rises = outlook.valid_loss.gain.lies_below(0.0) and loss.mean < -FALL_THRESHOLD
        what = "is not undertrained" if rises else "has levelled out"
        return RULE.finding(name, "not found", f"{name} {what}: {clause}.", evidence)
    seems_to_fall = outlook.valid_loss.most > FALL_THRESHOLD
    seems_to_improve = outlook.valid_error.most > study.margin and not _overfits(curves, study)
    if not (_ends_lowest(curves, study) or seems_to_improve or seems_to_fall):
        return RULE.finding(
            name,
            "not found",
            f"{name} trained long enough: validation loss was lowest at epoch {best + 1} "
            f"of {curves.last + 1}.",
            evidence,
        )
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may or may not be undertrained: {clause}.",
        evidence,
        "Train for more epochs, or run more replicates.",
    )


def still_improves(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether validation surely improves, and is not known to do so by less than is of interest."""
    score, margin = outlook_of(curves, study).valid_error.gain, study.margin
    if score.lies_above(margin) and _ends_lowest(curves, study):
        return not _overfits(curves, study)
    return loss_falls(curves, study) and not score.lies_below(margin)


def loss_falls(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether validation loss surely falls on."""
    return outlook_of(curves, study).valid_loss.gain.lies_above(FALL_THRESHOLD)


def _has_levelled_out(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether one of score and loss surely gains too little, and the other one as it seems."""
    score, loss = outlook_of(curves, study).valid_error, outlook_of(curves, study).valid_loss
    if loss.gain.lies_below(FALL_THRESHOLD):
        return not score.most > study.margin
    return score.gain.lies_below(study.margin) and loss.most <= FALL_THRESHOLD


def nothing_left(curves: VariantCurves, study: StudyCurves) -> str | None:
    """That errors are proportions, too near zero for a gain of interest, as a clause; or None."""
    scale = study.scale
    error = study.interval(curves.at_end(curves.valid_error)).mean
    if not (scale.is_proportion and error <= study.margin):
        return None
    return f"its validation {scale.metric} ends within {scale.amount(study.margin)} of 100 %"


def told(
    curves: VariantCurves, study: StudyCurves, side: str, border: float, more: str = ""
) -> str:
    """What as many epochs again would bring, as a clause, and what of it cannot be told.

    Args:
        curves: The variant's.
        study: Its study.
        side: "validation" or "train".
        border: The threshold of the fall of the loss, as a part of the fall so far.
        more: A clause to stand before what cannot be told.
    """
    parts = _told(curves, study, side, border)
    clauses = [f"{_after(curves)} {' and '.join(parts)}"] if parts else []
    return "; ".join(filter(None, [*clauses, more, *_untold(curves, study, side, border)]))


def _of_loss(curves: VariantCurves, study: StudyCurves) -> str:
    """What would come where the loss alone is shown to gain, as a clause; empty where it is not."""
    parts = _told(curves, study, "validation", FALL_THRESHOLD)
    if len(parts) < 2 or outlook_of(curves, study).valid_error.gain.lies_above(0.0):
        return ""
    score, loss = parts
    return f"{_after(curves)} {loss}; that the score gains too is not shown: {score}"


def _after(curves: VariantCurves) -> str:
    if curves.epochs == curves.longest:
        return f"as it goes, after {curves.epochs} more epochs"
    return f"as it goes, after each replicate's {curves.epochs} to {curves.longest} epochs again"


def _told(curves: VariantCurves, study: StudyCurves, side: str, border: float) -> list[str]:
    """What would come of the score and of the loss, as far as it can be told."""
    error, loss = _forecasts(curves, study, side)
    parts = []
    if error is not None and error.holds:
        worse = study.scale.worse(error.gain.negated(), -study.margin)
        parts.append(f"its {side} {study.scale.metric} would be {worse}")
    if loss is not None and loss.holds:
        parts.append(f"its {side} loss {_falls(loss.gain, side, border)}")
    return parts


def _untold(curves: VariantCurves, study: StudyCurves, side: str, border: float) -> list[str]:
    """What is sure of score and loss where how far they would get cannot be told, as clauses."""
    error, loss = _forecasts(curves, study, side)
    values = (error, study.scale.metric, "improves", study.margin), (loss, "loss", "falls", border)
    told, sure, unsure = [], [], []
    for value, what, verb, least in values:
        if value is None or value.holds:
            continue
        name = f"its {side} {what}"
        if value.gain.lies_below(least):
            told.append(f"{name} has little left to gain")
        elif value.gain.lies_above(0.0):
            sure.append(f"{name} still {verb}")
        else:
            unsure.append(name)
    clauses = (
        (sure, "{names} as training ends, but how far {they} would get cannot be told"),
        (unsure, "how {names} would go on cannot be told"),
    )
    for found, clause in clauses:
        if found:
            they = "they" if len(found) > 1 else "it"
            why = f"({_after(curves)} {they} would be beyond what is possible)"
            told.append(f"{clause.format(names=' and '.join(found), they=they)} {why}")
    return told


def _forecasts(
    curves: VariantCurves, study: StudyCurves, side: str
) -> tuple[Forecast | None, Forecast | None]:
    """That of the score, if it is known, and that of the loss, if that is another value."""
    outlook = outlook_of(curves, study)
    error, loss = (
        (outlook.valid_error, outlook.valid_loss)
        if side == "validation"
        else (outlook.train_error, outlook.train_loss)
    )
    if not np.isfinite(error.gain.mean):
        return None, loss
    return error, None if study.scale.metric == "loss" else loss


def _falls(loss: Interval, side: str, border: float) -> str:
    """How far a loss falls, as a clause; without an estimate where nearly anything is possible."""
    so_far = f"{'it' if side == 'train' else 'train loss'} has moved so far"
    if not (loss.low < border < loss.high and loss.high - loss.low > WIDE):
        change = changes(loss.times(100.0), 0, 100 * border, "fallen risen")
        if abs(loss.mean) > 1:
            verb, by = change.split(" ", 1)
            return f"would have {verb} further than {so_far}: {by} of that"
        return f"would have {change} of what {so_far}"
    low, high = fixed(100 * abs(loss.low), 0), fixed(100 * loss.high, 0)
    if loss.low < 0:
        wide = f"may go either way, from a rise by {low} % to a fall by {high} %"
    else:
        wide = f"could fall by anything from {low} to {high} %"
    return f"{wide} of what {so_far}"


def _ends_lowest(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether validation loss fell to the end. Noise puts e* early where it falls by little."""
    late = curves.best >= curves.longest - max(1, round(LAST_FRACTION * curves.longest))
    return late or loss_falls(curves, study)


def _overfits(curves: VariantCurves, study: StudyCurves) -> bool:
    return overfit.judge(curves, study).verdict == "found"


RULE = Rule(
    "KH104",
    "undertrained",
    "In as many epochs again as it was trained validation would still improve. That is forecast "
    "from the last half of its curves (see the source): the interval of the fall of validation "
    "error lies above the margin, while validation loss fell to the end (e* is among the last "
    f"{100 * LAST_FRACTION:g} % of the epochs, the last one at least, or it still falls); or the "
    f"interval of the fall of validation loss lies above {100 * FALL_THRESHOLD:g} % of its fall so "
    "far, and that of validation error does not lie below the margin. The fall so far is how far "
    "mean train loss has moved since training began. It has levelled out where one of the two "
    "intervals lies below its threshold and the other's mean does too, by every possible curve. "
    "Where errors are proportions that end within the margin of zero it is not found. No curve "
    "ends at a value that there cannot be, as a crossentropy below zero: bounds are cut there, and "
    "where the curve that fits best would go beyond, it is not told how far the value would get, "
    "though that it still improves may be sure.",
    "The curve says that more epochs would have helped; judging the model now sells it short.",
    "Train for more epochs, or with a higher learning rate, before comparing it with others.",
    judge,
    "the project's own rule; its forecast is the union of Student's intervals over a straight "
    "line, the logarithm, power laws and exponentials of all speeds, each with a limit of its own, "
    "that the curve does not rule out (the profile of Bates and Watts 1988, Nonlinear Regression "
    "Analysis, section 6.1)",
)
