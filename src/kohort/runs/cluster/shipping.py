"""Packs a study for the workers of a cluster, and unpacks it there."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import keras

from kohort.errors import DesignError, reason
from kohort.tracing.user_code import is_installed

_LEFT_OUT = ("__pycache__", "site-packages")

_JAX = (
    "jax_enable_x64",
    "jax_default_prng_impl",
    "jax_numpy_dtype_promotion",
    "jax_threefry_partitionable",
    "jax_debug_nans",
)

type Modules = Mapping[str, tuple[str, str, bool]]
"""Modules by name: the source, the path, and whether it is a package."""


def modules() -> Modules:
    """The modules that this process has imported and that are not installed, with their packages.

    A study file that the command line runs is no module: what it defines travels by value.
    """
    found: dict[str, tuple[str, str, bool]] = {}
    for name, module in list(sys.modules.items()):
        if "." in name or name == "__main__":
            continue
        for place in _places(module):
            found |= _of_package(name, place) if place.is_dir() else _of_file(name, place)
    return found


def _places(module: ModuleType) -> list[Path]:
    """The folders of a package, or the file of a module, where it is not installed."""
    folders = [Path(path) for path in getattr(module, "__path__", ())]
    file = getattr(module, "__file__", None)
    places = folders or ([Path(file)] if file and file.endswith(".py") else [])
    return [place for place in places if place.exists() and not is_installed(place)]


def _of_package(name: str, folder: Path) -> dict[str, tuple[str, str, bool]]:
    found: dict[str, tuple[str, str, bool]] = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part.startswith(".") or part in _LEFT_OUT for part in parts):
            continue
        is_package = parts[-1] == "__init__"
        found |= _of_file(".".join([name, *parts[: -1 if is_package else None]]), path)
    return found


def _of_file(name: str, path: Path) -> dict[str, tuple[str, str, bool]]:
    try:
        source = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}  # Where it is needed, its absence is told.
    return {name: (source, str(path), path.stem == "__init__")}


def digest_of(shipped: Modules) -> str:
    """A digest of modules."""
    return hashlib.sha256(repr(sorted(shipped.items())).encode()).hexdigest()[:16]


class ShippedModules(MetaPathFinder, ExecutionLoader):
    """Imports the driver's modules in a worker, before those that it may find by itself.

    Args:
        shipped: The modules.
    """

    def __init__(self, shipped: Modules) -> None:
        self._shipped = shipped

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How a module is loaded; None for others."""
        del path, target
        if fullname not in self._shipped:
            return None
        _, file, is_package = self._shipped[fullname]
        folders = [str(Path(file).parent)] if is_package else None
        return spec_from_file_location(
            fullname, file, loader=self, submodule_search_locations=folders
        )

    def get_source(self, fullname: str) -> str:
        """The source of a module, also for what shows it."""
        return self._shipped[fullname][0]

    def is_package(self, fullname: str) -> bool:
        """Whether a module is a package."""
        return self._shipped[fullname][2]

    def get_filename(self, fullname: str) -> str:
        """Where the driver has it."""
        return self._shipped[fullname][1]


def settings() -> dict[str, Any]:
    """Global settings of Keras and JAX that decide the numbers of a model."""
    return {name: getattr(jax.config, name) for name in _JAX} | {
        "dtype_policy": keras.config.dtype_policy().name,
        "epsilon": keras.config.epsilon(),
        "floatx": keras.config.floatx(),
        "image_data_format": keras.config.image_data_format(),
    }


def apply(chosen: Mapping[str, Any]) -> None:
    """Choose global settings as `settings` gave them."""
    for name in _JAX:
        jax.config.update(name, chosen[name])  # type: ignore[no-untyped-call]
    keras.config.set_floatx(chosen["floatx"])
    keras.config.set_epsilon(chosen["epsilon"])
    keras.config.set_image_data_format(chosen["image_data_format"])
    if keras.config.dtype_policy().name != chosen["dtype_policy"]:
        keras.config.set_dtype_policy(chosen["dtype_policy"])


def unpicklable(error: Exception) -> DesignError:
    """The error for a study that cannot be sent."""
    # Ray tells first the whole study.
    return DesignError(
        "a study that can be sent to other processes",
        f"one that cannot: {reason(error.__cause__ or error)}",
        "let build functions and callbacks open files and connections, and not hold open ones",
    )


def missing(error: Exception) -> DesignError:
    """The error for a study that cannot be unpacked on a worker."""
    return DesignError(
        "workers that can import what the study does",
        f"{type(error).__name__}: {reason(error)}",
        "install it on each node of the cluster, as it is where the run was started",
    )
