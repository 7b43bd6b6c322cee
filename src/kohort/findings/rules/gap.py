"""KH102: validation error is above train error."""

from dataclasses import replace

import numpy as np

from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import wilson_interval

GAP_POINTS = 2.0
"""Difference of validation and train error, in points, where errors are proportions."""
GAP_PERCENT = 10.0
"""The same for other errors, in percent of what `Scale.reference` is."""


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of validation minus train error at e* lies above its threshold."""
    name = curves.name
    if (few := too_few(RULE, curves)) is not None:
        return few
    threshold = study.scale.threshold(GAP_POINTS, GAP_PERCENT)
    is_known = not np.isnan(threshold)
    border = threshold if is_known else 0.0
    gap = _gap(curves, study)
    best = curves.best + 1
    evidence: Evidence = {"best epoch": best, "validation minus train error": gap}
    metric = study.scale.metric
    worse = study.scale.worse(gap, border)
    clause = (
        f"at its best epoch ({best} by the mean curve) validation {metric} is {worse} than on "
        "training data."
    )
    if is_known and gap.lies_above(border):
        return RULE.finding(
            name,
            "found",
            f"{name} has a generalisation gap: {clause}",
            evidence,
            _advice(curves, study),
        )
    if gap.lies_below(border):
        return RULE.finding(name, "not found", f"{name} generalises: {clause}", evidence)
    unknown = f"{name} may or may not have a gap: {clause}"
    if not is_known:
        told = f"{unknown} How large a gap of this score matters is not known."
        return RULE.finding(name, "inconclusive", told, evidence, "Judge it by the curves.")
    return RULE.finding(
        name,
        "inconclusive",
        f"{unknown} It has one if the true difference is above {study.scale.amount(threshold)}.",
        evidence,
        "Run more replicates, or hold out more samples.",
    )


def _gap(curves: VariantCurves, study: StudyCurves) -> Interval:
    """Validation minus train error at e*.

    That the two are level in every replicate, as at 100 %, is a coincidence of few samples, and no
    certainty: there the validation samples tell how far apart they may be, if they are counted.
    """
    errors = curves.at_best(curves.valid_error)
    gap = study.interval(errors - curves.at_best(curves.train_error))
    if gap.has_width or not gap.is_formed:
        return gap
    behind = study.samples_behind(gap.n)
    if not (study.scale.counts_samples and behind):
        return gap.of_a_score
    part = float(np.clip(np.nanmean(errors), 0.0, 1.0))
    of_samples = wilson_interval(part, behind, study.confidence)
    return replace(gap, low=of_samples.low - part, high=of_samples.high - part, p_value=np.nan)


def _advice(curves: VariantCurves, study: StudyCurves) -> str:
    """What narrows the gap; not to regularise what learns too little, or does worse by that."""
    names = [each.name for each in study.variants]
    number, best = study.number(curves), study.lowest
    train = float(np.nanmean(curves.at_best(curves.train_error)))
    if best is not None and train > study.means[best]:
        return (
            f"First see why it learns so little (KH103, KH107): on its training data it scores "
            f"worse than {names[best]} on validation, so that no gap is what holds it back."
        )
    less = [
        names[a]
        for a, b in study.additions
        if b == number
        and curves.regularizer_count > study.variants[a].regularizer_count
        and study.means[number] > study.means[a] + study.margin
    ]
    if less:
        return (
            f"More data would narrow it. Do not regularise it more: {less[0]}, which has a "
            "regulariser less, scores better here."
        )
    return "More data or regularisation would narrow it; a smaller model may."


RULE = Rule(
    "KH102",
    "gap",
    "The interval of validation error minus train error at the best epoch e* lies above "
    f"{GAP_POINTS:g} points; where the metric is no proportion, above {GAP_PERCENT:g} % of what "
    "the best variant scores on validation or, where zero is not the best that there is, as of R2, "
    "of how much better it is than one answer for all samples. Where that is not known either, a "
    "gap above zero is inconclusive. Where the two are level in every replicate, as at "
    "100 %, the interval is Wilson's (1927) of the validation samples that stand behind the score "
    "(of groups, where there are any); where no accuracy scores there is none.",
    "The gap is what the model would gain if it did on new data what it does on its training data.",
    "More data narrows a gap most surely; regularisation narrows it at the price of train error, "
    "and is worth it only where validation error falls too. A gap alone is no reason to reject a "
    "model: the best one of a study often has one.",
    judge,
)
