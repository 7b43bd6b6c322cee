"""KH202: too few replicates to see a difference of practical interest."""

import numpy as np

from kohort.findings.curves import StudyCurves, VariantCurves
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.power import POWER, replicates_needed


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether a difference of the study's margin from the baseline could have been seen."""
    name, margin = curves.name, study.margin
    other = _reference(curves, study)
    if other is None or not len(curves.sound):
        return RULE.finding(name, "not applicable", f"{name} has nothing to be compared with.")
    differences = curves.at_best(curves.valid_error) - other.at_best(other.valid_error)
    interval = study.interval(differences)
    if not interval.is_formed:
        return RULE.finding(
            name,
            "found",
            f"{name} has too few replicates: {interval.n} in common with {other.name} give no "
            "interval of their difference.",
            {"replicates": interval.n},
            "Run at least 3 replicates, better 5 or more.",
        )
    half = (interval.high - interval.low) / 2
    evidence: Evidence = {"difference": interval, "margin": margin, "replicates": interval.n}
    unit, factor = study.scale.unit, study.scale.factor
    told = f"its error differs from that of {other.name} by {study.shown(interval)}"
    if half <= margin or not interval.low <= 0.0 <= interval.high:
        return RULE.finding(name, "not found", f"{name} has replicates enough: {told}.", evidence)
    needed = replicates_needed(
        float(np.nanstd(differences, ddof=1)),
        margin,
        alpha=(1 - study.confidence) / max(1, len(study.variants) - 1),
        test_to_train=study.test_to_train,
    )
    told = f"{told}, so that {factor * margin:.3g} {unit} either way cannot be seen."
    advice = (
        f"About {needed} replicates would."
        if needed
        else "More replicates of these splits would not: hold out a larger part, or get more data."
    )
    if needed:
        evidence = {**evidence, "replicates needed": needed}
    return RULE.finding(name, "found", f"{name} has too few replicates: {told}", evidence, advice)


def _reference(curves: VariantCurves, study: StudyCurves) -> VariantCurves | None:
    """What a variant is compared with: the baseline; for the baseline the best of the others."""
    if curves is not study.variants[0]:
        baseline = study.variants[0]
        return baseline if len(baseline.sound) else None
    others = [
        (float(np.nanmean(errors)), number)
        for number, errors in enumerate(study.errors)
        if number and np.isfinite(errors).any()
    ]
    return study.variants[min(others)[1]] if others else None


RULE = Rule(
    "KH202",
    "too few replicates",
    "The interval of the paired difference of validation errors, the variant's and the baseline's "
    "(for the baseline: the best other variant's), cannot be formed; or it holds zero and reaches "
    "further than the smallest difference of practical interest, the study's `margin`, to either "
    "side. The replicates told are those that see a true difference of the margin with a "
    f"probability of {100 * POWER:g} %, after Bonferroni's correction over the variants.",
    '"No difference was found" means nothing where none could have been seen.',
    "Run as many replicates as the finding tells. Where it says that no number would, replicates "
    "share too many training samples: hold out a larger part, or get more data.",
    judge,
    "the power of a t test by the noncentral t distribution: Cohen (1988), Statistical Power "
    "Analysis, chapter 2, with the variance of Nadeau and Bengio (2003)",
)
