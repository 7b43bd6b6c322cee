"""Divides samples without dividing groups."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from kohort.data.linked import extremes
from kohort.errors import DataError, DesignError, received_text

NEVER_HELD_OUT = -1
"""The group of samples that are always in the training part; any negative number means this."""

type SplitRows = tuple[np.ndarray, np.ndarray]
"""The samples of a replicate that train, and those that validate: rows, ascending."""

TEST_FRACTION = 0.2
TEST_SEED = 0
"""The seed by which test samples are drawn, where a source holds none of its own."""


def mean_group_size(groups: np.ndarray | None) -> float:
    """How many samples are in the group of a sample, on average; 1 where there are no groups.

    The mean over samples, not over groups: of samples that are right or wrong by whole groups, so
    many are worth one, and a few large groups tell less than many even ones (Kish 1965, Survey
    Sampling, section 5.4).

    Args:
        groups: `[sample]`, the group of each sample; those that are never held out do not count.
    """
    held_out = np.empty(0) if groups is None else groups[groups >= 0]
    sizes = np.unique_counts(held_out).counts
    return float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0


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


def check_sides(
    samples: int, wanted: int, drawn: Iterable[np.ndarray], groups: np.ndarray | None
) -> None:
    """Refuse splits of which a side is empty.

    Args:
        samples: How many are split.
        wanted: How many were to be drawn.
        drawn: The samples that were, for each split.
        groups: `[sample]`, the group of each sample; None where there are none.

    Raises:
        DesignError: None trains, or none validates.
    """
    if 0 < wanted < samples and all(map(len, drawn)):
        return
    sizes = np.unique([] if groups is None else groups[groups >= 0], return_counts=True)[1]
    of_groups = f" in {len(sizes):,} groups, the smallest of {sizes.min():,}" if len(sizes) else ""
    raise DesignError(
        "samples to train on and to validate on",
        f"{samples:,} training samples{of_groups}, of which {wanted:,} validate",
        "use more data, smaller groups, or another fraction",
    )


def never_drawn(groups: np.ndarray | None, count: int) -> str:
    """The groups that `draw_exactly` never draws, since they hold more than `count` samples.

    Args:
        groups: `[sample]`, the group of each sample; None where there are none.
        count: The samples to draw.

    Returns:
        A sentence about them; "" where each may be drawn.
    """
    if groups is None:
        return ""
    sizes = np.unique(groups[groups >= 0], return_counts=True)[1]
    large = int((sizes > count).sum())
    if not large:
        return ""
    return (
        f"{large:,} of {len(sizes):,} groups never validate, since they stay whole and have more "
        f"than the {count:,} samples of a validation part: no interval tells of them (KFold lets "
        "each validate)"
    )


def draw_within(
    random: np.random.Generator, labels: np.ndarray, groups: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Draw whole groups, of any classes, until enough of each class are drawn, or nearly.

    As `draw_exactly`, but a group that would exceed the count of one class is skipped, and the
    order is random among groups whose rarest class is equally rare.

    Args:
        random: The generator to draw from.
        labels: `[sample]` class of each sample, from 0.
        groups: `[sample]`, the group of each sample.
        most: `[class]`, how many samples of each to draw.

    Returns:
        The drawn samples, int64, ascending.
    """
    names, group = np.unique(groups, return_inverse=True)
    pairs, counts = np.unique(group * len(most) + labels, return_counts=True)
    first = np.searchsorted(pairs, np.arange(len(names) + 1) * len(most))
    classes, missing = pairs % len(most), most.copy()
    drawn = np.zeros(len(names), bool)
    shuffled = random.permutation(np.flatnonzero(names >= 0))
    # Groups of the rarest classes come first: else common ones would leave them no room.
    rarest = np.minimum.reduceat(most[classes], first[:-1])
    for candidate in shuffled[np.argsort(rarest[shuffled], kind="stable")]:
        pair = slice(first[candidate], first[candidate + 1])
        if (counts[pair] <= missing[classes[pair]]).all():
            drawn[candidate] = True
            missing[classes[pair]] -= counts[pair]
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


