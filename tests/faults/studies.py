"""Small studies that faults strike, and what they end with."""

import keras

import kohort
from kohort.evidence.store import open_store
from tests.models import build_mlp

EPOCHS = 3


def study(data, name="struck", units=(8, 12), **changes):
    """Two variants in two replicates; each is a cohort of its own."""
    variants = [kohort.Variant(f"{width} units", build_mlp, units=(width,)) for width in units]
    arguments = {"replicates": kohort.Holdout(0.2, 2), "epochs": EPOCHS, "batch_size": 50}
    return kohort.Study(name, variants, data, **(arguments | changes))


def run(wanted, store=None, **options):
    """Run a study, with a checkpoint after every epoch."""
    return wanted.run(store, verbose=0, **({"checkpoint_seconds": 0.0} | options))


def numbers(result):
    """Curves by row, and weights by member, to the last bit."""
    rows = result.curves().set_index(["variant", "replicate", "epoch", "metric"])["value"]
    return {key: repr(value) for key, value in rows.items()}, {
        key: [array.tobytes() for array in member.weights] for key, member in result.members.items()
    }


class Death(BaseException):
    """Stands for SIGKILL: whatever comes after it is not done."""


def calling(function, call=3):
    """A callback that calls a function once: when an epoch of a member begins, by its number."""
    calls = []

    def schedule(_, rate):
        calls.append(rate)
        if len(calls) == call:
            function()
        return rate

    return keras.callbacks.LearningRateScheduler(schedule)


FILE = """
import os, pathlib, signal, time
import keras, kohort, numpy as np

def build(units):
    if pathlib.Path("no-build").exists() and len(BUILT) > 4:
        raise OSError("no weights to begin from")
    BUILT.append(units)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(units, "relu"),
                              keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

BUILT = []
random = np.random.default_rng(0)
y = random.integers(0, 3, 150)
x = random.normal(size=(150, 6)) + 2 * np.eye(3, 6)[y]
data = kohort.Dataset(x[:120], y[:120], x[120:], y[120:], class_names="abc")

def act(epoch, rate):
    plan = pathlib.Path("act")
    if epoch == 2 and plan.exists():
        exec(plan.read_text())
    return rate

def made(name, units):
    return kohort.Study(name, kohort.grid(build, units=units), data,
                        replicates=kohort.Holdout(0.2, 2), epochs=4, batch_size=20,
                        callbacks=[keras.callbacks.LearningRateScheduler(act)])

study, other = made("one", [4, 8]), made("two", [6])
"""
"""A study file whose training runs the Python in the file `act` in its third epoch."""


def kept_numbers(place, name="one"):
    """What a store has of a study: curves and weights, to the last bit."""
    with open_store(place) as store:
        kept = store.study(name)
        curves = {(r.member, r.epoch): repr(r.logs) for r in kept.epochs()}
        keys = [record.key for record in kept.members() if record.finished]
        return curves, {key: [w.tobytes() for w in kept.weights(key)] for key in keys}
