"""How a process that has trained ends: without taking apart all that it has imported."""

import atexit
import functools
import gc
import io
import sys
from contextlib import suppress
from types import GeneratorType


@functools.cache
def end_at_once() -> None:
    """Spare this process, as it ends, Python's search for garbage in all that it has imported.

    JAX and Keras are some 200,000 objects that refer to each other: to find and free them takes
    half a second, and the operating system takes their memory back anyway. Where something
    is alive that does more than free memory as it goes (an open file, whatever has a `__del__`),
    all is taken apart as ever: nothing that waits to be written is lost.
    """
    atexit.register(_keep_all_in_memory)


def _keep_all_in_memory() -> None:
    with suppress(Exception):  # What answers no question is left to Python, with all the rest.
        things = gc.get_objects()
        acting = {kind for kind in set(map(type, things)) if _may_act(kind)}
        if not any(_acts(thing) for thing in things if type(thing) in acting):
            gc.freeze()


_HARMLESS = ("jaxlib", "multiprocessing.resource_tracker", "joblib.externals.loky")
"""Modules whose things do nothing as they go that the end of the process does not."""


def _may_act(kind: type) -> bool:
    """Whether things of a kind may do more than free memory as they go; a generator is closed."""
    is_known = kind is GeneratorType or str(kind.__module__).startswith(_HARMLESS)
    return hasattr(kind, "__del__") and not is_known


def _acts(thing: object) -> bool:
    """Whether a thing of such a kind does: of files those that are written, but for Python's."""
    if isinstance(thing, io.BytesIO | io.StringIO) or id(thing) in _standard_streams():
        return False
    return not isinstance(thing, io.IOBase) or (not thing.closed and thing.writable())


@functools.cache
def _standard_streams() -> frozenset[int]:
    """The addresses of those: Python writes what they hold before it takes anything apart."""
    found = set[int]()
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        buffer = getattr(stream, "buffer", None)
        found |= {id(stream), id(buffer), id(getattr(buffer, "raw", None))}
    return frozenset(found)
