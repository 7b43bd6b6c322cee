"""Kills a study again and again while it runs, and compares what it ends with.

    python -m scripts.kills --kills 50

Each life of the study is a process of its own, which SIGKILL ends at a random moment; the next one
goes on. A study that comes to its end is compared, bit for bit, with one that nothing disturbed,
and begins anew until there were as many kills as asked for.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import kohort  # before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np
import typer

EPOCHS = 12


def build(units: tuple[int, ...], dropout: float = 0.0) -> keras.Model:
    """A small classifier of letters."""
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    for width in units:
        layers += [keras.layers.Dense(width, "relu"), keras.layers.Dropout(dropout)]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def study(*, quick: bool = False) -> kohort.Study:
    """Three cohorts, of which one has variants of other constants; members stop early.

    Args:
        quick: That one alone.
    """
    data = kohort.load("letters")
    rows = np.random.default_rng(0).permutation(len(data.x_train))[:3000]
    variants = [
        kohort.Variant("wide", build, units=(200,)),
        kohort.Variant("half", build, units=(100, 50), dropout=0.5),
        kohort.Variant("tenth", build, units=(100, 50), dropout=0.1),
        kohort.Variant("narrow", build, units=(20,)),
    ]
    return kohort.Study(
        "killed",
        variants[1:3] if quick else variants,
        kohort.Dataset(data.x_train[rows], data.y_train[rows], data.x_test, data.y_test),
        replicates=kohort.Holdout(0.2, repeats=3),
        epochs=EPOCHS,
        batch_size=64,
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(patience=1, monitor="val_loss"),
            keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        ],
    )


def life(store: Path, out: Path, *, quick: bool) -> None:
    """Run the study, or what is left of it; at its end keep its numbers."""
    result = study(quick=quick).run(store, checkpoint_seconds=0.0, verbose=0)
    arrays = {"curves": result.curves()["value"].to_numpy()}
    for key, member in result.members.items():
        arrays |= {f"{key} {n}": array for n, array in enumerate(member.weights)}
    np.savez(out, allow_pickle=False, **arrays)


def in_process(action: Callable[[], None]) -> int:
    """Do something in a process of its own; gives its id.

    Forked before JAX has begun anything, so that each has a JAX of its own and imports nothing.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        action()
        code = 0
    finally:
        os._exit(code)


def ended(child: int, seconds: float) -> int | None:
    """The status of a process that ends within some seconds; None where it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    return None


def same(a: Path, b: Path) -> bool:
    """Whether two studies ended with the same numbers, bit for bit."""
    with np.load(a) as first, np.load(b) as second:
        return set(first) == set(second) and all(
            first[name].tobytes() == second[name].tobytes() for name in first
        )


def main(
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Two variants of the four.")] = False,
) -> None:
    """Kill a study again and again, and compare what it ends with."""
    moments = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("compiled", "whole"):  # The second finds its programs compiled.
            started = time.monotonic()
            run_study = partial(life, root / f"{name}.db", root / f"{name}.npz", quick=quick)
            child = in_process(run_study)
            if os.waitpid(child, 0)[1]:
                sys.exit("the undisturbed study failed")
            whole = time.monotonic() - started
        print(f"undisturbed: {whole:.1f} seconds")
        done = number = 0
        while done < kills:
            number += 1
            store, out = root / f"{number}.db", root / f"{number}.npz"
            lives = 0
            while True:
                lives += 1
                child = in_process(partial(life, store, out, quick=quick))
                moment = moments.uniform(0.0, whole) if done < kills else 1e9
                status = ended(child, moment)
                if status is None:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    done += 1
                elif status:
                    sys.exit(f"study {number}: life {lives} failed")
                else:
                    break
            outcome = "the same numbers" if same(root / "whole.npz", out) else "OTHER NUMBERS"
            print(f"study {number}: {lives} lives, {outcome}", flush=True)
            if not outcome.startswith("the same"):
                sys.exit(1)
        print(f"{done} kills, {number} studies")


if __name__ == "__main__":
    typer.run(main)
