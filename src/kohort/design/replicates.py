"""Replicates: how the training data are split, how often, and with which seeds.

Every variant sees the same replicates, so that two variants are compared pair by pair.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import ClassVar

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.splits import (
    SplitRows,
    check_sides,
    cut_equally,
    deal,
    draw_exactly,
    draw_in_proportion,
    in_strata,
)
from kohort.data.strata import Strata, drawn_from, strata, strata_labels
from kohort.errors import DesignError, received_text

MOST = 10_000
"""Repeats or folds; more than anybody trains are a slip, and would not end."""

MEASURED = 4_000
"""So many training samples are all measured, also where fewer validate.

To measure is a third of what it is to train, and of 4,000 an accuracy of 95 % has a standard error
of 0.3 points, which where fewer validate is less than that of the validation it is compared with.
"""


@dataclass(frozen=True, eq=False)
class Replicate:
    """One seed and one split of the training data.

    Args:
        number: From 0; names the replicate in tables.
        seed: Of initial weights, dropout masks and batch order.
        train: `[sample]`, rows of the training data to train on, int64, ascending.
        valid: `[sample]`, rows of the training data to validate on, int64, ascending.
        share: The part of the replicate's training samples that it trains on.
    """

    number: int
    seed: int
    train: np.ndarray = field(repr=False)
    valid: np.ndarray = field(repr=False)
    share: float = 1.0

    @cached_property
    def measured(self) -> np.ndarray:
        """`[sample]`, rows of the training data that train metrics use, int64, ascending.

        All that it trains on; of many a random part, of `MEASURED` or as many as validate if these
        are more, so that the training side of a comparison of the two is not the less sure one.
        """
        size = max(MEASURED, len(self.valid))
        if size >= len(self.train):
            return self.train
        random = np.random.default_rng([self.seed, size])
        return np.sort(random.choice(self.train, size, replace=False))

    def on_part(self, share: float, groups: np.ndarray | None) -> "Replicate":
        """The same replicate with a part of its training samples; a larger part holds a smaller.

        They are repeated to as many rows as before, so that an epoch has as many steps whatever
        the share: what differs is the data, not how long they are trained on.

        Args:
            share: The part, above 0 and up to 1.
            groups: `[train sample]` as in `Dataset`; whole groups are taken while they fit. None
                where each sample is a group by itself.
        """
        samples = len(self.train)
        group_of = self.train if groups is None else groups[self.train]
        # A negative group always trains: it says nothing of which samples belong together.
        group_of = np.where(group_of < 0, -1 - np.arange(samples), group_of)
        random = np.random.default_rng([self.seed, samples])
        _, number = np.unique(group_of, return_inverse=True)
        rank = random.permutation(number.max() + 1)[number]
        ordered = self.train[np.lexsort((random.permutation(samples), rank))]
        kept = ordered[: max(1, round(share * samples))]
        return replace(self, train=np.resize(kept, samples), share=share)


@dataclass(frozen=True)
class Holdout:
    """Hold out a random part of the training data for validation, anew in each replicate.

    All replicates have parts of equal size, so that they share one program. Where whole groups
    do not add up to it, some samples are left out.

    Args:
        fraction: The part of the samples that validates, between 0 and 1.
        repeats: The number of replicates.
        stratify: Whether each class is split in the same proportion; not with groups of several
            classes. None does it where the largest class has ten times as many samples as the
            smallest, of which a random part would hold fewer than 25 samples, or groups; the plan
            and the report tell so.
        same_split: Whether all replicates have the split of the first, and differ in their seeds
            alone. Intervals are then over seeds, narrower, and say nothing of other splits.

    Raises:
        DesignError: The fraction is not between 0 and 1, or the repeats are not 1 to 10,000.

    Example:
        >>> import kohort
        >>> kohort.Holdout(fraction=0.1, repeats=5)
        Holdout(fraction=0.1, repeats=5, stratify=None, same_split=False)
    """

    fraction: float = 0.1
    repeats: int = 5
    stratify: bool | None = None
    same_split: bool = False

    @property
    def kind(self) -> str:
        """What intervals are over: "splits", each with a seed; or "seeds".

        Example:
            >>> kohort.Holdout().kind, kohort.Holdout(same_split=True).kind
            ('splits', 'seeds')
        """
        return "seeds" if self.same_split else "splits"

    @property
    def count(self) -> int:
        """The number of replicates.

        Example:
            >>> kohort.Holdout(0.25, repeats=3).count
            3
        """
        return self.repeats

    def __post_init__(self) -> None:
        if not is_number(self.fraction) or not 0.0 < self.fraction < 1.0:
            raise DesignError(
                "a fraction between 0 and 1", received_text(self.fraction), "hold out 0.1, say"
            )
        _check_count("repeats", self.repeats, 1)

    def replicates(self, data: Dataset, seed: int) -> tuple[Replicate, ...]:
        """The replicates of a study; more of them leave the first ones as they are.

        Args:
            data: The dataset whose training samples are split.
            seed: The study's.

        Raises:
            DesignError: No sample would train or none would validate; or classes are to be split
                evenly, and a group holds several or there are no class labels.

        Example:
            >>> first, *others = kohort.Holdout(0.25, repeats=3).replicates(data, seed=0)
            >>> len(first.train), len(first.valid), len(others)
            (180, 60, 2)
        """
        drawn = drawn_from(data)
        samples, by = len(drawn.x_train), strata_of(self, data)
        wanted = round(self.fraction * samples)
        valid = [
            self._draw(drawn, by, np.random.default_rng([seed, number]))
            for number in range(1 if self.same_split else self.repeats)
        ]
        if self.same_split:
            valid *= self.repeats
        check_sides(samples, wanted, valid, drawn.groups)
        parts = cut_equally(seed, _with_others(samples, valid))
        return _replicates(seed, cut_equally(seed, _kept(data, parts)))

    def resized(self, count: int) -> "Holdout":
        """The same with another number of repeats.

        Args:
            count: The number of replicates.

        Raises:
            DesignError: It is not 1 to 10,000.

        Example:
            >>> kohort.Holdout(0.25, repeats=3).resized(8).repeats
            8
        """
        return replace(self, repeats=count)

    def _draw(self, data: Dataset, by: Strata, random: np.random.Generator) -> np.ndarray:
        if by.labels is None:
            return draw_exactly(random, _groups(data), round(self.fraction * len(data.x_train)))
        return draw_in_proportion(random, by.labels, data.groups, self.fraction)


@dataclass(frozen=True)
class KFold:
    """Cross-validation: each fold validates once, the others train.

    Folds of another size train in a program apart.

    Args:
        folds: The number of parts, 2 or more.
        repeats: How often to deal the samples to folds anew.
        stratify: Whether each class is dealt evenly, as in `Holdout`.

    Raises:
        DesignError: The folds are not 2 to 10,000, or the repeats not 1 to 10,000.

    Example:
        >>> import kohort
        >>> kohort.KFold(folds=5)
        KFold(folds=5, repeats=1, stratify=None)
        >>> kohort.KFold(folds=5).kind  # what intervals are over
        'folds'
    """

    folds: int = 5
    repeats: int = 1
    stratify: bool | None = None
    kind: ClassVar[str] = "folds"

    @property
    def count(self) -> int:
        """The number of replicates.

        Example:
            >>> kohort.KFold(folds=4, repeats=2).count
            8
        """
        return self.folds * self.repeats

    def __post_init__(self) -> None:
        _check_count("folds", self.folds, 2)
        _check_count("repeats", self.repeats, 1)

    def replicates(self, data: Dataset, seed: int) -> tuple[Replicate, ...]:
        """The replicates of a study: `folds * repeats` of them.

        Args:
            data: The dataset whose training samples are dealt.
            seed: The study's.

        Raises:
            DesignError: There are fewer groups, or samples, than folds; or classes are to be
                dealt evenly, and a group holds several or there are no class labels.

        Example:
            >>> first, *others = kohort.KFold(folds=4).replicates(data, seed=0)
            >>> len(first.train), len(first.valid), len(others)
            (180, 60, 3)
        """
        drawn, by = drawn_from(data), strata_of(self, data)
        parts = [
            part
            for repeat in range(self.repeats)
            for part in self._deal(drawn, by, np.random.default_rng([seed, repeat]))
        ]
        if min(map(len, parts)) == 0:
            raise DesignError(
                f"a group of samples for each of the {self.folds} folds",
                f"{len(np.unique(_groups(drawn)))} groups",
                "use fewer folds",
            )
        return _replicates(seed, _kept(data, _with_others(len(drawn.x_train), parts)))

    def resized(self, count: int) -> "KFold":
        """The same with another number of folds.

        Args:
            count: The number of folds.

        Raises:
            DesignError: It is not 2 to 10,000.

        Example:
            >>> kohort.KFold(folds=4).resized(10).folds
            10
        """
        return replace(self, folds=count)

    def _deal(self, data: Dataset, by: Strata, random: np.random.Generator) -> list[np.ndarray]:
        if by.labels is None:
            return deal(random, _groups(data), self.folds)
        of_class = [_groups(data)[by.labels == label] for label in np.unique(by.labels)]
        by_class = [deal(random, groups, self.folds) for groups in of_class]
        return [
            in_strata(by.labels, (class_folds[fold] for class_folds in by_class))
            for fold in range(self.folds)
        ]


def _with_others(samples: int, valid: list[np.ndarray]) -> list[SplitRows]:
    return [(np.setdiff1d(np.arange(samples), part), part) for part in valid]


def _kept(data: Dataset, parts: list[SplitRows]) -> list[SplitRows]:
    """The parts, of clean data without the samples that were left out of them."""
    if data.raw is None:
        return parts
    kept = [(data.raw.kept(train), data.raw.kept(valid)) for train, valid in parts]
    if not all(len(rows) for part in kept for rows in part):
        raise DesignError(
            "samples to train on and to validate on in each replicate of the clean data",
            f"a replicate of which all were left out, of {data.raw.samples:,} samples",
            "use another fraction, or fewer folds",
        )
    return kept


def _replicates(seed: int, parts: list[SplitRows]) -> tuple[Replicate, ...]:
    return tuple(Replicate(number, _seed(seed, number), *part) for number, part in enumerate(parts))


def _seed(seed: int, number: int) -> int:
    """A seed for everything random in a replicate, as NumPy's legacy and Keras's take them."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _groups(data: Dataset) -> np.ndarray:
    return np.arange(len(data.x_train)) if data.groups is None else data.groups


def strata_of(splits: Holdout | KFold, data: Dataset) -> Strata:
    """Whether each class of these data is split in the same proportion, and why."""
    data = drawn_from(data)
    if splits.stratify is not None:
        return Strata(splits.stratify, labels=strata_labels(data) if splits.stratify else None)
    if isinstance(splits, Holdout):
        return strata(data, splits.fraction, drawn_anew=True)
    return strata(data, 1 / splits.folds, drawn_anew=False)


def is_number(value: object) -> bool:
    """Whether it is a real number, of Python or NumPy."""
    return isinstance(value, Real)


def _check_count(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or not least <= value <= MOST:
        raise DesignError(
            f"{name} from {least} to {MOST:,}", received_text(value), "give such a whole number"
        )
