"""The first fit of a process: kohort and Keras on JAX, cold, and kohort with its cache.

    python -m benchmarks.first [--rounds 3] [--models table,lstm]

Each fit is of one epoch with validation, in a process of its own. Its seconds begin where the
imports have ended and the model is built, and hold whatever `kohort.fit` imports itself. Wall
seconds hold what else the machine does, so processor seconds (of all threads) stand beside them.
Ratios are of one round; results, by model, are in benchmarks/results/first.json.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import kohort  # before Keras, whose backend it chooses

# isort: split
import jax
import keras
import numpy as np
import typer

from benchmarks import models
from benchmarks.launch import RESULTS, launch
from benchmarks.machine import about

BATCH = 32
SAMPLES = 1030
"""With a fifth of them for validation: both parts end with a partial batch."""


class Peer(StrEnum):
    """What trains the model."""

    KERAS = "keras"
    COLD = "kohort"
    WARM = "kohort, cached"


MODELS: dict[str, Callable[[], keras.Model]] = {
    "tiny": partial(models.dense, 8, (10,), 3),
    "table": models.normalised_table,
    "autoencoder": models.convolutional_autoencoder,
    "residual": models.residual,
    "lstm": partial(models.lstm, 40, 500, 16, 32, 3),
    "transformer": partial(
        models.transformer, 40, 500, 32, wide=64, blocks=2, placed=False, classes=3
    ),
}


def data_of(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Random samples that a model takes, and targets."""
    random = np.random.default_rng(0)
    (_, *shape), (_, *out) = model.input_shape, model.output_shape
    words = "int" in str(model.inputs[0].dtype)
    x = random.integers(0, 500, (SAMPLES, *shape)) if words else random.random((SAMPLES, *shape))
    is_image = out == shape
    return x.astype("int32" if words else "float32"), (
        x.astype("float32") if is_image else random.integers(0, max(2, out[0]), SAMPLES)
    )


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(name: str, peer: Peer) -> dict[str, Any]:
    """Seconds of a model's first fit here, of the wall and of the processor, and JAX's phases."""
    phases: dict[str, float] = defaultdict(float)
    began = _processor_seconds()
    model = MODELS[name]()
    x, y = data_of(model)
    built = _processor_seconds() - began

    def add(event: str, seconds: float, **_: Any) -> None:
        if event.startswith("/jax/core/compile/"):
            phase = event.removeprefix("/jax/core/compile/").removesuffix("_duration")
            phases[phase] += seconds
            phases[f"{phase}, calls"] += 1

    jax.monitoring.register_event_duration_secs_listener(add)
    started, used = time.perf_counter(), _processor_seconds()
    options = {"batch_size": BATCH, "epochs": 1, "validation_split": 0.2, "verbose": 0}
    if peer is Peer.KERAS:
        model.fit(x, y, **options)
    else:
        kohort.fit(model, x, y, engine="fused", **options)
    wall, processor = time.perf_counter() - started, _processor_seconds() - used
    return {"wall": wall, "processor": processor, "build": built, "phases": dict(phases)}


def spread(of: Sequence[dict[str, Any]], to: Sequence[dict[str, Any]], kind: str) -> list[float]:
    """Lowest, median and highest ratio of a round."""
    ratios = [one[kind] / other[kind] for one, other in zip(of, to, strict=True)]
    return [min(ratios), statistics.median(ratios), max(ratios)]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often.")] = 3,
    names: Annotated[str, typer.Option("--models", help="Which, with commas between.")] = ",".join(
        MODELS
    ),
    one: Annotated[tuple[str, Peer] | None, typer.Option(help="Print one; write nothing.")] = None,
) -> None:
    """Measure, and write benchmarks/results/first.json."""
    if one is not None:
        print(json.dumps(measure(*one)))
        return
    place = RESULTS / "first.json"
    found = json.loads(place.read_text("utf-8")) if place.exists() else {}
    for name in names.split(","):
        by_peer: dict[str, list[Any]] = {peer.value: [] for peer in Peer}
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as cache:
                for peer in Peer:
                    command = [sys.executable, "-m", "benchmarks.first", "--one", name, peer.value]
                    by_peer[peer.value].append(launch(command, {"KOHORT_CACHE": cache}))
        ratios = {
            f"{peer.value}, {kind}": spread(by_peer[peer.value], by_peer[Peer.KERAS.value], kind)
            for peer in (Peer.COLD, Peer.WARM)
            for kind in ("wall", "processor")
        }
        found[name] = {"about": about(), "rounds": rounds, "to keras": ratios, "runs": by_peer}
        rounded = {what: [round(ratio, 2) for ratio in told] for what, told in ratios.items()}
        print(name, rounded, flush=True)
    place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
