"""Which samples, of train and test together, are copies of each other, with which labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kohort.data.copies import Copies
from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels


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
    pattern = np.concatenate([copies.pattern, copies.test_pattern])
    near = np.concatenate([copies.near, copies.near_test])
    first = np.unique(pattern, return_index=True)[1]
    size = len(first)
    graph = coo_array((np.ones(len(near)), tuple(near.T)), shape=(size, size))
    origin = connected_components(graph, directed=False)[1][pattern].astype(np.int64)
    disputed: tuple[np.ndarray, ...] = ()
    between = np.empty((0, 2), np.int64)
    if labels is not None:
        label = np.concatenate([labels.train, labels.test])
        lowest, highest = (f(label, pattern, size) for f in (_lowest, _highest))
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
    in_one = np.flatnonzero(data.groups >= 0)
    count = int(facts.origin.max()) + 1
    _, group = np.unique(data.groups[in_one], return_inverse=True)
    size = count + int(group.max(initial=-1)) + 1
    graph = coo_array(
        (np.ones(len(in_one)), (facts.origin[in_one], count + group)), shape=(size, size)
    )
    component: np.ndarray = connected_components(graph, directed=False)[1]
    number: np.ndarray = component[facts.origin].astype(np.int64)
    return number


def _lowest(label: np.ndarray, pattern: np.ndarray, size: int) -> np.ndarray:
    lowest = np.full(size, label.max() + 1)
    np.minimum.at(lowest, pattern, label)
    return lowest


def _highest(label: np.ndarray, pattern: np.ndarray, size: int) -> np.ndarray:
    highest = np.full(size, -1)
    np.maximum.at(highest, pattern, label)
    return highest


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
