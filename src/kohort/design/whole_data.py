"""The replicate of a refit: it trains on all training samples, and validates on none."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.replicates import Replicate

REFIT = -1
"""The number of the replicate; no split has it. As an index it is that of the only one, too."""


@dataclass(frozen=True)
class AllSamples:
    """Takes the place of a `Holdout` or `KFold` where nothing is held out."""

    kind: ClassVar[str] = "refit"
    count: ClassVar[int] = 1

    def replicates(self, data: Dataset, seed: int) -> tuple[Replicate, ...]:
        """The one replicate; its seed is that of no split.

        Args:
            data: The dataset whose training samples all train.
            seed: The study's.
        """
        # A spawned sequence is none of those that replicates of splits take, of [seed, number].
        state = np.random.SeedSequence(seed, spawn_key=(0,)).generate_state(1)
        rows = np.arange(len(data.x_train))
        return (Replicate(REFIT, int(state[0] >> 1), rows, rows[:0]),)
