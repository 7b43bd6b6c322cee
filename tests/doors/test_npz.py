"""`.npz` files that are no data, and files of kinds that are not known."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kohort import load
from tests.doors.refusals import assert_refused, told_within

ARRAYS = {
    "x_train": np.arange(18, dtype=np.float32).reshape(6, 3),
    "y_train": np.array([0, 1, 0, 1, 0, 1]),
    "x_test": np.arange(6, dtype=np.float32).reshape(2, 3),
    "y_test": np.array([0, 1]),
}


def as_npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(text):
    """The start of a `.npy` file with a header of one's own."""
    padded = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


def claiming(shape, dtype="<f4"):
    return header(f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}")


def holding(compression=zipfile.ZIP_STORED, **changes):
    """Makes a file of four arrays, some of them changed: arrays, bytes, or None to leave out."""

    def make(path):
        with zipfile.ZipFile(path, "w", compression) as archive:
            for key, held in (ARRAYS | changes).items():
                if held is not None:
                    content = held if isinstance(held, bytes) else as_npy(held)
                    archive.writestr(f"{key}.npy", content)

    return make


def written(content):
    return lambda path: path.write_bytes(content)


def cut(share):
    def make(path):
        holding()(path)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return make


def replaced(old, new, compression=zipfile.ZIP_STORED):
    """Makes a file in which bytes are exchanged behind the back of its checksums."""

    def make(path):
        holding(compression)(path)
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return make


def encrypted(path):
    holding()(path)
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(mark)
        while start >= 0:
            content[start + flags] |= 1
            start = content.find(mark, start + 4)
    path.write_bytes(content)


def compressed_in_an_unknown_way(path):
    holding()(path)
    content = bytearray(path.read_bytes())
    for mark, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = content.find(mark)
        while start >= 0:
            content[start + method] = 77
            start = content.find(mark, start + 4)
    path.write_bytes(content)


class Trap:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return Path("sprung").write_text, ("x",)


