"""How often models find each label on the test set, where samples may have several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.inspection.groups_of_rows import count_of
from kohort.data.labels import holds_several_labels, label_names
from kohort.evidence.readings import Tested
from kohort.findings.classes.label_answers import LabelAnswers
from kohort.findings.grouped.over_groups import proportion_over
from kohort.findings.probabilities.areas import Areas, areas
from kohort.findings.statistics.interval import Interval
from kohort.keras_api.class_outputs import OutputKind, border_of_labels

MOST_NUMBERS = 2**22
"""Of so many outputs at most, samples times labels, those of each label are kept and told."""
MOST_UNNAMED = 128
"""Of more columns without names those of each are not told."""


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
        groups: In how many groups the samples that have it are; None where groups are not known.
        ranked: Computes `areas`.
    """

    name: str
    samples: int
    found: int
    given: int
    recall: Interval | None
    precision: Interval | None
    groups: int | None = field(default=None, repr=False)
    ranked: Callable[[], Areas | None] = field(default=lambda: None, repr=False)

    @cached_property
    def areas(self) -> Areas | None:
        """How well it ranks the samples that have it above the others; None where all or none do.

        It is computed where it is asked for: of hundreds of labels that takes a second.
        """
        return self.ranked()


def has_labels(data: Dataset) -> bool:
    """Whether samples have several labels, of which each is told.

    Many columns of zeros and ones, or as many as there are inputs, may be pixels: there they have
    to have names.
    """
    targets = data.y_train
    if not holds_several_labels(targets) or not np.isin(data.y_test, (0, 1)).all():
        return False
    may_be_pixels = targets.shape[1] > MOST_UNNAMED or targets.size == data.x_train.size
    return bool(data.class_names) or not may_be_pixels


def with_labels(tested: Tested, given: np.ndarray, data: Dataset, kind: OutputKind) -> Tested:
    """With what a member gives of each label, unless its outputs are no scores of labels.

    Args:
        tested: The member on the test set.
        given: Its outputs.
        data: The data, which `has_labels`.
        kind: What the outputs are.
    """
    outputs, targets = np.asarray(given), data.y_test
    border = border_of_labels(outputs, kind)
    if outputs.shape != targets.shape or outputs.size > MOST_NUMBERS:
        return tested
    if border is None:
        return replace(tested, other_outputs=True)
    return replace(
        tested,
        labels=label_names(data),
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
        None if groups is None else count_of(groups[has]),
        partial(areas, score, has, confidence, groups),
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
