"""What members measured so far, as arrays that grow, and its bands over replicates."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

SIDES = ("eval_", "val_")
"""The training part, then the validation part, both in inference mode."""

_DIGITS = 5


class Measured:
    """The loss and the score of members that trained on all of their samples, so far.

    Args:
        metric: What scores, as logged for the training part.
    """

    def __init__(self, metric: str) -> None:
        self.metrics = tuple(dict.fromkeys(["data_loss", metric]))
        self.series = tuple(side + name for name in self.metrics for side in SIDES)
        """The names of what is kept, in the order of the last axis."""
        self.values: np.ndarray = np.full((0, 0, 0, len(self.series)), np.nan)
        """`[variant, replicate, epoch, series]`; NaN where there is none."""
        self.lengths: np.ndarray = np.zeros((0, 0), int)
        """Epochs of each member, `[variant, replicate]`."""

    def record(self, variant: int, replicate: int, epoch: int, logs: Mapping[str, float]) -> None:
        """Record the logs of a member after an epoch (from 0)."""
        self._grow((variant + 1, replicate + 1, epoch + 1))
        self.values[variant, replicate, epoch] = [logs.get(name, math.nan) for name in self.series]
        self.lengths[variant, replicate] = max(epoch + 1, self.lengths[variant, replicate])

    def forget(self, variant: int, replicate: int) -> int:
        """Forget a member, which starts over; returns how many epochs it had."""
        if variant >= len(self.lengths) or replicate >= self.lengths.shape[1]:
            return 0
        had = int(self.lengths[variant, replicate])
        self.values[variant, replicate] = np.nan
        self.lengths[variant, replicate] = 0
        return had

    def band(self, variant: int, epoch: int) -> Sequence[float | None]:
        """Mean, lowest and highest over replicates, of each series in turn; None without any."""
        if variant >= len(self.values) or epoch >= self.values.shape[2]:
            return [None] * 3 * len(self.series)
        told: list[float | None] = []
        for values in self.values[variant, :, epoch].T:
            sound = values[np.isfinite(values)]
            told += [rounded(f(sound)) for f in (np.mean, np.min, np.max)] if len(sound) else _NONE
        return told

    def _grow(self, least: tuple[int, int, int]) -> None:
        """Make room, for twice as much as there is where it is little."""
        have = self.values.shape[:3]
        if all(has >= needs for has, needs in zip(have, least, strict=True)):
            return
        shape = [
            has if has >= needs else max(needs, 2 * has)
            for has, needs in zip(have, least, strict=True)
        ]
        values = np.full((*shape, len(self.series)), np.nan)
        values[tuple(map(slice, have))] = self.values
        lengths = np.zeros(shape[:2], int)
        lengths[tuple(map(slice, have[:2]))] = self.lengths
        self.values, self.lengths = values, lengths


_NONE: list[float | None] = [None] * 3


def rounded(number: float) -> float | None:
    """A number of few digits, for a message; None where it is not finite."""
    return float(f"{number:.{_DIGITS}g}") if math.isfinite(number) else None


def scored_metric(logs: Mapping[str, float]) -> str:
    """What scores, as it seems, where a study does not tell: the first that is no loss."""
    names = [name.removeprefix("val_") for name in logs if name.startswith("val_")]
    return next((name for name in sorted(names) if "loss" not in name), "data_loss")
