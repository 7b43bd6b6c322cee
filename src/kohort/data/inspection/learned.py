"""Which rows the numbers of a preprocessing layer were learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CLOSE = 0.01
"""A number is that of some rows if it is as near to it as this part of how far two sets of rows lie
apart, or as rounding."""
ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""How far rounding takes a number, relatively."""
RESOLVED = 10 * ROUNDING
"""Numbers of two sets of rows that differ by less than this, relatively, cannot be told apart."""
DIGITS = 6
"""A constant of so few digits was written down by a person."""

type Ways = Sequence[np.ndarray]
"""The same statistics `[number]`, each computed in another order: they differ by rounding."""


@dataclass(frozen=True)
class LearnedLayer:
    """Where the numbers of a layer come from, as far as the data tell, in one replicate.

    Args:
        variant: The variant.
        layer: The layer's name.
        kind: Its class.
        given: Whether its numbers were given as arguments, and not learned by `adapt`.
        told: How many of its numbers differ between the training part and all training rows by
            more than rounding; the other numbers say nothing.
        like_part: How many of these are those of the training part.
        like_train: How many are those of all training rows, the validation part among them.
        like_all: How many are those of all training and test rows.
        from_part: The median distance of these numbers from those of the training part; 1 is the
            distance of the training part from all training rows.
        from_train: The same from all training rows.
    """

    variant: str
    layer: str
    kind: str
    given: bool
    told: int
    like_part: int
    like_train: int
    like_all: int
    from_part: float
    from_train: float


@dataclass(frozen=True, eq=False)
class RowSets:
    """What a layer would have learned from each set of rows.

    Args:
        part: The training part of the replicate.
        train: All training rows.
        whole: All training and test rows; None without a test set.
        scale: `[number]`, the size to which rounding is relative.
    """

    part: Ways
    train: Ways
    whole: Ways | None
    scale: np.ndarray


def learned_layer(
    variant: str, layer: str, kind: str, numbers: np.ndarray, rows: RowSets, *, given: bool
) -> LearnedLayer:
    """Compare the numbers of a layer with what it would have learned from each set of rows.

    Args:
        variant: As in `LearnedLayer`.
        layer: As there.
        kind: As there.
        numbers: `[number]`, its numbers.
        rows: What it would have learned.
        given: As in `LearnedLayer`.
    """
    part, train = rows.part[-1], rows.train[-1]
    apart = np.abs(train - part)
    size = np.maximum(rows.scale, np.maximum(np.abs(part), np.abs(train)))
    tells = apart > RESOLVED * size
    if given:
        tells &= ~written_down(numbers)
    apart = np.where(tells, apart, 1.0)
    near = np.maximum(CLOSE * apart, ROUNDING * size)
    whole_near = near
    if rows.whole is not None:
        # All rows may lie nearer to all training rows than the training part does.
        whole_apart = np.minimum(apart, np.abs(rows.whole[-1] - train))
        whole_near = np.maximum(CLOSE * whole_apart, ROUNDING * size)
    of_part, of_train = (_distance(numbers, ways) for ways in (rows.part, rows.train))
    of_whole = np.inf if rows.whole is None else _distance(numbers, rows.whole)
    return LearnedLayer(
        *(variant, layer, kind, given),
        told=int(tells.sum()),
        like_part=int((tells & (of_part <= near)).sum()),
        like_train=int((tells & (of_train <= near)).sum()),
        like_all=int((tells & (of_whole <= whole_near)).sum()),
        from_part=_median((of_part / apart)[tells]),
        from_train=_median((of_train / apart)[tells]),
    )


def written_down(numbers: np.ndarray) -> np.ndarray:
    """Whether each number has few digits, as those that people write, bool `[number]`."""
    single = numbers.astype(np.float32)
    return np.array([len(_digits(number)) <= DIGITS for number in single.ravel()], bool).reshape(
        numbers.shape
    )


def _digits(number: np.float32) -> str:
    mantissa = np.format_float_scientific(number, unique=True).split("e")[0]
    return mantissa.lstrip("-").replace(".", "").rstrip("0")


def _distance(numbers: np.ndarray, ways: Ways) -> np.ndarray:
    """How far numbers are from the nearest of several ways to compute a statistic, `[number]`."""
    nearest: np.ndarray = np.min([np.abs(numbers - way) for way in ways], axis=0)
    return nearest


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")
