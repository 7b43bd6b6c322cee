"""Carries narrow matrices from step to step in column-major order, which is fast on CPUs.

The last layer of a classifier has as many columns as there are classes. XLA's CPU compiler runs an
optimizer's step as loops over rows and columns. With few columns the inner loop is short and is
not vectorised. The gradients of such a layer are in column-major order anyway. So these matrices,
and the optimizer's matrices for them, are carried as arrays of one axis, which have only one order
in memory.
"""

from typing import Any

import jax

_COLUMNS = 64  # A matrix with fewer columns is narrow.


def packed(state: Any) -> Any:
    """A pytree of arrays with each narrow matrix `[row, column]` as `[column * row]`."""
    return jax.tree.map(lambda leaf: leaf.T.reshape(-1) if _is_narrow(leaf) else leaf, state)


def unpacked(carried: Any, like: Any) -> Any:
    """The inverse of `packed`; `like` has the shapes of the arrays that were packed."""

    def of_one(leaf: Any, shaped: Any) -> Any:
        return leaf.reshape(shaped.shape[::-1]).T if _is_narrow(shaped) else leaf

    return jax.tree.map(of_one, carried, like)


def _is_narrow(leaf: Any) -> bool:
    rows, columns = leaf.shape if len(leaf.shape) == 2 else (0, 0)
    return jax.default_backend() == "cpu" and 1 < columns < _COLUMNS <= rows
