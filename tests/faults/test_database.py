"""Other programs that hold the database, servers that go away, and two runs in one store."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

import kohort as package
from kohort.cli.study_files import read_study
from kohort.errors import StoreError
from kohort.evidence.store import connect, database, open_store
from kohort.evidence.store.schema import APPLICATION_ID
from tests.faults.studies import calling, kept_numbers, numbers, run, study
from tests.marks import long
from tests.runs.searches.searched import at_breath, small


@pytest.fixture(scope="module")
def wanted(blobs):
    return numbers(run(study(blobs, callbacks=[calling(int)])))


@contextmanager
def locked(place):
    """Another program writes to the file meanwhile."""
    other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


@pytest.mark.long
def test_a_run_waits_for_another_program_that_holds_the_database(blobs, tmp_path, wanted):
    place, free = tmp_path / "kohort.db", threading.Event()

    def hold():
        other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")

        def let_go():
            free.set()
            other.close()

        threading.Timer(3 * database.TURN, let_go).start()

    result = run(study(blobs, callbacks=[calling(hold)]), place)
    assert free.is_set()
    assert numbers(result) == wanted


@pytest.mark.long
def test_a_database_that_is_held_for_ever_is_told_and_the_same_command_goes_on(
    kohort, undisturbed, folder, monkeypatch
):
    (folder / "act").write_text(
        "import sqlite3\n"
        "if not hasattr(kohort, 'held'):\n"
        "    kohort.held = sqlite3.connect('kohort.db', isolation_level=None)\n"
        "    kohort.held.execute('BEGIN IMMEDIATE')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(database, "PATIENCE", 1.0)
        told = kohort("run", "study.py")
    package.held.close()
    del package.held
    told.refused("got 'database is locked'; wait until the other process has finished")
    (folder / "act").unlink()
    assert kohort("run", "study.py").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed


def test_a_store_that_is_held_when_it_is_opened_is_told(kohort, folder, monkeypatch):
    open_store("kohort.db").close()
    monkeypatch.setattr(database, "PATIENCE", 0.0)
    with locked("kohort.db"):
        kohort("run", "study.py").refused("database is locked")


def test_who_makes_a_store_waits_for_another_that_looks_into_it(tmp_path):
    place, free = tmp_path / "a.db", threading.Event()
    new = sqlite3.connect(place)
    new.execute(f"PRAGMA application_id={APPLICATION_ID}")
    new.close()
    with locked(place) as other:

        def let_go():
            free.set()
            other.close()

        threading.Timer(0.3, let_go).start()
        connect._make_sqlite(place)
        assert free.is_set()
    open_store(place).close()


@pytest.mark.long
def test_who_waits_for_a_database_hears_a_second_signal(blobs, tmp_path, wanted):
    place, held = tmp_path / "kohort.db", []
    free = threading.Event()
    last = threading.Timer(30, free.set)  # Who hears nothing would wait for this.

    def hold():
        other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        held.append(other)
        for seconds in (0.1, 1.2):
            threading.Timer(seconds, os.kill, [os.getpid(), signal.SIGINT]).start()
        last.start()

    with pytest.raises(KeyboardInterrupt):
        run(study(blobs, callbacks=[calling(hold)]), place)
    last.cancel()
    assert not free.is_set()
    held[0].close()
    assert numbers(run(study(blobs, callbacks=[calling(int)]), place)) == wanted


@pytest.fixture
def place(server, tmp_path, monkeypatch):
    """A database of the server; files lie in the working directory."""
    monkeypatch.chdir(tmp_path)
    return server.new_database()


@pytest.mark.long
@pytest.mark.parametrize("mode", ["fast", *long("immediate")])
def test_a_server_that_is_started_again_in_the_middle_of_a_run(blobs, server, place, wanted, mode):
    def restart():
        server.stop(mode)
        threading.Timer(0.5, server.start).start()

    assert numbers(run(study(blobs, callbacks=[calling(restart)]), place)) == wanted
    with open_store(place) as store:
        assert [record.outcome for record in store.study("struck").runs()] == ["done"]


@pytest.mark.long
def test_a_server_that_stays_away_is_told_and_the_study_goes_on_when_it_is_back(
    blobs, server, place, wanted, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(database, "WAITS", (0.01, 0.02))
        with pytest.raises(StoreError, match="; start its server, and check its") as caught:
            run(study(blobs, callbacks=[calling(server.stop, call=9)]), place)
    assert "\n" not in str(caught.value)
    server.start()
    assert numbers(run(study(blobs, callbacks=[calling(int)]), place)) == wanted
    with open_store(place) as store:
        outcomes = [record.outcome for record in store.study("struck").runs()]
    assert outcomes == ["killed", "done"]


@pytest.mark.long
def test_two_studies_in_one_store_at_once_both_end_with_their_numbers(folder, undisturbed):
    commands = [
        [*(sys.executable, "-m", "kohort", "run", f"study.py::{name}"), "--out", name]
        for name in ("study", "other")
    ]
    started = [
        subprocess.Popen(own, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for own in commands
    ]
    for process in started:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert kept_numbers("kohort.db") == undisturbed
    read_study("study.py::other", None).run("alone.db", verbose=0)
    assert kept_numbers("kohort.db", "two") == kept_numbers("alone.db", "two")


@pytest.mark.parametrize(
    ("left", "found"), [("", "no file there"), ("another.db", "another file there")]
)
def test_a_store_whose_file_is_deleted_or_replaced_in_the_middle_of_a_run_is_told(
    kohort, folder, left, found
):
    (folder / "act").write_text(
        "for file in pathlib.Path().glob('kohort.db*'):\n"
        "    file.unlink()\n"
        "for file in pathlib.Path().glob('another.db'):\n"
        "    file.rename('kohort.db')\n"
        "pathlib.Path('act').unlink()\n"
    )
    if left:
        open_store(folder / left).close()
    told = kohort("run", "study.py", "--out", "out")
    told.refused("the file of the store at", "kohort.db, as it was opened", found)
    assert (folder / "kohort.db").exists() == bool(left), "another one was made"
    assert not (folder / "out" / "report.html").exists()


def test_a_search_whose_store_is_deleted_is_told_and_its_finalists_do_not_race(
    blobs, tmp_path, monkeypatch
):
    at_breath(monkeypatch, 3, lambda _: (tmp_path / "kohort.db").unlink())
    with pytest.raises(StoreError, match="the file of the store at"):
        small(blobs, trials=4).run(tmp_path / "kohort.db", verbose=0, checkpoint_seconds=0)
    assert not (tmp_path / "kohort.db").exists()


def test_a_store_that_is_put_back_goes_on(tmp_path):
    with open_store(tmp_path / "kohort.db") as store:
        kept = store.create("one", {}, [], [])
        (tmp_path / "kohort.db").rename(tmp_path / "moved.db")
        with pytest.raises(StoreError, match="put it back, or run again"):
            kept.note("told", "lost")
        assert not (tmp_path / "kohort.db").exists(), "an empty one was made"
        (tmp_path / "moved.db").rename(tmp_path / "kohort.db")
        kept.note("told", "kept")
        assert [event.text for event in kept.events()] == ["kept"]
