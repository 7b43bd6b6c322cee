"""KH106: replicates differ by more than the difference that the study has to decide."""

import numpy as np

from kohort.findings.finding import Finding, Rule, too_few
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.rules import slow, undertrained
from kohort.findings.statistics.interval import ROUNDING, Interval, spread_interval


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether the interval of the spread over replicates lies above the allowed spread.

    That is the study's margin and, if each replicate has other validation samples, the spread
    that is due to their draw.
    """
    name, margin = curves.name, study.margin
    if (few := too_few(RULE, curves)) is not None:
        return few
    spread = min(
        (spread_interval(v, confidence=study.confidence) for v in _error(curves, study)),
        key=lambda interval: interval.mean,
    )
    drawn = _sampling(curves, study)
    most = 0.0 if drawn is None else drawn * _of_groups(study)
    evidence: dict[str, float | Interval] = {
        "standard deviation over replicates": spread,
        "margin": margin,
    }
    if drawn is not None:
        evidence["standard deviation by the draw of validation samples"] = drawn
        if most > drawn:
            evidence["the same, were samples of a group right or wrong together"] = most
    if not spread.is_formed:
        untold = (
            f"{name} has the same {study.scale.metric} in all {spread.n} replicates, which tells "
            "no spread."
            if spread.n > 1
            else f"{name} has too few measured replicates to tell its spread."
        )
        return RULE.finding(name, "inconclusive", untold, evidence, "Run more replicates.")
    bound, upper = (float(np.hypot(margin, luck)) for luck in (drawn or 0.0, most))
    clause = _clause(study, spread, drawn, most, (bound, upper))
    unknown = study.draws_samples and drawn is None
    # Any spread is above zero: that says nothing while nobody says what is of interest.
    if bound > 0 and spread.lies_above(upper) and not unknown:
        sentence = f"{name} is unstable: {clause}"
        return RULE.finding(name, "found", sentence, evidence, _advice(curves, study))
    if spread.lies_below(bound):
        return RULE.finding(name, "not found", f"{name} is stable: {clause}", evidence)
    if most > (drawn or 0.0) and bound > 0:
        evidence[LEAST] = least = upper * spread.mean / spread.low
        clause += f" {_hidden(study, least, spread.n)}"
    # At such a spread no number of replicates would tell, as long as others are held out in each.
    return RULE.finding(
        name,
        "inconclusive",
        f"{name} may or may not be unstable: {clause}",
        evidence,
        _next(bound, on_seeds=unknown or bound < spread.mean <= upper),
    )


def _hidden(study: StudyCurves, least: float, replicates: int) -> str:
    """What the draw of groups leaves to be seen, as a sentence."""
    if least > WIDEST:
        return f"So few groups hide all: no spread over {replicates} replicates would be found."
    return (
        f"So few groups hide much: over {replicates} replicates only a standard deviation from "
        f"{study.scale.amount(least)} on would be found."
    )


def _next(bound: float, *, on_seeds: bool) -> str:
    """What would tell whether a variant is unstable."""
    if bound == 0:
        return "Name a margin above 0."
    return ON_SEEDS if on_seeds else "Run more replicates."


def _of_groups(study: StudyCurves) -> float:
    """How many times as much whole groups bring, at most, as samples that are in none.

    Where samples of a group are right or wrong together, n of them are drawn as their groups are.
    """
    samples = study.valid_samples or 1
    return float(np.sqrt(min(max(1.0, study.group_size), samples)))


def _sampling(curves: VariantCurves, study: StudyCurves) -> float | None:
    """The standard deviation of an error due to the draw of validation samples; None if unknown.

    Of a part p of the samples it is sqrt(p (1 - p) / n); of an area under a curve, say, it depends
    on how many samples are rare. Seeds validate on the same samples.
    """
    samples = study.valid_samples
    if samples is None or not (study.draws_samples and study.scale.counts_samples):
        return None
    errors = curves.at_best(curves.valid_error)
    p = float(np.clip(np.nanmean(errors), 0.0, 1.0)) if np.isfinite(errors).any() else 0.0
    return float(np.sqrt(p * (1 - p) / samples))


def _clause(
    study: StudyCurves,
    spread: Interval,
    drawn: float | None,
    most: float,
    bounds: tuple[float, float],
) -> str:
    scale = study.scale
    clause = (
        f"its {scale.metric} has a standard deviation of its own of "
        f"{scale.text(spread, 2, bounds)} over replicates, "
    )
    if bounds[0] == 0:
        clause += "and no margin says which differences are of interest"
    else:
        clause += f"where differences of {scale.amount(study.margin)} are of interest"
    if drawn is not None:
        clause += (
            f" and the draw of {study.valid_samples:,} validation samples alone brings one of "
            f"{scale.amount(drawn)}"
        )
        if most > drawn:
            clause += f" to {scale.amount(most)}, by how far samples of a group are alike"
    elif study.draws_samples:
        clause += f"; the luck of the {study.kind} is in it, and how much of it is not known"
    return f"{clause}."


def _error(curves: VariantCurves, study: StudyCurves) -> list[np.ndarray]:
    """Errors `[replicate]` at e*; and the same minus the median of the other variants.

    Neither the effect of a hard split on all variants, nor that of another variant, is instability
    of this one. The first array also has the spread of splits, the second also that of the other
    variants. So the smaller spread is nearer to that of the variant.
    """
    errors = curves.at_best(curves.valid_error)
    others = [c.at_best(c.valid_error) for c in study.variants if c is not curves and len(c.sound)]
    # Variants that lost a replicate to divergence are left out of the median, and twins, such as
    # one model by two names: what is equal has no spread beside itself.
    whole = [
        values
        for values in others
        if np.isfinite(values[np.isfinite(errors)]).all()
        and not np.array_equal(values, errors, equal_nan=True)
    ]
    if not whole:
        return [errors]
    beside = errors - np.median(whole, axis=0)
    there = np.isfinite(beside)
    largest = np.abs(errors[there]).max(initial=0.0)
    # Differences that are all one by coarse scores tell nothing of how steady the variant is.
    varies = there.sum() > 1 and np.ptp(beside[there]) > ROUNDING * largest
    return [errors, beside] if varies else [errors]


def _advice(curves: VariantCurves, study: StudyCurves) -> str:
    """What to do, by what the curves of train loss show: too large a rate is one reason of many."""
    for rule in (slow.RULE, undertrained.RULE):
        if rule.judge(curves, study).verdict == "found":
            return (
                f"It is still on its way ({rule.title}, {rule.code}): train for more epochs, or "
                "with a higher learning rate, and see how steady it is then."
            )
    steps = np.diff(curves.train_loss[curves.sound], axis=1)
    steps = steps[np.isfinite(steps)]
    if not len(steps):
        return f"Where its loss jumps as it trains, steady it ({STEPS}); else {MORE}."
    rising = (steps > 0).mean()
    if not rising:
        return (
            "Its train loss falls from each epoch to the next, which does not speak for too high a "
            f"learning rate: {MORE}."
        )
    return (
        f"Its train loss rises in {max(1, round(100 * rising))} % of epochs: steady it ({STEPS}), "
        f"or {MORE}."
    )


LEAST = "the least standard deviation that would be found"
"""The name, among the evidence, of what groups leave to be seen."""
WIDEST = 0.5
"""No proportion has a standard deviation much above it."""
STEPS = "a lower learning rate, larger batches, clipped gradients"
MORE = "decide by more replicates"
ON_SEEDS = (
    "Look at seeds on one split (`Holdout(..., same_split=True)`): there nothing but training "
    "moves a score."
)

RULE = Rule(
    "KH106",
    "unstable",
    "The interval of the standard deviation over replicates (chi-squared) lies above the smallest "
    "difference of practical interest, the study's `margin`. It is that of the validation error at "
    "e*, or of what this is above the median of the other variants in the same replicate, "
    "whichever is less: so that neither a hard split counts nor another unstable variant. What is "
    "the same in all replicates, as of few validation samples, tells no spread: it is inconclusive "
    "where the error is, and of such differences it takes no notice. Over "
    "splits and folds each replicate validates on n samples drawn anew, and of an accuracy p "
    "their draw alone brings a standard deviation of sqrt(p (1 - p) / n): there the interval must "
    "lie above the root of the sum of the squares of this, p the mean error, and of the margin. "
    "Samples of one group may be right or wrong together, how far is not known: with groups it is "
    "found by n over the mean size of a sample's group in the place of n, not found by n itself, "
    "and inconclusive in between, with the least standard deviation that would be found. "
    "Where the metric is no accuracy, what the draw brings is not known; it is in the spread, "
    "so that the rule is inconclusive there, or not found.",
    "One training of such a variant says little: another seed may turn the answer that the study "
    "is asked for.",
    "Where the variant is slow (KH107) or undertrained (KH104), train it for more epochs or with a "
    "higher learning rate first. Where its train loss rises between epochs, steady the training (a "
    "lower learning rate or a schedule, larger batches, clipped gradients, normalisation). Else, "
    "and in any case, more replicates decide.",
    judge,
    "the interval: Snedecor and Cochran (1989), Statistical Methods, section 5.11",
)
