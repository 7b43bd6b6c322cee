"""What the record of a study tells of classes, and of answers that take no model."""

from collections.abc import Mapping

import numpy as np

from kohort.data.labels import ClassLabels, Majority, class_labels, majority_of
from kohort.data.simple_answers.constant_answers import (
    ConstantAnswer,
    constant_answer,
    heaviest_class,
)
from kohort.data.simple_answers.error_kinds import ErrorKind
from kohort.data.simple_answers.straight_lines import straight_line
from kohort.design.scoring import LOSS, Scoring
from kohort.design.spec import StudySpec
from kohort.evidence.class_counts import ClassCounts


def class_counts(
    spec: StudySpec, found: Mapping[tuple[int, int], np.ndarray | None], replicates: int
) -> ClassCounts | None:
    """Which classes the members find; None where no member tells classes.

    A variant is left out of which a member is not known: means over the others would be taken for
    those over all replicates.

    Args:
        spec: The study.
        found: As `ClassCounter.found` counts, of all members that have trained, by the numbers of
            variant and replicate.
        replicates: How many replicates some variant trains.
    """
    lost = {variant for (variant, _), counts in found.items() if counts is None}
    known = {
        place: counts
        for place, counts in found.items()
        if counts is not None and place[0] not in lost
    }
    labels = class_labels(spec.data, floats_are_labels=True)
    if not known or labels is None:
        return None
    valid = [labels.train[r.valid] for r in spec.whole_replicates[:replicates]]
    samples = np.stack([np.bincount(part, minlength=len(labels.names)) for part in valid])
    return ClassCounts(labels.names, samples, known)


def majority_class(spec: StudySpec, score: Scoring, count: int) -> Majority | None:
    """The majority class in the first replicates; None where no accuracy of classes scores.

    Nor is there one where that weighs samples: the parts of the classes do not. `one_answer` is the
    reference there.
    """
    labels = _counted(spec, score)
    if labels is None or weighs_samples(spec, score):
        return None
    return majority_of(labels, ((r.train, r.valid) for r in spec.whole_replicates[:count]))


def weighs_answers(spec: StudySpec, score: Scoring) -> bool:
    """Whether an accuracy of classes scores that weighs the samples."""
    return weighs_samples(spec, score) and _counted(spec, score) is not None


def weighs_samples(spec: StudySpec, score: Scoring) -> bool:
    """Whether samples have weights, by which what scores measures them, for some member."""
    return spec.sample_weights is not None and (score.metric == LOSS or score.is_weighted)


def _counted(spec: StudySpec, score: Scoring) -> ClassLabels | None:
    """The classes, where an accuracy of them scores."""
    labels = class_labels(spec.data, floats_are_labels=True)
    if labels is None or not score.counts_right_answers(labels.form, len(labels.names)):
        return None
    return labels


_CLEARLY = 0.05
"""A line is held up where it scores so much better, of errors in parts of the other's."""
_NEARLY_NONE = 0.01
"""An input whose line has this part of the other's error or less holds the target itself. No model
is to be blamed that it errs more: that of an autoencoder of a table, or where targets lie among the
inputs by mistake, which `kohort data check` tells."""


def _is_clearly_better(kind: ErrorKind, line: ConstantAnswer, other: ConstantAnswer) -> bool:
    of_line, of_other = line.valid.mean(), other.valid.mean()
    if kind == "r2":
        return bool(of_other + _CLEARLY < of_line < 1 - _NEARLY_NONE**2)
    least = _NEARLY_NONE ** (1 if kind in ("mae", "rmse") else 2)
    return bool(least * of_other < of_line < (1 - _CLEARLY) * of_other)


def one_answer(spec: StudySpec, score: Scoring, count: int) -> ConstantAnswer | None:
    """What one answer for all samples scores in the first replicates; None where nobody knows.

    Of numbers it is the straight line of one input where that scores clearly better. What weighs
    samples weighs those of this answer, too.
    """
    parts = [(r.train, r.valid) for r in spec.whole_replicates[:count]]
    weights = spec.sample_weights if weighs_samples(spec, score) else None
    if weights is not None and not score.weighs_alike:
        return None
    if weights is not None and (labels := _counted(spec, score)) is not None:
        return heaviest_class(labels, parts, weights)
    if score.constant is None:
        return None
    answer = constant_answer(score.constant, spec.data, parts, weights)
    match score.constant:
        # A line may be below zero, where the other errors of numbers are not defined.
        case "mse" | "rmse" | "mae" | "r2" | "huber" | "log_cosh" as kind if answer is not None:
            line = straight_line(kind, spec.data, parts, weights)
            if line is not None and _is_clearly_better(kind, line, answer):
                answer = line
    if answer is None or weights is None or score.metric != LOSS:
        return answer
    # A loss of Keras is a sum over weighted samples in parts of their number, not of their weight.
    means = np.array([[weights[rows].mean(dtype=float) for rows in part] for part in parts])
    return answer.times(*means.T)
