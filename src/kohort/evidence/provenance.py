"""Finds out the versions and the hardware that a study is run with."""

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version

import keras

from kohort.data.system import cores

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
