"""What `Study.run(executor=...)` takes: the Ray cluster that trains."""

from dataclasses import dataclass
from typing import Literal

from kohort.errors import DesignError

type Executor = Literal["local", "ray"] | Ray
"""Where members train: in this process, or on a Ray cluster."""


@dataclass(frozen=True)
class Ray:
    """A Ray cluster that trains the members of a study, a block of them in each task.

    Args:
        address: "HOST:PORT" of the cluster's head; "auto" for the cluster that runs on this
            machine. None is the address in the environment variable RAY_ADDRESS, and without one
            Ray is started on this machine for the run, and ended with it.
        cpus: The cores of a block.

    Raises:
        DesignError: It is the address of no cluster, or there is no such number of cores.

    Example:
        >>> import kohort
        >>> kohort.Ray("10.0.0.5:6379", cpus=2)
        Ray(address='10.0.0.5:6379', cpus=2)
    """

    address: str | None = None
    cpus: int = 1

    def __post_init__(self) -> None:
        if type(self.cpus) is not int or self.cpus < 1:
            raise DesignError("cpus of 1 or more", repr(self.cpus), "give the cores of a block")
        if self.address is None or self.address == "auto":
            return
        host, _, port = str(self.address).rpartition(":")
        if "/" in host or not host or not port.isdecimal():
            raise DesignError(
                "the address of a cluster's head as HOST:PORT",
                repr(self.address),
                "give what `ray start --head` has shown, such as 10.0.0.5:6379",
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
