"""Finds samples that are copies, exact or near, of training samples."""

import hashlib
from dataclasses import dataclass
from math import prod

import numpy as np

from kohort.data.dataset import Dataset, is_table
from kohort.data.nearness.chance import (
    CHANCE_PAIRS,
    chance,
    principal_axes,
    sample_size,
    usual_difference,
)
from kohort.data.nearness.equal_rows import DISCRETE, may_be_chance
from kohort.data.nearness.neighbours import AXES, NEIGHBOURS, Neighbours, blocks
from kohort.data.splits import random_part

NEAR = 0.05
"""Two samples are near copies up to this fraction of the usual difference of two samples."""
# By the nearest other image of each of notMNIST_small's 18,232 different ones. Below 0.05 lie 549
# of them, all the same letter to the eye, and no two of different labels (two such from 0.05 to
# 0.06, 14 from 0.08 to 0.1). Their fonts have related names (five letters in common, I left aside,
# which is a bar in unrelated fonts) for 93 % from 0.03 to 0.04, 59 % from 0.04 to 0.05, about as
# many up to 0.1: there siblings begin that are drawings of their own. An image saved anew lies
# below: 16 grey levels 0.042, JPEG of quality 95 0.009, of 75 0.035, noise of 5 levels 0.032. One
# that is moved by a pixel (0.4) or resized and back (0.06) does not.
MOST_ROWS = 2**19
MOST_NUMBERS = 2**30
"""The most different samples, and numbers in them, among which near copies are searched."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Which samples are copies of which training samples.

    Attributes:
        test: Bool `[test sample]`, whether a training sample is its copy, exact or near.
        test_exact: Bool `[test sample]`, whether one is equal to it in every number.
        pattern: `[train sample]`, a number from 0; equal numbers mean exact copies.
        near: `[pair, 2]`, the patterns of training samples that are near copies; each pair once.
        near_sought: Whether near copies were searched, or only exact ones.
        test_pattern: `[test sample]`, numbers as in `pattern`; those above it are of test samples
            without an exact copy there.
        near_test: `[pair, 2]`, the patterns of a test and of a training sample that are near
            copies; each pair once.
        by_chance: Whether exact copies may be chance, as in tables of few different numbers.
    """

    test: np.ndarray
    test_exact: np.ndarray
    pattern: np.ndarray
    near: np.ndarray
    near_sought: bool
    test_pattern: np.ndarray
    near_test: np.ndarray
    by_chance: bool = False

    @property
    def all_patterns(self) -> np.ndarray:
        """`[sample]`, `pattern` of training samples, then `test_pattern` of test samples."""
        return np.concatenate([self.pattern, self.test_pattern])

    def count_exact(self, rows: np.ndarray, others: np.ndarray) -> int:
        """How many of the training samples `rows` `[row]` have an exact copy among `others`."""
        return int(np.isin(self.pattern[rows], self.pattern[others]).sum())

    def count_between(self, rows: np.ndarray, others: np.ndarray) -> int:
        """How many of the training samples `rows` have a copy, exact or near, among `others`.

        Args:
            rows: Training samples, such as a replicate's validation part.
            others: Training samples, none of them in `rows`, such as its training part.
        """
        is_other = np.zeros(self.pattern.max() + 1, bool)
        is_other[self.pattern[others]] = True
        one, other = self.near.T
        copied = is_other.copy()
        copied[one[is_other[other]]] = True
        copied[other[is_other[one]]] = True
        return int(copied[self.pattern[rows]].sum())


def find_copies(data: Dataset) -> Copies:
    """Find copies, exact and near, of training samples in the test and the training samples.

    Labels are ignored, but in `by_chance`. All exact copies are found, by hashes. Near copies
    differ, as the root of the mean square over all numbers, by at most `NEAR` of the median
    difference of two different training samples. Pixels, and samples of several axes, are compared
    as they are; each column of a table is compared in units of its standard deviation.

    Near copies are searched only where they mean something:

    - not among whole numbers that are not pixels (token ids, counts), where near numbers are not
      alike: samples of one axis, or with numbers outside 0 to 255;
    - not where points would be near by chance, as in a table with few columns or with dependent
      columns. By Chernoff's bound, for normal data with the principal variances of the samples,
      fewer than `CHANCE_PAIRS` pairs must be expected; columns of at most `DISCRETE` different
      values are left out of this.

    By this bound, equal rows of a table are no chance where its continuous columns are many and
    fine enough (and, where most rows are copied, their targets as well: see `may_be_chance`). Other
    rows may be equal by chance; and samples made from few parameters (a sine's phase and frequency)
    really are near.

    Neighbours come from a k-d tree over the first `AXES` principal axes, in which no two samples
    are farther apart than in full space; they are then compared in full. The counts of near copies
    are lower bounds: of more than `NEIGHBOURS` candidates only the nearest are compared (in a
    crowd, those of a random `CROWD` of the samples), and of samples beyond `MOST_ROWS` or
    `MOST_NUMBERS` only a random part.

    Example:
        >>> find_copies(data).test.mean()
    """
    train, test = map(_flat, (data.x_train, data.x_test))
    pattern = _number_equal_rows(train, test)
    of_train, of_test = np.split(pattern, [len(train)])
    known = of_train.max() + 1  # patterns of training samples come first
    exact = of_test < known
    first = np.unique(pattern, return_index=True)[1]
    size = sample_size(train.shape[1])
    sample = train[random_part(np.random.default_rng(0), first[:known], size)]
    space = _space(data, sample, len(first) * known)
    within, across = np.empty((2, 0, 2), np.int64)
    if space is not None:
        within, across = _near_pairs(space, train, first[:known], test, first[known:] - len(train))
        across += (known, 0)
    has_near = np.zeros(len(first), bool)
    has_near[across[:, 0]] = True
    copied = exact | has_near[of_test]
    by_chance = False
    if space is None and is_table(data):
        targets = _number_equal_rows(*map(_flat, (data.y_train, data.y_test)))
        again = first[:known][np.bincount(pattern)[:known] > 1]
        copied_rows = train[random_part(np.random.default_rng(0), again, size)]
        by_chance = may_be_chance(sample, copied_rows, pattern, targets, len(train))
    return Copies(copied, exact, of_train, within, space is not None, of_test, across, by_chance)


