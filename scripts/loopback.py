"""A Ray cluster of processes on this machine, each node with an address of loopback."""

import itertools
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_networks = itertools.count()


class Loopback:
    """A cluster of a head, which trains nothing, and nodes.

    Args:
        nodes: How many of one core to begin with.
    """

    def __init__(self, nodes: int = 2) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster  # It is in no environment but those that need it.

        # 127.0.0.1 Ray takes for another name of the machine's address; these it takes as they are.
        # Processes that have clusters at the same time have no address in common.
        self._network = f"127.{1 + os.getpid() % 250}.{next(_networks) % 250}"
        self._hosts = itertools.count(2)
        head = {"num_cpus": 0, "node_ip_address": self._host(), "include_dashboard": False}
        with _forking():
            self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.address = str(self.cluster.address)
        for _ in range(nodes):
            self.join()

    def _host(self) -> str:
        return f"{self._network}.{next(self._hosts)}"

    def join(self, cpus: int = 1, gpus: int = 0) -> None:
        """Add a node of some cores, and of GPUs that Ray takes for some that are there."""
        with _forking():
            self.cluster.add_node(num_cpus=cpus, num_gpus=gpus, node_ip_address=self._host())

    def nodes(self) -> list[Any]:
        """The nodes that train, in the order in which they joined."""
        return sorted(self.cluster.worker_nodes, key=lambda node: _number(node.node_ip_address))

    def kill_node(self, number: int = 0) -> None:
        """Kill a node, and all that runs there."""
        self.cluster.remove_node(self.nodes()[number], allow_graceful=False)

    def freeze_node(self, number: int = 0) -> None:
        """Stop all processes of a node; they are there, and do nothing any more."""
        for started in self.nodes()[number].all_processes.values():
            for process in started:
                for child in _children(process.process.pid):
                    os.kill(child, signal.SIGSTOP)
                os.kill(process.process.pid, signal.SIGSTOP)

    def kill_head(self) -> None:
        """Kill the head; the nodes are left."""
        self.cluster.remove_node(self.cluster.head_node, allow_graceful=False)

    def workers(self, *nodes: Any) -> Iterator[int]:
        """The processes that train, on some nodes; on all where none is named."""
        for node in nodes or self.nodes():
            for raylet in node.all_processes["raylet"]:
                for child in _children(raylet.process.pid):
                    command = Path(f"/proc/{child}/cmdline")
                    if command.exists() and b"ray::block" in command.read_bytes():
                        yield child

    def end(self) -> None:
        """End all of it."""
        self.cluster.shutdown()


def _children(process: int) -> list[int]:
    told = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in told.read_text().split()] if told.exists() else []


def _number(address: str) -> int:
    return int(address.rpartition(".")[2])


@contextmanager
def _forking() -> Iterator[None]:
    """Let Ray start processes beside JAX: it forks, and nothing of JAX runs in between."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        yield
