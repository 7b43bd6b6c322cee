"""Kills parts of a cluster while it trains, and finds what is left of it, for tests."""

import threading
import time
from contextlib import suppress
from pathlib import Path

from kohort.evidence.store import open_store


class Killing(threading.Thread):
    """Kills while a study trains, as soon as it has begun to be kept."""

    def __init__(self, kill, store, name="kept"):
        super().__init__()
        self._kill, self._store, self._name, self.killed = kill, store, name, 0

    def run(self):
        until = time.monotonic() + 100
        while time.monotonic() < until and not self.killed:
            time.sleep(0.05)
            if self._store.exists() and self._epochs():
                self.killed += self._kill()

    def _epochs(self):
        with open_store(self._store, make=False) as opened:
            found = opened.find(self._name)
            return found and found.epochs()


def alive(mark):
    """The processes that have a mark in their environment, but for those that wait to be reaped."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found
