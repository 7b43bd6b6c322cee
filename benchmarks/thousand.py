"""A thousand members of a net of ten units: setting up, and what Python does in each epoch.

    python -m benchmarks.thousand [--members 1000]

Set-up is `Study.plan` of as many replicates of one variant, and of as many configurations of one
architecture; and of what trains all that comes before the first step. Of an epoch everything counts
between the end of one compiled program and the start of the next: callbacks, records, progress and
store, over members. Each part is a process of its own; results are in
benchmarks/results/thousand.json.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import kohort  # before Keras, whose backend it chooses

# isort: split
import jax
import keras
import numpy as np
import typer

from benchmarks.launch import RESULTS, launch
from benchmarks.machine import about
from benchmarks.scale import build
from kohort.engine.loop.block import Block

EPOCHS = 22


class Part(StrEnum):
    """What is measured."""

    REPLICATES = "replicates"
    CONFIGURATIONS = "configurations"
    CALLBACKS = "callbacks"


def study(part: Part, members: int) -> kohort.Study:
    """A study of so many members."""
    random = np.random.default_rng(0)
    x, y = random.random((200, 8), np.float32), random.integers(0, 3, 200)
    is_grid = part is Part.CONFIGURATIONS
    rates = np.geomspace(1e-4, 1e-2, members) if is_grid else [1e-3]
    watches = [keras.callbacks.EarlyStopping(patience=EPOCHS, monitor="val_loss")]
    return kohort.Study(
        "a thousand",
        [kohort.Variant(f"rate {n}", build, rate=float(rate)) for n, rate in enumerate(rates)],
        kohort.Dataset(x[:180], y[:180], x[180:], y[180:]),
        replicates=kohort.Holdout(0.2, repeats=1 if is_grid else members),
        epochs=EPOCHS,
        callbacks=watches if part is Part.CALLBACKS else (),
    )


def pauses(run: Callable[[], object]) -> tuple[float, list[float]]:
    """Seconds until the first epoch's program starts, and between the end of each and the next."""
    started = time.perf_counter()
    begun, ended = [], []
    begin_epoch = Block.begin_epoch

    def begin(block: Block) -> bool:
        begins = begin_epoch(block)
        ready = block.ready
        if ready is not None:

            def timed() -> Any:
                begun.append(time.perf_counter())
                outcome = jax.block_until_ready(ready.run())
                ended.append(time.perf_counter())
                return outcome

            block.ready = ready._replace(run=timed)
        return begins

    with mock.patch.object(Block, "begin_epoch", begin):
        run()
    between = [start - end for end, start in zip(ended, begun[1:], strict=False)]
    return begun[0] - started, between


def measure(part: Part, members: int) -> dict[str, float]:
    """Seconds until it is planned, and until the first step; milliseconds a member and epoch."""
    made = study(part, members)
    started, used = time.perf_counter(), time.process_time()
    made.plan()
    told = {"plan": time.perf_counter() - started, "plan, of a core": time.process_time() - used}
    if part is Part.CONFIGURATIONS:
        return told
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "kohort.db"
        before, found = pauses(lambda: made.run(place, chunk_size=members, verbose=0))
    # The first epochs of a process allocate, and checkpoints come once a minute.
    told["before the first step"] = told["plan"] + before
    return told | {"milliseconds": 1000 * statistics.median(found[2:]) / members}


def main(
    members: Annotated[int, typer.Option(min=2, help="How many.")] = 1000,
    part: Annotated[Part | None, typer.Option(help="Print one part; write nothing.")] = None,
) -> None:
    """Measure, and write benchmarks/results/thousand.json."""
    if part is not None:
        print(json.dumps(measure(part, members)))
        return
    found: dict[str, Any] = {"about": about(), "members": members}
    for each in Part:
        command = [sys.executable, "-m", "benchmarks.thousand", "--part", each.value]
        found[each.value] = launch([*command, "--members", str(members)], {})
        print(each.value, found[each.value], flush=True)
    (RESULTS / "thousand.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
