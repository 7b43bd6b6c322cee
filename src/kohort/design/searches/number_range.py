"""Ranges of numbers: axes of a search that are no lists."""

import math
import reprlib
from dataclasses import KW_ONLY, dataclass

import numpy as np

from kohort.design.replicates import is_number
from kohort.errors import DesignError

DIGITS = 4
"""Significant digits of a number that is drawn: enough to search by, few enough to read."""


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, an axis of a `Search`.

    Whole numbers are drawn where both bounds (and the step) are written as such: `Range(16, 256)`
    but not `Range(16.0, 256.0)`. Others are drawn to four significant digits.

    Args:
        low: The least number.
        high: The greatest number.
        log: Whether to draw the logarithm evenly, as for a learning rate.
        step: The distance of neighbours, counted from `low`; None for any number between.

    Raises:
        DesignError: The bounds are no numbers or the wrong way round, a range with `log` does not
            begin above 0, or it has a step as well.

    Example:
        >>> import kohort
        >>> kohort.Range(1e-4, 1e-2, log=True)
        Range(low=0.0001, high=0.01, log=True, step=None)
        >>> kohort.Range(16, 256, step=16).is_whole
        True
    """

    low: float
    high: float
    _: KW_ONLY
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        bounds = (self.low, self.high)
        if not all(is_number(bound) and math.isfinite(bound) for bound in bounds):
            raise DesignError(
                "two numbers as the bounds of a range", _told(bounds), "give Range(1e-4, 1e-2), say"
            )
        if not self.low < self.high:
            raise DesignError(
                "a range whose first bound is the lower one",
                _told(bounds),
                f"give Range({self.high!r}, {self.low!r})"
                if self.low > self.high
                else "write a number that does not vary without Range",
            )
        if self.log and not self.low > 0:
            raise DesignError(
                "a range above 0 where log=True", _told(bounds), "begin it with 1e-5, say"
            )
        if self.step is not None:
            self._check_step(self.step)

    def _check_step(self, step: float) -> None:
        if not is_number(step) or not 0 < step <= self.high - self.low:
            raise DesignError(
                f"a step above 0 and up to {self.high - self.low:g}",
                reprlib.repr(step),
                "give a smaller one, or none",
            )
        if self.log:
            raise DesignError("log=True or a step", "both", "leave one of them out")

    @property
    def is_whole(self) -> bool:
        """Whether it is of whole numbers.

        Example:
            >>> kohort.Range(1, 3).is_whole, kohort.Range(1.0, 3).is_whole
            (True, False)
        """
        numbers = [self.low, self.high, *([] if self.step is None else [self.step])]
        return all(isinstance(number, int | np.integer) for number in numbers)

    @property
    def count(self) -> float:
        """How many numbers it has; infinite where any between the bounds may be drawn.

        Example:
            >>> kohort.Range(16, 256, step=16).count, kohort.Range(0.0, 1.0).count
            (16, inf)
        """
        step = 1 if self.step is None and self.is_whole else self.step
        return math.inf if step is None else 1 + math.floor((self.high - self.low) / step + 1e-9)

    @property
    def last(self) -> float:
        """The greatest number that may be drawn: `high`, or the last step before it.

        Example:
            >>> kohort.Range(0.0, 1.0, step=0.3).last
            0.9
        """
        if self.step is None:
            return float(self.high)
        # Steps of 0.1 add up to 0.30000000000000004.
        return float(f"{self.low + (self.count - 1) * self.step:.12g}")


def as_kept(number: float, axis: Range) -> float:
    """A number that was drawn from a range, to the digits that are kept, and within the bounds."""
    if axis.is_whole:
        return int(number)
    if axis.step is not None:
        return float(f"{number:.12g}")
    return float(min(max(float(f"{number:.{DIGITS}g}"), axis.low), axis.high))


def _told(bounds: tuple[object, object]) -> str:
    return f"Range({reprlib.repr(bounds[0])}, {reprlib.repr(bounds[1])})"
