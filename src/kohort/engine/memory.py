"""How much memory training may take, and what a program takes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras

from kohort.data.system import BYTE_UNITS, bytes_text, memory
from kohort.errors import DesignError, KohortError

_FOR_DATA = 0.75  # of the memory: what data may take that stay on the device
_FOR_MODELS = 1 / 8  # of the memory
_OF_THE_MACHINE = 0.8


class TooLargeError(KohortError):
    """The members that were to train side by side do not fit on the device."""


def allowed(given: int | str | None) -> int:
    """Bytes that training may take on the device.

    Args:
        given: Bytes, or text such as "2GB"; None for what the device has.

    Raises:
        DesignError: It is neither.
    """
    if given is None:
        return _of_device()
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", str(given), re.IGNORECASE)
    amount = float(match[1]) * BYTE_UNITS[match[2].upper()] if match else 0.0
    if isinstance(given, bool) or amount < 1:
        raise DesignError(
            "memory as a number of bytes, or text such as '2GB'", repr(given), "give one"
        )
    return int(amount)


def stays_on_device(data: Any, limit: int) -> bool:
    """Whether data fit on the device beside the members; else they are streamed."""
    return bytes_of(data) <= _FOR_DATA * limit


def for_segment(limit: int) -> int:
    """Bytes of one segment of streamed data: one is read while another is trained on."""
    return max(1, int((1 - _FOR_DATA) * limit / 2))


def for_built_models() -> int:
    """Bytes that the models of a study may take between planning and training."""
    is_on_device = keras.backend.backend() == "jax"
    return int(_FOR_MODELS * (_of_device() if is_on_device else memory()))


def bytes_of(arrays: Any) -> int:
    """Bytes of the arrays in a pytree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))


def check_fits(needed: int, limit: int) -> None:
    """Compare what a program takes with what is allowed, before it runs.

    Raises:
        TooLargeError: It takes more.
    """
    if needed > limit:
        raise TooLargeError(f"a program that takes {bytes_text(needed)} of {bytes_text(limit)}")


@contextmanager
def telling_full() -> Iterator[None]:
    """Tell a full device memory from other failures of the device inside.

    Raises:
        TooLargeError: Its memory is full.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not is_exhausted(error):
            raise
        raise TooLargeError("a device whose memory is full") from error


def is_exhausted(error: Exception) -> bool:
    """Whether an error says that device memory is full."""
    # A GPU names the status; a CPU that cannot allocate calls it internal and tells what failed.
    text = str(error)
    return isinstance(error, jax.errors.JaxRuntimeError) and (
        "RESOURCE_EXHAUSTED" in text or "Out of memory" in text
    )


def _of_device() -> int:
    device = jax.local_devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return int(_OF_THE_MACHINE * memory())
