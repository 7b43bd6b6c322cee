"""What every peer does: it reads its arguments, watches the clock, and prints one line of JSON."""

import argparse
import json
import platform
import resource
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.work import BATCH, VALIDATION, Work


@dataclass
class Clock:
    """Seconds of each epoch, summed over models; whoever trains marks where an epoch ends.

    `epochs` has those of the wall, `processor` those of the processor, of all threads.

    Args:
        started: When the process was started, in seconds since 1970; None where nobody tells.
    """

    started: float | None
    seconds: dict[str, float] = field(default_factory=dict)
    epochs: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    processor: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    _last: tuple[float, float] = (0.0, 0.0)

    def imported(self) -> None:
        """Note that all imports are done; they are counted from the start of the process."""
        if self.started is not None:
            self.seconds["imports"] = time.time() - self.started
        self.begin()

    def begin(self) -> None:
        """Begin to count: the first epoch begins here, with building and compiling."""
        self._last = time.perf_counter(), time.process_time()

    def mark(self, epoch: int) -> None:
        """A model has ended an epoch: what has passed since the last mark was spent on it."""
        now = time.perf_counter(), time.process_time()
        self.epochs[epoch] += now[0] - self._last[0]
        self.processor[epoch] += now[1] - self._last[1]
        self._last = now


COMPILING = "/jax/core/compile/backend_compile_duration"
"""JAX tells it for each program, whether XLA compiles it or a cache on disk has it."""


def count_compiling(clock: Clock, monitoring: ModuleType) -> None:
    """Add up on a clock the seconds in which JAX compiles from now on.

    Args:
        clock: It gets them as "compiling".
        monitoring: `jax.monitoring`; not every environment that imports this has JAX.
    """
    clock.seconds["compiling"] = 0.0

    def listen(event: str, seconds: float, **_: str | int) -> None:
        if event == COMPILING:
            clock.seconds["compiling"] += seconds

    monitoring.register_event_duration_secs_listener(listen)


@dataclass(frozen=True)
class Data:
    """The samples, mapped from files: private, so that nobody's writing is seen by another."""

    folder: Path

    def __getattr__(self, name: str) -> np.ndarray:
        return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="c"))


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments of who trains a work item."""
    made = timed(description)
    made.add_argument("--work", required=True, help="name of a work item")
    made.add_argument("--data", type=Path, required=True, help="folder of the arrays")
    made.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    return made


def timed(description: str | None) -> argparse.ArgumentParser:
    """The arguments that all peers take; argparse, as not every environment has more."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--epochs", type=int, default=3)
    made.add_argument("--started", type=float, help="seconds since 1970; imports count from it")
    return made


def fitting(data: Data, epochs: int) -> dict[str, Any]:
    """What Keras's `fit`, and what takes its arguments, is called with."""
    return {
        "x": data.x,
        "y": data.y,
        "batch_size": BATCH,
        "epochs": epochs,
        "validation_split": VALIDATION,
        "verbose": 0,
    }


def split(samples: int, fraction: float, replicate: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows that train and rows that validate, in a replicate of the study."""
    rows = np.random.default_rng(replicate).permutation(samples)
    valid = int(samples * fraction)
    return np.sort(rows[valid:]), np.sort(rows[:valid])


def peak_bytes() -> int:
    """The largest resident memory of this process.

    On Linux `getrusage` may tell that of the process that started this one, if it was larger.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(fields["VmHWM"].split()[0])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def tell(
    clock: Clock, work: Work, models: int, accuracy: dict[str, list[float]], **versions: str
) -> None:
    """Print what was measured as one line of JSON.

    Args:
        clock: It has marked every epoch; none of a peer that cannot see them.
        work: What was trained.
        models: How many models were.
        accuracy: On validation samples after the last epoch, of each model of each variant.
        versions: Of the libraries.
    """
    line = {
        **measured(clock, models, **versions),
        "all_models": models == work.models,
        "accuracy": {name: float(np.mean(reached)) for name, reached in accuracy.items()},
    }
    print(json.dumps(line), flush=True)


def measured(clock: Clock, models: int, **versions: str) -> dict[str, Any]:
    """What the clock and the process tell: of epochs after the first, seconds of a model."""
    marked, used = (
        [seconds[epoch] for epoch in sorted(seconds)] for seconds in (clock.epochs, clock.processor)
    )
    return {
        **clock.seconds,
        "first": marked[0] if marked else None,
        "epochs": [seconds / models for seconds in marked[1:]],
        "processor epochs": [seconds / models for seconds in used[1:]],
        "processor": time.process_time(),
        "models": models,
        "peak_bytes": peak_bytes(),
        "versions": {"python": platform.python_version(), **versions},
    }
