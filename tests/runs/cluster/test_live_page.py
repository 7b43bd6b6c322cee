"""The live page beside a study that trains on a cluster: it grows, and ends the run."""

import os
import subprocess
import sys
import time

import pytest

from kohort.evidence.store import open_store
from tests.report.conftest import browser  # noqa: F401 (a fixture)
from tests.runs.cluster.test_signals import KEPT
from tests.serve.serving import serving
from tests.serve.test_pages import opened, page_of, wait

pytestmark = pytest.mark.long

FILE = """
import pathlib, time
import keras, kohort, numpy as np

def wait_for(name):  # less than the minute after which a worker is said to hang
    until = time.monotonic() + 50
    while not pathlib.Path(FOLDER, name).exists() and time.monotonic() < until:
        time.sleep(0.05)

class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.2)
        if epoch == 10:
            wait_for("seen to grow")
        if epoch == 5 and pathlib.Path(FOLDER, "one has ended").exists():
            wait_for("asked to end")

    def on_train_end(self, logs=None):
        pathlib.Path(FOLDER, "one has ended").touch()

def build(units):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(units, "relu"),
                              keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

random = np.random.default_rng(7)
y = random.integers(0, 3, 600)
x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
data = kohort.Dataset(x[:500], y[:500], x[500:], y[500:])
study = kohort.Study("far", kohort.grid(build, units=[4, 8]), data, callbacks=lambda *_: [Slow()],
                     replicates=kohort.Holdout(0.2, 4), epochs=30, batch_size=50)
"""
FINISHED = """() => [...document.querySelectorAll("#legend span")].some(
  (one) => /^[1-9][0-9]* finished$/.test(one.textContent))"""


def epochs_above(tab, count):
    tab.wait_for_function(
        "(count) => +document.querySelector('#epoch-shown').textContent > count", arg=count
    )
    return int(tab.locator("#epoch-shown").inner_text())


def test_the_page_grows_and_ends_a_run_on_a_cluster(browser, loopback, tmp_path):  # noqa: F811
    (tmp_path / "far.py").write_text(f"FOLDER = {str(tmp_path)!r}\n{FILE}")
    place = tmp_path / "kohort.db"
    asked = ["run", "far.py", "--executor", "ray", "--address", loopback.address]
    running = subprocess.Popen(
        [sys.executable, "-m", "kohort", *asked],
        cwd=tmp_path,
        env=os.environ | {"RAY_ADDRESS": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while running.poll() is None and not is_kept(place):
            time.sleep(0.1)
        with (
            open_store(str(place), make=False) as store,
            serving(store, str(place)) as live,
            opened(browser, live, page_of("far")) as tab,
        ):
            tab.set_default_timeout(100_000)
            wait(tab, "far", "h1")
            wait(tab, "running", "#status")
            epochs = epochs_above(tab, 0)
            wait(tab, "2 begun", "#legend")
            before = tab.evaluate("document.querySelector('#charts canvas').toDataURL()")
            (tmp_path / "seen to grow").touch()
            epochs_above(tab, epochs)
            assert tab.evaluate("document.querySelector('#charts canvas').toDataURL()") != before
            wait(tab, " s left", "#facts")
            tab.wait_for_function(FINISHED)
            tab.get_by_role("button", name="End after this epoch").click()
            (tmp_path / "asked to end").touch()
            wait(tab, "interrupted", "#status")
            wait(tab, "asked: to end after the current epoch", "#events")
        told = running.communicate(timeout=100)[1].splitlines()
        assert (running.returncode, told[-1]) == (130, KEPT)
        assert not list(loopback.workers())
    finally:
        running.kill()
        print(*running.communicate())  # where something failed before


def is_kept(place):
    if not place.exists():
        return False
    with open_store(str(place), make=False) as store:
        return store.find("far") is not None
