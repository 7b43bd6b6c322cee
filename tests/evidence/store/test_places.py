"""Where a store can be, and what is said where it cannot."""

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from kohort.errors import InputError, StoreError
from kohort.evidence.store import database, files, migrate, open_store
from kohort.evidence.store.schema import OLDEST, REVISION, VERSION_TABLE
from tests.evidence.store.conftest import MEMBERS, ONE, VARIANTS


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refuse(place, match):
    with pytest.raises(StoreError, match=match) as caught:
        open_store(place)
    assert "\n" not in str(caught.value)


def test_an_error_of_a_store_is_one_of_the_input():
    assert issubclass(StoreError, InputError)


def test_files_lie_beside_the_database(tmp_path):
    for name, folder in (("a.db", "a.files"), ("b", "b.files"), ("c.files", "c.files.files")):
        open_store(str(tmp_path / name)).close()
        assert (tmp_path / name).is_file()
        assert (tmp_path / folder).is_dir()


def test_files_lie_where_they_are_wanted(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/a.db", files=tmp_path / "there") as store:
        study = store.create("a", {}, VARIANTS, MEMBERS)
        with study.claim():
            study.finish(ONE, [np.zeros(1)], 1.0)
    assert list((tmp_path / "there").glob("*/member-*.safetensors"))
    assert not (tmp_path / "a.files").exists()


def test_a_store_is_where_it_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_store("a.db") as store:
        monkeypatch.chdir("/")
        study = store.create("a", {}, VARIANTS, MEMBERS)
        with study.claim():
            study.finish(ONE, [np.zeros(1)], 1.0)
    assert len(list((tmp_path / "a.files").glob("*/member-*"))) == 1


def test_memory_leaves_no_files():
    store = open_store("sqlite://")
    root = store._root
    assert root.is_dir()
    store.close()
    assert not root.exists()


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "a.db"
    path.touch()
    open_store(path).close()
    with open_store(path) as store:
        assert store.studies() == []


def test_transactions_are_safe(tmp_path):
    with open_store(tmp_path / "a.db") as store, store._database.engine.connect() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert asked == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 2,
        "busy_timeout": 1000 * database.TURN,
    }


def test_a_folder_is_no_store(tmp_path):
    refuse(tmp_path, "got a folder; name a file in it")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(tmp_path):
    refuse(tmp_path / "none" / "a.db", f"got no folder {tmp_path}/none; make the folder first")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"text", b"SQLite format 2\0" + bytes(100), bytes(4096)])
def test_a_file_of_another_kind_is_left_alone(tmp_path, content):
    (tmp_path / "a.db").write_bytes(content)
    refuse(tmp_path / "a.db", "got a file that is not SQLite's; name another file")
    assert bytes_of(tmp_path) == {"a.db": content}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_database_of_another_program_is_left_alone(tmp_path):
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("CREATE TABLE study (id INTEGER)")
    other.commit()
    other.close()
    before = bytes_of(tmp_path)
    refuse(tmp_path / "a.db", "got a database of another program; name another file")
    assert bytes_of(tmp_path) == before


def test_a_store_of_a_newer_kohort_is_left_alone(tmp_path):
    path = tmp_path / "a.db"
    open_store(path).close()
    change = sqlite3.connect(path)
    change.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    change.commit()
    change.close()
    before = bytes_of(tmp_path)
    refuse(path, f"of revision {REVISION} or older, got revision 9999 in .*; update kohort")
    assert bytes_of(tmp_path) == before


def test_a_store_that_is_cut_off_is_told(tmp_path):
    path = tmp_path / "a.db"
    open_store(path).close()
    path.write_bytes(path.read_bytes()[:5000])
    refuse(path, "malformed'; restore it from a copy")


def test_a_store_that_is_damaged_is_told(tmp_path):
    path = tmp_path / "a.db"
    open_store(path).close()
    path.write_bytes(path.read_bytes()[:100] + bytes(range(256)) * 200)
    refuse(path, "malformed'; restore it from a copy")


@pytest.mark.parametrize("place", ["mysql://me:secret@host/db", "postgresql://me:secret@h:x/db"])
def test_an_address_of_another_kind_is_refused_without_its_password(place):
    with pytest.raises(StoreError, match="a path, 'sqlite://' or 'postgresql://") as caught:
        open_store(place)
    assert "secret" not in str(caught.value)


def test_the_driver_of_postgresql_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    refuse("postgresql://host/db", r'psycopg, got none installed; .*"kohort\[postgres\]"')


