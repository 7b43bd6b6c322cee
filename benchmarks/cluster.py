"""What a Ray cluster costs a study, and whether its nodes are kept busy; all on this machine.

    python -m benchmarks.cluster overhead --epochs 100 --pairs 4
    python -m benchmarks.cluster busy

`overhead` runs one study in this process's way and on a Ray that is started for it, long and short.
What the long one takes more than the short one is training without what it costs to begin; Ray
adds to it its processes and messages. Processor time is that of the run and all that it starts,
which tells more than seconds do where a machine has other work.

`busy` runs 64 blocks of different lengths on a cluster of two nodes, of one core and of two, and
tells how much of the time from the first block to the end each node's cores had one.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import kohort  # before Keras, whose backend it chooses

# isort: split
import numpy as np
import typer

from kohort.data.system import cores
from scripts.kills import build
from scripts.loopback import Loopback

REPLICATES = 8
SHORT = 0.1  # of the epochs of a long study
_LOOK = 0.1  # seconds between two looks at processes

app = typer.Typer()


def study(epochs: int) -> kohort.Study:
    """Replicates of a net of 200 units on the letters, half of them side by side."""
    return kohort.Study(
        "overhead",
        [kohort.Variant("wide", build, units=(200,))],
        kohort.load("letters"),
        replicates=kohort.Holdout(0.2, repeats=REPLICATES),
        epochs=epochs,
        batch_size=256,
    )


def unequal(epochs: tuple[int, ...]) -> kohort.Study:
    """Of blocks of one member no two variants train equally long: four widths, four replicates."""
    letters, rows = kohort.load("letters"), slice(3000)
    parts = (letters.x_train[rows], letters.y_train[rows], letters.x_test, letters.y_test)
    pairs = list(itertools.product((20, 60, 120, 200), epochs))
    return kohort.Study(
        "busy",
        [kohort.Variant(f"{width} units, {of}", build, units=(width,)) for width, of in pairs],
        kohort.Dataset(*parts),
        replicates=kohort.Holdout(0.2, repeats=4),
        epochs={f"{width} units, {of}": of for width, of in pairs},
        batch_size=64,
    )


class Processes(threading.Thread):
    """Adds up the processor time of all processes that have a mark in their environment.

    What a process takes after the last look at it is left out, a tenth of a second at most.
    """

    def __init__(self, mark: str) -> None:
        super().__init__(daemon=True)
        self._mark, self._is_done = mark.encode(), threading.Event()
        self._known: dict[str, bool] = {}
        self._seconds: dict[str, float] = {}

    def run(self) -> None:
        """Look until it is told to end."""
        while not self._is_done.wait(_LOOK):
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    self._look(folder)

    def _look(self, folder: Path) -> None:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        process = f"{folder.name} {fields[19]}"  # a number may come again, not with its begin
        if not self._known.get(process):  # It has another environment before it begins a program.
            self._known[process] = self._mark in (folder / "environ").read_bytes()
        if self._known[process]:
            ticks = int(fields[11]) + int(fields[12])
            self._seconds[process] = ticks / os.sysconf("SC_CLK_TCK")

    def end(self) -> float:
        """Seconds of processor time that were seen."""
        self._is_done.set()
        self.join()
        return sum(self._seconds.values())


def measured(executor: str, epochs: int) -> dict[str, float]:
    """Seconds of a run, and of all processors in it; of a process of its own."""
    mark = f"KOHORT_MEASURED={uuid4().hex}"
    command = [sys.executable, "-m", "benchmarks.cluster", "one", executor, str(epochs)]
    environment = os.environ | dict([mark.split("=")])
    watching = Processes(mark)
    watching.start()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return {"seconds": float(done.stdout.split()[-1]), "processor": watching.end()}


@app.command()
def one(executor: str, epochs: int) -> None:
    """Run the study once, with warm caches, and print its seconds."""
    of = study(epochs)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        of.run(
            Path(folder, "kohort.db"),
            verbose=0,
            chunk_size=REPLICATES // cores(),
            executor="ray" if executor == "ray" else "local",
        )
    print(time.perf_counter() - began)


@app.command()
def overhead(
    epochs: Annotated[int, typer.Option(help="Of the long study.")] = 600,
    pairs: Annotated[int, typer.Option(help="How often to run both.")] = 1,
) -> None:
    """Measure what Ray costs a study beside a local run of it."""
    short = max(1, int(epochs * SHORT))
    for executor in ("local", "ray"):
        measured(executor, 1)  # It compiles.
    told = []
    for _ in range(pairs):
        runs = {
            (executor, of): measured(executor, of)
            for of in (short, epochs)
            for executor in ("local", "ray")
        }
        for what in ("seconds", "processor"):
            here, there = (
                runs[executor, epochs][what] - runs[executor, short][what]
                for executor in ("local", "ray")
            )
            begins = runs["ray", short][what] - runs["local", short][what] * there / here
            told.append({"what": what, "more": there / here - 1, "to begin": begins})
        print(json.dumps({f"{who} {of}": taken for (who, of), taken in runs.items()}), flush=True)
    for each in told:
        print(json.dumps(each))


@contextmanager
def watched(cluster: Loopback) -> Iterator[list[list[int]]]:
    """Blocks that run on each node, look by look."""
    looks: list[list[int]] = []
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(_LOOK):
            looks.append([len(list(cluster.workers(node))) for node in cluster.nodes()])

    watching = threading.Thread(target=watch)
    watching.start()
    yield looks
    is_done.set()
    watching.join()


@app.command()
def busy(
    longest: Annotated[int, typer.Option(help="Epochs of the longest blocks.")] = 160,
) -> None:
    """Measure how busy two nodes are that have one core and two."""
    epochs = tuple(longest // part for part in (8, 4, 2, 1))
    counts = (1, 2)
    cluster = Loopback(0)
    for count in counts:
        cluster.join(count)
    try:
        with watched(cluster) as looks:
            unequal(epochs).run(verbose=0, chunk_size=1, executor=kohort.Ray(cluster.address))
    finally:
        cluster.end()
    seen = np.array(looks)
    trains = np.flatnonzero(seen.sum(axis=1))
    seen = seen[trains[0] : trains[-1] + 1]
    told = {
        f"node of {count} cores": float(seen[:, node].mean() / count)
        for node, count in enumerate(counts)
    }
    print(json.dumps({"seconds": len(seen) * _LOOK, **told}))


if __name__ == "__main__":
    app()
