"""Races whose process is killed, between looks and inside one: real `kill -9`, a real store."""

import os
import signal
import subprocess
import sys

import pytest

from kohort.cli.study_files import read_study
from kohort.evidence.store import open_store
from tests.faults.studies import kept_numbers
from tests.marks import long

FILE = """
import os, pathlib, signal
import keras, kohort, numpy as np

def build(units, rate):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(units, "relu"),
                              keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    return model

random = np.random.default_rng(0)
y = random.integers(0, 3, 150)
x = random.normal(size=(150, 6)) + np.eye(3, 6)[y]
data = kohort.Dataset(x[:120], y[:120], x[120:], y[120:], class_names="abc")
BEGUN = []

def act(epoch, rate):
    BEGUN.append(epoch)
    if str(len(BEGUN)) == os.environ.get("KILLED_AT_EPOCH"):
        os.kill(os.getpid(), signal.SIGKILL)
    return rate

study = kohort.Study(
    "raced", kohort.grid(build, units=[4, 8], rate=[1e-2, 1e-4]), data,
    replicates=kohort.Race(kohort.Holdout(0.2, 8), first=3, looks=3), epochs=3, batch_size=20,
    callbacks=[keras.callbacks.LearningRateScheduler(act)],
)
"""
BETWEEN = """
import os, signal
from kohort.runs import racing
real, calls = racing.replay, []

def replay(*given):
    calls.append(given)
    if len(calls) == {look}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)

racing.replay = replay
"""
FIRST_LOOK = 4 * 3 * 3  # epochs of members


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    (folder / "study.py").write_text(FILE)
    result = read_study(str(folder / "study.py"), None).run(folder / "kohort.db", verbose=0)
    assert len(result.race()["look"].unique()) > 1 or result.race()["look"].max() > 1
    return kept_numbers(folder / "kohort.db", "raced")


def life(folder, code="", **environment):
    """A process that runs the study, with a checkpoint after each epoch; how it ended."""
    (folder / "main.py").write_text(
        f"{code}\nfrom kohort.cli.study_files import read_study\n"
        "read_study('study.py', None).run('kohort.db', verbose=0, checkpoint_seconds=0.0)"
    )
    return subprocess.run(
        [sys.executable, "main.py"],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(
    ("code", "epoch"),
    [
        *long(
            (BETWEEN.format(look=1), 0),
            (BETWEEN.format(look=2), 0),
            ("", FIRST_LOOK + 5),
            ("", FIRST_LOOK - 5),
        ),
    ],
)
def test_a_race_that_is_killed_ends_with_the_same_bits(tmp_path, undisturbed, code, epoch):
    (tmp_path / "study.py").write_text(FILE)
    killed = life(tmp_path, code, KILLED_AT_EPOCH=str(epoch))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with open_store(tmp_path / "kohort.db") as store:
        assert store.studies()[0].outcome is None
        assert "result" not in store.study("raced").description
    on = life(tmp_path)
    assert on.returncode == 0, on.stderr
    assert kept_numbers(tmp_path / "kohort.db", "raced") == undisturbed
