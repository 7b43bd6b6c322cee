"""Targets that an error or loss of numbers has no use for."""

from collections.abc import Iterable

import numpy as np

_ZERO = "0, where Keras divides by 0.0000001"
_BELOW = "below 0"
_ASKED = {
    "mape": (np.equal, _ZERO, "{} divides by the size of each target", "take mae"),
    "msle": (np.less, _BELOW, "{} takes targets below 0 for 0", "take mse"),
    "poisson": (np.less, _BELOW, "{} is of counts, and has no least value there", "take mse"),
}
"""By what is measured, the targets that do not fit, and what becomes of them."""


def slip_of_targets(kinds: Iterable[object], *sides: np.ndarray) -> str:
    """That an error or loss is none of some of the targets, or that these are one number.

    Errors in percent are divided by the target: one zero among them outweighs all others.

    Args:
        kinds: What the loss and the metrics of a model compute, where that is known.
        sides: Targets, `[sample]` or `[sample, number]`, of training samples first.

    Returns:
        What does not fit, and how to mend it, as a clause; "" where all do.
    """
    train = sides[0]
    if train.dtype.kind == "f" and (train == train.flat[0]).all():
        return f"all training targets are {train.flat[0]:g}: look at how they are made"
    given = [side for side in sides if side.dtype.kind in "iuf"]
    asked = set(kinds)
    for kind, (does_not_fit, where, becomes, mend) in _ASKED.items():
        count = sum(int(does_not_fit(side, 0).sum()) for side in given) if kind in asked else 0
        if count:
            those = f"{count:,} of {sum(side.size for side in given):,}"
            told = f"{those} {'is' if count == 1 else 'are'} {where}"
            return f"{becomes.format(kind)}, and {told}: {mend}, or leave them out"
    return ""
