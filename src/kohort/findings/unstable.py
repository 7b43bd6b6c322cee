"""KH106: replicates differ by more than what the study is asked to decide."""

import numpy as np

from kohort.findings.curves import StudyCurves, VariantCurves
from kohort.findings.finding import Evidence, Finding, Rule, too_few
from kohort.findings.interval import spread_interval


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of the spread over replicates lies above the study's margin."""
    name, margin = curves.name, study.margin
    if (few := too_few(RULE, curves)) is not None:
        return few
    spread = min(
        (spread_interval(v, confidence=study.confidence) for v in _error(curves, study)),
        key=lambda interval: interval.mean,
    )
    evidence: Evidence = {"standard deviation over replicates": spread, "margin": margin}
    if not spread.is_formed:
        return RULE.finding(
            name,
            "inconclusive",
            f"{name} has too few measured replicates to tell its spread.",
            evidence,
            "Run more replicates.",
        )
    scale = study.scale
    told = (
        f"its {scale.metric} has a standard deviation of its own of {scale.told(spread, 2)} over "
        f"replicates, where differences of {scale.amount(margin)} are of interest."
    )
    if spread.lies_above(margin):
        return RULE.finding(
            name,
            "found",
            f"{name} is unstable: {told}",
            evidence,
            "Steady it (a lower learning rate, larger batches, clipped gradients), or decide by "
            "more replicates.",
        )
    if spread.lies_below(margin):
        return RULE.finding(name, "not found", f"{name} is stable: {told}", evidence)
    return RULE.finding(
        name, "inconclusive", f"{name} may be unstable: {told}", evidence, "Run more replicates."
    )


def _error(curves: VariantCurves, study: StudyCurves) -> list[np.ndarray]:
    """`[replicate]` errors at e*; and above the median of the others in the same replicate.

    What a hard split does to all variants alike is none's instability, nor is what another one
    does. The first has the spread of splits beside its own, the second that of others; so the
    smaller of the two is nearer to its own.
    """
    own = curves.at_best(curves.valid_error)
    others = [c.at_best(c.valid_error) for c in study.variants if c is not curves and len(c.sound)]
    # Where another variant lost a replicate to divergence, the rest are what it is compared with.
    whole = [values for values in others if np.isfinite(values[np.isfinite(own)]).all()]
    return [own, own - np.median(whole, axis=0)] if whole else [own]


RULE = Rule(
    "KH106",
    "unstable",
    "The interval of the standard deviation over replicates (chi-squared) lies above the smallest "
    "difference of practical interest, the study's `margin`. It is that of the validation error at "
    "e*, or of what this is above the median of the other variants in the same replicate, "
    "whichever is less: so that neither a hard split counts nor another unstable variant.",
    "One training of such a variant says little: another seed may turn the answer that the study "
    "is asked for.",
    "Steady the training (a lower learning rate or a schedule, larger batches, clipped gradients, "
    "normalisation), or decide by more replicates.",
    judge,
    "the interval: Snedecor and Cochran (1989), Statistical Methods, section 5.11",
)
