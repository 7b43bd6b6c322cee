"""Finds out the versions and the hardware that a study is run with."""

import platform
import sys
from importlib.metadata import version

import keras

from kohort.data.system import cores


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
        "devices": _devices(backend),
        "cores": str(cores()),
    }


def _devices(backend: str) -> str:
    if backend not in ("jax", "tensorflow"):
        return "not told by Keras"
    return ", ".join(keras.distribution.list_devices())
