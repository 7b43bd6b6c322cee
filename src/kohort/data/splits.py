"""Divide samples without dividing groups."""

from collections.abc import Iterable

import numpy as np

NEVER_HELD_OUT = -1
"""The group of samples that are always in the training part; so is any negative number."""


def draw_exactly(random: np.random.Generator, groups: np.ndarray, wanted: int) -> np.ndarray:
    """Draw whole groups in random order until exactly `wanted` samples are drawn, or nearly.

    A group that would overshoot is passed over, so the count falls short only where no remaining
    group is small enough.

    Args:
        random: The generator to draw from.
        groups: `[sample]`, the group of each sample.
        wanted: How many samples to draw.

    Returns:
        The drawn samples, int64, ascending.
    """
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = np.zeros(len(sizes), bool)
    missing = wanted
    for candidate in random.permutation(np.flatnonzero(names >= 0)):
        if sizes[candidate] <= missing:
            drawn[candidate] = True
            missing -= sizes[candidate]
    return np.flatnonzero(drawn[group])


def deal(random: np.random.Generator, groups: np.ndarray, folds: int) -> list[np.ndarray]:
    """Deal whole groups into `folds` parts as equal in samples as the groups allow.

    Largest groups first, each to the smallest part so far; groups of equal size in random order.

    Returns:
        For each fold its samples, int64, ascending; every sample is in exactly one, but for those
        that are never held out.
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
    """Samples numbered inside each class, back in their own numbers, ascending.

    Args:
        labels: `[sample]` class of each sample.
        chosen: For each class, in the order of its label, positions among its samples.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.sort(np.concatenate([own[some] for own, some in zip(members, chosen, strict=True)]))
