"""Time layers in a training step: as XLA's CPU compiler runs them, and as kohort writes them.

    python -m benchmarks.layers [--layers ConvLSTM] [--rounds 3]

A step is two layers forward and backwards, on 32 samples: XLA's as a program of one step, as
`keras.Model.fit` calls it, kohort's in a loop, as its epoch is one. Both take turns, after they
were compiled, in one process on one core. Results: benchmarks/results/layers.json.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import kohort  # noqa: F401, before keras: it chooses Keras's JAX backend

import jax  # isort: skip
import jax.numpy as jnp
import keras
import numpy as np
import typer
from keras import layers

from benchmarks.launch import RESULTS
from benchmarks.machine import about
from kohort.engine.lowering.operations import bind_fast
from kohort.tracing.lifting import trace

SAMPLES, STEPS, RATE = 32, 6, 1.0
LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], keras.Layer]]] = {
    "depthwise 3 x 3": ((16, 16, 64), partial(layers.DepthwiseConv2D, 3, padding="same")),
    "depthwise 7 x 7": ((16, 16, 64), partial(layers.DepthwiseConv2D, 7, padding="same")),
    "depthwise 3": ((128, 64), partial(layers.DepthwiseConv1D, 3, padding="same")),
    "separable 3 x 3": ((16, 16, 64), partial(layers.SeparableConv2D, 64, 3, padding="same")),
    "3 x 3 in 4 groups": ((16, 16, 64), partial(layers.Conv2D, 64, 3, padding="same", groups=4)),
    "3 x 3 in 32 groups": (
        (16, 16, 128),
        partial(layers.Conv2D, 128, 3, padding="same", groups=32),
    ),
    "transposed 4 x 4, strides 2": (
        (8, 8, 32),
        partial(layers.Conv2DTranspose, 32, 4, 2, padding="same"),
    ),
    "transposed 2 x 2, strides 2": ((8, 8, 32), partial(layers.Conv2DTranspose, 32, 2, 2)),
    "transposed 4, strides 2": (
        (64, 64),
        partial(layers.Conv1DTranspose, 64, 4, 2, padding="same"),
    ),
    "3 x 3 x 3": ((8, 8, 8, 16), partial(layers.Conv3D, 16, 3, padding="same")),
    "3 x 3 x 3, strides 2": ((16, 16, 16, 16), partial(layers.Conv3D, 16, 3, 2, padding="same")),
    "ConvLSTM2D 3 x 3": (
        (6, 12, 12, 8),
        partial(layers.ConvLSTM2D, 8, 3, padding="same", return_sequences=True),
    ),
    "max pooling 3 x 3, strides 2": (
        (32, 32, 32),
        partial(layers.MaxPooling2D, 3, 2, padding="same"),
    ),
    "LSTM, 64 units": ((80, 64), partial(layers.LSTM, 64, return_sequences=True)),
    "LSTM, 128 units": ((80, 128), partial(layers.LSTM, 128, return_sequences=True)),
    "3 x 3": ((16, 16, 64), partial(layers.Conv2D, 64, 3, padding="same")),
}
"""What a sample of the first layer is, and how to make a layer."""


def step_of(shape: tuple[int, ...], layer: Callable[[], keras.Layer]) -> tuple[Any, list[Any]]:
    """Steps down the gradient of two layers' squares, of images and weights; and both."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), layer(), layer()])
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(SAMPLES, *shape)), jnp.float32)
    weights = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def loss(x: Any, weights: list[Any]) -> Any:
        said, _ = model.stateless_call(weights, others, x, training=True)
        return (said**2).mean()

    def step(x: Any, *weights: Any) -> Any:
        gradients = jax.grad(loss, argnums=(0, 1))(x, list(weights))
        moved = jax.tree.map(lambda held, by: held - RATE * by, (x, list(weights)), gradients)
        return [moved[0], *moved[1]]

    return step, [x, *weights]


def as_keras(step: Any, state: list[Any]) -> Callable[[], Any]:
    """Takes some steps, each a call of a compiled program."""
    program = jax.jit(step).lower(*state).compile()

    def steps() -> Any:
        held = state
        for _ in range(STEPS):
            held = program(*held)
        return held

    return steps


def as_kohort(step: Any, state: list[Any]) -> Callable[[], Any]:
    """Takes some steps in one compiled program, its operations written as kohort does."""
    run = trace(step, *state).lifted((), bind_fast)

    def steps(*state: Any) -> Any:
        return jax.lax.fori_loop(0, STEPS, lambda _, held: run([], *held), list(state))

    return partial(jax.jit(steps).lower(*state).compile(), *state)


def milliseconds(steps: Callable[[], Any]) -> float:
    """Processor time of a step."""
    started = time.process_time()
    jax.block_until_ready(steps())
    return 1e3 * (time.process_time() - started) / STEPS


def measured(name: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each round, both ways."""
    step, state = step_of(*LAYERS[name])
    ways = {"xla": as_keras(step, state), "kohort": as_kohort(step, state)}
    for steps in ways.values():
        milliseconds(steps)
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, steps in ways.items():
            found[way].append(milliseconds(steps))
    return found


def table(found: dict[str, Any]) -> str:
    """A line for each layer: what a sample is, medians, and the ratios of the rounds."""
    rows = [
        "| two layers | of a sample | XLA's, ms | kohort, ms | times |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, told in found["layers"].items():
        ratios = [theirs / ours for theirs, ours in zip(told["xla"], told["kohort"], strict=True)]
        size = " x ".join(map(str, LAYERS[name][0]))
        xla, kohort_ = (statistics.median(told[way]) for way in ("xla", "kohort"))
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        rows.append(f"| {name} | {size} | {xla:.3g} | {kohort_:.3g} | {spread} |")
    return "\n".join(rows) + "\n"


def main(
    only: Annotated[str, typer.Option("--layers", help="Those whose names hold this.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each way.")] = 3,
) -> None:
    """Print the table; where all layers were measured, write benchmarks/results/layers.json."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    names = [name for name in LAYERS if only in name]
    found = {"about": about(), "layers": {name: measured(name, rounds) for name in names}}
    print(table(found))
    if not only:
        place = RESULTS / "layers.json"
        place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
