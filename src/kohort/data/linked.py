"""Which samples belong together, by links between pairs."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import scipy

from kohort.errors import legible


def linked(one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """Number what is linked, through others too, alike.

    Args:
        one: int64 `[link]`, one end of each link.
        other: int64 `[link]`, its other end.
        size: How many nodes there are.

    Returns:
        int64 `[node]`, from 0.
    """
    graph = scipy.sparse.coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    component: np.ndarray = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
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


def told_of_names(names: Iterable[str], *, is_split: bool = False) -> list[str]:
    """What to say where files of one name are one group: a sentence, or none.

    Args:
        names: The name of the file of each image, without its folders.
        is_split: Whether folders split training and test images, whatever the names.
    """
    counts = Counter(names)
    shared = {name: count for name, count in counts.items() if count > 1}
    if not shared:
        return []
    most = max(shared, key=lambda name: shared[name])
    but = ", but that by folders" * is_split
    told = (
        f"images of one file name, in several folders, are one group that no split parts{but}: "
        f"{sum(shared.values()):,} images of {len(shared):,} such names, as {shared[most]:,} of "
        f"{legible(most)}; where names are alike by chance, as numbers are, rename the files"
    )
    return [told]
