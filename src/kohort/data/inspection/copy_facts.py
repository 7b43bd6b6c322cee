"""Which samples, of train and test together, are copies of each other, with which labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from kohort.data.copies import Copies
from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels
from kohort.data.linked import extremes, linked


@dataclass(frozen=True, eq=False)
class CopyFacts:
    """Copies among all samples, which are numbered: training samples first, then test samples.

    Attributes:
        copies: The search that they come from.
        pairs: int64 `[pair, 2]`, a test sample and a training sample that is its copy; exact
            copies first, and one pair for each test sample that has any.
        origin: int64 `[sample]`, from 0; equal for copies, exact or near, and for copies of these.
        disputed: For each set of exact copies that have several labels, their numbers `[copy]`.
        near_disputed: int64 `[pair, 2]`, near copies of different labels, without those of sets
            that are disputed themselves.
    """

    copies: Copies = field(repr=False)
    pairs: np.ndarray
    origin: np.ndarray
    disputed: tuple[np.ndarray, ...]
    near_disputed: np.ndarray

    @property
    def means_much(self) -> bool:
        """Whether exact copies are no chance, as they are in tables with few different rows."""
        return not self.copies.by_chance


def copy_facts(copies: Copies, labels: ClassLabels | None) -> CopyFacts:
    """What follows from a search for copies.

    Args:
        copies: What was found.
        labels: The classes; None where targets are none, and no copies are disputed.
    """
    pattern = copies.all_patterns
    near = np.concatenate([copies.near, copies.near_test])
    first = np.unique(pattern, return_index=True)[1]
    size = len(first)
    origin = linked(near[:, 0], near[:, 1], size)[pattern]
    disputed: tuple[np.ndarray, ...] = ()
    between = np.empty((0, 2), np.int64)
    if labels is not None:
        label = np.concatenate([labels.train, labels.test])
        lowest, highest = extremes(label, pattern, size)
        disputed = tuple(_members(pattern, np.flatnonzero(lowest != highest)))
        one, other = near.T
        settled = (lowest == highest)[one] & (lowest == highest)[other]
        between = first[near[settled & (lowest[one] != lowest[other])]]
    return CopyFacts(copies, _pairs(copies, first), origin, disputed, between)


def kept_together(data: Dataset, facts: CopyFacts) -> np.ndarray:
    """Numbers of what no split may part, int64 `[sample]`: copies, groups, and chains of these.

    Args:
        data: The data; samples of a negative group belong to no group.
        facts: Their copies.
    """
    if data.groups is None:
        return facts.origin
    groups = data.groups
    if data.test_groups is not None:
        groups = np.concatenate([groups, data.test_groups])
    in_one = np.flatnonzero(groups >= 0)
    count = int(facts.origin.max()) + 1
    _, group = np.unique(groups[in_one], return_inverse=True)
    size = count + int(group.max(initial=-1)) + 1
    number: np.ndarray = linked(facts.origin[in_one], count + group, size)[facts.origin]
    return number


def _members(pattern: np.ndarray, wanted: np.ndarray) -> Iterator[np.ndarray]:
    """The samples of each wanted pattern, in ascending order."""
    chosen = np.flatnonzero(np.isin(pattern, wanted))
    order = chosen[np.argsort(pattern[chosen], kind="stable")]
    borders = np.flatnonzero(np.diff(pattern[order])) + 1
    return iter(np.split(order, borders) if len(order) else ())


def _pairs(copies: Copies, first: np.ndarray) -> np.ndarray:
    """A training sample for each test sample that has a copy there."""
    train = len(copies.pattern)
    exact = np.flatnonzero(copies.test_exact)
    near = np.flatnonzero(copies.test & ~copies.test_exact)
    of_test, at = np.unique(copies.near_test[:, 0], return_index=True)
    found = copies.near_test[at[np.searchsorted(of_test, copies.test_pattern[near])], 1]
    partners = np.concatenate([first[copies.test_pattern[exact]], first[found]])
    return np.stack([train + np.concatenate([exact, near]), partners], axis=1)
