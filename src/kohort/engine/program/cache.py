"""kohort's cache folder: compiled programs, and how their members ran fastest.

Nothing in it is needed: it may be deleted at any time. The environment variable KOHORT_CACHE names
another folder, or "off".
"""

import functools
import hashlib
import json
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax
import platformdirs
from jax.experimental.compilation_cache import compilation_cache

_LARGEST = 1 << 30  # bytes

_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
    # Where JAX is to keep to a size it reads the whole folder each time that it adds to it, which
    # takes longer than to compile what builds a model. `tidy` keeps it instead.
    "jax_compilation_cache_max_size": -1,
}


def folder() -> Path | None:
    """Where programs of this machine's processor are kept; None where the cache is off."""
    chosen = os.environ.get("KOHORT_CACHE", "")
    if chosen == "off":
        return None
    base = Path(chosen) if chosen else platformdirs.user_cache_path("kohort", appauthor=False)
    return base / _processor()


@contextmanager
def persistent() -> Iterator[None]:
    """What JAX compiles inside is kept in the cache folder, or comes from there.

    JAX's settings are as before afterwards. A cache that the user has set up in JAX is used as it
    is.
    """
    own = folder()
    if own is None or jax.config.jax_compilation_cache_dir or not _is_writable(own):
        yield
        return
    _tidy_once(own)
    changed = _SETTINGS | {"jax_compilation_cache_dir": str(own)}
    before = {name: getattr(jax.config, name) for name in changed}
    _configure(changed)
    try:
        with warnings.catch_warnings():
            # What cannot be read, as another process is just writing it, is compiled.
            warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
            yield
    finally:
        _configure(before)


def tidy(own: Path) -> None:
    """Delete the programs in a cache folder that were used longest ago, where it is too large.

    And those that are empty: a process that is killed as it begins to write a file leaves it so,
    and JAX writes no file again.
    """
    used = []
    for path in own.glob("*-cache"):
        with suppress(OSError):  # Another process may delete it too.
            stat = path.stat()
            used.append((max(stat.st_atime_ns, stat.st_mtime_ns), stat.st_size, path))
    excess = sum(size for _, size, _ in used) - _LARGEST
    for _, size, path in sorted(used):
        if excess > 0 or size == 0:
            with suppress(OSError):
                path.unlink()
                excess -= size


_tidy_once = functools.cache(tidy)


def remembered(key: str) -> Any:
    """What `remember` kept under a key; None where there is nothing, or it is damaged."""
    path = _path(key)
    try:
        return json.loads(path.read_text()) if path else None
    except (OSError, ValueError):
        return None


def remember(key: str, value: Any) -> None:
    """Keep a small value; where the folder cannot be written it is forgotten."""
    path = _path(key)
    if path is None or not _is_writable(path.parent):
        return
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(value))
        aside.replace(path)
    except OSError:  # There is no room.
        with suppress(OSError):
            aside.unlink()


def _path(key: str) -> Path | None:
    own = folder()
    return own / f"{hashlib.sha256(key.encode()).hexdigest()}.json" if own else None


def _configure(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
    # JAX opens its cache once, with the settings of that moment.
    compilation_cache.reset_cache()


def _is_writable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK)


def _processor() -> str:
    """Names what a program is compiled for: a home folder may serve machines that differ."""
    kind = f"{platform.machine()} {platform.processor()}"
    try:
        info = Path("/proc/cpuinfo").read_text().splitlines()
        kind += next(line for line in info if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        pass
    return hashlib.sha256(kind.encode()).hexdigest()[:16]
