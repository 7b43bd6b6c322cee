"""What `Study.run(executor=...)` takes: the Ray cluster that trains."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kohort.errors import DesignError, received_text

type Executor = Literal["local", "ray"] | Ray
"""Where members train: in this process, or on a Ray cluster."""

_RAYS = 10_000
"""Into so many parts Ray divides a GPU."""


@dataclass(frozen=True)
class Ray:
    """A Ray cluster that trains the members of a study, a block of them in each task.

    Args:
        address: "HOST:PORT" of the cluster's head; "auto" for the cluster that runs on this
            machine. None is the address in the environment variable RAY_ADDRESS, and without one
            Ray is started on this machine for the run, and ended with it.
        cpus: The cores of a block.
        shared: A place that all nodes reach, in which arrays of 1 MiB and more are kept for them
            in the place of being sent: a folder, by its path from the root, or a URL of fsspec,
            such as "s3://bucket/data". Files there are named by what they hold; a later run finds
            them, and none is deleted.
        gpus: The GPUs of a block: 0 trains it on its cores, a part of 1 lets blocks share a GPU
            (0.25: four of them, each with a quarter of its memory), to four decimals as Ray counts.
            More than one are a whole number; they serve what `keras.distribution` spreads over
            devices, as a block trains on one. A block has its cores too.

    Raises:
        DesignError: It is the address of no cluster, there is no such number of cores or GPUs, or
            the place is none.

    Example:
        >>> import kohort
        >>> kohort.Ray("10.0.0.5:6379", cpus=2)
        Ray(address='10.0.0.5:6379', cpus=2, shared=None, gpus=0)
    """

    address: str | None = None
    cpus: int = 1
    shared: str | None = None
    gpus: float = 0

    def __post_init__(self) -> None:
        if self.shared is not None:
            object.__setattr__(self, "shared", _place(self.shared))
        if type(self.cpus) is not int or self.cpus < 1:
            raise DesignError("cpus of 1 or more", repr(self.cpus), "give the cores of a block")
        object.__setattr__(self, "gpus", _share(self.gpus))
        if self.address is None or self.address == "auto":
            return
        host, _, port = str(self.address).rpartition(":")
        if "/" in host or not host or not port.isdecimal():
            raise DesignError(
                "the address of a cluster's head as HOST:PORT",
                repr(self.address),
                "give what `ray start --head` has shown, such as 10.0.0.5:6379",
            )


def _place(shared: object) -> str:
    place = os.fspath(shared) if isinstance(shared, str | os.PathLike) else ""
    if "://" in place or Path(place).is_absolute():
        return place
    raise DesignError(
        "shared as a folder by its path from the root, or a URL such as s3://bucket/data",
        repr(shared),
        "give a place that every node of the cluster reaches by this name",
    )


def _share(gpus: object) -> float:
    """The GPUs of a block; a part of one rounded down, so that as many blocks share it as can."""
    if isinstance(gpus, int | float) and not isinstance(gpus, bool):
        if gpus == 0 or (1 <= gpus < math.inf and gpus == int(gpus)):
            return int(gpus)
        if 1 / _RAYS <= gpus < 1:
            return math.floor(gpus * _RAYS + 1e-6) / _RAYS
    raise DesignError(
        "gpus of 0, of a part of one such as 0.25, or a whole number",
        received_text(gpus),
        "give the GPUs of a block",
    )


def cluster_of(executor: Executor) -> Ray | None:
    """The cluster that an executor names; None for this process.

    Raises:
        DesignError: It is no executor.
    """
    if isinstance(executor, Ray):
        return executor
    if executor not in ("local", "ray"):
        raise DesignError(
            "executor in ('local', 'ray'), or a kohort.Ray", repr(executor), "use one of them"
        )
    return Ray() if executor == "ray" else None
