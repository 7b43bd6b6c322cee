"""Where curves end, and what stands for a replicate after it has stopped."""

import numpy as np

from kohort.findings.statistics.choosers import choosers


def carried(curve: np.ndarray, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Curves up to the longest of them, each going on with its last value, `[row, epoch]`.

    To cut all at the shortest would let one replicate that stops early decide where the others
    are read. What is carried on is no training: it is for choosing an epoch, not for slopes.

    Args:
        curve: `[replicate, epoch]`.
        rows: The replicates that count, one at least; each trained one epoch at least.
        lengths: `[replicate]`, the epochs that each trained.
    """
    ends = lengths[rows, None]
    epochs = np.minimum(np.arange(ends.max()), ends - 1)
    values: np.ndarray = curve[rows[:, None], epochs]
    return values


def stretched(curve: np.ndarray, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Curves after equal parts of each one's own epochs, `[row, part]`, the last one at its end.

    There are as many parts as the shortest has epochs, and between two epochs a curve is a straight
    line. To cut all at the shortest would tell how that one's epochs went, and not how training
    ended.

    Args:
        curve: `[replicate, epoch]`.
        rows: The replicates that count, one at least; each trained one epoch at least.
        lengths: `[replicate]`, the epochs that each trained.
    """
    ends = lengths[rows, None]
    parts = ends.min()
    epochs = np.arange(1, parts + 1) * ends / parts - 1
    before = np.floor(epochs).astype(int)
    low = curve[rows[:, None], before]
    high = curve[rows[:, None], np.minimum(before + 1, ends - 1)]
    values: np.ndarray = np.where(epochs > before, low + (epochs - before) * (high - low), low)
    return values


def lowest_by_others(loss: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """For each replicate the epoch (from 0) of the lowest sum of its `choosers`, `[replicate]`.

    One that stopped before that epoch gets its last one.

    Args:
        loss: From `carried`, `[replicate, epoch]`.
        lengths: `[replicate]`, the epochs that each trained.
    """
    chooses = choosers(len(loss))
    others = chooses @ loss
    # Where all choosers have stopped they are level, and rounding alone would tell epochs apart.
    last = np.where(chooses, lengths, 0).max(axis=1)
    others[np.arange(loss.shape[1]) >= last[:, None]] = np.inf
    chosen: np.ndarray = np.minimum(np.argmin(others, axis=1), lengths - 1)
    return chosen


def end_of(length: int, *, after: int = -1) -> slice:
    """The last quarter of some epochs, at least one; values at the end are means over it.

    A single epoch depends on chance: equal trainings with different rounding diverge in time.

    Args:
        length: The number of epochs, one at least.
        after: An epoch (from 0): the end is only what comes after it, the last one at least.
    """
    return slice(min(max(after + 1, length - max(1, length // 4)), length - 1), length)


def means_at_end(
    curve: np.ndarray, rows: np.ndarray, lengths: np.ndarray, *, after: int = -1
) -> np.ndarray:
    """The means of curves over the ends of their own epochs, `[replicate]`; NaN but in `rows`.

    Args:
        curve: `[replicate, epoch]`.
        rows: The replicates that count; each trained one epoch at least.
        lengths: `[replicate]`, the epochs that each trained.
        after: As of `end_of`.
    """
    values = np.full(len(lengths), np.nan)
    for length in np.unique(lengths[rows]):
        alike = rows[lengths[rows] == length]
        values[alike] = curve[alike, end_of(int(length), after=after)].mean(axis=1)
    return values


def rise_after(loss: np.ndarray, best: int) -> float:
    """By how many percent a validation loss `[epoch]` ends above that at an epoch.

    Prechelt's generalisation loss (1998, Early Stopping - But When?, section 2.1) between two
    strips of epochs. The end is the mean over the last quarter of the epochs, as far as it is
    after the best one: before it losses still fall, and would count as a rise. If that quarter has
    several epochs, the loss at the best epoch is the median of those at it and next to it: the
    minimum of many noisy values is biased downwards, in all replicates at once where they agree on
    it; the median does not depend on how far. 0 where the best epoch is the last; NaN where the
    loss at it is not above zero.

    Args:
        loss: Of one replicate, one epoch at least.
        best: The epoch (from 0).
    """
    near = 1 if len(loss) // 4 > 1 else 0
    lowest = float(np.median(loss[max(best - near, 0) : best + near + 1]))
    if not lowest > 0:
        return float("nan")
    ending = loss[end_of(len(loss), after=best)] if best < len(loss) - 1 else lowest
    return float(100 * (np.mean(ending) / lowest - 1))
