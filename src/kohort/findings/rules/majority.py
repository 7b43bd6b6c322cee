"""KH204: no variant is shown to beat the answer that is always the most common class."""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from kohort.data.labels import Majority
from kohort.findings.finding import FEWEST, Evidence, Finding, Rule, Verdict
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import Interval, mean_interval
from kohort.findings.statistics.proportion import above_constant, apart
from kohort.findings.statistics.scale import fixed, higher

CHANCE_POINTS = 5.0
"""Where the majority class has at most so many points more than an equal part, it is chance."""
GAIN = "accuracy of the best variant above it"
"""The name of the gain among the evidence."""
EQUAL = 1e-6
"""Accuracies that differ by less do so by the rounding of float32, in which Keras measures."""


def judge(study: StudyCurves) -> Finding:
    """Whether any variant's accuracy is shown to lie above that of the majority class."""
    majority = study.majority
    if study.weighs_answers:
        sentence = (
            "No majority class to beat: the accuracy that scores weighs the samples (KH207 has the "
            "class of the most weight)."
        )
        return RULE.finding(None, "not applicable", sentence)
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
    advice = LEARNS_AT_ALL if _is_chance(majority) else ADVICE
    return RULE.finding(None, verdict, sentence, evidence, advice)


def advantages(study: StudyCurves) -> dict[str, Interval]:
    """By variant, its accuracy above that of the majority class on the same validation samples.

    The intervals hold for all variants at once (Bonferroni).
    """
    scored = [number for number, errors in enumerate(study.errors) if np.isfinite(errors).any()]
    confidence = 1 - (1 - study.confidence) / max(1, len(scored))
    compared = [_compared(study, number) for number in scored]
    known = [each for each in compared if each.discordant is not None]
    unexplained = [each.unexplained for each in known if each.differences is None]
    usual = float(np.median(unexplained)) if unexplained else 0.0
    return {each.name: each.gain(confidence, usual) for each in compared}


@dataclass(frozen=True)
class _Compared:
    """A variant beside the constant answer, on the validation samples of its sound replicates.

    Args:
        name: Of the variant.
        accuracy: The mean over replicates of the model's.
        share: That of the constant answer's.
        replicates: How many.
        samples: The independent samples that the means are known as well as from.
        discordant: The part of samples of which only one of the two is right; None where it is not
            known.
        unexplained: The variance of their difference over replicates, less what the samples of one
            explain of it; may be below zero, by chance.
        differences: Of groups that are drawn anew, `[replicate]`, by how much the model is right
            more often, and the validation over the training samples; None of others.
    """

    name: str
    accuracy: float
    share: float
    replicates: int
    samples: float
    discordant: float | None = None
    unexplained: float = 0.0
    differences: tuple[np.ndarray, float] | None = None

    def gain(self, confidence: float, usual: float) -> Interval:
        """By how much the model is right more often.

        Where the discordant samples are known the interval has only the room that these need. So
        what else moves an accuracy is added to it as variances are: how good a training turns out,
        groups of uneven size. It is estimated by what the samples leave unexplained, and that of
        few replicates may be none by chance: no less is taken than other variants have.

        Args:
            confidence: Of the interval.
            usual: The median of the variances that are unexplained, over variants.
        """
        found = above_constant(self.accuracy, self.share, self.samples, confidence, self.discordant)
        if self.differences is not None:
            values, ratio = self.differences
            over = mean_interval(values, confidence=confidence, test_to_train=ratio)
            bounds = min(found.low, over.low), max(found.high, over.high)
            return Interval(found.mean, *bounds, over.n, np.nan).within(-1.0, 1.0)
        if self.discordant is None:
            return found
        variance = max(0.0, self.unexplained, usual) / self.replicates
        more = float(scipy.stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance))
        return apart(found, Interval(0.0, 0.0, 0.0, found.n, np.nan), more).within(-1.0, 1.0)


def _compared(study: StudyCurves, number: int) -> _Compared:
    assert study.majority is not None
    curves, sound = study.variants[number], np.isfinite(study.errors[number])
    right, shares = 1 - study.errors[number][sound], study.majority.valid[sound]
    n, accuracy = len(right), float(np.clip(right.mean(), 0.0, 1.0))
    found = _Compared(curves.name, accuracy, float(shares.mean()), n, study.samples_behind(n))
    only = None if curves.only_right is None else curves.only_right[sound]
    difference = right - shares
    part = None if only is None or not np.isfinite(only).any() else discordant(right, shares, only)
    if study.group_size > 1 and study.draws_samples and n >= FEWEST:
        # How alike the samples of a group are shows between replicates, of which each has others.
        samples = study.samples_behind(n, of_groups=False)
        differences = difference, study.test_to_train
        return replace(found, samples=samples, discordant=part, differences=differences)
    if part is None or not _shows_luck(study, n):
        return found
    explained = (part - difference.mean() ** 2) / study.samples_behind(1)
    return replace(found, discordant=part, unexplained=difference.var(ddof=1) - explained)


