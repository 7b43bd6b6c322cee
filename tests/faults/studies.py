"""Small studies that faults strike, and what they end with."""

import json
import os
import subprocess
import sys

import keras

import kohort
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
        key: [array.tobytes() for array in member.weights]
        for key, member in result.members.items()
    }


class Death(BaseException):
    """Stands for SIGKILL: whatever comes after it is not done."""


class Calling(keras.callbacks.LearningRateScheduler):
    """Calls a function in the middle of a run, once; numbers stay as they are."""

    def __init__(self, function, epoch=1):
        super().__init__(lambda _, rate: rate)
        self.function, self.epoch = [function], epoch

    def __deepcopy__(self, memo):
        return self  # one for all members

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if epoch >= self.epoch and self.function:
            self.function.pop()()


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


def command(*arguments):
    return [sys.executable, "-m", "kohort.cli", *map(str, arguments)]


def kohort_command(*arguments, cwd, **options):
    """What the command line tells, in a process of its own."""
    return subprocess.run(
        command(*arguments), cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
        **options,
    )  # fmt: skip


def told(done, code, *words):
    """The command ended with a code and a line that has the words; what it tells is no trace."""
    assert done.returncode == code, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("kohort: "), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in line, line


def exported(folder, store, name="one"):
    """The curves that a store has of a study, as the command line writes them."""
    out = folder / "tables"
    done = kohort_command("export", name, out, "--store", store, cwd=folder)
    assert done.returncode == 0, done.stderr
    return (out / "curves.csv").read_text()


def listed(folder, store):
    """What `kohort list` tells of the first study."""
    done = kohort_command("list", "--json", "--store", store, cwd=folder)
    return json.loads(done.stdout)[0]


def environment():
    return {name: value for name, value in os.environ.items() if name != "KOHORT_STORE"}
