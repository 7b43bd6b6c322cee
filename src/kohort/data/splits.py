"""Divides samples without dividing groups."""

from collections.abc import Iterable

import numpy as np

NEVER_HELD_OUT = -1
"""The group of samples that are always in the training part; any negative number means this."""


def mean_group_size(groups: np.ndarray | None) -> float:
    """How many samples are in a group, on average; 1 where there are no groups.

    Args:
        groups: `[sample]`, the group of each sample; those that are never held out do not count.
    """
    held_out = np.empty(0) if groups is None else groups[groups >= 0]
    return len(held_out) / len(np.unique(held_out)) if len(held_out) else 1.0


def draw_exactly(random: np.random.Generator, groups: np.ndarray, count: int) -> np.ndarray:
    """Draw whole groups in random order until `count` samples are drawn, or nearly.

    A group that would exceed the count is skipped, so fewer samples are drawn only if no remaining
    group is small enough.

    Args:
        random: The generator to draw from.
        groups: `[sample]`, the group of each sample.
        count: How many samples to draw.

    Returns:
        The drawn samples, int64, ascending.
    """
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = np.zeros(len(sizes), bool)
    missing = count
    for candidate in random.permutation(np.flatnonzero(names >= 0)):
        if sizes[candidate] <= missing:
            drawn[candidate] = True
            missing -= sizes[candidate]
    return np.flatnonzero(drawn[group])


def deal(random: np.random.Generator, groups: np.ndarray, folds: int) -> list[np.ndarray]:
    """Deal whole groups into `folds` parts with numbers of samples as equal as possible.

    The largest group is dealt first, each to the smallest part so far; groups of equal size are
    dealt in random order.

    Args:
        random: The generator to draw from.
        groups: `[sample]`, the group of each sample.
        folds: How many parts.

    Returns:
        For each fold its samples, int64, ascending. Every sample is in exactly one fold, except
        those that are never held out.
    """
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = random.permutation(np.flatnonzero(names >= 0))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold_of = np.full(len(sizes), NEVER_HELD_OUT)
    filled = np.zeros(folds, int)
    for candidate in order:
        smallest = int(np.argmin(filled))
        fold_of[candidate] = smallest
        filled[smallest] += sizes[candidate]
    return [np.flatnonzero(fold_of[group] == fold) for fold in range(folds)]


def in_strata(labels: np.ndarray, chosen: Iterable[np.ndarray]) -> np.ndarray:
    """Turn positions inside each class into sample numbers, int64, ascending.

    Args:
        labels: `[sample]` class of each sample.
        chosen: For each class, in the order of labels, positions among its samples.
    """
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.sort(
        np.concatenate([samples[some] for samples, some in zip(of_class, chosen, strict=True)])
    )
