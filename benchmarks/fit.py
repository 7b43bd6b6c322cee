"""Time kohort.fit against a loop of keras.Model.fit: same models, same data, same epochs.

    python benchmarks/fit.py [--members 4] [--samples 20000] [--rounds 3]

Both run in this process, in turn, `rounds` times; compilation is shown apart. What is reported is
the ratio, with its spread, and the accuracy that each side reached.
"""

import os
import statistics
import time
from typing import Annotated

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import typer

import kohort

ARCHITECTURES = {
    "softmax": (),
    "200": (200,),
    "400-200": (400, 200),
    "600-400-200": (600, 400, 200),
}
EPOCHS = 2


def build(seed: int, units: tuple[int, ...]) -> keras.Model:
    """One of the study's architectures, from a seed."""
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(width, "relu") for width in units]
    model = keras.Sequential([keras.Input((784,)), *hidden, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def seconds(train, models) -> float:
    """Wall seconds of one more call; what it compiled before is not in it."""
    started = time.perf_counter()
    train(models)
    return time.perf_counter() - started


def data(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The built-in letters, repeated to the size that is asked for."""
    letters = kohort.load("letters")
    rows = np.resize(np.arange(len(letters.x_train)), samples)
    return letters.inputs(letters.x_train[rows]).reshape(samples, 784), letters.y_train[rows]


def main(
    members: Annotated[int, typer.Option(min=1, help="Models of each architecture.")] = 4,
    samples: Annotated[int, typer.Option(min=1000, help="Training samples.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each side.")] = 3,
) -> None:
    """Print, for each architecture, seconds per model and epoch, and their ratio."""
    x, y = data(samples)
    arguments = {"batch_size": 256, "epochs": EPOCHS, "validation_split": 0.1, "verbose": 0}

    def by_kohort(models: list[keras.Model]) -> None:
        kohort.fit(models, x, y, **arguments)

    def by_keras(models: list[keras.Model]) -> None:
        for model in models:
            model.fit(x, y, **arguments)

    print(
        f"{members} models, {samples:,} samples, {os.cpu_count()} cores, keras {keras.__version__}"
    )
    print(
        "architecture   keras s   kohort s   first keras   first kohort   ratio (spread)   accuracy"
    )
    for name, units in ARCHITECTURES.items():
        sides = {by_keras: [], by_kohort: []}
        models = {side: [build(seed, units) for seed in range(members)] for side in sides}
        for _ in range(rounds + 1):
            for side, times in sides.items():
                times.append(seconds(side, models[side]))
        (first_keras, *keras_times), (first_kohort, *kohort_times) = sides.values()
        ratios = [a / b for a, b in zip(keras_times, kohort_times, strict=True)]
        per = members * EPOCHS
        reached = [
            np.mean([m.history.history["val_accuracy"][-1] for m in models[side]]) for side in sides
        ]
        print(
            f"{name:12s} {statistics.median(keras_times) / per:9.3f} "
            f"{statistics.median(kohort_times) / per:10.3f} "
            f"{first_keras:13.2f} {first_kohort:14.2f} "
            f"{statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            f"   {reached[0]:.3f} {reached[1]:.3f}"
        )


if __name__ == "__main__":
    typer.run(main)
