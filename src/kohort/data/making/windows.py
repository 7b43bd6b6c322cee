"""Tells samples that are windows of one series, which share most of their values."""

import numpy as np

WINDOWS = (
    "the training samples are windows of a series, in its order: neighbours share values, and "
    "random splits put them on both sides of train and validation, which flatters a model that is "
    "to predict what comes later; keep stretches together, groups=np.arange(len(x)) // 100, say, "
    "and leave out the windows that lie across the border of the test set"
)
"""What is told of such samples without groups."""
FEWEST = 20
"""The fewest samples that are looked at."""
MOSTLY = 0.9
"""The part of neighbours that must share values: a series may have gaps."""
_MOST = 200
"""The most pairs of neighbours that are compared."""


def are_windows(x: np.ndarray) -> bool:
    """Whether each sample goes on where the one before it, moved by a few steps, ends.

    `MOSTLY` of the neighbours must share half of their values or more, moved by the same number of
    steps, in either direction; and these must not be one value all along.

    Args:
        x: `[sample, step, ...]`; of other shapes, and of fewer than `FEWEST` samples, False.
    """
    if x.ndim < 2 or len(x) < FEWEST or x.shape[1] < 3:
        return False
    # Of most arrays two samples show that they are none; a gap may lie at one such pair.
    return any(_goes_on_at(x, len(x) * k // 3, earlier) for k in (1, 2) for earlier in (0, 1))


def _goes_on_at(x: np.ndarray, row: int, earlier: int) -> bool:
    """Whether neighbours go on as this row and its next one do."""
    one, later = x[row + earlier], x[row + 1 - earlier]
    begins = (one == later[:1]).reshape(len(one), -1).all(axis=1)
    for moved in np.flatnonzero(begins[: len(one) // 2 + 1]).tolist():
        if moved and _part_shared(x, moved, earlier, np.array([row])) == 1:
            pairs = np.unique(np.linspace(0, len(x) - 2, _MOST).astype(int))
            if _part_shared(x, moved, earlier, pairs) >= MOSTLY:
                return True
    return False


def _part_shared(x: np.ndarray, moved: int, earlier: int, pairs: np.ndarray) -> float:
    """The part of pairs of neighbours of which one goes on as the other, so many steps later.

    Args:
        x: As of `are_windows`.
        moved: How many steps.
        earlier: Of each pair the place of the one that is earlier in the series, 0 or 1.
        pairs: The rows of the first ones.
    """
    shared = x[pairs + earlier, moved:]
    later = x[pairs + 1 - earlier, : x.shape[1] - moved]
    rows = (len(pairs), -1)
    is_same = (shared == later).reshape(rows).all(axis=1)
    varies = (shared != shared[:, :1]).reshape(rows).any(axis=1)
    return float((is_same & varies).mean())


def place_name(place: int, shape: tuple[int, ...]) -> str:
    """What to call a place of windows `[step, input]`, flat, of this shape."""
    steps, inputs = shape
    step, number = divmod(place, inputs)
    of_input = f" of input {number + 1} of {inputs}" * (inputs > 1)
    where = "the last step" if step == steps - 1 else f"step {step + 1} of {steps}"
    return f"{where}{of_input}"
