"""Packs a study for the workers of a cluster, and unpacks it there."""

import hashlib
import io
import os
import pickle
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import keras
import numpy as np

from kohort.errors import DesignError, reason
from kohort.evidence.whole_files import written_whole
from kohort.tracing.user_code import is_installed

_LEFT_OUT = ("__pycache__", "site-packages")

_JAX = (
    "jax_enable_x64",
    "jax_default_prng_impl",
    "jax_numpy_dtype_promotion",
    "jax_threefry_partitionable",
    "jax_debug_nans",
)

LARGE = 1 << 20
"""Bytes of an array from which on it is kept in a shared place, where there is one."""

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


def put_aside(ray: Any, spec: Any, place: str) -> bytes:
    """A specification without its large arrays, which are kept in a place that all nodes reach.

    Each is a file of NumPy's, named by a digest of it. One that is there is not written again, and
    none is deleted.

    Args:
        ray: The module.
        spec: The study, or the search.
        place: A folder, or a URL of fsspec.

    Raises:
        DesignError: The place cannot be written.
    """

    class Packer(ray.cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            if type(value) is np.ndarray and value.nbytes >= LARGE and not value.dtype.hasobject:
                return _mapped, (place, _kept(place, value))
            return super().reducer_override(value)

    packed = io.BytesIO()
    Packer(packed).dump(spec)
    return packed.getvalue()


def taken_up(spec: Any) -> Any:
    """A specification as `put_aside` gave it, or as it was: its large arrays are mapped.

    Raises:
        DesignError: Its arrays cannot be read.
    """
    # It comes from the driver, which sends tasks in the same way.
    return pickle.loads(spec) if isinstance(spec, bytes) else spec  # noqa: S301


def _kept(place: str, array: np.ndarray) -> str:
    """The name of the file that has an array; it is written where it is missing."""
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.reshape(-1).view(np.uint8).data)
    name = f"{digest.hexdigest()}.npy"
    try:
        if "://" not in place:
            path = Path(place, name)
            if not path.exists():
                with written_whole(path) as new:
                    np.save(new, array, allow_pickle=False)
        else:
            system, root = _opened(place)
            if not system.exists(f"{root}/{name}"):
                if root.startswith("/"):
                    system.makedirs(root, exist_ok=True)
                # Else it begins with a bucket, which a name that was mistyped would become.
                # Stores of objects show one when it is whole.
                with system.open(f"{root}/{name}", "wb") as file:
                    np.save(file, array, allow_pickle=False)
    except Exception as error:  # Libraries of object stores have errors of their own.
        raise _unreached("written", place, error) from error
    return name


def _mapped(place: str, name: str) -> np.ndarray:
    """An array that was kept, mapped from its file, read-only."""
    try:
        path = Path(place, name) if "://" not in place else _copied(place, name)
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as error:
        raise _unreached("read", place, error) from error


def _copied(place: str, name: str) -> Path:
    """A copy of a file on this node, which its processes share; the first of them fetches it."""
    from filelock import FileLock  # Ray has it.

    folder = Path(tempfile.gettempdir(), f"kohort-data-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / name
    with FileLock(folder / f"{name}.lock"):
        if not copy.exists():
            system, root = _opened(place)
            with written_whole(copy) as new:
                system.get_file(f"{root}/{name}", str(new))
    return copy


def _opened(place: str) -> tuple[Any, str]:
    """The file system of a URL, and the path there."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(place)
    return system, str(root).rstrip("/")


def _unreached(what: str, place: str, error: Exception) -> DesignError:
    return DesignError(
        f"a place for data that can be {what} on {platform.node()}",
        f"{place}: {type(error).__name__}: {reason(error)}",
        "give kohort.Ray(shared=...), or --shared, a folder that all nodes have under this path, "
        "or a URL to which they have the rights and the library",
    )


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