def _flat(samples: np.ndarray) -> np.ndarray:
    """The numbers of each sample in a row, `[sample, number]`; also of no samples."""
    return samples.reshape(len(samples), prod(samples.shape[1:]))


def _number_equal_rows(*tables: np.ndarray) -> np.ndarray:
    """Number the different rows of all tables, in the order of their first appearance.

    Args:
        *tables: Each `[sample, feature]`.

    Returns:
        int64 `[sample of all tables]`, from 0; equal rows have equal numbers.
    """
    numbers: dict[bytes, int] = {}
    return np.array(
        [
            # 16 bytes: among 10^9 rows two different ones share them with a chance of 10^-21.
            numbers.setdefault(hashlib.blake2b(row, digest_size=16).digest(), len(numbers))
            for table in tables
            for block in blocks(len(table), table.shape[1])
            # Adding zero turns negative zeros, which are equal but have other bytes, into zeros.
            for row in np.ascontiguousarray(table[block] + table.dtype.type(0))
        ]
    )


@dataclass(frozen=True)
class _Space:
    """The space in which samples are compared: with scaled features, or along few axes."""

    scale: np.ndarray  # [feature]
    axes: np.ndarray  # [feature, axis]; orthonormal in the scaled features
    radius: float  # the largest distance of near copies

    def points(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The rows of `x` `[sample, feature]` along the axes, float64 `[row, axis]`."""
        scaled_axes = self.scale[:, None] * self.axes
        points = np.empty((len(rows), self.axes.shape[1]))
        for block in blocks(len(rows), x.shape[1]):
            points[block] = x[rows[block]].astype(np.float64) @ scaled_axes
        return points

    def are_near(
        self, x: np.ndarray, rows: np.ndarray, others: np.ndarray, their_rows: np.ndarray
    ) -> np.ndarray:
        """Whether rows of `x` are near rows of `others`, pair by pair, bool `[pair]`.

        Args:
            x: Samples `[sample, feature]`.
            rows: `[pair]`, rows of `x`.
            others: Samples `[sample, feature]`.
            their_rows: `[pair]`, rows of `others`.
        """
        near = np.empty(len(rows), bool)
        for block in blocks(len(rows), x.shape[1]):
            apart = x[rows[block]].astype(np.float64) - others[their_rows[block]]
            near[block] = np.linalg.norm(apart * self.scale, axis=1) <= self.radius
        return near


def _space(data: Dataset, sample: np.ndarray, pairs: int) -> _Space | None:
    """The space for near copies; None where nearness means nothing.

    Args:
        data: The data.
        sample: Some different training samples, `[row, feature]`.
        pairs: How many pairs of samples could be near by chance.
    """
    in_columns = is_table(data)
    whole = bool((sample == np.rint(sample)).all())
    in_bytes = sample.min(initial=0) >= 0 and sample.max(initial=0) <= 255
    if len(sample) < 2 or (data.pixels is None and whole and (in_columns or not in_bytes)):
        return None
    sample = sample.astype(np.float64)
    scale = np.ones(sample.shape[1])
    counted = np.ones(sample.shape[1], bool)
    if in_columns:
        deviation = sample.std(axis=0)
        scale = 1 / np.where(deviation > 0, deviation, 1)
        counted = (np.diff(np.sort(sample, axis=0), axis=0) > 0).sum(axis=0) >= DISCRETE
    sample *= scale
    sample = np.random.default_rng(0).permutation(sample)
    radius = NEAR * usual_difference(sample)
    variances, axes = principal_axes(sample * counted)
    if pairs * chance(variances, radius) > CHANCE_PAIRS:
        return None
    return _Space(scale, axes[:, :AXES], radius)


def _near_pairs(
    space: _Space, train: np.ndarray, rows: np.ndarray, test: np.ndarray, test_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Near copies among training samples, and test samples near a training sample.

    Args:
        space: The space in which they are compared.
        train: Training samples, `[sample, feature]`.
        rows: `[row]`, the training samples to compare, all different.
        test: Test samples, `[sample, feature]`.
        test_rows: `[row]`, the test samples to compare, none equal to any of `rows`; may be empty.

    Returns:
        Pairs `[pair, 2]` of places in `rows`; and of places in `test_rows` with ones in `rows`.
    """
    most = min(MOST_ROWS, MOST_NUMBERS // train.shape[1])
    random = np.random.default_rng(0)
    places, test_places = (random_part(random, np.arange(len(r)), most) for r in (rows, test_rows))
    points = space.points(train, rows[places])
    neighbours = Neighbours(points)

    one, other = neighbours.of(points, NEIGHBOURS + 1, space.radius)  # the first may be itself
    one, other = np.unique(np.sort([one[one != other], other[one != other]], axis=0), axis=1)
    one, other = places[one], places[other]
    near = space.are_near(train, rows[one], train, rows[other])
    within = np.stack([one[near], other[near]], axis=1)

    one, other = neighbours.of(space.points(test, test_rows[test_places]), NEIGHBOURS, space.radius)
    one, other = test_places[one], places[other]
    near = space.are_near(test, test_rows[one], train, rows[other])
    return within, np.stack([one[near], other[near]], axis=1)
