"""KH102: validation error is above train error."""

from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves

GAP_POINTS = 2.0
"""Difference of validation and train error, in points, where errors are proportions."""
GAP_PERCENT = 10.0
"""The same for other errors, in percent of the best variant's score."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of validation minus train error at e* lies above its threshold."""
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    threshold = study.scale.threshold(GAP_POINTS, GAP_PERCENT)
    gap = study.interval(curves.at_best(curves.valid_error) - curves.at_best(curves.train_error))
    best = curves.best + 1
    evidence: Evidence = {"best epoch": best, "validation minus train error": gap}
    metric = study.scale.metric
    worse = study.scale.worse(gap, threshold)
    clause = (
        f"at its best epoch ({best} by the mean curve) validation {metric} is {worse} than on "
        "training data."
    )
    if gap.lies_above(threshold):
        return RULE.finding(
            name,
            "found",
            f"{name} has a generalisation gap: {clause}",
            evidence,
            "More data or regularisation would narrow it; a smaller model may.",
        )
    if gap.lies_below(threshold):
        return RULE.finding(name, "not found", f"{name} generalises: {clause}", evidence)
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may or may not have a gap: {clause} It has one if the true difference is above "
        f"{study.scale.amount(threshold)}.",
        evidence,
        "Run more replicates.",
    )


RULE = Rule(
    "KH102",
    "gap",
    "The interval of validation error minus train error at the best epoch e* lies above "
    f"{GAP_POINTS:g} points; where the metric is no proportion, above {GAP_PERCENT:g} % of what "
    "the best variant scores on validation.",
    "The gap is what the model would gain if it did on new data what it does on its training data.",
    "More data narrows a gap most surely; regularisation narrows it at the price of train error, "
    "and is worth it only where validation error falls too. A gap alone is no reason to reject a "
    "model: the best one of a study often has one.",
    judge,
)
