"""A Ray cluster of processes on this machine, each node with an address of loopback."""

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_networks = itertools.count(os.getpid() % 200)


class Loopback:
    """A cluster of a head, which trains nothing, and nodes of one core.

    Args:
        nodes: How many.
    """

    def __init__(self, nodes: int = 2) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster  # It is in no environment but those that need it.

        # 127.0.0.1 Ray takes for another name of the machine's address; these it takes as they are.
        self._network, self._hosts = 1 + next(_networks) % 250, itertools.count(2)
        head = {"num_cpus": 0, "node_ip_address": self._host(), "include_dashboard": False}
        with _forking():
            self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.address = str(self.cluster.address)
        for _ in range(nodes):
            self.join()

    def _host(self) -> str:
        return f"127.0.{self._network}.{next(self._hosts)}"

    def join(self) -> None:
        """Add a node."""
        with _forking():
            self.cluster.add_node(num_cpus=1, node_ip_address=self._host())

    def nodes(self) -> list[Any]:
        """The nodes that train, in the order of their addresses."""
        return sorted(self.cluster.worker_nodes, key=lambda node: str(node.node_ip_address))

    def kill_node(self, number: int = 0) -> None:
        """Kill a node, and all that runs there."""
        self.cluster.remove_node(self.nodes()[number], allow_graceful=False)

    def kill_head(self) -> None:
        """Kill the head; the nodes are left."""
        self.cluster.remove_node(self.cluster.head_node, allow_graceful=False)

    def workers(self) -> Iterator[int]:
        """The processes that train."""
        for node in self.nodes():
            for raylet in node.all_processes["raylet"]:
                task = Path(f"/proc/{raylet.process.pid}/task/{raylet.process.pid}/children")
                for child in task.read_text().split() if task.exists() else []:
                    command = Path(f"/proc/{child}/cmdline")
                    if command.exists() and b"ray::block" in command.read_bytes():
                        yield int(child)

    def end(self) -> None:
        """End all of it."""
        self.cluster.shutdown()


@contextmanager
def _forking() -> Iterator[None]:
    """Let Ray start processes beside JAX: it forks, and nothing of JAX runs in between."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        yield
