"""The versions that decide numbers, which are to be the same on all nodes of a cluster."""

from collections.abc import Callable, Mapping

from kohort.errors import DesignError


def teller() -> Callable[[], dict[str, str]]:
    """A function that gives versions by name, as text; "none" of what is not installed.

    It is sent by value, and imports nothing of what it names: it runs where kohort may be missing.
    """

    def tell() -> dict[str, str]:
        import hashlib
        import platform
        from importlib.metadata import PackageNotFoundError, version
        from importlib.util import find_spec
        from pathlib import Path

        versions = {"Python": platform.python_version()}
        for name in ("kohort", "keras", "jax", "jaxlib", "numpy"):
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                versions[name] = "none"
        found = find_spec("kohort")
        if found is not None and found.origin is not None:
            # Between two releases kohort has one version, and many sources.
            digest = hashlib.sha256()
            for path in sorted(Path(found.origin).parent.rglob("*.py")):
                digest.update(path.read_bytes())
            versions["kohort"] += f" of source {digest.hexdigest()[:8]}"
        return versions

    return tell


def check_same(driver: Mapping[str, str], worker: Mapping[str, str], node: str) -> None:
    """Refuse a node that has other versions.

    Raises:
        DesignError: It has.
    """
    other = [name for name in driver if worker.get(name) != driver[name]]
    if other:
        here = ", ".join(f"{name} {driver[name]}" for name in other)
        there = ", ".join(f"{name} {worker.get(name, 'none')}" for name in other)
        raise DesignError(
            f"{here} on each node of the cluster, as here",
            f"{there} on {node}",
            "install the same versions there",
        )
