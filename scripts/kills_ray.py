"""Kills workers, nodes, drivers and heads of a Ray cluster while a study runs on it.

    python -m scripts.kills_ray --kills 20
    python -m scripts.kills_ray --kills 10 --what search
    python -m scripts.kills_ray --kills 10 --postgres

The cluster is on this machine: a head and three nodes, each of processes of its own on an address
of loopback. At random moments SIGKILL ends a worker, a node (another one joins), the driver (it is
started again) or the head (all of it is). Whenever a study, or a search, comes to its end, it is
compared, bit for bit, with one that was run in this process at the same chunks, and another begins.
Of `--victims` two more hang for ever: "hanging" is a worker, and "frozen" a node, that is stopped.
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
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import kohort  # before Keras, whose backend it chooses

# isort: split
import numpy as np
import typer

from kohort.engine.ray_settings import Executor
from scripts.kills import RUNS, What, same
from scripts.loopback import Loopback
from tests.postgres import Server, binaries

CHUNK = 2
NODES = 3
LONGEST = 600.0  # seconds for one study

VICTIMS = "worker worker node driver head"


def run(what: str, address: str, store: str, out: Path) -> None:
    """Run it on a cluster, or what is left of it; at its end keep its numbers."""
    executor: Executor = "local" if address == "local" else kohort.Ray(address)
    options: dict[str, Any] = {"chunk_size": CHUNK} if what == "study" else {}
    numbers = RUNS[what](store, quick=False, executor=executor, **options)
    np.savez(out, allow_pickle=False, **numbers)


def driver(what: What, address: str, store: str, out: Path) -> subprocess.Popen[bytes]:
    """A process that runs it."""
    words = (what, address, store, str(out))
    command = [sys.executable, "-m", "scripts.kills_ray", "--life", *words]
    with out.with_suffix(".log").open("ab") as log, warnings.catch_warnings():
        # Nothing of JAX runs between its fork and the new program.
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        # It runs in another folder.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: S603


class Round:
    """One study, or search, on a cluster, which is disturbed until it ends.

    Args:
        what: Which of them.
        store: Where it is kept.
        out: A file for the numbers.
        random: Chooses the victims.
    """

    def __init__(self, what: What, store: str, out: Path, random: np.random.Generator) -> None:
        self._what, self._store, self.out = what, store, out
        self._random = random
        self.killed: list[str] = []
        self._start()

    def _start(self) -> None:
        self.cluster = Loopback(NODES)
        self._begin_driver()

    def _begin_driver(self) -> None:
        self.driver = driver(self._what, self.cluster.address, self._store, self.out)

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

    def _kill_hanging(self) -> None:
        """Stop a worker, which hangs from then on."""
        victims = list(self.cluster.workers())
        if victims:
            os.kill(int(self._random.choice(victims)), signal.SIGSTOP)

    def _kill_frozen(self) -> None:
        """Stop all of a node, which hangs from then on; another one joins."""
        self.cluster.freeze_node(int(self._random.integers(NODES)))
        self.cluster.join()

    def _kill_driver(self) -> None:
        self._end_driver()
        self._begin_driver()

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


def disturbed(here: Round, random: np.random.Generator, kills: list[str]) -> None:
    """Run it with these kills, or with those of them that come before it ends."""
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


def main(
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the moments and the victims.")] = 0,
    victims: Annotated[str, typer.Option(help="What to kill, in words.")] = VICTIMS,
    what: Annotated[What, typer.Option(help="What runs on the cluster.")] = "study",
    life: Annotated[tuple[str, str, str, Path] | None, typer.Option(hidden=True)] = None,
    *,
    postgres: Annotated[
        bool, typer.Option("--postgres", help="Keep it in a PostgreSQL server of its own.")
    ] = False,
) -> None:
    """Kill parts of a cluster again and again, and compare what a study or a search ends with."""
    if life is not None:
        run(*life)
        return
    random = np.random.default_rng(seed)
    planned = [str(victim) for victim in random.choice(victims.split(), kills)]
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # PostgreSQL has no place for weights: they are kept where the driver runs.
        stack.enter_context(chdir(root))
        server = stack.enter_context(serving()) if postgres else None
        run(what, "local", str(root / "whole.db"), root / "whole.npz")
        for number in itertools.count(1):
            store = server.new_database() if server else str(root / f"{number}.db")
            here = Round(what, store, root / f"{number}.npz", random)
            disturbed(here, random, planned)
            is_same = same(root / "whole.npz", here.out)
            outcome = "the same numbers" if is_same else "OTHER NUMBERS"
            print(f"{what} {number}: {', '.join(here.killed) or 'no kill'}: {outcome}", flush=True)
            if not is_same:
                sys.exit(1)
            planned = planned[len(here.killed) :]
            if not planned:
                break
        print(f"{kills} kills, {number} of a {what}")


@contextmanager
def serving() -> Iterator[Server]:
    """A PostgreSQL server of this machine's binaries."""
    folder = binaries()
    if folder is None:
        sys.exit("there is no PostgreSQL here: expected initdb")
    server = Server(folder)
    try:
        yield server
    finally:
        server.remove()


if __name__ == "__main__":
    typer.run(main)
