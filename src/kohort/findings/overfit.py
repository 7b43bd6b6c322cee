"""KH101: validation loss rises after its best epoch while train loss falls."""

from kohort.findings.finding import (
    Evidence,
    Finding,
    Rule,
    StudyCurves,
    VariantCurves,
    shown,
    too_few,
)

GL_THRESHOLD = 5.0
"""Percent that validation loss must have risen above its lowest; Prechelt's alpha."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of Prechelt's generalisation loss GL(T) lies above its threshold.

    GL(T) = 100 (E(T) / E(e*) - 1), E the validation loss of a replicate, e* the variant's best
    epoch, T its last one.
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
    loss = curves.valid_loss
    if (curves.at(loss, best) <= 0).any():
        return RULE.finding(
            name, "not applicable", f"{name}: a rise in percent needs a loss above zero."
        )
    rise = study.interval(100 * (curves.at(loss, last) / curves.at(loss, best) - 1))
    train_best, train_last = (float(curves.at(curves.train_loss, e).mean()) for e in (best, last))
    evidence: Evidence = {
        "best epoch": best + 1,
        "last epoch": last + 1,
        "rise of validation loss, %": rise,
        "train loss at best epoch": train_best,
        "train loss at last epoch": train_last,
    }
    told = (
        f"after epoch {best + 1} validation loss rises by {shown(rise, '%', digits=0)} "
        f"by epoch {last + 1}, while train loss goes from {train_best:.3f} to {train_last:.3f}."
    )
    if rise.lies_above(GL_THRESHOLD) and train_last < train_best:
        advice = f"Stop at epoch {best + 1}, regularise, use a smaller model, or more data."
        return RULE.finding(name, "found", f"{name} overfits: {told}", evidence, advice)
    if rise.lies_below(GL_THRESHOLD) or train_last >= train_best:
        return RULE.finding(name, "not found", f"{name} does not overfit: {told}", evidence)
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may overfit: {told}",
        evidence,
        "Run more replicates, or train longer.",
    )


RULE = Rule(
    "KH101",
    "overfit",
    "After the best epoch e* (lowest mean validation loss) validation loss rises: the interval of "
    "the generalisation loss GL(T) = 100 (E(T) / E(e*) - 1) at the last epoch T lies above "
    f"{GL_THRESHOLD:g} %, while mean train loss fell from e* to T.",
    "From e* on the model learns what holds in the training data only; each further epoch makes "
    "it worse on data that it has not seen.",
    judge,
    "Prechelt (1998), Early Stopping - But When?, section 2.1",
)
