"""Races: replicates come in looks, and variants that are decided train no more of them."""

import reprlib
from dataclasses import dataclass, replace

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.replicates import Holdout, KFold, Replicate
from kohort.errors import DesignError

LEAST_FIRST = 2
"""The fewest replicates of which a first look can tell a difference from chance."""
USUAL_FIRST, USUAL_LOOKS, USUAL_REPEATS = 4, 5, 20
"""What `until_decided` makes of a study."""


@dataclass(frozen=True)
class Race:
    """Replicates that come in looks: at each look, variants that are decided leave.

    At a look each variant is worse than the leader, equivalent to it within the study's margin,
    given up (the looks to come, or any repeats of these splits, would hardly tell), or open. Only
    open ones train the replicates of the next look. The race ends when nothing is open, or at the
    last look. What a member measures is what it would measure in the fixed design: its split and
    seed are those of `splits`.

    Args:
        splits: How the training data are split, and into how many replicates at most.
        first: Replicates that all variants train before the first look, 2 or more.
        looks: How many looks there are, the first one counted; the others follow after about
            equally many replicates each, and the last one after all.

    Raises:
        DesignError: The looks do not fit into the replicates of `splits`.

    Example:
        >>> import kohort
        >>> race = kohort.Race(kohort.Holdout(0.2, repeats=20), first=4, looks=5)
        >>> race.sizes  # replicates that each look sees
        (4, 8, 12, 16, 20)
    """

    splits: Holdout | KFold
    first: int = USUAL_FIRST
    looks: int = USUAL_LOOKS

    def __post_init__(self) -> None:
        if not isinstance(self.splits, Holdout | KFold):
            raise DesignError(
                "a kohort.Holdout or kohort.KFold to race over",
                reprlib.repr(self.splits),
                "give one, such as kohort.Holdout(0.2, repeats=20)",
            )
        most, name = self.splits.count, "folds" if self.kind == "folds" else "repeats"
        if not _is_count(self.first) or not LEAST_FIRST <= self.first <= most:
            raise DesignError(
                f"first from {LEAST_FIRST} to the {most} {name}"
                if most >= LEAST_FIRST
                else f"{LEAST_FIRST} {name} or more for a race",
                reprlib.repr(self.first) if most >= LEAST_FIRST else str(most),
                self._mended_first(most, name),
            )
        least, more = min(2, 1 + most - self.first), 1 + most - self.first
        if not _is_count(self.looks) or not least <= self.looks <= more:
            range_of = f"{least} to {more} looks" if more > least else f"{more} looks"
            wanted = range_of if more > 1 else "1 look"
            raise DesignError(
                f"{wanted} at {most} {name}, of which {self.first} come first",
                reprlib.repr(self.looks),
                self._mended_looks(least, more, name),
            )

    def _mended_first(self, most: int, name: str) -> str:
        wanted = self.first if _is_count(self.first) else USUAL_FIRST
        enough = f"take {max(wanted, LEAST_FIRST)} {name} or more"
        if most < LEAST_FIRST:
            return enough
        give = f"give first={min(USUAL_FIRST, most)}"
        return f"{give}, or {enough}" if wanted > most else give

    def _mended_looks(self, least: int, more: int, name: str) -> str:
        if not _is_count(self.looks) or self.looks < least:
            return f"give looks={least if _is_count(self.looks) else more}"
        return f"give looks={more}, or take {self.first + self.looks - 1} {name} or more"

    @property
    def kind(self) -> str:
        """What intervals are over, as of `splits`.

        Example:
            >>> kohort.Race(kohort.KFold(folds=8), looks=2).kind
            'folds'
        """
        return self.splits.kind

    @property
    def count(self) -> int:
        """The replicates of the last look.

        Example:
            >>> kohort.Race(kohort.Holdout(0.2, repeats=20)).count
            20
        """
        return self.splits.count

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many replicates each look sees, rising.

        Example:
            >>> kohort.Race(kohort.Holdout(0.2, repeats=10), first=3, looks=4).sizes
            (3, 5, 8, 10)
        """
        sizes = np.linspace(self.first, self.count, self.looks)
        return tuple(int(np.floor(size + 0.5)) for size in sizes)

    def replicates(self, data: Dataset, seed: int) -> tuple[Replicate, ...]:
        """The replicates of all looks: those of `splits`.

        Args:
            data: The dataset whose training samples are split.
            seed: The study's.

        Raises:
            DesignError: As those of `splits`.

        Example:
            >>> race = kohort.Race(kohort.Holdout(0.25, repeats=6), first=4, looks=3)
            >>> len(race.replicates(data, seed=0))
            6
        """
        return self.splits.replicates(data, seed)

    def resized(self, count: int) -> "Race":
        """The same with another number of repeats (or folds) of `splits`.

        Args:
            count: The number.

        Raises:
            DesignError: The splits cannot have it, or the looks do not fit into it.

        Example:
            >>> kohort.Race(kohort.Holdout(0.2, repeats=20)).resized(40).sizes
            (4, 13, 22, 31, 40)
        """
        return replace(self, splits=self.splits.resized(count))


def until_decided(replicates: Holdout | KFold | Race, count: int | None = None) -> Race:
    """The race that a study becomes which is to train until it is decided.

    Args:
        replicates: Those of the study. A race stays as it is. Held-out parts are drawn
            `USUAL_REPEATS` times, or more where the study asks for more; folds stay as they are.
        count: How many repeats or folds instead; None for these.

    Raises:
        DesignError: There are too few of them for a race.
    """
    if isinstance(replicates, Race):
        return replicates if count is None else replicates.resized(count)
    if count is not None:
        splits = replicates.resized(count)
    elif isinstance(replicates, Holdout):
        splits = replicates.resized(max(replicates.repeats, USUAL_REPEATS))
    else:
        splits = replicates
    first = min(USUAL_FIRST, max(LEAST_FIRST, splits.count - 1))
    return Race(splits, first, min(USUAL_LOOKS, 1 + max(0, splits.count - first)))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
