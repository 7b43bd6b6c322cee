"""Of each class the validation samples, and those that each member finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """How many validation samples each class has, and how many of them members find.

    A member's answers are those with the weights that are kept of it: its own epoch of lowest
    validation loss.

    Args:
        names: `[class]`.
        samples: int64 `[replicate, class]`, the validation samples.
        found: By the numbers of variant and replicate, int64 `[class]`: the samples to which the
            member gives their class. Members of which that is not known are not in it.
    """

    names: tuple[str, ...]
    samples: np.ndarray
    found: Mapping[tuple[int, int], np.ndarray]


def counts_to_json(counts: ClassCounts | None) -> dict[str, Any] | None:
    """Counts as JSON."""
    if counts is None:
        return None
    return {
        "names": list(counts.names),
        "samples": counts.samples.tolist(),
        "found": [[*place, found.tolist()] for place, found in counts.found.items()],
    }


def counts_from_json(stored: Mapping[str, Any] | None) -> ClassCounts | None:
    """The inverse of `counts_to_json`."""
    if stored is None:
        return None
    return ClassCounts(
        tuple(stored["names"]),
        np.array(stored["samples"], int),
        {(variant, number): np.array(found) for variant, number, found in stored["found"]},
    )
