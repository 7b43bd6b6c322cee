"""Stands in for functions of Keras for a while, in one thread and for as long as needed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

type Replacement = tuple[Any, str, Callable[[Any], Any]]
"""A module or class, the name of its attribute, and what makes the new one of the old one."""


class Patches:
    """Attributes of Keras that are replaced while any thread is in a block of `active`.

    No attribute may be among two of these: they may end in any order.

    Args:
        replaced: Returns what to replace.
    """

    def __init__(self, replaced: Callable[[], Iterator[Replacement]]) -> None:
        self._replaced = replaced
        self._lock, self._blocks = threading.Lock(), 0
        self._originals: list[tuple[Any, str, Any]] = []

    @contextmanager
    def active(self) -> Iterator[None]:
        """A block in which the attributes are replaced, for all threads."""
        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                self._enter()
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                if not self._blocks:
                    self._leave()

    def _enter(self) -> None:
        for place, name, of in self._replaced():
            original = getattr(place, name)
            self._originals.append((place, name, original))
            setattr(place, name, of(original))

    def _leave(self) -> None:
        while self._originals:
            place, name, original = self._originals.pop()
            setattr(place, name, original)
