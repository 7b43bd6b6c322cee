"""With what a study was run: versions and hardware."""

import os
import platform
import sys
from importlib.metadata import version

import keras


def environment() -> dict[str, str]:
    """Versions and hardware, by name, as text for a record or a report."""
    backend = keras.backend.backend()
    return {
        "kohort": version("kohort"),
        "keras": keras.__version__,
        # Of the module: TensorFlow has packages of several names.
        "backend": f"{backend} {sys.modules[backend].__version__}",
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": _devices(backend),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
    }


def _devices(backend: str) -> str:
    if backend not in ("jax", "tensorflow"):
        return "not told by Keras"
    return ", ".join(keras.distribution.list_devices())
