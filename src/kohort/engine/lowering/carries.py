"""Narrow matrices as XLA's CPU compiler runs them fast in a loop: columns first, along one axis.

The last layer of a classifier has as many columns as there are classes. XLA runs an optimizer's
step as loops over rows and columns: where there are few columns the inner loop is short, and the
processor works on one number at a time. Its gradients come with the columns first, besides. An
array of one axis has one order in memory, so that is how such matrices, and the optimizer's for
them, are carried from step to step.
"""

from typing import Any

import jax

_COLUMNS = 64  # fewer are few


def packed(state: Any) -> Any:
    """A pytree of arrays as it is carried from step to step."""
    return jax.tree.map(lambda leaf: leaf.T.reshape(-1) if _is_narrow(leaf) else leaf, state)


def unpacked(carried: Any, like: Any) -> Any:
    """The pytree that was packed; `like` has its shapes."""

    def of_one(leaf: Any, given: Any) -> Any:
        return leaf.reshape(given.shape[::-1]).T if _is_narrow(given) else leaf

    return jax.tree.map(of_one, carried, like)


def _is_narrow(leaf: Any) -> bool:
    rows, columns = leaf.shape if len(leaf.shape) == 2 else (0, 0)
    return jax.default_backend() == "cpu" and 1 < columns < _COLUMNS <= rows
