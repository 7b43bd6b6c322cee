"""KH101: validation loss rises after its best epoch while train loss falls."""

import numpy as np

from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import changes, significant

GL_THRESHOLD = 5.0
"""Percent that validation loss must have risen above its lowest; Prechelt's alpha."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of Prechelt's generalisation loss at the end lies above its threshold.

    GL = 100 (E(end) / E(e*) - 1), see `VariantCurves.rise`.
    """
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    best, last = curves.best, curves.last
    if best == last:
        return RULE.finding(
            name,
            "not found",
            f"{name}: validation loss is lowest at the last epoch, {last + 1}.",
            {"best epoch": best + 1, "last epoch": last + 1},
        )
    rises = curves.rise()
    if np.isnan(rises[curves.sound]).any():
        return RULE.finding(
            name, "not applicable", f"{name}: a rise in percent needs a loss above zero."
        )
    rise = study.interval(rises)
    loss_best = curves.at_epoch(curves.train_loss, best)
    loss_end = curves.at_end(curves.train_loss, after=best)[curves.sound]
    change = study.interval(loss_end - loss_best)
    train_best, train_end = float(loss_best.mean()), float(loss_end.mean())
    evidence: Evidence = {
        "best epoch": best + 1,
        "last epoch": last + 1,
        "rise of validation loss, %": rise,
        "train loss at best epoch": train_best,
        "train loss at the end": train_end,
    }
    fallen = f"from {significant(train_best, 3)} to {significant(train_end, 3)}"
    clause = (
        f"after epoch {best + 1} validation loss {changes(rise, 0, GL_THRESHOLD)} "
        f"to the last of {_epochs(curves)}, while train loss goes {fallen}"
    )
    if rise.lies_above(GL_THRESHOLD) and train_end < train_best:
        advice = f"Stop at epoch {best + 1}, regularise, use a smaller model, or more data."
        return RULE.finding(name, "found", f"{name} overfits: {clause}.", evidence, advice)
    if rise.lies_below(GL_THRESHOLD) or change.lies_above(0.0):
        why = _in_spite_of(rise, rose=change.lies_above(0.0))
        return RULE.finding(name, "not found", f"{name} does not overfit: {clause}{why}.", evidence)
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may or may not overfit: {clause}. It does if the true rise is above "
        f"{GL_THRESHOLD:g} %.",
        evidence,
        "Run more replicates, or train longer.",
    )


def _epochs(curves: VariantCurves) -> str:
    """The epochs that it trained, as words."""
    if curves.epochs == curves.longest:
        return f"{curves.longest} epochs"
    return f"each replicate's {curves.epochs} to {curves.longest} epochs"


def _in_spite_of(rise: Interval, *, rose: bool) -> str:
    """Why a rise of validation loss is no overfitting, as a clause; empty if there is no rise."""
    if rose and not rise.high <= 0:
        return "; train loss rose too, and falls where a model overfits"
    if rise.low > 0:
        return f"; a rise of {GL_THRESHOLD:g} % or less does not count"
    return ""


RULE = Rule(
    "KH101",
    "overfit",
    "After the best epoch e* validation loss rises: the interval of the generalisation loss "
    "GL = 100 (E(end) / E(e*) - 1) lies above "
    f"{GL_THRESHOLD:g} %, E(end) the mean of validation loss over the last quarter of the epochs "
    "(of each replicate's own, as far as it is after e*) and E(e*), where that quarter has several "
    "epochs, the median of those at e* and next to it; while mean train loss fell from e* to "
    f"there. It is not found where that interval lies below {GL_THRESHOLD:g} %, or that of how far "
    "train loss rose from e* to there above zero.",
    "From e* on the model learns what holds in the training data only; each further epoch makes "
    "it worse on data that it has not seen.",
    "Stop at e* (`keras.callbacks.EarlyStopping`; kohort's models have the weights of their best "
    "epoch anyway), regularise (dropout, L2), use a smaller model, or more data.",
    judge,
    "Prechelt (1998), Early Stopping - But When?, section 2.1; strips of epochs are those of his "
    "section 2.2",
)