PICKLED = np.array([Trap()] * 6, object)
NO_NPZ = r"a NumPy \.npz file, got .*data\.npz \(.*save it again"
FEWER = r"x_train\.npy is said to be of shape .*, and holds fewer numbers"
WRONG = {
    # Not an archive, or not whole.
    "nothing": (written(b""), NO_NPZ),
    "text": (written(b"0.1,0.2,0\n"), NO_NPZ),
    "zeros": (written(bytes(4096)), NO_NPZ),
    "one array alone": (written(as_npy(ARRAYS["x_train"])), NO_NPZ),
    "a pickle alone": (written(pickle.dumps(Trap())), NO_NPZ),
    "the mark of a zip alone": (written(b"PK\x03\x04"), NO_NPZ),
    **{f"cut at {share:.0%}": (cut(share), NO_NPZ) for share in (0.01, 0.2, 0.5, 0.8, 0.99)},
    "a changed number": (replaced(b"\x00\x00\x88\x41", b"\x00\x00\x88\x42"), "Bad CRC-32"),
    "a directory that is elsewhere": (replaced(b"PK\x01\x02", b"PK\x01\x03"), NO_NPZ),
    "an entry that is elsewhere": (replaced(b"PK\x03\x04", b"PK\x03\x05"), NO_NPZ),
    "names that differ": (replaced(b"\x00x_train.npyP", b"\x00x_trasn.npyP"), "without|differ"),
    "a broken stream": (
        replaced(b"\x00", b"\x01", zipfile.ZIP_DEFLATED),
        r"\.npz file, got",
    ),
    "locked by a password": (encrypted, "encrypted, password required"),
    "an unknown compression": (compressed_in_an_unknown_way, "compression method is not supp"),
    # Not the arrays.
    "an empty archive": (
        holding(**dict.fromkeys(ARRAYS)),
        "without x_train, y_train, x_t",
    ),
    "half a test set": (holding(x_test=None), r"data\.npz without x_test; save them with"),
    "one array missing": (holding(y_train=None), r"data\.npz without y_train"),
    "arrays of other names": (
        lambda path: np.savez(path, ARRAYS["x_train"], ARRAYS["y_train"]),
        "without x_train, y_train, x_test, y_test",
    ),
    "names in capitals": (
        lambda path: np.savez(path, **{key.upper(): a for key, a in ARRAYS.items()}),
        "without x_train",
    ),
    # Arrays that are none.
    "an object array": (holding(y_train=PICKLED), "Object arrays cannot be loaded"),
    "a pickle in place of an array": (holding(y_train=pickle.dumps(Trap())), NO_NPZ),
    "text in place of an array": (holding(x_train=b"1,2,3"), NO_NPZ),
    "nothing in place of an array": (holding(x_train=b""), NO_NPZ),
    "an array cut short": (holding(x_train=as_npy(ARRAYS["x_train"])[:-4]), FEWER),
    "an unknown version": (holding(x_train=b"\x93NUMPY\x09\x00" + bytes(99)), NO_NPZ),
    "a header cut short": (holding(x_train=as_npy(ARRAYS["x_train"])[:40]), NO_NPZ),
    "a header that is no Python": (holding(x_train=header("{'descr'")), NO_NPZ),
    "a header that calls": (holding(x_train=header("__import__('os').getpid()")), NO_NPZ),
    "a null in a header": (holding(x_train=header("  3\n\0")), NO_NPZ),
    "a header of another kind": (holding(x_train=header("[1, 2]")), NO_NPZ),
    "a header with no shape": (holding(x_train=header("{'descr': '<f4'}")), NO_NPZ),
    "a header of brackets": (holding(x_train=header("(" * 110)), NO_NPZ),
    "a dtype that is none": (holding(x_train=claiming((6, 3), "<q9")), NO_NPZ),
    "a negative shape": (holding(x_train=claiming((-6, 3))), NO_NPZ),
    "a fractional shape": (holding(x_train=claiming((6.5, 3))), NO_NPZ),
    "a claim of 3 PB": (holding(x_train=claiming((10**12, 785))), FEWER),
    "a claim beyond any memory": (holding(x_train=claiming((2**62, 2**62))), FEWER),
    "a claim in a compressed file": (
        holding(zipfile.ZIP_DEFLATED, x_train=claiming((10**12, 785))),
        FEWER,
    ),
    # Arrays that make no data.
    "text for labels": (
        holding(y_train=np.array([["a", "b"]] * 6)),
        "y_train as an array of numbers",
    ),
    "structured inputs": (
        holding(x_train=np.zeros(6, [("a", "f4"), ("b", "i4")])),
        "x_train as an array of numbers",
    ),
    "dates": (holding(x_train=np.zeros((6, 3), "M8[s]")), "x_train as an array of numbers"),
    "one number": (holding(y_test=np.array(1)), r"y_test as an array of numbers, got shape \(\)"),
    "NaN": (holding(x_test=np.full((2, 3), np.nan)), "finite numbers in x_test"),
    "unequal lengths": (holding(y_train=np.arange(5)), "6 inputs and 5 targets"),
    "no samples": (
        holding(x_train=np.zeros((0, 3), "f4"), y_train=np.zeros(0, int)),
        "one sample at least",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refuses(case, tmp_path, monkeypatch):
    make, told = WRONG[case]
    make(tmp_path / "data.npz")
    monkeypatch.chdir(tmp_path)
    assert_refused(lambda: load(tmp_path / "data.npz"), told, tmp_path)


RIGHT = {
    "stored": holding(),
    "compressed": holding(zipfile.ZIP_DEFLATED),
    "in column order": holding(x_train=np.asfortranarray(ARRAYS["x_train"])),
    "big-endian": holding(x_train=ARRAYS["x_train"].astype(">f4")),
    "with more arrays": holding(notes=PICKLED, x_valid=ARRAYS["x_test"]),
    "with files that are no arrays": lambda path: add(path, "README.txt", b"x"),
    "behind other bytes": lambda path: prefix(path, b"#!/bin/sh\n"),
}


def add(path, name, content):
    holding()(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content)


def prefix(path, content):
    holding()(path)
    path.write_bytes(content + path.read_bytes())


@pytest.mark.parametrize("form", RIGHT)
def test_loses_nothing_of_what_is_stored_in_another_form(form, tmp_path):
    RIGHT[form](tmp_path / "data.npz")
    data = load(tmp_path / "data.npz")
    for key, array in ARRAYS.items():
        assert np.array_equal(getattr(data, key), array)


def test_a_test_set_may_be_missing(tmp_path):
    holding(x_test=None, y_test=None)(tmp_path / "data.npz")
    data = load(tmp_path / "data.npz")
    assert np.array_equal(data.x_train, ARRAYS["x_train"])
    assert len(data.x_test) == len(data.y_test) == 0


def test_refuses_what_does_not_fit_in_memory(tmp_path, memory_of_100_bytes):
    holding()(tmp_path / "data.npz")
    told = r"fit in 100 B of memory, got .*data\.npz, of .*fewer samples"
    assert_refused(lambda: load(tmp_path / "data.npz"), told, tmp_path)


@pytest.mark.long
def test_arrays_that_unpack_to_more_than_may_be_taken_are_refused(tmp_path):
    holding(zipfile.ZIP_DEFLATED, x_train=np.zeros((2**28, 1), np.uint8))(tmp_path / "data.npz")
    assert (tmp_path / "data.npz").stat().st_size < 2**19
    told = told_within(2**28 + 2**27, tmp_path / "data.npz")
    assert told.startswith("expected data that fit in memory, got"), told


UNKNOWN = {
    "one array": ("data.npy", as_npy(ARRAYS["x_train"]), "a file of another kind; save arrays"),
    "text": ("data.txt", b"a,b\n1,2\n", "save arrays with numpy.savez, tables as .csv or .parquet"),
    "a spreadsheet": ("data.xls", b"\xd0\xcf\x11\xe0" + bytes(99), "a workbook; save it as .csv"),
    "a pickle": ("data.pkl", pickle.dumps(Trap()), "of another kind"),
    "a MATLAB file": ("data.mat", b"MATLAB 5.0 MAT-file".ljust(512), "of another kind"),
    "a picture": ("A.png", b"\x89PNG\r\n\x1a\n" + bytes(99), "of another kind"),
    "without an ending": ("data", b"0.1 0.2 0\n", "of another kind"),
    "nothing in it": ("data.bin", b"", "of another kind"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_refuses_a_file_of_another_kind(case, tmp_path, monkeypatch):
    name, content, told = UNKNOWN[case]
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert_refused(lambda: load(tmp_path / name), told, tmp_path)


NOWHERE = {
    "nothing": "",
    "blanks": "  ",
    "letters misspelt": "lettters",
    "no folder": "none/of/this/",
    "a path too long": "a/" * 3000,
    "no name at all": None,
    "a number": 5,
    "bytes": b"data.npz",
    "an array": np.arange(3),
}


MISSING = {
    "no file": "none.npz",
    "a name too long": "a" * 300 + ".npz",
    "a null in the name": "a\0b.h5",
    "a line in the name": "a\nb.h5",
    "below a file": "file.txt/data.h5",
    "a URL": "https://localhost/data.npz",
}


@pytest.mark.parametrize("case", MISSING)
def test_says_that_a_file_is_not_there(case, tmp_path, monkeypatch):
    (tmp_path / "file.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"a file that is there, got .*: no such file; check the"):
        load(MISSING[case])


@pytest.mark.parametrize("case", NOWHERE)
def test_refuses_what_is_no_source(case, tmp_path, monkeypatch):
    (tmp_path / "file.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=r'"letters", "notmnist", or .*image folder|file or folder that'
    ):
        load(NOWHERE[case])


@pytest.mark.parametrize("ending", [".h5", ".npz", ".tar", ""])
def test_does_not_wait_for_a_pipe(ending, tmp_path):
    os.mkfifo(tmp_path / f"pipe{ending}")
    assert_refused(lambda: load(tmp_path / f"pipe{ending}"), "pipe.*, which is none", tmp_path)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_reads_no_device(device):
    assert_refused(lambda: load(device), "which is none")


def test_a_link_to_itself_is_no_source(tmp_path):
    (tmp_path / "data.h5").symlink_to("data.h5")
    assert_refused(lambda: load(tmp_path / "data.h5"), "which is none", tmp_path)


@pytest.mark.parametrize("name", ["data.h5", "data.npz", "data.tar", "data.txt"])
def test_refuses_a_file_that_may_not_be_read(name, tmp_path, bound_by_permissions):
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / name).chmod(0)
    assert_refused(lambda: load(tmp_path / name), "ermission")
