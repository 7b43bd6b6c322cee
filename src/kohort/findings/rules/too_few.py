"""KH202: too few replicates to see a difference of practical interest."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kohort.findings.families import families
from kohort.findings.finding import FEWEST, Evidence, Finding, Rule, more_replicates
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.names import capital, listing
from kohort.findings.rules import undertrained
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.power import MOST, POWER, replicates_needed


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether a difference of the margin from the baseline would have been detected."""
    name, scale = curves.name, study.scale
    if not len(curves.sound):
        return RULE.finding(name, "not applicable", f"{name}: no replicate trained to the end.")
    compared = _compared(curves, study)
    if compared is None:
        return RULE.finding(name, "not applicable", f"{name} has nothing to be compared with.")
    other = compared.b if compared.a == name else compared.a
    n, needed = compared.difference.n, compared.replicates_needed
    if not compared.difference.is_formed:
        few = f"shares {n} sound replicate{'s' * (n != 1)} with {other}, too few for an interval"
        level = f"differs from {other} by the same"
        if compared.difference.mean == 0:
            level = f"scores the same as {other}"
        same = f"{level} in all {n} replicates, which tells nothing of more"
        return RULE.finding(
            name,
            "found",
            f"{name} {few if n < 2 else same}.",
            {"replicates": n},
            more_replicates(curves.trained) if n < FEWEST else ALIKE,
        )
    evidence: Evidence = {
        "difference": compared.difference,
        "margin": study.margin,
        "replicates": n,
        **({"replicates needed": needed} if needed else {}),
    }
    interval = scale.text(compared.shown_interval, thresholds=compared.thresholds)
    interval = ", ".join(filter(None, [interval, compared.shown_interval_name]))
    clause = f"{compared.b} against {compared.a}: {interval}"
    enough = f"{name} has enough replicates ({n})"
    if compared.is_conclusive:
        what = (
            "differ" if compared.is_decided else f"differ by less than {scale.amount(study.margin)}"
        )
        return RULE.finding(
            name, "not found", f"{enough}: it and {other} {what} ({clause}).", evidence
        )
    if needed is not None and needed <= n:
        clause = f"they would show a difference of {scale.amount(study.margin)} ({clause})."
        return RULE.finding(name, "not found", f"{enough}: {clause}", evidence)
    but = (
        "; taken alone it would be, but the correction for the number of comparisons keeps it "
        "undecided"
    ) * compared.excludes_zero
    early = [c.name for c in study.variants if c.name in (name, other) and _is_early(c, study)]
    out_of_reach = not needed and n >= FEWEST
    found = RULE.finding(
        name,
        "found",
        f"{name} is not {'' if out_of_reach else 'yet '}told from {other} by {n} replicates "
        f"({clause}){but}.",
        evidence,
        _epochs_first(early, _advice(study, compared, curves.trained)),
    )
    # More replicates are not what is missing: to be told that they are too few would mislead.
    return replace(found, title=OUT_OF_REACH) if out_of_reach else found


OUT_OF_REACH = "margin out of reach"
"""The title where no number of replicates would show a difference of the margin."""


def _is_early(curves: VariantCurves, study: StudyCurves) -> bool:
    return undertrained.judge(curves, study).verdict == "found"


def _epochs_first(early: Sequence[str], advice: str) -> str:
    """The advice about replicates, after that about epochs where a variant is undertrained."""
    if not early:
        return advice
    are = "are" if len(early) > 1 else "is"
    return (
        f"{listing(early)} {are} undertrained: train for more epochs first. As they are trained "
        f"now: {advice[:1].lower()}{advice[1:]}"
    )


ALIKE = (
    "Where few samples validate, scores take few values: hold out more samples, or score by the "
    "loss."
)


def _advice(study: StudyCurves, compared: Comparison, trained: int) -> str:
    told = _of_margin(study, compared, trained)
    if compared.difference.n >= FEWEST and compared.excludes_zero and compared.family > 1:
        # The difference that is seen is larger than the margin: not replicates stand in its way.
        return f"{FEWER} {told}"
    return told


