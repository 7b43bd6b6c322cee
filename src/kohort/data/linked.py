"""Which samples belong together, by links between pairs."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def linked(one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """Number what is linked, through others too, alike.

    Args:
        one: int64 `[link]`, one end of each link.
        other: int64 `[link]`, its other end.
        size: How many nodes there are.

    Returns:
        int64 `[node]`, from 0.
    """
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    component: np.ndarray = connected_components(graph, directed=False)[1]
    return component.astype(np.int64)


def extremes(values: np.ndarray, number: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of each set, int64 `[set]`.

    Args:
        values: int64 `[sample]`, 0 or more.
        number: int64 `[sample]`, the set of each sample.
        size: How many sets there are. One without samples gets the largest int64, and -1.
    """
    lowest, highest = np.full(size, np.iinfo(np.int64).max), np.full(size, -1)
    np.minimum.at(lowest, number, values)
    np.maximum.at(highest, number, values)
    return lowest, highest
