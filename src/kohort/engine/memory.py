"""Works out how much memory training may take, and checks what programs need."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras

from kohort.data.system import BYTE_UNITS, bytes_text, memory
from kohort.engine.devices import places
from kohort.errors import DesignError, KohortError

_FOR_DATA = 0.75  # of the memory, for data that stay on the device
_FOR_MODELS = 1 / 8  # of the memory
_OF_THE_MACHINE = 0.8


class TooLargeError(KohortError):
    """Members do not fit on the device side by side."""


class OutgrownError(DesignError):
    """Members that have begun to train no longer fit in memory, and cannot start over."""


def allowed(limit: int | str | None) -> int:
    """Bytes that training may take on each device.

    Args:
        limit: Bytes, or text such as "2GB"; None for the memory of the device that has least.

    Raises:
        DesignError: It is neither.
    """
    if limit is None:
        return _of_device()
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", str(limit), re.IGNORECASE)
    amount = float(match[1]) * BYTE_UNITS[match[2].upper()] if match else 0.0
    if isinstance(limit, bool) or amount < 1:
        raise DesignError(
            "memory as a number of bytes, or text such as '2GB'", repr(limit), "give one"
        )
    return int(amount)


def stays_on_device(data: Any, limit: int) -> bool:
    """Whether data fit on the device beside the members; otherwise they are streamed."""
    return bytes_of(data) <= _FOR_DATA * limit


def for_segment(limit: int) -> int:
    """Bytes of one segment of streamed data; there are two, as one is read while another trains."""
    return max(1, int((1 - _FOR_DATA) * limit / 2))


def for_built_models(limit: int | None = None) -> int:
    """Bytes that the models of a study may take between planning and training.

    Args:
        limit: Bytes that training may take; None for what the device has.
    """
    is_on_device = keras.backend.backend() == "jax"
    return int(_FOR_MODELS * (limit or (_of_device() if is_on_device else memory())))


def bytes_of(arrays: Any) -> int:
    """Bytes of the arrays in a pytree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))


def check_fits(needed: int, limit: int) -> None:
    """Check, before a program runs, that it fits in the allowed memory.

    Raises:
        TooLargeError: It does not.
    """
    if needed > limit:
        raise TooLargeError(f"a program that takes {bytes_text(needed)} of {bytes_text(limit)}")


@contextmanager
def detecting_full() -> Iterator[None]:
    """Raise `TooLargeError` for errors in the block that mean that device memory is full.

    Raises:
        TooLargeError: Device memory is full.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not is_exhausted(error):
            raise
        raise TooLargeError("a device whose memory is full") from error


def is_exhausted(error: Exception) -> bool:
    """Whether an error means that device memory is full."""
    # XLA reports a status on GPUs; on CPUs an internal error with a message.
    text = str(error)
    return isinstance(error, jax.errors.JaxRuntimeError) and (
        "RESOURCE_EXHAUSTED" in text or "Out of memory" in text
    )


def _of_device() -> int:
    devices = [place or jax.local_devices()[0] for place in places()]
    stats = [device.memory_stats() if device.platform != "cpu" else None for device in devices]
    limits = [int(each["bytes_limit"]) for each in stats if each and "bytes_limit" in each]
    # Devices of a CPU share the memory of the machine.
    return min(limits, default=int(_OF_THE_MACHINE * memory() / len(devices)))
