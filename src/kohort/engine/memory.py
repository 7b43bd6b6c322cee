"""How much memory training may take, and what a program takes."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from kohort.errors import DesignError, KohortError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_FOR_DATA = 0.75  # of the memory: what data may take that stay on the device
_OF_THE_MACHINE = 0.8


class TooLargeError(KohortError):
    """The members that were to train side by side do not fit on the device."""


def allowed(memory: int | str | None) -> int:
    """Bytes that training may take on the device.

    Args:
        memory: Bytes, or text such as "2GB"; None for what the device has.

    Raises:
        DesignError: It is neither.
    """
    if memory is None:
        return _of_device()
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", str(memory), re.IGNORECASE)
    amount = float(match[1]) * _UNITS[match[2].upper()] if match else 0.0
    if isinstance(memory, bool) or amount < 1:
        raise DesignError(
            "memory as a number of bytes, or text such as '2GB'", repr(memory), "give one"
        )
    return int(amount)


def stays_on_device(data: Any, memory: int) -> bool:
    """Whether data fit on the device beside the members; else they are streamed."""
    return bytes_of(data) <= _FOR_DATA * memory


def for_segment(memory: int) -> int:
    """Bytes of one segment of streamed data: one is read while another is trained on."""
    return max(1, int((1 - _FOR_DATA) * memory / 2))


def bytes_of(arrays: Any) -> int:
    """Bytes of the arrays in a pytree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))


def needed_by(program: jax.stages.Compiled) -> int:
    """Bytes that a program takes while it runs; 0 where the device does not tell."""
    seen: Any = program.memory_analysis()
    if seen is None:
        return 0
    return int(
        seen.argument_size_in_bytes
        + seen.output_size_in_bytes
        - seen.alias_size_in_bytes
        + seen.temp_size_in_bytes
    )


def check_fits(needed: int, memory: int) -> None:
    """Compare what a program takes with what is allowed, before it runs.

    Raises:
        TooLargeError: It takes more.
    """
    if needed > memory:
        raise TooLargeError(f"a program that takes {in_words(needed)} of {in_words(memory)}")


def in_words(count: int) -> str:
    """A number of bytes in the largest unit that suits it: `1.5 MB`."""
    unit = next((u for u in "TGMK" if count >= _UNITS[u]), "")
    return f"{count / _UNITS[unit]:.3g} {unit}B"


@contextmanager
def telling_full() -> Iterator[None]:
    """Tell a device whose memory fills up inside from one that fails otherwise.

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
    """Whether an error of the device says that its memory is full."""
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
    return int(_OF_THE_MACHINE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