@contextmanager
def unprivileged():
    """Root may write everywhere, so be another for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody can enter, as pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="store-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_may_only_be_read_is_told(open_folder):
    open_folder.chmod(0o555)
    with unprivileged():
        refuse(open_folder / "a.db", "'Permission denied'; make room there, or allow writing")
    assert list(open_folder.iterdir()) == []


def test_a_store_that_may_not_be_read_is_told(open_folder):
    open_store(open_folder / "a.db").close()
    (open_folder / "a.db").chmod(0)
    with unprivileged():
        refuse(open_folder / "a.db", "'Permission denied'")


def test_a_folder_of_files_that_may_only_be_read_is_told(open_folder, tmp_path):
    with open_store(tmp_path / "a.db", files=open_folder) as store:
        study = store.create("a", {}, VARIANTS, MEMBERS)
        with study.claim():
            study.finish(ONE, [np.zeros(1)], 1.0)
            (study._files / "stray").touch()
        (open_folder / f"{study.folder}.lock").chmod(0o666)
        (tmp_path / "a.db").chmod(0o666)
        with unprivileged():
            with pytest.raises(StoreError, match=r"to write to .*'Permission denied'; make room"):
                study.claim().__enter__()
            assert len(study.weights(ONE)) == 1


def test_others_may_read_the_files_where_the_mask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        name, _ = files.keep(tmp_path, "a", {"0": np.zeros(1)})
    finally:
        os.umask(before)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o644


def test_a_file_is_flushed_before_it_has_its_name_and_its_folder_after(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace

    def flush(handle):
        assert ("move" in calls) == bool(list((tmp_path / "new").glob("a-*.safetensors")))
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def move(path, to):
        calls.append("move")
        return replace(path, to)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", move)
    files.keep(tmp_path / "new", "a", {"0": np.zeros(1)})
    assert calls == ["folder", "file", "move", "folder"]


@contextmanager
def no_file_above(size):
    """As where a disk is full, for files that reach a size; Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_is_told_and_nothing_is_kept_by_half(tmp_path):
    with open_store(tmp_path / "a.db") as store:
        study = store.create("a", {}, VARIANTS, MEMBERS)
        with study.claim():
            with no_file_above(2**20):
                with pytest.raises(StoreError, match=r"File too large'; make room there"):
                    study.finish(ONE, [np.zeros(2**18)], 1.0)
                with pytest.raises(StoreError, match="make room on the disk"):
                    study.append((ONE, epoch, {"x" * 100: 0.0}) for epoch in range(20_000))
            assert list(study._files.iterdir()) == []
            assert study.members()[0].finished is None
            assert study.epochs() == []
            study.append([(ONE, 0, {})])
            study.finish(ONE, [np.zeros(2**18)], 1.0)
    with open_store(tmp_path / "a.db") as store:
        assert len(store.study("a").weights(ONE)[0]) == 2**18


OPEN = """
import sys
from kohort.evidence.store import open_store
with open_store(sys.argv[1], files=sys.argv[2]) as store:
    store.create(sys.argv[3], {}, [], [])
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_processes_that_open_a_new_store_at_once_all_do(tmp_path, python, request, kind):
    place = tmp_path / "a.db"
    if kind == "postgres":
        place = request.getfixturevalue("server").new_database()
    started = [python(OPEN, place, tmp_path / "files", f"study {n}") for n in range(4)]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
    with open_store(place, files=tmp_path / "files") as store:
        assert sorted(s.name for s in store.studies()) == [f"study {n}" for n in range(4)]


def test_tables_that_another_process_makes_meanwhile_are_kohorts(server, tmp_path, monkeypatch):
    place = server.new_database()
    inspected, others = migrate.inspect, []

    def inspect(connection):
        """An inspector after whose first answer another process makes the store."""
        inspector = inspected(connection)

        class Late:
            def __getattr__(self, name):
                def answer(*arguments):
                    found = getattr(inspector, name)(*arguments)
                    if not others:
                        others.append(True)
                        open_store(place, files=tmp_path / "files").close()
                        inspector.clear_cache()
                    return found

                return answer

        return Late()

    monkeypatch.setattr(migrate, "inspect", inspect)
    with open_store(place, files=tmp_path / "files") as store:
        assert store.studies() == []
    assert others


def test_who_opens_a_new_store_waits_for_who_makes_its_tables(tmp_path):
    (tmp_path / "a.files").mkdir()
    opened = []
    other = threading.Thread(target=lambda: opened.append(open_store(tmp_path / "a.db")))
    with FileLock(tmp_path / "a.files" / "open.lock"):
        other.start()
        other.join(0.3)
        assert opened == []
        assert not (tmp_path / "a.db").exists()
    other.join()
    with opened.pop() as store:
        assert store.studies() == []


CLAIM = """
import sys, time
from kohort.evidence.store import open_store
store = open_store(sys.argv[1], files=sys.argv[2])
with store.study("width").claim() as study:
    study.begin_run({})
    print("claimed", flush=True)
    time.sleep(60)
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_a_claim_ends_with_its_process(tmp_path, python, request, kind):
    place = tmp_path / "a.db"
    if kind == "postgres":
        place = request.getfixturevalue("server").new_database()
    with open_store(place, files=tmp_path / "files") as store:
        study = store.create("width", {}, VARIANTS, MEMBERS)
        other = python(CLAIM, place, tmp_path / "files")
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(StoreError, match=f"a claim by process {other.pid} on "):
            study.claim().__enter__()
        other.kill()
        other.wait()
        with claimed_soon(study):
            study.begin_run({})
        assert [run.outcome for run in study.runs()] == ["killed", None]


