"""Writes the report's sentences about the test set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kohort.evidence.readings import Reading, Tested
from kohort.evidence.settings import Settings
from kohort.findings.conclusions import Conclusions
from kohort.findings.names import listing
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.proportion import PairedProportions
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.report.class_words import test_text
from kohort.report.held_out import HeldOut
from kohort.report.tested.group_words import over_groups_text, p_text, paired_text
from kohort.report.tested.label_words import missed_labels
from kohort.report.tested_scores import TestScore, are_accuracies
from kohort.report.tested_scores import told as scored

WEIGHED = (
    "The validation score weighs the samples, that on test counts each once: do not hold one "
    "against the other."
)
"""Of losses and metrics that have the weights of samples."""


def told(
    tests: Sequence[HeldOut], scores: Sequence[TestScore], scale: Scale, settings: Settings
) -> str:
    """The metric that scores, and how right the answers are, in sentences that follow "on test".

    Args:
        tests: How right the winner and the baseline are; none where they give no classes.
        scores: Their scores; none give no text.
        scale: The scale of the metric.
        settings: Of the study.
    """
    if not scores:
        return ""
    right = test_text(tests, settings)
    grouped = over_groups_text(scores[0].groups)
    found = [] if are_accuracies(tests, scores) else [scored(scores, scale, settings)]
    other = _counts_otherwise(scores, scale) if found and right else ""
    weighed = WEIGHED * settings.weighs_samples
    missed = missed_labels(scores)
    return " ".join(filter(None, [*found, missed, right, other, grouped, weighed]))


def _counts_otherwise(scores: Sequence[TestScore], scale: Scale) -> str:
    """That the metric counts other answers as right than the likeliest classes, in a sentence.

    So does an accuracy with a threshold of its own, or of the three likeliest classes; without a
    word a reader has two accuracies of one model. Empty where it is no part of all samples.
    """
    if not all(np.isin(score.values, (0, 1)).all() for score in scores):
        return ""
    return (
        f"Right is whose likeliest class is the sample's; {scale.in_a_sentence} counts by a rule "
        "of its own, such as another threshold."
    )


def member(conclusions: Conclusions, number: int) -> tuple[str, int, int]:
    """The variant, replicate and epoch of the member that is tested of a variant."""
    curves, replicate = conclusions.study.variants[number], conclusions.best_replicate(number)
    return curves.name, replicate, int(np.nanargmin(curves.valid_loss[replicate])) + 1


class Picked(NamedTuple):
    """The member of a variant that was tested, and how it scored on validation.

    Args:
        variant: The variant's name.
        replicate: Its replicate.
        score: Its validation score at the epoch of its weights.
        mean: The variant's validation score in the table, a mean over replicates.
    """

    variant: str
    replicate: int
    score: float
    mean: float


def picked(conclusions: Conclusions, variant: str) -> Picked:
    """The member of a variant that is tested: of lowest validation loss, at that epoch."""
    record, number = conclusions.record, conclusions.record.variant_names.index(variant)
    _, replicate, epoch = member(conclusions, number)
    scores = record.whole.of(f"val_{record.settings.metric}")[number]
    mean = conclusions.score(number).mean
    return Picked(variant, replicate, float(scores[replicate, epoch - 1]), mean)


def single_models(picked: Sequence[Picked], scale: Scale) -> str:
    """That scores on the test set are of one model each, and how that one did on validation."""
    each = [
        f"{words.value(one.score, scale)} for {one.variant} (replicate {one.replicate}; the mean "
        f"over replicates is {words.value(one.mean, scale)})"
        for one in picked
    ]
    return (
        "These are scores of one model of each variant, the one of lowest validation loss; its "
        f"validation {scale.in_a_sentence} is {listing(each)}."
    )


def paired(found: PairedProportions, winner: str, baseline: str) -> str:
    """The comparison of two models on the same test samples; in `found` the winner is b."""
    return (
        f"{winner} alone is right about {found.only_b:,} of the {found.difference.n:,} samples, "
        f"{baseline} alone about {found.only_a:,}: {paired_text(found)}."
    )


def reconciled(found: PairedProportions, compared: Comparison, scale: Scale) -> str:
    """How the test of two models agrees with the comparison of their variants; empty if it does.

    Args:
        found: The two models on the same test samples; the winner is b.
        compared: The winner (`b`) against the baseline (`a`), over replicates.
        scale: The scale of the metric that scores.
    """
    p = found.difference.p_value
    if np.isnan(p):  # of too few groups nothing is told
        return ""
    differ = p_text(found)
    if p > compared.alpha:
        if not compared.is_decided:
            return ""
        return (
            f"On the test set these two models cannot be told apart ({differ}); the replicates can "
            "tell the two variants, on validation. The one is about two models and "
            f"{found.difference.n:,} test samples, the other about any training of the variants."
        )
    better = compared.b if found.difference.mean > 0 else compared.a
    models = f"On the test set the model of {better} is the better of the two ({differ})"
    if compared.is_decided and compared.better == better:
        return ""
    if compared.is_decided:
        return (
            f"{models}, on validation {compared.better} is the better variant: test and validation "
            "samples seem to be of different kinds. Find out how they differ before you trust "
            "either."
        )
    if compared.is_equivalent:
        return (
            f"{models}; the variants, trained again, differ by less than "
            f"{scale.amount(compared.margin)} on validation."
        )
    return (
        f"{models}; whether {better} would be after another training of both is what "
        f"{compared.difference.n} replicates leave undecided."
    )


def readings(found: Sequence[Reading]) -> str:
    """How often the test set was read, when, and for which members; follows "it was read"."""
    if not found:
        return "never"
    often = "once, " if len(found) == 1 else f"{len(found)} times, "
    return often + "; again ".join(map(_reading, found))


def readings_text(found: Sequence[Reading], told: str) -> list[str]:
    """The same as a sentence, and what was found, where that is known; none if it was never read.

    Args:
        found: The readings.
        told: What was found of winner and baseline; empty if nothing is known.
    """
    if not found:
        return []
    return [f"The test set was read {readings(found)}."] + [f"On the test set, {told}"] * bool(told)


def _reading(reading: Reading) -> str:
    members = [f"{m.variant}{_which(m)}" for m in reading.members]
    return f"on {reading.time:%Y-%m-%d at %H:%M:%S} UTC for {listing(members)}"


def _which(tested: Tested) -> str:
    """Of which replicate and epoch its weights are; empty for a model of several members."""
    told = [f"replicate {tested.replicate}"] * (tested.replicate >= 0)
    told += [f"epoch {tested.epoch}"] * (tested.epoch > 0)
    return f" ({', '.join(told)})" * bool(told)
