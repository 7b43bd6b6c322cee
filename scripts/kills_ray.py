"""Kills workers, nodes, drivers and heads of a Ray cluster while a study runs on it.

    python -m scripts.kills_ray --kills 20

The cluster is on this machine: a head and three nodes, each of processes of its own on an address
of loopback. At random moments SIGKILL ends a worker, a node (another one joins), the driver (it is
started again) or the head (all of it is). Whenever a study comes to its end, it is compared, bit for
bit, with one that was run in this process at the same chunks, and another begins.
"""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import kohort  # before Keras, whose backend it chooses

# isort: split
import numpy as np
import typer

from scripts.kills import EPOCHS, measured, same, study

CHUNK = 2
NODES = 3
LONGEST = 600.0  # seconds for one study

type Cluster = Any


def run(address: str, store: Path, out: Path) -> None:
    """Run the study on a cluster, or what is left of it; at its end keep its numbers."""
    executor = "local" if address == "local" else kohort.Ray(address)
    result = study().run(
        store, checkpoint_seconds=0.0, verbose=0, chunk_size=CHUNK, executor=executor
    )
    np.savez(out, allow_pickle=False, **measured(result))


def started(number: int) -> Cluster:
    """A cluster of a head, which trains nothing, and nodes of one core."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster as OfRay

    head = {"num_cpus": 0, "node_ip_address": f"127.0.{number}.2", "include_dashboard": False}
    cluster = OfRay(initialize_head=True, head_node_args=head)
    for place in range(NODES):
        join(cluster, f"127.0.{number}.{3 + place}")
    return cluster


def join(cluster: Cluster, address: str) -> None:
    """Add a node of one core."""
    cluster.add_node(num_cpus=1, node_ip_address=address)


def driver(cluster: Cluster, store: Path, out: Path) -> subprocess.Popen[bytes]:
    """A process that runs the study."""
    command = [sys.executable, "-m", "scripts.kills_ray", "--life", cluster.address]
    log = out.with_suffix(".log").open("ab")
    return subprocess.Popen([*command, str(store), str(out)], stdout=log, stderr=log)


def workers(cluster: Cluster) -> Iterator[int]:
    """The processes that train, by their raylets."""
    for node in cluster.worker_nodes:
        for raylet in node.all_processes["raylet"]:
            children = Path(f"/proc/{raylet.process.pid}/task/{raylet.process.pid}/children")
            for child in children.read_text().split() if children.exists() else []:
                if b"ray::_block" in Path(f"/proc/{child}/cmdline").read_bytes():
                    yield int(child)


class Round:
    """One study on one cluster, which is disturbed until it ends.

    Args:
        cluster: The cluster.
        root: A folder for the store and the numbers.
        number: The round's.
        random: What chooses the victims.
    """

    def __init__(self, root: Path, number: int, random: np.random.Generator) -> None:
        self._clusters = itertools.count(1)
        self.cluster = started(next(self._clusters))
        self._store, self.out = root / f"{number}.db", root / f"{number}.npz"
        self._random, self._joined = random, 10
        self.driver = driver(self.cluster, self._store, self.out)
        self.killed: list[str] = []

    def kill(self) -> None:
        """Kill something."""
        what = str(self._random.choice(["worker", "worker", "node", "driver", "head"]))
        getattr(self, f"_kill_{what}")()
        self.killed.append(what)

    def _kill_worker(self) -> None:
        victims = list(workers(self.cluster))
        if victims:
            os.kill(int(self._random.choice(victims)), signal.SIGKILL)

    def _kill_node(self) -> None:
        nodes = sorted(self.cluster.worker_nodes, key=lambda node: str(node.node_ip_address))
        node = nodes[self._random.integers(len(nodes))]
        self.cluster.remove_node(node, allow_graceful=False)
        self._joined += 1
        join(self.cluster, f"127.0.9.{self._joined}")

    def _kill_driver(self) -> None:
        self.driver.kill()
        self.driver.wait()
        self.driver = driver(self.cluster, self._store, self.out)

    def _kill_head(self) -> None:
        self.cluster.remove_node(self.cluster.head_node, allow_graceful=False)
        self.driver.kill()  # Ray ends it too, after a minute without a head.
        self.driver.wait()
        self.end()
        self.cluster = started(next(self._clusters))
        self.driver = driver(self.cluster, self._store, self.out)

    def end(self) -> None:
        """End the cluster."""
        self.cluster.shutdown()


def disturbed(root: Path, number: int, random: np.random.Generator, kills: int) -> Round:
    """Run the study on a cluster with so many kills, or as many as come before it ends."""
    here = Round(root, number, random)
    until = time.monotonic() + LONGEST
    try:
        while here.driver.poll() is None:
            if time.monotonic() > until:
                sys.exit("the study does not end")
            with_kill = len(here.killed) < kills
            try:
                here.driver.wait(random.uniform(1.0, 12.0) if with_kill else LONGEST)
            except subprocess.TimeoutExpired:
                if with_kill:
                    here.kill()
    finally:
        here.driver.kill()
        here.end()
    if here.driver.returncode:
        sys.exit(f"the driver failed: {here.out.with_suffix('.log').read_text()[-3000:]}")
    return here


def main(
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the moments and the victims.")] = 0,
    life: Annotated[tuple[str, Path, Path] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Kill parts of a cluster again and again, and compare what a study ends with."""
    if life is not None:
        run(*life)
        return
    random, done = np.random.default_rng(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        run("local", root / "whole.db", root / "whole.npz")
        for number in itertools.count(1):
            here = disturbed(root, number, random, kills - done)
            done += len(here.killed)
            is_same = same(root / "whole.npz", here.out)
            outcome = "the same numbers" if is_same else "OTHER NUMBERS"
            print(f"study {number}: {', '.join(here.killed) or 'no kill'}: {outcome}", flush=True)
            if not is_same:
                sys.exit(1)
            if done >= kills:
                break
        print(f"{done} kills, {number} studies of {EPOCHS} epochs")


if __name__ == "__main__":
    typer.run(main)
