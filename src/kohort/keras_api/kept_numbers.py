"""Arguments of Keras's objects: lets numbers through that are no Python floats."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keras.src.regularizers import regularizers


@contextmanager
def as_they_are(is_kept: Callable[[object], bool]) -> Iterator[None]:
    """Let Keras's regularizers keep some numbers in the block as they are given.

    Elsewhere they make floats of their arguments.

    Args:
        is_kept: Whether a number is kept.
    """
    original = regularizers.validate_float_arg

    def checked(value: Any, name: str) -> Any:
        # The same check as Keras's, whose other half is that the number is finite.
        return value if is_kept(value) and value >= 0 else original(value, name)

    regularizers.validate_float_arg = checked
    try:
        yield
    finally:
        regularizers.validate_float_arg = original
