"""Divides samples without dividing groups."""

from collections.abc import Iterable, Iterator

import numpy as np

from kohort.errors import DataError

NEVER_HELD_OUT = -1
"""The group of samples that are always in the training part; any negative number means this."""

type SplitRows = tuple[np.ndarray, np.ndarray]
"""The samples of a replicate that train, and those that validate: rows, ascending."""

TEST_FRACTION = 0.2
TEST_SEED = 0
"""The seed by which test samples are drawn, where a source holds none of its own."""


def mean_group_size(groups: np.ndarray | None) -> float:
    """How many samples are in a group, on average; 1 where there are no groups.

    Args:
        groups: `[sample]`, the group of each sample; those that are never held out do not count.
    """
    held_out = np.empty(0) if groups is None else groups[groups >= 0]
    return len(held_out) / len(np.unique(held_out)) if len(held_out) else 1.0


def random_part(random: np.random.Generator, rows: np.ndarray, most: int) -> np.ndarray:
    """The rows `[row]`; a random part of them, ascending, if there are more than `most`."""
    return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))


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


def cut_equally(seed: int, parts: list[SplitRows]) -> list[SplitRows]:
    """SplitRows as large as the smallest ones: of others some samples are left out at random.

    Args:
        seed: Of what is left out.
        parts: Of each replicate the rows that train, and those that validate.
    """
    sizes = [min(len(rows) for rows in side) for side in zip(*parts, strict=True)]
    cut = [_first_of(seed, number, part, sizes) for number, part in enumerate(parts)]
    return [(train, valid) for train, valid in cut]


def _first_of(seed: int, number: int, part: SplitRows, sizes: list[int]) -> Iterator[np.ndarray]:
    for rows, size in zip(part, sizes, strict=True):
        random = np.random.default_rng([seed, number, size])
        yield rows if len(rows) == size else np.sort(random.permutation(rows)[:size])


def test_part(test: float | None) -> float:
    """The part of the samples to hold out as the test set; a fifth where none is asked for.

    Raises:
        DataError: It is no part, from 0 to below 1.
    """
    if test is None:
        return TEST_FRACTION
    if not isinstance(test, int | float | np.number) or not 0 <= test < 1:
        raise DataError(
            "test as a part of the samples, from 0 to below 1", repr(test), "give 0.2, say"
        )
    return float(test)


def hold_out(
    samples: int, labels: np.ndarray | None, groups: np.ndarray | None, test: float | None
) -> np.ndarray:
    """Draw the samples of a test set: always the same of the same data.

    Whole groups are drawn where there are groups; else as large a part of each class; else
    samples at random.

    Args:
        samples: How many there are.
        labels: `[sample]` the class of each; None where there are none.
        groups: `[sample]` the group of each; None where there are none.
        test: The part to hold out; None is a fifth, 0 holds out none.

    Returns:
        Their rows, ascending.

    Raises:
        DataError: It is no part, or leaves no sample to test or to train on.
    """
    part, random = test_part(test), np.random.default_rng(TEST_SEED)
    if not part:
        return np.arange(0)
    if groups is not None:
        drawn = draw_exactly(random, groups, round(part * samples))
    elif labels is None:
        drawn = draw_exactly(random, np.arange(samples), round(part * samples))
    else:
        counts = np.unique(labels, return_counts=True)[1]
        drawn = in_strata(labels, (random.permutation(n)[: round(part * n)] for n in counts))
    if not len(drawn) or len(drawn) == samples:
        raise DataError(
            "samples enough to hold some out as a test set",
            f"{samples:,} samples"
            + ("" if groups is None else f" in {len(np.unique(groups)):,} groups"),
            "give more, or test=0 for no test set",
        )
    return drawn


def hold_out_text(
    samples: int, drawn: np.ndarray, labels: np.ndarray | None, groups: np.ndarray | None
) -> str:
    """How the test set was drawn, as a sentence."""
    if not len(drawn):
        return "no samples are held out as a test set"
    how = "at random" if labels is None else "as large a part of each class"
    if groups is not None:
        how = "in whole groups"
    return f"{len(drawn):,} of {samples:,} samples are held out as the test set, {how}"
