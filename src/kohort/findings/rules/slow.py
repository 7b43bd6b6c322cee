"""KH107: the learning rate is too small for the epochs that it is given."""

import math
from collections.abc import Callable

from kohort.errors import count
from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.outlook import (
    behind_of,
    only_alike,
    outlook_of,
    rivals_of,
)
from kohort.findings.rules import overfit, undertrained
from kohort.findings.statistics.forecast import FARTHEST

SLOW_SHARE = 0.25
"""A variant is slow if in as many epochs again its train loss would fall by more than this part of
its fall so far, or its train error by more than this part of what it is behind the best."""
FLAT_PARTS = 3
"""It levels out only if its train error seems to fall by less than one of so many parts of it."""
MIN_EPOCHS = 4
"""Fewer show no pace."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether training goes on at a pace that as many epochs again would not use up."""
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    if curves.was_stopped:
        sentence = f"{name} was stopped before its {curves.planned_epochs} epochs."
        return RULE.finding(name, "not applicable", sentence)
    if (nothing := undertrained.nothing_left(curves, study)) is not None:
        return RULE.finding(name, "not found", f"{name} does not learn slowly: {nothing}.")
    if curves.epochs < MIN_EPOCHS:
        return RULE.finding(
            name,
            "inconclusive",
            f"{name} trained for {count(curves.epochs, 'epoch')}, too few to show a pace.",
            advice=f"Train for {MIN_EPOCHS} epochs or more.",
        )
    evidence = _evidence(curves, study)
    clause = undertrained.told(curves, study, "train", SLOW_SHARE)
    if (why := _why_not(curves, study, clause)) is not None:
        return RULE.finding(name, "not found", f"{name} does not learn slowly: {why}.", evidence)
    if _is_steady(curves, study) and _validation_follows(curves, study):
        whole = undertrained.told(curves, study, "train", SLOW_SHARE, _needed(curves, study))
        return RULE.finding(
            name,
            "found",
            f"{name} learns slowly: {whole}.",
            evidence,
            "Raise the learning rate, to three times what it is at first, or train for more "
            "epochs; judge its capacity only then.",
        )
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may or may not learn slowly: {clause}.",
        evidence,
        "Run more replicates, or train for more epochs.",
    )


def levels_out(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether as many epochs again would surely bring little of what is still to be gained."""
    outlook, behind = outlook_of(curves, study), behind_of(curves, study)
    error, is_flat = outlook.train_error, outlook.train_loss.gain.lies_below(SLOW_SHARE)
    if behind is None or not behind.is_clear:
        return is_flat
    excess = behind.excess.mean
    return is_flat and FLAT_PARTS * error.most <= excess and error.gain.lies_below(excess)


def _is_steady(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether as many epochs again would surely bring much of what is still to be gained."""
    outlook, behind = outlook_of(curves, study), behind_of(curves, study)
    if outlook.train_loss.gain.lies_above(SLOW_SHARE):
        return True
    if behind is None or not behind.is_clear:
        return False
    return outlook.train_error.gain.lies_above(SLOW_SHARE * behind.excess.mean)


def _validation_follows(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether validation improves too, and there is something to be gained by it."""
    behind = behind_of(curves, study)
    is_behind = behind is not None and behind.is_clear
    return undertrained.still_improves(curves, study) or (
        is_behind and undertrained.loss_falls(curves, study)
    )


def _why_not(curves: VariantCurves, study: StudyCurves, clause: str) -> str | None:
    """Why a variant is surely not slow, as a clause; None if it may be."""
    if levels_out(curves, study):
        return clause
    if overfit.judge(curves, study).verdict == "found":
        return f"{clause}, but validation does not follow: it overfits"
    outlook = outlook_of(curves, study)
    if outlook.valid_loss.gain.lies_below(0.0) and outlook.valid_error.gain.lies_below(0.0):
        return f"{clause}, but validation does not follow: it gets worse"
    return None


def _evidence(curves: VariantCurves, study: StudyCurves) -> Evidence:
    outlook, behind = outlook_of(curves, study), behind_of(curves, study)
    found = {
        "fall of train loss in as many epochs again, part of the fall so far": (
            outlook.train_loss.told
        ),
        "fall of train error in as many epochs again": outlook.train_error.told,
    }
    if behind is not None:
        found["train error above the best variant's"] = behind.excess
    return found


def _needed(curves: VariantCurves, study: StudyCurves) -> str:
    """How many epochs it would need, as a clause; empty if that cannot be told."""
    errors = only_alike(study.errors, study, curves)
    number = study.number(curves)
    rivals = rivals_of(study, errors, number)
    target = rivals.of(errors)
    if study.interval(study.errors[number] - target).lies_above(study.margin):
        near = target[curves.sound] + study.margin
        first, second = outlook_of(curves, study).valid_error.reaches(near)
        if math.isnan(first) or (first <= curves.epochs and math.isinf(second)):
            return ""
        least = max(curves.epochs, _round(first, math.floor))
        epochs = (
            f"more than {least}"
            if math.isinf(second)
            else f"about {least} to {_round(second, math.ceil)}"
        )
        names = rivals.names(number)
        within = f"within {study.scale.amount(study.margin)} of {names} on validation"
        return f"it would need {epochs} epochs to come {within}"
    if outlook_of(curves, study).train_loss.told.lies_above(SLOW_SHARE):
        return f"it would need more than {2 * curves.epochs} epochs to level out"
    return ""


def _round(epochs: float, towards: Callable[[float], int]) -> int:
    """To two digits."""
    unit = 10 ** max(0, math.floor(math.log10(epochs)) - 1)
    return int(unit * towards(epochs / unit))


RULE = Rule(
    "KH107",
    "slow",
    "Training goes on at a pace that as many epochs again would not use up, by the forecast of "
    "KH104 for the curves on training data: the interval of the fall of train loss lies above "
    f"{100 * SLOW_SHARE:g} % of its fall so far; or train error at the end is above that of the "
    "best variant (as in KH103), and the interval of its fall lies above "
    f"{100 * SLOW_SHARE:g} % of this excess. And validation follows: it is undertrained (KH104), "
    "or the variant is behind and the interval of the fall of validation loss lies above "
    f"{100 * undertrained.FALL_THRESHOLD:g} % of its fall so far. It is not found where train loss "
    f"would surely fall by less than {100 * SLOW_SHARE:g} %, and train error surely by less than "
    f"the excess and, by every possible curve, by less than a third of it; where validation gets "
    "worse; and where errors are proportions that end within the margin of zero. Where the variant "
    f"was stopped early it is not applicable. With fewer than {MIN_EPOCHS} epochs it is "
    "inconclusive. The number of epochs is told where the variant is behind another one on "
    "validation by more than the margin: it is where the forecast of its validation error, over "
    "all replicates and possible curves, comes down to within the margin of the other's. What lies "
    f"beyond {FARTHEST:g} times the epochs trained is told as a bound only, and nothing where the "
    "curve falls faster and faster, or where KH104 tells no number of it.",
    "Such a variant looks weak, and is only early on its way: a larger model would be as early on "
    "its own.",
    "Raise the learning rate, or train for more epochs, before judging the model's capacity.",
    judge,
    "the project's own rule; the forecast is that of KH104",
)
