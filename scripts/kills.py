"""Kills a study, or a search, again and again while it runs, and compares what it ends with.

    python -m scripts.kills --kills 50
    python -m scripts.kills --kills 30 --what search

Each life of it is a process of its own, which SIGKILL ends at a random moment; the next one goes
on. One that comes to its end is compared, bit for bit, with one that nothing disturbed, and another
begins until there were as many kills as asked for.
"""

import itertools
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import kohort  # before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np
import typer

EPOCHS = 12

type What = Literal["study", "search"]
type Numbers = dict[str, np.ndarray]


def build(units: tuple[int, ...], dropout: float = 0.0) -> keras.Model:
    """A small classifier of letters."""
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    for width in units:
        layers += [keras.layers.Dense(width, "relu"), keras.layers.Dropout(dropout)]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_small(units: int = 4, rate: float = 0.01, dropout: float = 0.1) -> keras.Model:
    """A classifier of three clouds of points."""
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
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


def search(*, quick: bool = False) -> kohort.Search:
    """Trials of four programs in three rungs and two brackets, drawn in two parts, and a race.

    Args:
        quick: Of one program.
    """
    random = np.random.default_rng(7)
    y = random.integers(0, 3, 600)
    x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
    widths = (8,) if quick else (4, 8, 16, 24)
    return kohort.Search(
        "killed",
        build_small,
        {
            "units": list(widths) if len(widths) > 1 else widths[0],
            "rate": kohort.Range(1e-3, 0.3, log=True),
            "dropout": kohort.Range(0.1, 0.5, step=0.1),
        },
        kohort.Dataset(x[:500], y[:500], x[500:], y[500:]),
        trials=18,
        epochs=4,
        batch_size=50,
        reduction=2,
        callbacks=[keras.callbacks.ReduceLROnPlateau(patience=1, monitor="val_loss")],
    )


def run_study(store: Path, *, quick: bool, **options: Any) -> Numbers:
    """Run the study, or what is left of it, with options of `run`; gives its numbers."""
    result = study(quick=quick).run(store, checkpoint_seconds=0.0, verbose=0, **options)
    return measured(result)


def run_search(store: Path, *, quick: bool, **options: Any) -> Numbers:
    """Run the search and its race, or what is left of them; gives their numbers."""
    given = {"confirm": 3, "checkpoint_seconds": 0.0, "verbose": 0}
    result = search(quick=quick).run(store, **given | options)
    curves = {
        f"trial {trial.number} {epoch} {metric}": np.array(float(value))
        for trial in result.searched.trials
        for epoch, logs in trial.logs.items()
        for metric, value in logs.items()
    }
    frames = {"trials": result.trials().drop(columns="seconds"), "flattery": result.flattery()}
    told = {what: np.array(frame.to_csv()) for what, frame in frames.items()}
    return measured(result) | curves | told


def measured(result: kohort.Result) -> Numbers:
    """The curves and weights of a result."""
    return {"curves": result.curves()["value"].to_numpy()} | {
        f"{key} {number}": array
        for key, member in result.members.items()
        for number, array in enumerate(member.weights)
    }


RUNS: dict[str, Callable[..., Numbers]] = {"study": run_study, "search": run_search}


def life(what: What, store: Path, out: Path, *, quick: bool) -> None:
    """Run it, or what is left of it; at its end keep its numbers."""
    np.savez(out, allow_pickle=False, **RUNS[what](store, quick=quick))


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
    """Whether two of them ended with the same numbers, bit for bit."""
    with np.load(a) as first, np.load(b) as second:
        return set(first) == set(second) and all(
            first[name].tobytes() == second[name].tobytes() for name in first
        )


def undisturbed(what: What, root: Path, *, quick: bool) -> float:
    """Run it twice without a kill; gives the seconds of the second one, which compiles nothing."""
    for name in ("compiled", "whole"):
        started = time.monotonic()
        run = partial(life, what, root / f"{name}.db", root / f"{name}.npz", quick=quick)
        if os.waitpid(in_process(run), 0)[1]:
            sys.exit(f"the undisturbed {what} failed")
    return time.monotonic() - started


def killed(action: Callable[[], None], moments: Iterator[float]) -> int:
    """Begin an action again each time that it was killed, until it ends; gives the kills."""
    for kills in itertools.count():
        child = in_process(action)
        status = ended(child, next(moments))
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        elif status:
            sys.exit(f"life {kills + 1} failed")
        else:
            break
    return kills


def main(
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    what: Annotated[What, typer.Option(help="What to kill.")] = "study",
    *,
    quick: Annotated[bool, typer.Option("--quick", help="One program alone.")] = False,
) -> None:
    """Kill a study or a search again and again, and compare what it ends with."""
    random, done = np.random.default_rng(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        whole = undisturbed(what, root, quick=quick)
        print(f"undisturbed: {whole:.1f} seconds")
        for number in itertools.count(1):
            store, out = root / f"{number}.db", root / f"{number}.npz"
            left = itertools.chain(random.uniform(0.0, whole, kills - done), [math.inf])
            here = killed(partial(life, what, store, out, quick=quick), left)
            done += here
            outcome = "the same numbers" if same(root / "whole.npz", out) else "OTHER NUMBERS"
            print(f"{what} {number}: {here + 1} lives, {outcome}", flush=True)
            if not outcome.startswith("the same"):
                sys.exit(1)
            if done == kills:
                break
        print(f"{done} kills, {number} of a {what}")


if __name__ == "__main__":
    typer.run(main)