def _shows_luck(study: StudyCurves, replicates: int) -> bool:
    """Whether the replicates show what else than samples moves an accuracy.

    One that is alone does not, and its epoch is chosen by the very samples that it is scored on.
    Of few replicates, and on one split, nothing shows how uneven groups are.
    """
    return replicates > 1 and study.group_size == 1


def discordant(right: np.ndarray, shares: np.ndarray, only_right: np.ndarray) -> float:
    """The part of validation samples of which only the model or only the constant answer is right.

    It is counted with the weights that are kept of a member, those of its own epoch of lowest
    validation loss. Its accuracy is that at the epoch that other replicates choose. So many
    samples at least as the two differ by have changed in between; they are added, as if none of
    them had been discordant. In a replicate that is not counted it is the most that two accuracies
    allow.

    Args:
        right: `[replicate]`, the accuracy of the model.
        shares: `[replicate]`, that of the constant answer.
        only_right: `[replicate, 2]`, as of `VariantCurves`.

    Returns:
        The mean over replicates.
    """
    of_model, of_constant = only_right.T
    changed = np.abs((right - shares) - (of_model - of_constant))
    most = (1 - right) + (1 - shares)
    return float(np.fmin(of_model + of_constant + changed, most).mean())


def told(majority: Majority) -> str:
    """The constant answer and its validation accuracy, in words; and chance, where it is that."""
    guess = f" (chance among {majority.classes:,} classes: {100 / majority.classes:.3g} %)"
    chance = guess * _is_chance(majority)
    return (
        f"always answering class {majority.name}, right for {fixed(100 * majority.valid.mean())} % "
        f"of validation samples{chance}"
    )


def _is_chance(majority: Majority) -> bool:
    """Whether no class is much more common than an equal part of the samples."""
    return majority.share <= 1 / majority.classes + CHANCE_POINTS / 100 < 1


def _more(study: StudyCurves, gain: Interval) -> str:
    if abs(gain.mean) < EQUAL:
        return f"the same, {study.scale.text(gain)} apart"
    return higher(gain, 0.0)


OF_RARE_CLASSES = (
    "Where a class is rare an accuracy tells nothing: score by what counts such classes "
    "(`metric=`: an AUC; a recall, which of a model with one output is that of label 1), give the "
    "loss weights of the classes, or collect more of the rare ones."
)
LEARNS_AT_ALL = (
    "See whether the inputs tell the classes apart, and whether the variants learn at all (KH103, "
    "KH104)."
)
ADVICE = f"{OF_RARE_CLASSES} Where none is, s{LEARNS_AT_ALL[1:]}"

RULE = Rule(
    "KH204",
    "majority class not beaten",
    "No variant's validation accuracy is shown to lie above that of always answering the most "
    "common class of the training data: no interval of the difference, all of which hold at once, "
    "lies above zero. It is found where the best variant scores less than the study's `margin` "
    "higher, and inconclusive where it scores more, but chance may do that. How many samples only "
    "one of the two gets right is counted by class, with the weights that are kept of each member; "
    "those that differ at the epoch of its score are added, and so is what varies between "
    "replicates beyond what samples explain. Of one replicate, of groups on one split, and where "
    "the counts are not known (weights that were dropped, models that tell no classes, studies "
    "kept before they were) it is the most that two accuracies allow. Samples are taken as "
    "independent. Where a `Dataset` has groups that three replicates or more hold out anew, the "
    "interval is no narrower than that of the paired differences over replicates; of fewer, and on "
    "one split, groups are counted in the place of samples. It is asked where an accuracy of "
    "classes scores.",
    "Of data with 2 % positives, a model that never says so is right for 98 %. Such a score reads "
    "as a success, and the model is of no use.",
    ADVICE,
    judge,
    "the interval of Agresti and Min (2005), Statistics in Medicine 24, at the discordant samples "
    "that are counted, with Bonferroni's correction; variances are added as by Zou and Donner "
    "(2008), Statistics in Medicine 27",
)
