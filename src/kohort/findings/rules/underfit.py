"""KH103: even the training data are not fitted as well as another variant fits them."""

import numpy as np

from kohort.errors import count
from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.outlook import (
    EXCESS_PERCENT,
    EXCESS_POINTS,
    Behind,
    behind_of,
    outlook_of,
    train_ends,
)
from kohort.findings.rules import overfit, slow, undertrained

RISE_THRESHOLD = 0.1
"""Train loss rises if in as many epochs again it would by more than this part of how far it has
moved so far."""

LEARNS_SHARE = 0.1
"""A variant still learns if its train error would fall by more than this part of its excess, and by
more than the margin."""

LONGER = "Train longer first, before judging its capacity."
WITH_PATIENCE = "Stop it later first (with more patience, say), before judging its capacity."


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether train and validation error are above those of the best variant, on a flat curve."""
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    weightings = {each.weighting for each in study.variants}
    alike = " with the same class weights" * (len(weightings) > 1)
    number, known = study.number(curves), np.isfinite(train_ends(study, curves)).any(axis=1)
    if not known[number] or known.sum() == 1:
        whose = f"of another variant{alike} to compare with" if known[number] else "of it"
        sentence = f"{name}: there is no train {study.scale.metric} {whose}."
        return RULE.finding(name, "not applicable", sentence)
    if (behind := behind_of(curves, study)) is None:
        return RULE.finding(
            name, "not found", f"{name} fits its training data best of all variants{alike}."
        )
    excess, worse, names = behind.excess, behind.worse, behind.rivals
    evidence: Evidence = {
        "train error above the best variant's": excess,
        "validation error above the best variant's": worse,
    }
    if (why := _unformed(curves, behind)) is not None:
        untold, advice = why
        return RULE.finding(name, "inconclusive", untold, evidence, advice)
    scale = study.scale
    outlook = outlook_of(curves, study)
    evidence = {
        **evidence,
        "fall of train error in as many epochs again": outlook.train_error.told,
        "fall of train loss in as many epochs again, part of the fall so far": (
            outlook.train_loss.told
        ),
    }
    clause = (
        f"its train {scale.metric} ends {scale.worse(excess, behind.border)} than that of "
        f"{names}, its validation {scale.metric} is {scale.worse(worse, 0.0)}"
    )
    if excess.lies_below(behind.border) or worse.lies_below(0.0):
        return RULE.finding(name, "not found", f"{name} does not underfit: {clause}.", evidence)
    unknown = f"{name} may or may not underfit: {clause}{_unsure(study, behind)}"
    if (doubt := _doubt(curves, study, behind)) is not None:
        but, advice = doubt
        return RULE.finding(name, "inconclusive", f"{unknown}; but {but}.", evidence, advice)
    if not (behind.is_clear and worse.lies_above(0.0)):
        size = " How large a difference of this score matters is not known."
        told = f"{unknown}.{size * bool(np.isnan(behind.threshold))}"
        return RULE.finding(name, "inconclusive", told, evidence, "Run more replicates.")
    return RULE.finding(
        name,
        "found",
        f"{name} underfits: {clause}, and its curve is flat.",
        evidence,
        "Give the model more capacity or less regularisation; or, where nothing but the training "
        f"sets it apart from {names}, train it that way.",
    )


def _unformed(curves: VariantCurves, behind: Behind) -> tuple[str, str] | None:
    """Why there is nothing to judge by, and what to do about it; None where there is."""
    name, n = curves.name, behind.excess.n
    if curves.epochs == 1:
        return f"{name} has one epoch, which shows no curve that could be flat.", "Run more epochs."
    if behind.excess.is_formed:
        return None
    if n < 2:
        few = f"{name} and {behind.rivals} have {count(n, 'sound replicate')} in common"
        return f"{few}, too few for an interval.", "Run more replicates."
    same = f"train errors apart by the same in all {n} replicates, which tells nothing of more"
    return f"{name} and {behind.rivals} have {same}.", "Run more replicates."


def _unsure(study: StudyCurves, behind: Behind) -> str:
    """Which of the two differences may be too small, as a clause; empty where neither may."""
    may = []
    if not (behind.is_clear or np.isnan(behind.threshold)):
        may.append(f"the first difference may be less than {study.scale.amount(behind.threshold)}")
    if not behind.worse.is_formed:
        may.append("the second has no interval")
    elif not behind.worse.lies_above(0.0):
        may.append("the second may be none")
    return f"; {', and '.join(may)}" if may else ""


def _doubt(curves: VariantCurves, study: StudyCurves, behind: Behind) -> tuple[str, str] | None:
    """A reason to doubt a lack of capacity, and what to do about it; None if there is none."""
    if bad := int(curves.diverged.sum()):
        return (
            f"{bad} of its {count(curves.trained, 'replicate')} diverged",
            "Lower the learning rate, or clip gradients, before judging its capacity.",
        )
    if overfit.judge(curves, study).verdict == "found":
        return "it overfits as well", "Regularise, or get more data, before judging its capacity."
    outlook = outlook_of(curves, study)
    longer = WITH_PATIENCE if curves.was_stopped else LONGER
    loss = outlook.train_loss.gain
    clause = undertrained.told(curves, study, "train", slow.SLOW_SHARE)
    if loss.mean <= -RISE_THRESHOLD and loss.lies_below(0.0):
        return (
            f"train loss rises: {clause}",
            "Lower the learning rate before judging its capacity.",
        )
    if slow.judge(curves, study).verdict == "found":
        return (
            f"it learns slowly (KH107): {clause}",
            "Raise the learning rate, or train longer, before judging its capacity.",
        )
    if undertrained.judge(curves, study).verdict == "found":
        return "it still learns: validation improves (KH104)", LONGER
    if outlook.train_error.gain.mean > max(study.margin, LEARNS_SHARE * behind.excess.mean):
        return f"it still learns: {clause}", longer
    if not slow.levels_out(curves, study):
        return f"it may still learn: {clause}", "Run more replicates, or train longer."
    return None


RULE = Rule(
    "KH103",
    "underfit",
    "At the end (the mean of the last quarter of the epochs) train error is above that of the "
    "variant that fits its training data best, for each replicate the one that does so in those "
    "that choose for it, as for e*: the interval of the paired difference lies above "
    f"{EXCESS_POINTS:g} points (where the metric is no proportion, {EXCESS_PERCENT:g} % of what "
    "the best variant scores on validation or, where zero is not the best that there is, as of R2, "
    "of how much better it is than one answer for all samples; where that is not known either, the "
    "rule is inconclusive); the interval of the paired difference of validation "
    "errors, each at its e*, lies above zero; and the curve is flat. By the forecast of KH104, as "
    "many epochs again, of a replicate that was stopped as many as it trained itself, would lower "
    "its train error by less than the margin or than "
    f"{100 * LEARNS_SHARE:g} % of the excess, whichever is more, by "
    "every possible curve by less than a third of it, and surely by less than all of it; and its "
    f"train loss surely by less than {100 * slow.SLOW_SHARE:g} % of the fall so far. With nothing "
    "to compare with it is not applicable; variants that train with other class weights are not "
    "compared, since these trade one class for another. Where the errors do not rule it out, but "
    "the curve is not flat, train loss would rise (by more than "
    f"{100 * RISE_THRESHOLD:g} % of what it has moved so far), the variant overfits (KH101), is "
    "undertrained (KH104) or learns slowly (KH107), or replicates of it diverged (KH105), it is "
    "inconclusive: what it could learn was not seen.",
    "The model cannot express, or is kept from expressing, what another one learns from the same "
    "data.",
    "Give the model more capacity (more units, more layers) or less regularisation; or, where the "
    "variant that fits better differs only in how it is trained, train it that way. Where it still "
    "learns, train it longer or at a larger learning rate first; where its train loss rises or "
    "replicates diverged, lower the learning rate first.",
    judge,
)
