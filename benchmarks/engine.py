"""Time what the engine promises: members that stop cost nothing, and the fastest chunk is chosen.

    python benchmarks/engine.py [--samples 12800] [--rounds 3]

Everything is measured in one process, in turn, after compilation, and reported as ratios with their
spread.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import typer
from fit import data

import kohort

EPOCHS = 6


def dense(*units: int) -> Callable[[int], keras.Model]:
    """A builder of a classifier with dense layers, from a seed."""
    return lambda seed: compiled(seed, [keras.layers.Dense(width, "relu") for width in units])


def convolutional(seed: int) -> keras.Model:
    """A small convolutional classifier, from a seed."""
    layers = [keras.layers.Reshape((28, 28, 1))]
    for filters in (8, 16):
        layers += [keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D()]
    return compiled(seed, [*layers, keras.layers.Flatten()])


def compiled(seed: int, layers: list[keras.Layer]) -> keras.Model:
    """A classifier of flat images, its weights drawn from a seed."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Stops(keras.callbacks.Callback):
    """Stops its model after the first epoch, and notes when epochs end."""

    def __init__(self, stops: bool) -> None:  # noqa: FBT001
        super().__init__()
        self.stops, self.ends = stops, []

    def on_epoch_end(self, *_: object) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())
        self.model.stop_training = self.stops

    @property
    def seconds(self) -> float:
        """Of an epoch, the first two left out: they compile, or move members."""
        return (self.ends[-1] - self.ends[1]) / (len(self.ends) - 2)


def stopped(
    build: Callable[[int], keras.Model], members: int, x: np.ndarray, y: np.ndarray
) -> float:
    """Seconds of an epoch of members of which all but the last have stopped, side by side."""
    watches = [Stops(number < members - 1) for number in range(members)]
    models = [build(seed) for seed in range(members)]
    kohort.fit(
        models, x, y, batch_size=128, epochs=EPOCHS, verbose=0, chunk_size=members,
        callbacks=lambda number: [watches[number]],
    )  # fmt: skip
    return watches[-1].seconds


def seconds(train: Callable[[list[keras.Model]], object], models: list[keras.Model]) -> float:
    """Seconds per model and epoch of one more call."""
    started = time.perf_counter()
    train(models)
    return (time.perf_counter() - started) / len(models) / 2


def told(name: str, ratios: list[float]) -> None:
    """Print a ratio with its spread."""
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"{name:52s} {middle:5.2f} ({low:.2f} to {high:.2f})", flush=True)


def against_keras(
    name: str, build: Callable[[int], keras.Model], x: np.ndarray, y: np.ndarray, rounds: int
) -> None:
    """Print the ratios of a loop of keras.fit to kohort.fit in each chunk."""
    models = [build(seed) for seed in range(4)]
    arguments = {"batch_size": 128, "epochs": 2, "verbose": 0}

    def by_keras(models: list[keras.Model]) -> None:
        for model in models:
            model.fit(x, y, **arguments)

    chunks = {"one by one": 1, "four": 4, "as measured": None}
    ratios: dict[str, list[float]] = {chunk: [] for chunk in chunks}
    for round_ in range(rounds + 1):
        reference = seconds(by_keras, models)
        for chunk, size in chunks.items():
            ours = seconds(partial(kohort.fit, x=x, y=y, chunk_size=size, **arguments), models)
            if round_:  # the first one compiles
                ratios[chunk].append(reference / ours)
    for chunk, measured in ratios.items():
        told(f"  {name}, {chunk}", measured)


def main(
    samples: Annotated[int, typer.Option(min=1000, help="Training samples.")] = 12_800,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each side.")] = 3,
) -> None:
    """Print the ratios."""
    x, y = data(samples)
    print(f"{samples:,} samples, {os.cpu_count()} cores, keras {keras.__version__}\n")
    print("an epoch of four, three of them stopped, over an epoch of one")
    for name, build in {"softmax": dense(), "400-200": dense(400, 200)}.items():
        told(
            f"  {name}", [stopped(build, 4, x, y) / stopped(build, 1, x, y) for _ in range(rounds)]
        )
    print("\nkeras.fit in a loop of four over kohort.fit, by members side by side")
    against_keras("softmax", dense(), x, y, rounds)
    against_keras("200", dense(200), x, y, rounds)
    against_keras("600-400-200", dense(600, 400, 200), x, y, rounds)
    against_keras("convolutional", convolutional, x, y, rounds)


if __name__ == "__main__":
    typer.run(main)
