"""`kohort data prepare` that is killed, interrupted or out of room, and goes on."""

import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.cli.in_process import kohort

IMAGES = 150
ARGUMENTS = ("data", "prepare", "glyphs", "--out", "data.h5")
PART = "kohort.data.preparing.part_file"
KILLED = """
import os, pkgutil, signal
from unittest import mock
from kohort.data.preparing import part_file

part_file.KEPT_ROWS = 16
owner, _, name = "{where}".rpartition(".")
owner = pkgutil.resolve_name(owner)
real, left = getattr(owner, name), [{call}]

def struck(*arguments, **options):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

with mock.patch.object(owner, name, struck):
    from kohort.cli.main import main
    main()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with images, and what an undisturbed run writes and tells of them."""
    folder = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(2)
    for number in range(IMAGES):
        path = folder / "glyphs" / "AB"[number % 2] / f"font{number // 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16), np.uint8)).save(path)
    (folder / "glyphs" / "B" / "bad.png").write_bytes(b"")
    done = kohort(*ARGUMENTS, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, (folder / "data.h5").read_bytes(), done.stdout


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{PART}.KEPT_ROWS", 16)
    (tmp_path / "glyphs").symlink_to(made[0] / "glyphs")
    return tmp_path


def beside(folder):
    """The names of what lies beside the sources."""
    return sorted(path.name for path in folder.iterdir() if path.name != "glyphs")


def goes_on(folder, made, told=""):
    """The same command ends as one that nothing happened to."""
    done = kohort(*ARGUMENTS, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert told in done.stderr
    assert ("an earlier run" in done.stderr) == bool(told)
    assert (done.stdout, (folder / "data.h5").read_bytes()) == (made[2], made[1])
    assert beside(folder) == ["data.h5"]


def read(files):
    return f"data.h5.part: an earlier run has read {files} files; it goes on there"


MOMENTS = [
    (f"{PART}.decode_bytes", 100, read(96)),
    (f"{PART}.decode_bytes", 7, ""),
    (f"{PART}.decode_bytes", 151, read(144)),
    (f"{PART}.PartFile.keep", 3, read(32)),
    ("kohort.data.preparing.sifting.find_copies", 1, read(151)),
    ("kohort.data.preparing.sifting.find_copies", 2, read(151)),
    ("kohort.data.preparing.layouts._in_layout", 2, read(151)),
    ("os.fsync", 1, read(151)),
    ("pathlib.Path.replace", 1, read(151)),
    ("kohort.data.preparing.sifting.moved_pairs", 1, read(151)),
    (f"{PART}.PartFile.remove", 1, read(151)),
]


@pytest.mark.long
@pytest.mark.parametrize(("where", "call", "told"), MOMENTS)
def test_one_that_is_killed_goes_on_and_writes_the_same_bytes(folder, made, where, call, told):
    code = KILLED.format(where=where, call=call)
    killed = subprocess.run(
        [sys.executable, "-c", code, *ARGUMENTS], cwd=folder, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = where.endswith("remove")  # what was killed last had written the file
    assert (folder / "data.h5").exists() == done
    goes_on(folder, made, told)


def test_what_is_kept_is_neither_decoded_nor_searched_again(folder, made, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("kohort.data.preparing.layouts._in_layout", full)
        kohort(*ARGUMENTS, cwd=folder)
    monkeypatch.setattr(f"{PART}.decode_bytes", None)
    monkeypatch.setattr("kohort.data.preparing.sifting.find_copies", None)
    monkeypatch.setattr("kohort.data.preparing.sifting.moved_pairs", None)
    goes_on(folder, made, read(151))


def full(*_):
    raise OSError(28, "No space left on device")


def full_file(*_):  # as h5py tells it where it closes a file
    raise RuntimeError("unable to close file: the disk is full")


def full_database(*_, **__):
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize(
    ("where", "fails", "kept"),
    [
        ("kohort.data.preparing.layouts._in_layout", full, 151),
        ("kohort.data.preparing.layouts._in_layout", full_file, 151),
        (f"{PART}._to_row", full_database, 0),
        (f"{PART}.np.savez_compressed", full_database, 151),
    ],
)
def test_a_full_disk_is_told_with_what_is_kept(folder, made, monkeypatch, where, fails, kept):
    (folder / "data.h5").write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(where, fails)
        done = kohort(*ARGUMENTS, cwd=folder)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("kohort: expected to write data.h5, got '")
    assert "full'; make room there" in line or "No space left on device'; make room" in line
    goes = f"data.h5.part keeps {kept} files that were read: the same command goes on there"
    assert (goes in line) == bool(kept)
    assert (folder / "data.h5").read_bytes() == b"old"
    assert beside(folder) == ["data.h5", *["data.h5.part"] * bool(kept)]
    goes_on(folder, made, read(kept) if kept else "")


def test_one_that_is_interrupted_keeps_what_it_has_read(folder, made, monkeypatch):
    with monkeypatch.context() as patch:
        number = iter(range(IMAGES))
        decode = kept_decode()

        def interrupted(*arguments):
            if next(number) == 99:
                raise KeyboardInterrupt
            return decode(*arguments)

        patch.setattr(f"{PART}.decode_bytes", interrupted)
        done = kohort(*ARGUMENTS, cwd=folder)
    assert done.returncode == 130
    assert done.stderr == (
        "data.h5.part keeps 99 files that were read: the same command goes on there\n"
        "kohort: interrupted\n"
    )
    goes_on(folder, made, read(99))


def kept_decode():
    from kohort.data.preparing import part_file

    return part_file.decode_bytes


def left_over(folder, monkeypatch):
    """A part file of the whole source."""
    with monkeypatch.context() as patch:
        patch.setattr("kohort.data.preparing.layouts._in_layout", full)
        assert kohort(*ARGUMENTS, cwd=folder).returncode == 2
    return folder / "data.h5.part"


def test_files_that_changed_since_are_read_again(tmp_path, made, monkeypatch):
    random = np.random.default_rng(3)
    for number in range(40):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16), np.uint8)).save(path)
    left_over(tmp_path, monkeypatch)
    (tmp_path / "glyphs" / "A" / "0.png").write_bytes((made[0] / "glyphs/A/font0.png").read_bytes())
    (tmp_path / "glyphs" / "A" / "10.png").unlink()
    assert kohort(*ARGUMENTS, cwd=tmp_path).returncode == 0
    went_on = (tmp_path / "data.h5").read_bytes()
    assert kohort(*ARGUMENTS, cwd=tmp_path).returncode == 0
    assert (tmp_path / "data.h5").read_bytes() == went_on


def test_one_of_other_options_is_read_anew(folder, made, monkeypatch):
    left_over(folder, monkeypatch)
    done = kohort(*ARGUMENTS, "--size", "10x10", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "images that were resized to 10 x 10 (height x width): 150" in done.stdout
    assert beside(folder) == ["data.h5"]


def test_rows_of_a_part_file_that_are_damaged_are_read_again(folder, made, monkeypatch):
    part = left_over(folder, monkeypatch)
    with sqlite3.connect(part) as database:
        database.execute("UPDATE file SET pixels = zeroblob(64) WHERE number % 3 = 0")
        database.execute("UPDATE found SET arrays = zeroblob(64)")
    database.close()
    goes_on(folder, made, read(151))


def foreign(part):
    part.unlink()
    with sqlite3.connect(part) as database:
        database.execute("CREATE TABLE mine (text TEXT)")
    database.close()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda part: part.write_bytes(b"a text of mine" * 99), "remove it, to begin anew"),
        (lambda part: os.truncate(part, 9000), "remove it, to begin anew"),
        (foreign, "got a database of another program; move it away"),
    ],
)
def test_another_file_in_its_place_is_named_and_left(folder, monkeypatch, spoil, told):
    part = left_over(folder, monkeypatch)
    spoil(part)
    before = part.read_bytes()
    done = kohort(*ARGUMENTS, cwd=folder)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("kohort: expected data.h5.part as an earlier run left it, got ")
    assert told in line
    assert part.read_bytes() == before


def test_two_runs_do_not_write_one_file(folder, made, monkeypatch):
    part = left_over(folder, monkeypatch)
    other = sqlite3.connect(part)
    other.execute("BEGIN EXCLUSIVE")
    done = kohort(*ARGUMENTS, cwd=folder)
    assert done.returncode == 2
    assert "expected one run at a time that writes data.h5, got another one; wait" in done.stderr
    other.close()
    goes_on(folder, made, read(151))


@pytest.mark.parametrize("out", ["data.h5", "a/new/folder/data.h5"])
def test_bad_input_leaves_no_part_file(folder, out):
    done = kohort(*ARGUMENTS[:-1], out, "--train", "900", cwd=folder)
    assert done.returncode == 2
    assert "takes 30 of 150; ask for --train 120 or fewer" in done.stderr
    assert beside(folder) == []


def test_a_folder_that_is_not_there_is_made(folder, made):
    assert kohort(*ARGUMENTS[:-1], "a/new/data.h5", cwd=folder).returncode == 0
    assert (folder / "a/new/data.h5").read_bytes() == made[1]
