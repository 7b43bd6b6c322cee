"""What members measured so far, as arrays that grow, and its bands over replicates."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

SIDES = ("eval_", "val_")
"""The training part, then the validation part, both in inference mode."""

_DIGITS = 5


class LiveCurves:
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

    def bands(self, cells: Sequence[tuple[int, int]]) -> list[list[float | None]]:
        """Mean, lowest and highest over replicates, of each series in turn; None without any.

        Args:
            cells: The variant and the epoch of each.
        """
        if not cells:
            return []
        variants, epochs = np.array(cells).T
        values = self.values[variants, :, epochs]  # [cell, replicate, series]
        sound = np.isfinite(values)
        count = sound.sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean = np.where(sound, values, 0.0).sum(axis=1) / count
        low = np.where(sound, values, np.inf).min(axis=1, initial=np.inf)
        high = np.where(sound, values, -np.inf).max(axis=1, initial=-np.inf)
        bands = few_digits(np.stack([mean, low, high], axis=-1).reshape(len(cells), -1))
        told = bands.astype(object)
        told[~np.isfinite(bands)] = None
        bands_told: list[list[float | None]] = told.tolist()
        return bands_told

    def copy(self) -> "LiveCurves":
        """The same, which stays as it is."""
        other = LiveCurves(self.metrics[-1])
        other.values, other.lengths = self.values.copy(), self.lengths.copy()
        return other

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


def few_digits(numbers: np.ndarray) -> np.ndarray:
    """Numbers of few digits, for a message."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.nan_to_num(np.floor(np.log10(np.abs(numbers))), posinf=0, neginf=0)
    digits = _DIGITS - 1 - power
    # Of a power below 1 the inverse is exact enough to divide by, and the other way round.
    scale = 10.0 ** np.abs(digits)
    up, down = np.round(numbers * scale) / scale, np.round(numbers / scale) * scale
    return np.where(digits >= 0, up, down)


def rounded(number: float) -> float | None:
    """A number of few digits, for a message; None where it is not finite."""
    return float(few_digits(np.array(number))) if math.isfinite(number) else None


def scored_metric(logs: Mapping[str, float]) -> str:
    """What scores, as it seems, where a study does not tell: the first that is no loss."""
    names = [name.removeprefix("val_") for name in logs if name.startswith("val_")]
    return next((name for name in sorted(names) if "loss" not in name), "data_loss")
