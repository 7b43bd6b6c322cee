"""Which replicates choose the epoch, the level or the variant at which another one is read."""

import numpy as np


def choosers(replicates: int) -> np.ndarray:
    """Who chooses where each replicate is read, bool `[replicate, chooser]`.

    The lowest of noisy values is biased downwards; a replicate that is read where others have
    their lowest is free of this bias. But if two choose for each other, each one's luck is in what
    is read of both. Let all others choose for each, and the mean of twenty readings may vary four
    times as much as their spread tells (where noise between epochs is all that varies; of five
    twice). So they stand in a circle, and for each one the following half of the others chooses:
    no two choose for each other, as long as there are three. Of two each chooses for the other,
    and one that is alone for itself.

    Args:
        replicates: Their number.
    """
    if replicates == 1:
        return np.ones((1, 1), bool)
    ahead = (np.arange(replicates) - np.arange(replicates)[:, None]) % replicates
    chooses: np.ndarray = (ahead > 0) & (ahead <= max(1, (replicates - 1) // 2))
    return chooses
