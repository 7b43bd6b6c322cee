"""With what a study was run: versions and hardware."""

import os
import platform
from importlib.metadata import version

import keras


def environment() -> dict[str, str]:
    """Versions and hardware, by name, as text for a record or a report."""
    return {
        "kohort": version("kohort"),
        "keras": keras.__version__,
        "backend": f"{keras.backend.backend()} {_version(keras.backend.backend())}",
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": ", ".join(keras.distribution.list_devices()),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
    }


def _version(package: str) -> str:
    return version(package)
