"""Kills workers, nodes, drivers and heads of a Ray cluster while a study runs on it.

    python -m scripts.kills_ray --kills 20

The cluster is on this machine: a head and three nodes, each of processes of its own on an address
of loopback. At random moments SIGKILL ends a worker, a node (another one joins), the driver (it is
started again) or the head (all of it is). Whenever a study comes to its end, it is compared, bit
for bit, with one that was run in this process at the same chunks, and another begins.
"""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import kohort  # before Keras, whose backend it chooses

# isort: split
import numpy as np
import typer

from kohort.runs.cluster.ray_settings import Executor
from scripts.kills import EPOCHS, measured, same, study
from scripts.loopback import Loopback

CHUNK = 2
NODES = 3
LONGEST = 600.0  # seconds for one study

VICTIMS = "worker worker node driver head"


def run(address: str, store: Path, out: Path) -> None:
    """Run the study on a cluster, or what is left of it; at its end keep its numbers."""
    executor: Executor = "local" if address == "local" else kohort.Ray(address)
    result = study().run(
        store, checkpoint_seconds=0.0, verbose=0, chunk_size=CHUNK, executor=executor
    )
    np.savez(out, allow_pickle=False, **measured(result))


def driver(address: str, store: Path, out: Path) -> subprocess.Popen[bytes]:
    """A process that runs the study."""
    command = [sys.executable, "-m", "scripts.kills_ray", "--life", address, str(store), str(out)]
    with out.with_suffix(".log").open("ab") as log, warnings.catch_warnings():
        # Nothing of JAX runs between its fork and the new program.
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 (this module)


class Round:
    """One study on a cluster, which is disturbed until it ends.

    Args:
        root: A folder for the store and the numbers.
        number: The round's.
        random: Chooses the victims.
    """

    def __init__(self, root: Path, number: int, random: np.random.Generator) -> None:
        self._store, self.out = root / f"{number}.db", root / f"{number}.npz"
        self._random = random
        self.killed: list[str] = []
        self._start()

    def _start(self) -> None:
        self.cluster = Loopback(NODES)
        self.driver = driver(self.cluster.address, self._store, self.out)

    def kill(self, what: str) -> None:
        """Kill a worker, a node, the driver or the head."""
        getattr(self, f"_kill_{what}")()
        self.killed.append(what)

    def _kill_worker(self) -> None:
        victims = list(self.cluster.workers())
        if victims:
            os.kill(int(self._random.choice(victims)), signal.SIGKILL)

    def _kill_node(self) -> None:
        self.cluster.kill_node(int(self._random.integers(NODES)))
        self.cluster.join()

    def _kill_driver(self) -> None:
        self._end_driver()
        self.driver = driver(self.cluster.address, self._store, self.out)

    def _kill_head(self) -> None:
        self.cluster.kill_head()
        self.end()  # Ray ends the driver too, after a minute without a head.
        self._start()

    def _end_driver(self) -> None:
        self.driver.kill()
        self.driver.wait()

    def end(self) -> None:
        """End the driver and the cluster."""
        self._end_driver()
        self.cluster.end()


def disturbed(root: Path, number: int, random: np.random.Generator, kills: list[str]) -> Round:
    """Run the study on a cluster with these kills, or those of them that come before it ends."""
    here = Round(root, number, random)
    until, left = time.monotonic() + LONGEST, deque(kills)
    try:
        while here.driver.poll() is None:
            if time.monotonic() > until:
                sys.exit("the study does not end")
            with suppress(subprocess.TimeoutExpired):
                here.driver.wait(random.uniform(1.0, 12.0))
            if left and here.driver.poll() is None:
                here.kill(left.popleft())
    finally:
        here.end()
    if here.driver.returncode:
        sys.exit(f"the driver failed: {here.out.with_suffix('.log').read_text()[-3000:]}")
    return here


def main(
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the moments and the victims.")] = 0,
    victims: Annotated[str, typer.Option(help="What to kill, in words.")] = VICTIMS,
    life: Annotated[tuple[str, Path, Path] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Kill parts of a cluster again and again, and compare what a study ends with."""
    if life is not None:
        run(*life)
        return
    random = np.random.default_rng(seed)
    planned = [str(victim) for victim in random.choice(victims.split(), kills)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        run("local", root / "whole.db", root / "whole.npz")
        for number in itertools.count(1):
            here = disturbed(root, number, random, planned)
            is_same = same(root / "whole.npz", here.out)
            outcome = "the same numbers" if is_same else "OTHER NUMBERS"
            print(f"study {number}: {', '.join(here.killed) or 'no kill'}: {outcome}", flush=True)
            if not is_same:
                sys.exit(1)
            planned = planned[len(here.killed) :]
            if not planned:
                break
        print(f"{kills} kills, {number} studies of {EPOCHS} epochs")


if __name__ == "__main__":
    typer.run(main)
