"""KH102: validation error is above train error."""

from kohort.findings.finding import (
    Evidence,
    Finding,
    Rule,
    StudyCurves,
    VariantCurves,
    shown,
    too_few,
)

GAP_THRESHOLD = 0.02
"""Difference of validation and train error, as a fraction of samples."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of validation minus train error at e* lies above its threshold."""
    name = curves.name
    if curves.valid_error is None or curves.train_error is None:
        return RULE.finding(name, "not applicable", f"{name}: no accuracy is measured.")
    if (few := too_few(RULE, curves)) is not None:
        return few
    best = curves.best
    gap = study.interval(curves.at(curves.valid_error, best) - curves.at(curves.train_error, best))
    evidence: Evidence = {"best epoch": best + 1, "validation minus train error": gap}
    told = f"at epoch {best + 1} validation error is {shown(gap, 'points', 100)} above train error."
    if gap.lies_above(GAP_THRESHOLD):
        return RULE.finding(
            name,
            "found",
            f"{name} has a generalisation gap: {told}",
            evidence,
            "More data or regularisation would narrow it; a smaller model may.",
        )
    if gap.lies_below(GAP_THRESHOLD):
        return RULE.finding(name, "not found", f"{name} generalises: {told}", evidence)
    return RULE.finding(
        name, "inconclusive", f"{name} may have a gap: {told}", evidence, "Run more replicates."
    )


RULE = Rule(
    "KH102",
    "gap",
    "The interval of validation error minus train error at the best epoch e* lies above "
    f"{100 * GAP_THRESHOLD:g} points.",
    "The gap is what the model would gain if it did on new data what it does on its training data.",
    judge,
)
