"""GPUs of a cluster: what workers that get a share of one are told, and what JAX finds there."""

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import keras

from kohort.errors import DesignError
from kohort.runs.cluster import connecting

_FRACTION = "XLA_CLIENT_MEM_FRACTION"
_OLD_FRACTION = "XLA_PYTHON_CLIENT_MEM_FRACTION"
"""JAX's names for the part of a GPU's memory that a process takes. It refuses both at once."""

_OF_SHARE = 0.9
"""The part of a block's share that JAX gets: CUDA takes memory beside, in each process."""

_ANSWER = 120.0
"""Seconds in which some node must tell of its GPU: others may use all of them."""


class Seen(NamedTuple):
    """What JAX finds in a worker that gets the GPUs of a block: its kind, and its bytes.

    None for bytes that JAX does not tell.
    """

    kind: str
    memory: int | None


def variables(gpus: float) -> dict[str, str]:
    """Environment variables of a worker, by which JAX takes the share of a block, and no more.

    Args:
        gpus: The GPUs of a block.
    """
    if not gpus:
        return {"JAX_PLATFORMS": "cpu"}
    # The driver may be kept from GPUs by what workers are not to be kept by.
    told = {"JAX_PLATFORMS": ""}
    if gpus < 1 and not any(os.environ.get(name) for name in (_FRACTION, _OLD_FRACTION)):
        told |= {_FRACTION: f"{_OF_SHARE * gpus:.6f}", _OLD_FRACTION: ""}
    return told


def seen() -> Seen:
    """What JAX finds in this process.

    Raises:
        DesignError: No GPU. It would train on the CPU.
    """
    devices = jax.local_devices()
    if jax.default_backend() != "gpu":
        raise DesignError(
            f"a GPU that JAX finds on node {platform.node()}, which has one for Ray",
            f"none, but {devices[0].platform}",
            "install JAX for its GPU there (pip install 'jax[cuda13]'), or leave out gpus "
            "(--gpus) to train on cores",
        )
    stats = [device.memory_stats() or {} for device in devices]
    limits = [int(each["bytes_limit"]) for each in stats if "bytes_limit" in each]
    return Seen(devices[0].device_kind, min(limits) if len(limits) == len(devices) else None)


def _check_driver(ray: Any, able: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a driver that takes the memory of GPUs from blocks, or has another backend."""
    if keras.backend.backend() != "jax":
        raise DesignError(
            "Keras's backend JAX, for GPUs of a cluster",
            keras.backend.backend(),
            "set KERAS_BACKEND=jax, or leave out gpus (--gpus)",
        )
    here = ray.get_runtime_context().get_node_id()
    chosen = (_FRACTION, _OLD_FRACTION, "XLA_PYTHON_CLIENT_PREALLOCATE")
    if (
        here in [node["NodeID"] for node in able]
        and not any(os.environ.get(name) for name in chosen)
        and jax.default_backend() == "gpu"
    ):
        raise DesignError(
            "a driver that leaves the GPUs of its machine to blocks",
            "one whose JAX takes most of their memory",
            "start it with JAX_PLATFORMS=cpu",
        )


def asked(ray: Any, ask: Any, able: Sequence[Mapping[str, Any]]) -> list[Seen]:
    """What JAX finds on nodes; those whose GPUs are all in use do not tell.

    Args:
        ray: The module, joined to the cluster.
        ask: `seen` as a task that has what a block has.
        able: The nodes that train blocks.

    Raises:
        DesignError: A node finds no GPU, or none tells; the driver has another backend than JAX, or
            takes the memory of a node's GPUs.
    """
    _check_driver(ray, able)
    sent = {
        ask.options(**connecting.on_node(ray, node["NodeID"])).remote(): connecting.name_of(node)
        for node in able
    }
    ready, late = ray.wait([*sent], num_returns=len(sent), timeout=_ANSWER)
    for answer in late:
        ray.cancel(answer)
    told = [connecting.told_by(ray, sent[answer], answer) for answer in ready]
    found = [each for each in told if each is not None]
    if not found:
        raise DesignError(
            "a free GPU for a block",
            f"none in {_ANSWER:.0f} seconds",
            "wait until what else uses the GPUs of the cluster has ended",
        )
    return found


def memory_of_block(found: Sequence[Seen]) -> int:
    """Bytes for a block, the same on all nodes: the least that JAX has for one.

    Raises:
        DesignError: JAX does not tell.
    """
    told = [each.memory for each in found if each.memory is not None]
    if len(told) < len(found):
        raise DesignError(
            "GPUs of which JAX tells the memory",
            next(each.kind for each in found if each.memory is None),
            "say what a block may take by memory= (--memory)",
        )
    return min(told)


def kinds(found: Sequence[Seen]) -> str:
    """The devices that train blocks, as the environment of a study names them."""
    return f"{', '.join(sorted({each.kind for each in found}))} (Ray)"
