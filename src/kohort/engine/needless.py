"""Warnings that the user can do nothing about."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

WIDTHS = r"Explicitly requested dtype u?(?:int|float)64 requested in "
"""Of models that ask for numbers of 64 bits. JAX has them of 32 bits, which is how Keras runs on
it, and says so of each layer: `Input(dtype="int64")`, and what the preprocessing layers make."""


@contextmanager
def without_needless_warnings() -> Iterator[None]:
    """Let JAX not say in the block that it makes 32 bits of 64; other warnings are shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", WIDTHS, UserWarning)
        yield
