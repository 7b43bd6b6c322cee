"""Joins a Ray cluster, or starts Ray on this machine, and tells in one line why it cannot."""

import os
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kohort.data.system import memory
from kohort.engine.ray_settings import Ray
from kohort.errors import DesignError, reason
from kohort.runs.cluster import versions
from kohort.runs.pace import asked_by_signals

_PATIENCE = 10.0
"""Seconds in which the head of a cluster must take a connection."""

_ANSWER = 120.0
"""Seconds in which each node must tell its versions: it may start a process for that first."""

_LOOPBACK = "127.0.0.1"


@contextmanager
def connected(cluster: Ray) -> Iterator[Any]:
    """The module `ray`, joined to a cluster while the block runs.

    Where the process has joined one before, that one is used, and not left.

    Raises:
        DesignError: Ray is not installed, or there is no such cluster.
    """
    ray = _imported()
    if ray.is_initialized():
        _check_joined(cluster, ray.get_runtime_context().gcs_address)
        yield ray
        return
    address = cluster.address or os.environ.get("RAY_ADDRESS") or None
    # What Ray prints of dead processes is pages; whoever sends tasks gets the same as errors.
    with _without("ray._private.worker", "print_to_stdstream"):
        try:
            with _undisturbed():
                _join(ray, address)
            yield ray
        finally:
            # Of a cluster that has gone nothing is to be left, and why the block ended is told.
            with _undisturbed(), suppress(Exception):
                ray.shutdown()


@contextmanager
def _without(module: str, name: str) -> Iterator[None]:
    """Let a function of Ray's do nothing, for which it has no setting."""
    found = sys.modules.get(module)
    real = getattr(found, name, None)
    if real is None:
        yield
        return
    setattr(found, name, lambda *_, **__: None)
    try:
        yield
    finally:
        setattr(found, name, real)


def _imported() -> Any:
    # Ray asks for this when it is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise DesignError(
            "Ray, for executor='ray'", "none that is installed", "pip install 'kohort[ray]'"
        ) from error
    return ray


def _check_joined(cluster: Ray, joined: str) -> None:
    """Refuse another cluster than the one that this process has joined."""
    if cluster.address not in (None, "auto", joined):
        raise DesignError(
            f"the cluster at {joined}, which this process has joined, or none that it has",
            str(cluster.address),
            "call ray.shutdown() before",
        )


def _join(ray: Any, address: str | None) -> None:
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {"address": "local", "include_dashboard": False, "_node_ip_address": _LOOPBACK}
    elif address != "auto":
        _check_listens(address)
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **options)
    except Exception as error:
        place = "on this machine" if address in (None, "auto") else f"at {address}"
        told = " ".join(str(error).split()) or type(error).__name__
        raise DesignError(
            f"a Ray cluster {place} that this process can join",
            told[:300],
            "check the address, and that Ray and Python have one version on all nodes",
        ) from error


def _check_listens(address: str) -> None:
    """Refuse an address where nobody listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        raise DesignError(
            f"a Ray cluster at {address}",
            f"none ({reason(error)})",
            "give the address that `ray start --head` has shown, or start one",
        ) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until Ray has started or ended; a second one ends at once.

    Ray leaves processes behind where its start is ended. It takes SIGTERM over when it is joined,
    to end the process by `sys.exit`, and lets the system end it after it was left.

    Raises:
        KeyboardInterrupt: There was one.
    """
    came: list[None] = []
    with (
        asked_by_signals(lambda: came.append(None)),
        _without("ray._private.utils", "set_sigterm_handler"),
        warnings.catch_warnings(),
    ):
        # It starts its processes by a fork, in which nothing of JAX runs.
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        yield
    if came:
        raise KeyboardInterrupt


def nodes(ray: Any, cpus: int) -> list[Mapping[str, Any]]:
    """The nodes that are alive and have the cores of a block."""
    return [node for node in ray.nodes() if _cores(node) >= cpus]


def _cores(node: Mapping[str, Any]) -> float:
    return float(node["Resources"].get("CPU", 0)) if node["Alive"] else 0.0


def check_nodes(ray: Any, cpus: int, here: Mapping[str, str]) -> None:
    """Refuse a cluster of which no node has the cores of a block, or one has other versions.

    Args:
        ray: The module, joined to the cluster.
        cpus: The cores of a block.
        here: The versions of this process.

    Raises:
        DesignError: It is such a cluster.
    """
    able = nodes(ray, cpus)
    if not able:
        most = max(map(_cores, ray.nodes()), default=0)
        raise DesignError(
            f"a node of {cpus} cores for a block",
            f"a cluster whose largest has {most:g}",
            "start Ray with more (ray start --num-cpus), or give Ray(cpus=...) fewer",
        )
    tell = ray.remote(num_cpus=0, max_retries=0)(versions.teller())
    # Several nodes may have one address.
    asked = [(_name(node), tell.options(**on_node(ray, node["NodeID"])).remote()) for node in able]
    for name, answer in asked:
        try:
            told = ray.get(answer, timeout=_ANSWER)
        except (ray.exceptions.NodeDiedError, ray.exceptions.TaskUnschedulableError):
            continue  # It has just died, and others train.
        except ray.exceptions.RayError as error:
            raise DesignError(
                f"a node {name} that runs a task",
                f"{type(error).__name__}: {reason(error)}",
                "mend that node, or take it out of the cluster",
            ) from error
        versions.check_same(here, told, f"node {name}")


def on_node(ray: Any, node: str, *, soft: bool = False) -> dict[str, Any]:
    """Options of a task that runs on a node; softly, elsewhere where it is gone."""
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    return {"scheduling_strategy": affinity(node, soft=soft)}


def _name(node: Mapping[str, Any]) -> str:
    return str(node["NodeManagerAddress"])


def addresses(ray: Any) -> dict[str, str]:
    """The addresses of all nodes, by Ray's name of each."""
    return {str(node["NodeID"]): _name(node) for node in ray.nodes()}


def memory_of_block(ray: Any, cpus: int) -> int:
    """Bytes for a block, the same on all nodes: the least that its cores have of a node's memory.

    A block that goes on on another node is to run there as it began.
    """
    shares = (
        node["Resources"].get("memory", 0) * cpus / node["Resources"]["CPU"]
        for node in nodes(ray, cpus)
    )
    return int(min(shares, default=memory()))


def slots(ray: Any, cpus: int) -> int:
    """How many blocks train at once, 1 at least: where all nodes have died others may join."""
    return max(1, sum(int(node["Resources"]["CPU"]) // cpus for node in nodes(ray, cpus)))
