"""Disks that are full, and folders that may only be read."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache
from PIL import Image

import kohort
from kohort.errors import StoreError
from kohort.evidence import whole_files
from kohort.evidence.store import KeptStudy, files
from tests.faults.studies import FILE, calling, kept_numbers, numbers, run, study
from tests.marks import long


@pytest.fixture
def disk(tmp_path):
    """A disk of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    arguments = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if (
        mount is None
        or subprocess.run([mount, *arguments], check=False, capture_output=True).returncode
    ):
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(disk):
    """Write to a disk until it has no room."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass


def fill_before(monkeypatch, disk, owner, name, is_it=lambda *_: True):
    """Fill the disk when a function is called for the first time."""
    real, left = getattr(owner, name), [1]

    def struck(*arguments, **options):
        if left and is_it(*arguments):
            left.pop()
            fill(disk)
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, struck)


MOMENTS = {
    "curves": (KeptStudy, "append", lambda *_: True),
    "a checkpoint": (files, "keep", lambda _, prefix, *__: prefix.startswith("checkpoint")),
    "weights": (files, "keep", lambda _, prefix, *__: prefix.startswith("member")),
    "findings": (KeptStudy, "keep_findings", lambda *_: True),
}


@pytest.mark.long
@pytest.mark.parametrize("moment", ["curves", "a checkpoint", *long("weights", "findings")])
def test_a_full_disk_is_told_and_the_same_command_goes_on_when_there_is_room(
    kohort, undisturbed, disk, monkeypatch, moment
):
    store = disk / "kohort.db"
    with monkeypatch.context() as patch:
        fill_before(patch, disk, *MOMENTS[moment])
        # Of a study that keeps no more than final weights there may be no checkpoint.
        kohort("run", "study.py", "--keep", "all", "--store", store, "--out", "out").refused(
            "room on the disk" if moment in ("curves", "findings") else "make room there"
        )
    assert not list(disk.rglob("*.new"))
    assert not Path("out").exists()
    (disk / "ballast").unlink()
    on = kohort("run", "study.py", "--store", store, "--out", "out")
    assert on.code in (0, None), on.lines
    assert kept_numbers(store) == undisturbed


@pytest.mark.long
@pytest.mark.parametrize("name", ["winner.keras", "report.html"])
def test_a_disk_that_is_full_at_the_end_leaves_no_half_of_a_file(kohort, disk, monkeypatch, name):
    with monkeypatch.context() as patch:
        real = whole_files.uuid4

        def named():
            fill(disk)
            return real()

        patch.setattr(whole_files, "uuid4", named)
        if name == "report.html":
            patch.setattr("kohort.member.Member.save", lambda _, path: path)
        kohort("run", "study.py", "--out", disk / "out").refused(name, "make room there")
    (disk / "ballast").unlink()
    assert list((disk / "out").iterdir()) == []
    on = kohort("run", "study.py", "--out", disk / "out")
    assert on.code in (0, None), on.lines
    assert not any("cohort" in line for line in on.lines), "trained again"
    assert len(list((disk / "out").iterdir())) == 2


@pytest.mark.parametrize("room", [100_000, *long(0, 20_000, 60_000, 150_000, 200_000)])
def test_a_disk_without_room_for_prepared_images_keeps_what_is_read(kohort, disk, room):
    random = np.random.default_rng(0)
    for number in range(150):
        path = Path("glyphs", "AB"[number % 2], f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16), np.uint8)).save(path)
    arguments = ("data", "prepare", "glyphs", "--out")
    assert kohort(*arguments, "whole.h5").code in (0, None)
    fill(disk)
    os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - room)
    kohort(*arguments, disk / "data.h5").refused("data.h5, got '", "make room there")
    left = {path.name for path in disk.iterdir()}
    assert left <= {"ballast", "data.h5.part"}
    (disk / "ballast").unlink()
    on = kohort(*arguments, disk / "data.h5")
    assert on.code in (0, None), on.lines
    assert ("earlier run has read 150 files" in " ".join(on.lines)) == ("data.h5.part" in left)
    assert (disk / "data.h5").read_bytes() == Path("whole.h5").read_bytes()
    assert [path.name for path in disk.iterdir()] == ["data.h5"]


@pytest.fixture
def open_folder():
    """A folder that everybody can enter, as pytest's are not."""
    made = Path(tempfile.mkdtemp(prefix="faults-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


@contextmanager
def only_readable(*paths):
    """Nobody may write to these, and this process is not root."""
    before = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        for path, mode in before.items():
            path.chmod(mode)


@pytest.fixture
def no_kept_programs(monkeypatch):
    """JAX neither reads nor writes compiled programs, which lie where only root may."""
    monkeypatch.setenv("KOHORT_CACHE", "off")
    before = jax.config.jax_compilation_cache_dir
    for folder in (None, before):
        jax.config.update("jax_compilation_cache_dir", folder)
        compilation_cache.reset_cache()
        if folder is None:
            yield


@pytest.mark.usefixtures("no_kept_programs")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_store_that_may_only_be_read_is_told_before_anything_trains(blobs, open_folder, what):
    store = open_folder / "kohort.db"
    if what == "file":
        run(study(blobs, units=[8], epochs=1), store)
    before = sorted(path.name for path in open_folder.rglob("*"))
    struck = [open_folder, *open_folder.glob("kohort.db")]
    with only_readable(*struck), pytest.raises(StoreError, match="allow writing to it and to"):
        run(study(blobs, units=[8], epochs=3), store)
    assert sorted(path.name for path in open_folder.rglob("*")) == before


@pytest.mark.usefixtures("no_kept_programs")
def test_of_a_store_that_may_only_be_read_all_is_told_but_a_new_reading(blobs, open_folder):
    store = open_folder / "kohort.db"
    result = run(study(blobs, units=[8], epochs=1), store)
    with only_readable(open_folder, store):
        opened = kohort.open(store, "struck", blobs)
        assert opened.answer() == result.answer()
        assert numbers(opened) == numbers(result)
        with pytest.raises(StoreError, match="each reading of the test set is recorded there"):
            opened.test()
    told = [str(one) for one in result.test()]
    with only_readable(open_folder, store):
        assert [str(one) for one in kohort.open(store, "struck", blobs).test()] == told


@pytest.mark.long
def test_a_folder_that_may_only_be_read_from_the_middle_of_a_run_on_is_told(blobs, open_folder):
    store = open_folder / "kohort.db"
    wanted = numbers(run(study(blobs, units=[8], callbacks=[calling(int)])))
    refused = pytest.raises(StoreError, match=r"'Permission denied'; make room there, or allow")
    with only_readable_later(open_folder) as strike, refused:
        run(study(blobs, units=[8], callbacks=[calling(strike)]), store)
    assert not list(open_folder.rglob("*.new"))
    assert numbers(run(study(blobs, units=[8], callbacks=[calling(int)]), store)) == wanted


@contextmanager
def only_readable_later(folder):
    stack = []

    def strike():
        (own,) = [path for path in (folder / "kohort.files").iterdir() if path.is_dir()]
        stack.append(only_readable(own))
        stack[0].__enter__()

    try:
        yield strike
    finally:
        stack[0].__exit__(None, None, None)


@pytest.mark.long
def test_the_command_tells_it_in_one_line(open_folder):
    (open_folder / "study.py").write_text(FILE)
    (open_folder / "out").mkdir(mode=0o777)
    (open_folder / "out").chmod(0o777)
    open_folder.chmod(0o555)
    # The user whom it runs as may not write to where coverage is measured.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-m", "kohort", "run", "study.py", "--out", "out"],
        cwd=open_folder, capture_output=True, text=True, check=False,
        user=65534 if os.geteuid() == 0 else None,
        env=environment | {"KOHORT_CACHE": "off", "HOME": str(open_folder)},
    )  # fmt: skip
    open_folder.chmod(0o777)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("kohort: expected to write to ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("room", [60_000, *long(0, 8_000, 400_000)])
def test_a_disk_without_room_for_clean_data_is_left_as_it_was(kohort, disk, room):
    random = np.random.default_rng(0)
    np.savez("raw.npz", x_train=random.normal(size=(5000, 40)), y_train=np.arange(5000) % 2)
    fill(disk)
    os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - room)
    kohort("data", "clean", "raw.npz", "--out", disk / "clean.h5").refused(
        "clean.h5, got 'No space left on device'", "make room there"
    )
    assert [path.name for path in disk.iterdir()] == ["ballast"]