def _of_margin(study: StudyCurves, compared: Comparison, trained: int) -> str:
    """How many replicates would show a difference of the margin, or why none would."""
    margin, needed = study.scale.amount(study.margin), compared.replicates_needed
    if needed:
        return f"About {many(needed, study.kind)} would show a difference of {margin}."
    if compared.difference.n < FEWEST:
        return more_replicates(trained)
    if not study.margin > 0:
        return NO_MARGIN
    even = f"Even {MOST:,} replicates would not show a difference of {margin} between these two"
    if alone := needed_by_a_pair_alone(compared):
        return (
            f"{even} beside all others, for which it is corrected; in a study of the two alone "
            f"about {many(alone, study.kind)} would."
        )
    return f"{even}, though they may show a larger one. {capital(in_their_place(study))}."


NO_MARGIN = "Name a margin above 0: without one no number of replicates shows two to be as good."
FEWER = (
    "A study of fewer variants, such as of these two alone with another seed, is corrected for "
    "less."
)
"""What to do where two differ by themselves, and the correction takes that back."""


def needed_by_a_pair_alone(compared: Comparison) -> int | None:
    """The replicates that would show a difference of the margin in a study of the two alone.

    By the same spread as `Comparison.replicates_needed`, with nothing to correct for. None if no
    number would, or if the spread is unknown, as it is of two replicates.
    """
    if len(compared.differences) < FEWEST:
        return None
    return replicates_needed(
        compared.spread.deviation,
        compared.margin,
        alpha=compared.alpha,
        test_to_train=compared.test_to_train,
    )


def in_their_place(study: StudyCurves) -> str:
    """Why no number of replicates would show a difference of the margin, and what would."""
    why = (
        f"the {study.kind} share training samples, so that they share their luck however many "
        "there are: get more data"
        if study.draws_samples
        else "scores vary too much from seed to seed: steady the training"
    )
    return f"{why}, or name a larger margin"


def many(needed: int, kind: str) -> str:
    """A number of replicates as text; more folds come only from more `repeats`.

    From 100 on it is rounded up to two digits: the spread that it follows from is known no better.
    """
    unit = 10 ** max(0, len(str(needed)) - 2)
    number = f"{-(-needed // unit) * unit:,}"
    return f"{number} folds in all, by `repeats=`," if kind == "folds" else f"{number} replicates"


def _compared(curves: VariantCurves, study: StudyCurves) -> Comparison | None:
    """A variant with the baseline; the baseline with the best of the others.

    None where nothing is known of one of the two.
    """
    means, number = study.means, study.number(curves)
    if number == 0 and np.isfinite(means[1:]).any():
        number = 1 + int(np.nanargmin(means[1:]))
    known = number > 0 and bool(np.isfinite(means[[0, number]]).all())
    return families(study).baseline[number - 1] if known else None


RULE = Rule(
    "KH202",
    "too few replicates",
    "The comparison of the variant with the baseline (of the baseline with the best other variant) "
    "has no interval; or it decides, after correction, neither that the two differ nor that they "
    "differ by less than the study's `margin`, and its replicates are fewer than it takes to see a "
    f"true difference of the margin with a probability of {100 * POWER:g} %.",
    '"No difference was found" means nothing where none could have been seen.',
    "Run as many replicates as the finding tells; of folds, deal them anew by `repeats`. Where no "
    f'number would show a difference of the margin, the finding is titled "{OUT_OF_REACH}" and '
    "says so, and why: replicates share training samples (get more data: to hold out more or fewer "
    "of them changes little) or, over seeds, scores vary too much (steady the training), or more "
    "variants are compared than so small a difference bears (a study of the two alone has nothing "
    "to be corrected for); or name a larger margin. Where two differ by themselves, and the "
    "correction takes that back, a study of fewer variants comes first. Where one of the two is "
    "undertrained (KH104), more epochs come first: replicates tell how two models differ now.",
    judge,
    "the power of a t test by the noncentral t distribution: Cohen (1988), Statistical Power "
    "Analysis, chapter 2, with the variance of Nadeau and Bengio (2003)",
)
