"""Finds the points that are near other points, in less time than comparing all of them."""

from collections.abc import Iterator

import numpy as np
import scipy

from kohort.data.splits import random_part

NEIGHBOURS = 8
"""The number of nearest samples that are compared with each sample."""
AXES = 16
"""The number of dimensions in which neighbours are searched."""
CROWD = 2048
"""A sample with enough neighbours in a random part of this size is not searched further."""
_BLOCK = 2**22  # numbers at a time; 32 MB as float64


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows with at most `_BLOCK` numbers each."""
    step = max(1, _BLOCK // max(1, columns))
    return (slice(start, start + step) for start in range(0, rows, step))


class Neighbours:
    """Finds the nearest of some points `[point, axis]`."""

    def __init__(self, points: np.ndarray) -> None:
        self._tree = scipy.spatial.cKDTree(points)
        self._chosen = random_part(np.random.default_rng(0), np.arange(len(points)), CROWD)
        self._chosen_tree = scipy.spatial.cKDTree(points[self._chosen])

    def of(self, points: np.ndarray, count: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
        """Up to `count` neighbours of each point `[point, axis]` within a radius.

        In a crowd, such as 100,000 blank images with noise, a tree would compare each point with
        all others. But there any neighbours will do, so a point that has enough close neighbours
        in a random part of the known points gets those.

        Returns:
            Pairs as two arrays `[pair]`: places in `points`, and places in the known points.
        """
        found = self._chosen_tree.query(
            points, range(1, count + 1), distance_upper_bound=radius / 2, workers=-1
        )[1]
        crowded = found[:, -1] < len(self._chosen)
        nearest = np.empty_like(found)
        nearest[crowded] = self._chosen[found[crowded]]
        # The bound is exclusive, and points on it may lie beyond it by rounding.
        bound = radius * (1 + 1e-6)
        nearest[~crowded] = self._tree.query(
            points[~crowded], range(1, count + 1), distance_upper_bound=bound, workers=-1
        )[1]
        place, which = np.nonzero(nearest < self._tree.n)
        return place, nearest[place, which]