@contextmanager
def claimed_soon(study):
    """A server takes a moment to see that a process has gone."""
    for _ in range(100):
        try:
            claim = study.claim()
            claim.__enter__()
        except StoreError:
            threading.Event().wait(0.05)
            continue
        try:
            yield
        finally:
            claim.__exit__(None, None, None)
        return
    pytest.fail("the claim did not end")


WRITE = """
import itertools, os, sys
from kohort.evidence.store import MemberKey, open_store
with open_store(sys.argv[1]) as store, store.study("width").claim() as study:
    for epoch in itertools.count():
        study.append((MemberKey("wide", 0), 2 * epoch + n, {"loss": 1.0}) for n in (0, 1))
        if epoch == 0:
            print("writing", flush=True)
        if os.path.exists(sys.argv[2]):
            break
"""


def test_curves_are_read_while_another_process_writes(tmp_path, python):
    with open_store(tmp_path / "a.db") as store:
        study = store.create("width", {}, VARIANTS, MEMBERS)
        other = python(WRITE, tmp_path / "a.db", tmp_path / "stop")
        assert other.stdout.readline() == "writing\n"
        seen = [len(study.epochs())]
        while len(set(seen)) < 10:
            seen.append(len(study.epochs()))
        assert other.poll() is None
        (tmp_path / "stop").touch()
        assert other.wait() == 0
    assert seen == sorted(seen)
    assert all(count % 2 == 0 for count in seen), "a transaction was seen by half"
    assert seen[0] > 0


def test_a_name_is_given_once_at_once(open_here):
    with open_here() as store:
        outcomes = []

        def create(_):
            try:
                outcomes.append(store.create("a", {}, VARIANTS, MEMBERS).name)
            except StoreError as error:
                outcomes.append(error.expected)

        threads = [threading.Thread(target=create, args=[n]) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["a", *["a name that no study of the store has"] * 5]
        assert len(store.study("a").members()) == 8


def test_a_study_that_another_process_adds_at_the_same_moment_is_found(store, monkeypatch):
    added = store.create("a", {"by": "another"}, VARIANTS, MEMBERS)
    find, not_yet = store.find, [None]
    monkeypatch.setattr(store, "find", lambda name: not_yet.pop() if not_yet else find(name))
    found = store.find_or_create("a", {"by": "this"}, [], [])
    assert (found.number, found.folder) == (added.number, added.folder)
    assert found.description == {"by": "another"}


@pytest.mark.long
def test_threads_share_a_store(open_here):
    with open_here() as store:
        study = store.create("width", {}, VARIANTS, MEMBERS)
        failed = []

        def write(member):
            try:
                for epoch in range(20):
                    study.append([(member, epoch, {"loss": 1.0})])
                    study.finish(member, [np.full(2, epoch)], 1.0)
                    study.epochs()
            except StoreError as error:
                failed.append(error)

        with study.claim():
            threads = [threading.Thread(target=write, args=[member]) for member in MEMBERS[:4]]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert failed == []
        assert len(study.epochs()) == 80
        assert [study.weights(member)[0].tolist() for member in MEMBERS[:4]] == [[19, 19]] * 4


OTHER = """
import sys
from kohort.evidence.store import open_store
with open_store(sys.argv[1], make=False) as store:
    store.create(sys.argv[2], {}, [], [])
    print("created", flush=True)
    sys.stdin.read()
"""


@pytest.mark.long
def test_a_store_that_is_opened_twice_keeps_its_locks(tmp_path):
    """Else the next process to close it deletes the log that this one reads."""
    path = tmp_path / "kohort.db"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    names = ["ours"]
    with open_store(path) as store:
        store.create("ours", {}, [], [])
        with open_store(path, make=False) as again:
            assert [study.name for study in again.studies()] == names
        for name in ("theirs", "theirs too"):
            command = [sys.executable, "-c", OTHER, str(path), name]
            with subprocess.Popen(command, **pipes) as other:
                assert other.stdout.readline() == "created\n"
                names.append(name)
                assert [study.name for study in store.studies()] == names, "while it is open there"
                other.stdin.close()
        store.create("ours too", {}, [], [])
    with open_store(path, make=False) as later:
        assert len(later.studies()) == 4


@contextmanager
def only_readable(folder):
    """Nobody may write to a folder and what is in it, and this process is not root."""
    paths = [*folder.rglob("*"), folder]
    before = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with unprivileged():
            yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)


