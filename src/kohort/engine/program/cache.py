"""kohort's cache folder: compiled programs, and measurements of how their members ran fastest.

The folder may be deleted at any time. The environment variable KOHORT_CACHE names another folder,
or turns the cache "off".
"""

import functools
import hashlib
import json
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import jax
import platformdirs
from jax.experimental.compilation_cache import compilation_cache

from kohort.engine.needless import without_needless_warnings

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

_LARGEST = 1 << 30  # bytes
_PATIENCE = 600.0  # seconds in which another process may compile a program that this one waits for
_LOOK = 0.05  # seconds between two looks at whether it has
_MARK = ".once"

_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
    # With a size limit JAX reads the whole folder whenever it adds an entry, which takes longer
    # than to compile the operations that build a model. `tidy` limits the size instead.
    "jax_compilation_cache_max_size": -1,
}


def folder() -> Path | None:
    """The cache folder for this machine's kind of processor; None where the cache is off."""
    chosen = os.environ.get("KOHORT_CACHE", "")
    if chosen == "off":
        return None
    base = Path(chosen) if chosen else platformdirs.user_cache_path("kohort", appauthor=False)
    return base / _processor()


@contextmanager
def persistent() -> Iterator[None]:
    """Let JAX use the cache folder for what it compiles inside the block, and say nothing needless.

    JAX's settings are restored afterwards. If the user has set up a cache in JAX, that one is used
    instead.
    """
    with without_needless_warnings(), _in_folder():
        yield


@contextmanager
def _in_folder() -> Iterator[None]:
    path = folder()
    if path is None or jax.config.jax_compilation_cache_dir or not _is_writable(path):
        yield
        return
    _tidy_once(path)
    changed = _SETTINGS | {"jax_compilation_cache_dir": str(path)}
    before = {name: getattr(jax.config, name) for name in changed}
    _configure(changed)
    try:
        with warnings.catch_warnings():
            # An entry that another process is just writing cannot be read; it is compiled.
            warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
            yield
    finally:
        _configure(before)


@contextmanager
def once(program: Callable[[], str]) -> Iterator[None]:
    """Let one process at a time compile a program: others find it in the cache afterwards.

    Those that share a cache folder may begin at the same time, as workers of a cluster do. One that
    dies lets go of the program. After `_PATIENCE` seconds, or where files cannot be locked, each
    compiles for itself.

    Args:
        program: Returns a text that programs have in common which are the same.
    """
    cache = jax.config.jax_compilation_cache_dir
    if fcntl is None or not cache or not os.access(cache, os.W_OK):
        yield
        return
    digest = hashlib.sha256(program().encode()).hexdigest()[:32]
    mark = Path(cache, f"{digest}{_MARK}")
    file = None if _has_text(mark) else _locked(mark)
    if file is not None and _has_text(mark):  # All who waited read it at the same time.
        file.close()
        file = None
    try:
        yield
        if file is not None:
            with suppress(OSError):  # There is no room.
                file.write("compiled")
                file.flush()
    finally:
        if file is not None:
            with suppress(OSError):
                file.close()


def _has_text(mark: Path) -> bool:
    try:
        return mark.stat().st_size > 0
    except OSError:
        return False


def _locked(mark: Path) -> TextIO | None:
    """A file that no other process has locked; None where it cannot be locked in time."""
    try:
        with ExitStack() as stack:
            file = stack.enter_context(mark.open("a"))
            until = time.monotonic() + _PATIENCE
            while not _has_lock(file):
                if time.monotonic() > until:
                    return None
                time.sleep(_LOOK)
            stack.pop_all()
    except OSError:  # a folder without room, or a file system without locks
        return None
    return file


def _has_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def tidy(cache: Path) -> None:
    """Delete the least recently used programs of a cache folder, where it is too large.

    Empty files are deleted too. A process that is killed as it begins to write a file leaves it
    empty, and JAX does not write a file again.
    """
    used = []
    for path in cache.glob("*-cache"):
        with suppress(OSError):  # Another process may delete it too.
            stat = path.stat()
            used.append((max(stat.st_atime_ns, stat.st_mtime_ns), stat.st_size, path))
    excess, is_less = sum(size for _, size, _ in used) - _LARGEST, False
    for _, size, path in sorted(used):
        if excess > 0 or size == 0:
            with suppress(OSError):
                path.unlink()
                excess -= size
                is_less = True
    if is_less:  # Which programs are gone is not known.
        for path in cache.glob(f"*{_MARK}"):
            with suppress(OSError):
                path.unlink()


_tidy_once = functools.cache(tidy)


def remembered(key: str) -> Any:
    """The value that `remember` stored under a key; None where there is none, or it is damaged."""
    path = _path(key)
    try:
        return json.loads(path.read_text()) if path else None
    except (OSError, ValueError):
        return None


def remember(key: str, value: Any) -> None:
    """Store a small value (of JSON) under a key; nothing happens where the folder is read-only."""
    path = _path(key)
    if path is None or not _is_writable(path.parent):
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value))
        temporary.replace(path)
    except OSError:  # There is no room.
        with suppress(OSError):
            temporary.unlink()


def _path(key: str) -> Path | None:
    cache = folder()
    return cache / f"{hashlib.sha256(key.encode()).hexdigest()}.json" if cache else None


def _configure(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
    # JAX opens its cache once, with the settings at that time.
    compilation_cache.reset_cache()


def _is_writable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK)


def _processor() -> str:
    """A digest of the kind of processor: machines that share a home folder may differ in it."""
    kind = f"{platform.machine()} {platform.processor()}"
    try:
        info = Path("/proc/cpuinfo").read_text().splitlines()
        kind += next(line for line in info if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        pass
    return hashlib.sha256(kind.encode()).hexdigest()[:16]
