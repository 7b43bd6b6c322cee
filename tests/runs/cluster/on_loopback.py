"""A Ray cluster of processes on this machine, each node with an address of loopback."""

import itertools
import os
import warnings
from contextlib import contextmanager
from pathlib import Path

_NETWORKS = itertools.count(10 + os.getpid() % 200)


@contextmanager
def _forking():
    """Let Ray start processes beside JAX: it forks, and nothing of JAX runs in between."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        yield


class Loopback:
    """A cluster of a head, which trains nothing, and nodes of one core.

    Args:
        nodes: How many.
    """

    def __init__(self, nodes=2):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        # Ray takes 127.0.0.1 for another name of the machine's address, and these for what they are.
        self._network, self._hosts = next(_NETWORKS) % 250, itertools.count(2)
        head = {"num_cpus": 0, "node_ip_address": self._host(), "include_dashboard": False}
        with _forking():
            self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = self.cluster.address
        for _ in range(nodes):
            self.join()

    def _host(self):
        return f"127.0.{self._network}.{next(self._hosts)}"

    def join(self):
        """Add a node."""
        with _forking():
            self.cluster.add_node(num_cpus=1, node_ip_address=self._host())

    def kill_node(self):
        """Kill a node, and all that runs there."""
        self.cluster.remove_node(next(iter(self.cluster.worker_nodes)), allow_graceful=False)

    def workers(self):
        """The processes that train."""
        raylets = [node.all_processes["raylet"] for node in self.cluster.worker_nodes]
        for raylet in itertools.chain(*raylets):
            task = Path(f"/proc/{raylet.process.pid}/task/{raylet.process.pid}/children")
            for child in task.read_text().split():
                if b"ray::_block" in Path(f"/proc/{child}/cmdline").read_bytes():
                    yield int(child)

    def end(self):
        """End all of it."""
        self.cluster.shutdown()