def kept(place):
    """A store with a study, of which a member has trained."""
    with open_store(place) as store:
        study = store.create("a", {"epochs": 2}, VARIANTS, MEMBERS)
        with study.claim():
            study.append([(ONE, 0, {"loss": 0.5})])
            study.finish(ONE, [np.arange(3.0)], 1.0)


def test_a_store_that_may_only_be_read_is_read(open_folder):
    place = open_folder / "a.db"
    kept(place)
    before = bytes_of(open_folder)
    with only_readable(open_folder), open_store(place, make=False) as store:
        assert store.reads_only
        assert [summary.name for summary in store.studies()] == ["a"]
        study = store.study("a")
        assert [record.logs for record in study.epochs()] == [{"loss": 0.5}]
        assert study.weights(ONE)[0].tolist() == [0, 1, 2]
        assert study.is_claimed() is None
    assert bytes_of(open_folder) == before


def test_a_file_that_may_only_be_read_in_a_folder_of_ones_own_is_read(open_folder):
    place = open_folder / "a.db"
    kept(place)
    open_folder.chmod(0o777)
    place.chmod(0o444)
    with unprivileged(), open_store(place, make=False) as store:
        assert [summary.name for summary in store.studies()] == ["a"]
    assert sorted(path.name for path in open_folder.iterdir()) == ["a.db", "a.files"]


def test_what_writes_to_a_store_that_may_only_be_read_is_told_so(open_folder):
    place = open_folder / "a.db"
    kept(place)
    told = f"to write to {place}, got a file, or a folder of it, that may only be read; allow"
    with only_readable(open_folder), open_store(place, make=False) as store:
        for write in (
            lambda: store.create("b", {}, VARIANTS, MEMBERS),
            lambda: store.study("a").note("kind", "text"),
        ):
            with pytest.raises(StoreError, match=told) as caught:
                write()
            assert "\n" not in str(caught.value)
        with pytest.raises(StoreError, match=r"to write to .*a\.files, got 'Permission denied'"):
            store.study("a").claim().__enter__()


def test_the_newest_rows_are_read_of_a_run_that_was_killed(open_folder, tmp_path):
    """They are in the log beside the file, which nobody has written back."""
    kept(tmp_path / "a.db")
    with open_store(tmp_path / "a.db") as store:
        with store.study("a").claim():
            pass
        store.study("a").note("newest", "in the log")
        assert (tmp_path / "a.db-wal").stat().st_size
        for path in tmp_path.glob("a.db*"):  # as a kill leaves them
            shutil.copy(path, open_folder)
    with only_readable(open_folder), open_store(open_folder / "a.db", make=False) as store:
        assert [event.kind for event in store.study("a").events()] == ["newest"]


def test_a_log_without_its_index_is_told_where_none_can_be_made(open_folder, tmp_path):
    kept(tmp_path / "a.db")
    with open_store(tmp_path / "a.db") as store:
        store.study("a").note("newest", "in the log")
        for path in tmp_path.glob("a.db*"):
            shutil.copy(path, open_folder)
    (open_folder / "a.db-shm").unlink()
    with only_readable(open_folder):
        refuse(open_folder / "a.db", "allow writing to it and to its folder")


def test_an_older_store_that_may_only_be_read_is_told(open_folder):
    place = open_folder / "a.db"
    kept(place)
    change = sqlite3.connect(place)
    change.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{OLDEST}'")
    change.commit()
    change.close()
    with only_readable(open_folder):
        refuse(place, "where it may only be read, got an older one, .*; allow writing to it")


def test_who_reads_waits_a_moment_for_a_store_that_another_process_begins(tmp_path):
    made, begun = tmp_path / "made.db", tmp_path / "begun.db"
    open_store(made).close()
    begun.touch()

    def goes_on():
        time.sleep(0.1)
        begun.write_bytes(made.read_bytes())

    other = threading.Thread(target=goes_on)
    other.start()
    with open_store(begun, make=False) as opened:
        assert opened.studies() == []
    other.join()
