"""Joins a Ray cluster, or starts Ray on this machine, and tells in one line why it cannot."""

import os
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
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


def nodes(ray: Any, cluster: Ray) -> list[Mapping[str, Any]]:
    """The nodes that are alive and have the cores and the GPUs of a block."""
    return [node for node in ray.nodes() if _room(node, cluster)]


def _room(node: Mapping[str, Any], cluster: Ray) -> int:
    """How many blocks a node trains at once."""
    on_cores = int(_has(node, "CPU")) // cluster.cpus
    if not cluster.gpus:
        return on_cores
    gpus = int(_has(node, "GPU"))
    # Blocks share one GPU; none lies on two unless it has both.
    on_gpus = gpus * int(1 / cluster.gpus) if cluster.gpus < 1 else gpus // int(cluster.gpus)
    return min(on_cores, on_gpus)


def _has(node: Mapping[str, Any], resource: str) -> float:
    return float(node["Resources"].get(resource, 0)) if node["Alive"] else 0.0


def check_nodes(ray: Any, cluster: Ray, here: Mapping[str, str]) -> None:
    """Refuse a cluster of which no node has room for a block, or one has other versions.

    Args:
        ray: The module, joined to the cluster.
        cluster: What a block has there.
        here: The versions of this process.

    Raises:
        DesignError: It is such a cluster.
    """
    able = nodes(ray, cluster)
    if not able:
        raise _no_room(ray.nodes(), cluster)
    tell = ray.remote(num_cpus=0, max_retries=0)(versions.teller())
    # Several nodes may have one address.
    asked = [
        (name_of(node), tell.options(**on_node(ray, node["NodeID"])).remote()) for node in able
    ]
    for name, answer in asked:
        told = told_by(ray, name, answer)
        if told is not None:
            versions.check_same(here, told, f"node {name}")


def _no_room(every: Sequence[Mapping[str, Any]], cluster: Ray) -> DesignError:
    cores = max((_has(node, "CPU") for node in every), default=0)
    if cores < cluster.cpus:
        return DesignError(
            f"a node of {cluster.cpus} cores for a block",
            f"a cluster whose largest has {cores:g}",
            "start Ray with more (ray start --num-cpus), or give Ray(cpus=...) fewer",
        )
    gpus = max(_has(node, "GPU") for node in every if _has(node, "CPU") >= cluster.cpus)
    return DesignError(
        f"a node that has {cluster.gpus:g} GPUs and {cluster.cpus} cores for a block",
        f"a cluster in which a node of so many cores has {gpus:g} GPUs at most",
        "start Ray where they are (ray start --num-gpus), or give gpus (--gpus) less",
    )


def told_by(ray: Any, node: str, answer: Any) -> Any:
    """What a task tells that was sent to a node; None where the node has just died.

    Raises:
        DesignError: The task raises it, or does not run there.
    """
    try:
        return ray.get(answer, timeout=_ANSWER)
    except (ray.exceptions.NodeDiedError, ray.exceptions.TaskUnschedulableError):
        return None  # Others train.
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, DesignError):
            raise cause from error
        raise DesignError(
            f"a node {node} that runs a task",
            f"{type(error).__name__}: {reason(error)}",
            "mend that node, or take it out of the cluster",
        ) from error


def on_node(ray: Any, node: str, *, soft: bool = False) -> dict[str, Any]:
    """Options of a task that runs on a node; softly, elsewhere where it is gone."""
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    return {"scheduling_strategy": affinity(node, soft=soft)}


def name_of(node: Mapping[str, Any]) -> str:
    """What messages call a node: its address."""
    return str(node["NodeManagerAddress"])


def addresses(ray: Any) -> dict[str, str]:
    """The addresses of all nodes, by Ray's name of each."""
    return {str(node["NodeID"]): name_of(node) for node in ray.nodes()}


def memory_of_block(ray: Any, cluster: Ray) -> int:
    """Bytes for a block on cores, the least that these have of the memory of any node.

    A block that goes on on another node is to run there as it began.
    """
    shares = (
        node["Resources"].get("memory", 0) * cluster.cpus / node["Resources"]["CPU"]
        for node in nodes(ray, cluster)
    )
    return int(min(shares, default=memory()))


def slots(ray: Any, cluster: Ray) -> int:
    """How many blocks train at once, 1 at least: where all nodes have died others may join."""
    return max(1, sum(_room(node, cluster) for node in ray.nodes()))
