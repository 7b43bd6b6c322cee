"""KH204: no variant is shown to beat the answer that is always the most common class."""

import numpy as np

from kohort.data.labels import Majority
from kohort.findings.finding import Evidence, Finding, Rule, Verdict
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import above_constant

CHANCE_POINTS = 5.0
"""Where the majority class has at most so many points more than an equal part, it is chance."""
GAIN = "accuracy of the best variant above it"
"""The name of the gain among the evidence."""
EQUAL = 1e-9
"""Accuracies that differ by less do so by rounding."""


def judge(study: StudyCurves) -> Finding:
    """Whether any variant's accuracy is shown to lie above that of the majority class."""
    majority = study.majority
    if majority is None or not study.valid_samples:
        return RULE.finding(
            None, "not applicable", "No majority class to beat: no accuracy of classes scores here."
        )
    gains = advantages(study)
    if not gains:
        return RULE.finding(None, "not applicable", "No variant trained to the end.")
    shown = {name: gain for name, gain in gains.items() if gain.lies_above(0.0)}
    best = max(shown or gains, key=lambda name: gains[name].mean)
    gain = gains[best]
    share = float(majority.valid.mean())
    evidence: Evidence = {
        "accuracy of the majority class on validation": share,
        GAIN: gain,
    }
    more = f"scores {_more(study, gain)}"
    if shown:
        return RULE.finding(
            None,
            "not found",
            f"The majority class is beaten: {best} {more} than {told(majority)}.",
            evidence,
        )
    sentence = f"No variant is shown to beat {told(majority)}: the best, {best}, {more}."
    verdict: Verdict = "found" if gain.mean < study.margin else "inconclusive"
    return RULE.finding(None, verdict, sentence, evidence, ADVICE)


def advantages(study: StudyCurves) -> dict[str, Interval]:
    """By variant, its accuracy above that of the majority class on the same validation samples.

    The intervals hold for all variants at once (Bonferroni).
    """
    majority, errors = study.majority, study.errors
    assert majority is not None
    scored = np.flatnonzero(np.isfinite(errors).any(axis=1))
    confidence = 1 - (1 - study.confidence) / max(1, len(scored))
    gains = {}
    for number in scored:
        sound = np.isfinite(errors[number])
        accuracy, share = 1 - errors[number][sound].mean(), majority.valid[sound].mean()
        samples = study.samples_behind(int(sound.sum()))
        gains[study.variants[number].name] = above_constant(
            float(np.clip(accuracy, 0.0, 1.0)), float(share), samples, confidence
        )
    return gains


def told(majority: Majority) -> str:
    """The constant answer and its validation accuracy, in words; and chance, where it is that."""
    guess = 1 / majority.classes
    is_chance = majority.share <= guess + CHANCE_POINTS / 100 < 1
    chance = f" (chance among {majority.classes:,} classes: {100 * guess:.3g} %)" * is_chance
    return (
        f"always answering class {majority.name}, right for {100 * majority.valid.mean():.1f} % "
        f"of validation samples{chance}"
    )


def _more(study: StudyCurves, gain: Interval) -> str:
    if abs(gain.mean) < EQUAL:
        return f"the same, {study.scale.text(gain)} apart"
    if gain.mean < 0:
        return f"{study.scale.text(gain.negated())} lower"
    return f"{study.scale.text(gain, thresholds=(0.0,))} higher"


OF_RARE_CLASSES = (
    "Where a class is rare an accuracy tells nothing: score by what counts such classes "
    "(`metric=`: an AUC; a recall, which of a model with one output is that of label 1), give the "
    "loss weights of the classes, or collect more of the rare ones."
)
ADVICE = (
    f"{OF_RARE_CLASSES} Where none is, see whether the inputs tell the classes apart, and whether "
    "the variants learn at all (KH103, KH104)."
)

RULE = Rule(
    "KH204",
    "majority class not beaten",
    "No variant's validation accuracy is shown to lie above that of always answering the most "
    "common class of the training data: no interval of the difference, all of which hold at once, "
    "lies above zero. It is found where the best variant scores less than the study's `margin` "
    "higher, and inconclusive where it scores more, but chance may do that. Which samples only "
    "one of the two gets right is not known; the interval is that of the worst case, and takes "
    "samples as independent; where a `Dataset` has groups, groups. It is asked where an "
    "accuracy of classes scores.",
    "Of data with 2 % positives, a model that never says so is right for 98 %. Such a score reads "
    "as a success, and the model is of no use.",
    ADVICE,
    judge,
    "the interval of Agresti and Min (2005), Statistics in Medicine 24, at the most discordant "
    "samples that two accuracies allow, with Bonferroni's correction",
)
