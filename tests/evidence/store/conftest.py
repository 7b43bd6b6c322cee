import os
import subprocess
import sys

import pytest

from kohort.evidence.store import MemberKey, VariantRecord, open_store

VARIANTS = [
    VariantRecord("narrow", "def build(units): ...", {"units": 50}),
    VariantRecord("wide", "def build(units): ...", {"units": 200}),
]
MEMBERS = [
    MemberKey(variant.name, r, s) for variant in VARIANTS for r in (0, 1) for s in (1.0, 0.1)
]
ONE = MEMBERS[0]


@pytest.fixture(params=["file", "memory", "postgres"])
def open_here(request, tmp_path):
    """A function that opens the test's store, in each kind of place."""
    if request.param == "memory":
        return lambda: open_store("sqlite://")
    if request.param == "file":
        return lambda: open_store(tmp_path / "kohort.db")
    url = request.getfixturevalue("server").new_database()
    return lambda: open_store(url, files=tmp_path / "files")


@pytest.fixture
def store(open_here):
    """A new store."""
    with open_here() as opened:
        yield opened


@pytest.fixture
def kept(store):
    """A study in a new store."""
    return store.create("width", {"epochs": 3}, VARIANTS, MEMBERS)


@pytest.fixture
def claimed(kept):
    """A study that this test may write to."""
    with kept.claim():
        yield kept


@pytest.fixture
def python():
    """Starts Python with some code, and arguments for it; kills it when the test ends."""
    started = []

    def start(code, *arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
