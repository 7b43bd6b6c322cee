"""What was written last is lost or spoilt, as where the power went while a disk lied."""

import os
import shutil

import pytest

import kohort
from kohort.evidence.store import open_store
from tests.faults.studies import calling, numbers, run, study
from tests.marks import long


@pytest.fixture(scope="module")
def struck(blobs, tmp_path_factory):
    """A store as it is in the middle of the second cohort, and the numbers of the whole study."""
    folder = tmp_path_factory.mktemp("struck")
    (folder / "at").mkdir()
    image = calling(lambda: shutil.copytree(folder / "at", folder / "image"), call=11)
    whole = run(study(blobs, callbacks=[image]), folder / "at" / "kohort.db")
    files = {path.name.split("-")[0] for path in (folder / "image").rglob("*.safetensors")}
    assert files == {"member", "checkpoint"}
    assert (folder / "image" / "kohort.db-wal").stat().st_size > 10_000
    return folder / "image", numbers(whole)


def again(blobs, folder):
    return numbers(run(study(blobs, callbacks=[calling(int)]), folder / "kohort.db"))


def newest(folder, kind):
    return max(folder.rglob(f"{kind}-*"), key=lambda path: path.stat().st_mtime_ns)


def cut(path, part):
    os.truncate(path, int(path.stat().st_size * part))


def zero(path, part):
    size = path.stat().st_size
    cut(path, part)
    os.truncate(path, size)


@pytest.mark.long
@pytest.mark.parametrize(("spoil", "part"), [(cut, 0.5), *long((cut, 0), (zero, 0.5))])
@pytest.mark.parametrize("kind", ["checkpoint", "member"])
def test_a_file_that_is_spoilt_is_named_and_what_it_held_trained_again(
    blobs, tmp_path, struck, kind, part, spoil
):
    image, wanted = struck
    shutil.copytree(image, tmp_path / "at")
    path = newest(tmp_path / "at", kind)
    spoil(path, part)
    assert again(blobs, tmp_path / "at") == wanted
    with open_store(tmp_path / "at" / "kohort.db") as store:
        assert path.name in " ".join(event.text for event in store.study("struck").events())


@pytest.mark.long
@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        *((cut, part) for part in (0, 0.3)),
        (zero, 0),
        *long(*((cut, part) for part in (0.0005, 0.1, 0.6, 0.9, 0.9999)), (zero, 0.5)),
    ],
)
def test_of_rows_that_were_written_last_any_part_may_be_lost(blobs, tmp_path, struck, part, spoil):
    image, wanted = struck
    shutil.copytree(image, tmp_path / "at")
    spoil(tmp_path / "at" / "kohort.db-wal", part)
    assert again(blobs, tmp_path / "at") == wanted


@pytest.mark.long
@pytest.mark.parametrize(("spoil", "part"), [(cut, 0), (cut, 0.5), *long((zero, 0), (zero, 0.5))])
def test_a_database_that_is_spoilt_goes_on_or_is_named(blobs, tmp_path, struck, part, spoil):
    image, wanted = struck
    shutil.copytree(image, tmp_path / "at")
    with open_store(tmp_path / "at" / "kohort.db"):
        pass  # what was written ahead is now in the file itself
    spoil(tmp_path / "at" / "kohort.db", part)
    if (part, spoil) == (0, cut):  # A file that is empty becomes a new store.
        assert again(blobs, tmp_path / "at") == wanted
        return
    with pytest.raises(kohort.StoreError, match=r"kohort\.db") as caught:
        again(blobs, tmp_path / "at")
    assert "\n" not in str(caught.value)
