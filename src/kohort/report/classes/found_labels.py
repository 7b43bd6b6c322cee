"""How often models find each label on the test set, where samples may have several."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kohort.data.inspection.groups_of_rows import count_of
from kohort.evidence.readings import Tested
from kohort.findings.classes.label_answers import LabelAnswers
from kohort.findings.grouped.over_groups import proportion_over
from kohort.findings.probabilities.areas import Areas, areas
from kohort.findings.statistics.interval import Interval
from kohort.keras_api.class_outputs import OutputKind, border_of_labels

MOST_NUMBERS = 2**22
"""Of so many outputs at most, samples times labels, those of each label are kept and told."""


@dataclass(frozen=True, eq=False)
class FoundLabel:
    """How often a variant's member gives a label to the samples of the test set.

    Args:
        name: Of the label.
        samples: The samples that have it.
        found: Those of them that are given it.
        given: All samples that are given it: a probability above 0.5, or a logit above 0.
        recall: `found` of `samples`, with Wilson's interval; None where no sample has it.
        precision: `found` of `given`, likewise; None where none is given it.
        areas: How well it ranks the samples that have it above the others; None where all have it
            or none.
        groups: In how many groups the samples that have it are; None where groups are not known.
    """

    name: str
    samples: int
    found: int
    given: int
    recall: Interval | None
    precision: Interval | None
    areas: Areas | None = field(repr=False)
    groups: int | None = field(default=None, repr=False)


def with_labels(
    tested: Tested,
    given: np.ndarray,
    targets: np.ndarray,
    names: Sequence[str],
    kind: OutputKind = "unknown",
) -> Tested:
    """With what a member gives of each label, unless its outputs are no scores of labels.

    Args:
        tested: The member on the test set.
        given: Its outputs.
        targets: `[test sample, label]`, zeros and ones.
        names: `[label]`.
        kind: What the outputs are.
    """
    outputs = np.asarray(given)
    border = border_of_labels(outputs, kind)
    if outputs.shape != targets.shape or outputs.size > MOST_NUMBERS or border is None:
        return tested
    return replace(
        tested,
        labels=tuple(names),
        border=border,
        label_truth=targets.astype(np.uint8),
        label_scores=outputs.astype(np.float32),
    )


def found_labels(tested: Tested, confidence: float) -> tuple[FoundLabel, ...]:
    """How often each label is found; empty of what has no labels."""
    truth, scores = tested.label_truth, tested.label_scores
    if truth is None or scores is None:
        return ()
    return tuple(
        _found(name, has == 1, score, tested, confidence)
        for name, has, score in zip(tested.labels, truth.T, scores.T, strict=True)
    )


def _found(
    name: str, has: np.ndarray, score: np.ndarray, tested: Tested, confidence: float
) -> FoundLabel:
    is_given, groups = score > tested.border, tested.groups

    def part(of: np.ndarray, rows: np.ndarray) -> Interval | None:
        if not rows.any():
            return None
        return proportion_over(of[rows], None if groups is None else groups[rows], confidence)

    return FoundLabel(
        name,
        int(has.sum()),
        int((has & is_given).sum()),
        int(is_given.sum()),
        part(is_given, has),
        part(has, is_given),
        areas(score, has, confidence, groups),
        None if groups is None else count_of(groups[has]),
    )


def label_answers(variant: str, found: Sequence[FoundLabel]) -> LabelAnswers:
    """The same counts, as the rule about what is never found takes them."""
    groups = [one.groups for one in found]
    return LabelAnswers(
        variant,
        tuple(one.name for one in found),
        np.array([one.samples for one in found]),
        np.array([one.found for one in found]),
        None if None in groups else np.array(groups),
    )
