"""Finds out when a study is run, and with which versions and hardware."""

import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import keras

from kohort.data.system import cores

if TYPE_CHECKING:
    from kohort.evidence.store import RunRecord

_ELSEWHERE = ContextVar("devices of other processes, which train", default="")


@contextmanager
def training_on(devices: str) -> Iterator[None]:
    """Let `environment` name devices of other processes while the block runs: these train."""
    token = _ELSEWHERE.set(devices)
    try:
        yield
    finally:
        _ELSEWHERE.reset(token)


def environment() -> dict[str, str]:
    """Versions and hardware by name, as text for a record or a report."""
    backend = keras.backend.backend()
    return {
        "kohort": version("kohort"),
        "keras": keras.__version__,
        # The version of the module: TensorFlow has packages of several names.
        "backend": f"{backend} {sys.modules[backend].__version__}",
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": _ELSEWHERE.get() or _devices(backend),
        "cores": str(cores()),
    }


def _devices(backend: str) -> str:
    if backend not in ("jax", "tensorflow"):
        return "not told by Keras"
    return ", ".join(keras.distribution.list_devices())


class RunStart(NamedTuple):
    """When a run began.

    Args:
        at: In UTC.
        ticks: In seconds of a monotonic clock.
        runs: The number of runs of the study, with this one.
        first: When the first of them began, in UTC; None for this one.
    """

    at: datetime
    ticks: float
    runs: int = 1
    first: datetime | None = None

    @classmethod
    def now(cls) -> "RunStart":
        """The current time."""
        return cls(datetime.now(UTC), time.monotonic())

    def among(self, runs: "Sequence[RunRecord]") -> "RunStart":
        """The same as the last of the runs of a study."""
        return self._replace(runs=len(runs), first=runs[0].started)
