"""Time what the engine promises: members that stop cost nothing, and the fastest chunk is chosen.

    python -m benchmarks.engine [--samples 12800] [--rounds 3]

Everything is measured in one process, in turn, after compilation, and reported as ratios with their
spread.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import kohort  # before keras: it chooses Keras's JAX backend

import keras  # isort: skip
import numpy as np
import typer

from benchmarks import samples
from benchmarks.peers.common import Data
from benchmarks.peers.keras_models import build
from benchmarks.work import WORKS, Net
from kohort.data.system import cores

EPOCHS, BATCH, MEMBERS = 6, 128, 4
NETS = {
    name: WORKS[name].variants[name] for name in ("softmax", "200", "600-400-200", "convolutional")
}


class Stops(keras.callbacks.Callback):
    """Stops its model after the first epoch, and notes when epochs end."""

    def __init__(self, stops: bool) -> None:  # noqa: FBT001
        super().__init__()
        self.stops = stops
        self.ends: list[float] = []

    def on_epoch_end(self, *_: object) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())
        self.model.stop_training = self.stops

    @property
    def seconds(self) -> float:
        """Of an epoch, the first two left out: they compile, or move members."""
        return (self.ends[-1] - self.ends[1]) / (len(self.ends) - 2)


def models_of(net: Net, members: int) -> list[keras.Model]:
    """Members of a net, each from a seed of its own."""
    models = []
    for seed in range(members):
        keras.utils.set_random_seed(seed)
        models.append(build(net))
    return models


def stopped(net: Net, members: int, x: np.ndarray, y: np.ndarray) -> float:
    """Seconds of an epoch of members of which all but the last have stopped, side by side."""
    watches = [Stops(number < members - 1) for number in range(members)]
    kohort.fit(
        models_of(net, members),
        x,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
        chunk_size=members,
        callbacks=lambda number: [watches[number]],
    )
    return watches[-1].seconds


def trained(models: list[keras.Model], x: np.ndarray, y: np.ndarray, chunk: int | None) -> float:
    """Seconds of one more call, in chunks of a size; None lets kohort choose it."""
    started = time.perf_counter()
    kohort.fit(models, x, y, batch_size=BATCH, epochs=2, verbose=0, chunk_size=chunk)
    return time.perf_counter() - started


def told(name: str, ratios: list[float]) -> None:
    """Print a ratio with its spread."""
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"  {name:52s} {middle:5.2f} ({low:.2f} to {high:.2f})", flush=True)


def chunks(name: str, net: Net, x: np.ndarray, y: np.ndarray, rounds: int) -> None:
    """Print the ratio of each fixed chunk to the one that is chosen."""
    models = models_of(net, MEMBERS)
    ratios: dict[int, list[float]] = {1: [], MEMBERS: []}
    for round_ in range(rounds + 1):
        chosen = trained(models, x, y, None)
        for size, measured in ratios.items():
            seconds = trained(models, x, y, size)
            if round_:  # the first one compiles
                measured.append(seconds / chosen)
    for size, measured in ratios.items():
        told(f"{name}, {size} side by side", measured)


def main(
    samples_: Annotated[
        int, typer.Option("--samples", min=1000, help="Training samples.")
    ] = 12_800,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each side.")] = 3,
) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        samples.write(Path(folder), samples_)
        x, y = Data(Path(folder)).x, Data(Path(folder)).y
        print(f"{samples_:,} samples, {cores()} cores, keras {keras.__version__}")
        print("\nan epoch of four, three of them stopped, over an epoch of one")
        for name in ("softmax", "200"):
            net = NETS[name]
            told(name, [stopped(net, MEMBERS, x, y) / stopped(net, 1, x, y) for _ in range(rounds)])
        print("\na fixed number of members side by side, over the number that is measured best")
        for name, net in NETS.items():
            chunks(name, net, x, y, rounds)


if __name__ == "__main__":
    typer.run(main)
