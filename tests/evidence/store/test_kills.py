"""Killed at any moment, a store opens again, and holds all of a thing or nothing."""

import random
import sys
import time

import pytest

from kohort.evidence.store import MemberKey, VariantRecord, open_store

MEMBERS = [MemberKey("a", replicate) for replicate in range(12)]
EPOCHS = 4

# Appends, saves checkpoints and finishes, members one after another, from where they are.
WRITER = """
import sys
import numpy as np
from kohort.evidence.store import open_store

def values(member, epoch):
    return np.full((50, 50), 100 * member.replicate + epoch, np.float32)

with open_store(sys.argv[1]) as store, store.study("s").claim() as study:
    study.begin_run({})
    while True:
        for record in [record for record in study.members() if not record.finished]:
            for epoch in range(4):
                logs = [(record.key, epoch + n, {"loss": epoch + 0.5}) for n in (0, 1)]
                study.append(logs)
                print("appended", flush=True)
                state = {"epoch": epoch, "of": record.key.replicate}
                study.save_checkpoint("c", epoch, {"x": values(record.key, epoch)}, state)
            study.finish(record.key, [values(record.key, 9), values(record.key, 10)], 1.0)
        for record in study.members():
            study.restart(record.key)
        study.drop_checkpoint("c")
"""


def check(study):
    """Rows and files tell one story."""
    epochs = {}
    for record in study.epochs():
        epochs.setdefault(record.member, []).append(record.epoch)
    for record in study.members():
        assert epochs.get(record.key, []) == list(range(record.epochs))
        assert (record.finished is None) == (record.weights is None) == (record.sha256 is None)
        if record.finished:
            assert record.epochs == EPOCHS + 1
            first, second = study.weights(record.key)
            assert (first == 100 * record.key.replicate + 9).all()
            assert (second == 100 * record.key.replicate + 10).all()
    found = study.checkpoint("c")
    if found is not None:
        assert found.epoch == found.state["epoch"]
        assert (found.arrays["x"] == 100 * found.state["of"] + found.epoch).all()
    assert study.events() == [], "a checkpoint could not be read"
    return found


def check_files(study):
    with study.claim():
        found = {path.name for path in study._files.glob("*")}
    named = {record.weights for record in study.members() if record.weights}
    assert len(found - named) == (study.checkpoint("c") is not None)
    assert named <= found


def test_killed_at_any_time(tmp_path, python):
    with open_store(tmp_path / "a.db") as store:
        store.create("s", {}, [VariantRecord("a")], MEMBERS)
    moments, seen, checkpoints = random.Random(7), set(), []
    for _ in range(10):
        writer = python(WRITER, tmp_path / "a.db")
        for _ in range(moments.randint(1, 25)):
            assert writer.stdout.readline() == "appended\n"
        time.sleep(moments.uniform(0.0, 0.01))
        writer.kill()
        assert writer.wait() == -9
        with open_store(tmp_path / "a.db") as store:
            study = store.study("s")
            checkpoints.append(check(study))
            check_files(study)
            seen.add(sum(record.epochs for record in study.members()))
            outcomes = [run.outcome for run in study.runs()]
    assert any(checkpoints)
    assert len(seen) > 5, "it was killed at the same moment each time"
    assert outcomes == ["killed"] * 9 + [None]


# A child is killed at the line that is told by a number, of what the store itself runs.
STEPPER = """
import os, shutil, signal, sys
from pathlib import Path
import numpy as np
import kohort.evidence.store as package
from kohort.evidence.store import MemberKey, open_store

home, template, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
folder = str(Path(package.__file__).parent)
KEY = MemberKey("a", 0)

def work(study):
    study.append([(KEY, epoch, {"loss": epoch + 0.5}) for epoch in range(5)])
    study.save_checkpoint("c", 1, {"x": np.full(3, 1.0)}, {"epoch": 1, "of": 0})
    study.save_checkpoint("c", 2, {"x": np.full(3, 2.0)}, {"epoch": 2, "of": 0})
    study.finish(KEY, [np.full(3, 9.0), np.full(3, 10.0)], 1.0)
    study.restart(KEY)
    study.append([(KEY, epoch, {"loss": epoch + 0.5}) for epoch in range(5)])
    study.finish(KEY, [np.full(3, 9.0), np.full(3, 10.0)], 1.0)

def stop_at(line):
    left = [line]
    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(folder):
            return None
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    return trace

line = int(sys.argv[4])
while True:
    here = home / str(line)
    shutil.copytree(template, here)
    child = os.fork()
    if child == 0:
        store = open_store(here / "a.db")
        with store.study("s").claim() as study:
            sys.settrace(stop_at(line))
            work(study)
            sys.settrace(None)
        store.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(line, os.waitstatus_to_exitcode(status), flush=True)
    if status == 0:
        break
    line += step
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_killed_at_any_line(tmp_path, python):
    (tmp_path / "new").mkdir()
    with open_store(tmp_path / "new" / "a.db") as store:
        store.create("s", {}, [VariantRecord("a")], MEMBERS)
    stepper = python(STEPPER, tmp_path, tmp_path / "new", 7, 3)
    said, wrong = stepper.communicate(timeout=120)
    assert wrong == ""
    steps = [tuple(map(int, line.split())) for line in said.splitlines()]
    assert len(steps) > 30
    assert [code for _, code in steps] == [-9] * (len(steps) - 1) + [0]
    seen = set()
    for line, _ in steps:
        with open_store(tmp_path / str(line) / "a.db") as store:
            study = store.study("s")
            found = check(study)
            check_files(study)
            record = study.members()[0]
            seen.add((record.epochs, record.finished is None, found and found.epoch))
    assert {(0, True, None), (5, True, None), (5, True, 1), (5, True, 2), (5, False, 2)} <= seen