def draw_in_proportion(
    random: np.random.Generator, labels: np.ndarray, groups: np.ndarray | None, part: float
) -> np.ndarray:
    """Draw as large a part of each class, in whole groups, or nearly: see `draw_exactly`.

    Args:
        random: The generator to draw from.
        labels: `[sample]` class of each sample.
        groups: `[sample]`, groups of one class each; None where each sample is one by itself.
        part: The part.

    Returns:
        The drawn samples, int64, ascending.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    of_class = [groups[labels == label] for label in np.unique(labels)]
    return in_strata(
        labels, (draw_exactly(random, some, round(part * len(some))) for some in of_class)
    )


def are_of_one_class(labels: np.ndarray, groups: np.ndarray) -> bool:
    """Whether no group, but for those that are never held out, holds samples of two classes."""
    is_held_out = groups >= 0
    names, number = np.unique(groups[is_held_out], return_inverse=True)
    lowest, highest = extremes(labels[is_held_out], number, len(names))
    return bool((lowest == highest).all())


def fit_in_proportion(labels: np.ndarray, groups: np.ndarray, part: float) -> bool:
    """Whether a part of each class can be drawn in whole groups: none is larger than it.

    Args:
        labels: `[sample]` class of each sample.
        groups: `[sample]`, groups of one class each.
        part: The part.
    """
    for label in np.unique(labels):
        of_class = groups[labels == label]
        sizes = np.unique(of_class[of_class >= 0], return_counts=True)[1]
        if sizes.max(initial=1) > max(1, round(part * len(of_class))):
            return False
    return True


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


def _whole_groups(groups: np.ndarray, drawn: np.ndarray) -> str:
    """How many whole groups are drawn of how many, in words."""
    some, all_groups = (len(np.unique(of[of >= 0])) for of in (groups[drawn], groups))
    return f"in whole groups ({some:,} of {all_groups:,})"


def test_part(test: float | None) -> float:
    """The part of the samples to hold out as the test set; a fifth where none is asked for.

    Raises:
        DataError: It is no part, from 0 to below 1.
    """
    if test is None:
        return TEST_FRACTION
    if not isinstance(test, int | float | np.number) or not 0 <= test < 1:
        raise DataError(
            "test as a part of the samples, from 0 to below 1", received_text(test), "give 0.2, say"
        )
    return float(test)


class DrawnRows(NamedTuple):
    """The samples that are drawn for a test set.

    Args:
        rows: Their rows, ascending.
        by_class: Whether they are as large a part of each class.
    """

    rows: np.ndarray
    by_class: bool


def draw_test(
    samples: int, labels: np.ndarray | None, groups: np.ndarray | None, part: float
) -> DrawnRows:
    """As `hold_out`, which refuses to draw none or all."""
    random = np.random.default_rng(TEST_SEED)
    if labels is not None and _is_drawn_by_class(labels, groups, part):
        return DrawnRows(draw_in_proportion(random, labels, groups, part), by_class=True)
    of_each = np.arange(samples) if groups is None else groups
    return DrawnRows(draw_exactly(random, of_each, round(part * samples)), by_class=False)


def _is_drawn_by_class(labels: np.ndarray, groups: np.ndarray | None, part: float) -> bool:
    if groups is None:
        return True
    smallest = np.unique(labels, return_counts=True)[1].min()
    return (
        bool(part * smallest >= 1)
        and are_of_one_class(labels, groups)
        and fit_in_proportion(labels, groups, part)
    )


def hold_out(
    samples: int, labels: np.ndarray | None, groups: np.ndarray | None, test: float | None
) -> tuple[np.ndarray, str]:
    """Draw the samples of a test set: always the same of the same data.

    As large a part of each class is drawn, in whole groups; where groups hold several classes, or
    are too large or too few for it, or there are no classes, groups or samples are drawn at random.

    Args:
        samples: How many there are.
        labels: `[sample]` the class of each; None where there are none.
        groups: `[sample]` the group of each; None where there are none.
        test: The part to hold out; None is a fifth, 0 holds out none.

    Returns:
        Their rows, ascending; and how they were drawn, as a sentence.

    Raises:
        DataError: It is no part, or leaves no sample to test or to train on.
    """
    part = test_part(test)
    if not part:
        return np.arange(0), "no samples are held out as a test set"
    drawn, by_class = draw_test(samples, labels, groups, part)
    if not len(drawn) or len(drawn) == samples:
        if groups is None:
            what, got, more = "samples", "", ""
        else:
            what, got = "groups", f" in {len(np.unique(groups)):,} groups"
            more = ", or name no group where its rows need not stay together"
        raise DataError(
            f"{what} enough to hold some out as a test set",
            f"{samples:,} samples{got}",
            f"give more, or test=0 for no test set{more}",
        )
    how = [_whole_groups(groups, drawn)] if groups is not None else []
    how += ["as large a part of each class"] * by_class
    told = ", ".join(how) or "at random"
    return drawn, f"{len(drawn):,} of {samples:,} samples are held out as the test set, {told}"
