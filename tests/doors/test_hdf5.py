"""HDF5 files that are no data."""

import h5py
import numpy as np
import pytest

from kohort import load
from kohort.data import system
from tests.doors.refusals import assert_refused, told_within

ROWS = np.column_stack([np.linspace(0, 1, 20).reshape(10, 2), np.arange(10) % 2])


def holding(train=ROWS, test=ROWS, **options):
    """Makes a file of two tables, each with the options of `h5py.Group.create_dataset`."""

    def make(path):
        with h5py.File(path, "w") as file:
            file.create_dataset("trainData", data=train, **options)
            file.create_dataset("testData", data=test, **options)

    return make


def with_train(put, **options):
    """Makes a file whose `trainData` are put there by `put(file)`, its `testData` in order."""

    def make(path):
        with h5py.File(path, "w", **options) as file:
            file["testData"] = ROWS
            put(file)

    return make


def empty_table(shape, dtype="f4", **options):
    """A table that is declared, and never written to."""
    return with_train(lambda file: file.create_dataset("trainData", shape, dtype, **options))


def linked(link):
    return with_train(lambda file: file.__setitem__("trainData", link))


def with_value(row, column, value):
    changed = ROWS.copy()
    changed[row, column] = value
    return holding(changed)


def cut(share):
    """Makes a file that ends early."""

    def make(path):
        holding()(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return make


def overwritten(start, count):
    """Makes a file some bytes of which are ones."""

    def make(path):
        holding()(path)
        content = bytearray(path.read_bytes())
        content[start : start + count] = b"\xff" * count
        path.write_bytes(content)

    return make


def half_written(file):
    table = file.create_dataset("trainData", (20, 3), "f4", chunks=(5, 3))
    table[:10] = ROWS


def virtual(source):
    def put(file):
        layout = h5py.VirtualLayout((10, 3), "f4")
        layout[:] = h5py.VirtualSource(source, "trainData", (10, 3))
        file.create_virtual_dataset("trainData", layout)

    return with_train(put)


def needing_a_filter(file):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((10, 3))
    plan.set_filter(40_000, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((10, 3))
    table = h5py.h5d.create(file.id, b"trainData", h5py.h5t.IEEE_F32LE, space, plan)
    table.write_direct_chunk((0, 0), ROWS.astype("f4").tobytes())


def external(name):
    return with_train(
        lambda file: file.create_dataset("trainData", (5, 3), "u1", external=[(name, 0, 15)])
    )


def text(path):
    path.write_text("0.1,0.2,0\n0.3,0.4,1\n")


def an_npz(path):
    with path.open("wb") as file:
        np.savez(file, x=ROWS)


def nested(path):
    with h5py.File(path, "w") as file:
        file["data/trainData"] = file["data/testData"] = ROWS


NO_HDF5 = r"a whole HDF5 file, got .*data\.h5, which is .*; write or fetch it again"
NO_TABLE = "trainData as a table of numbers, features and then a label, got shape "
UNWRITTEN = r"all numbers of its [\d,]+ rows, got .*data\.h5 with \d+ %"
ELSEWHERE = r"numbers in the file itself, got .*data\.h5, which names other files"
WRONG = {
    # Not HDF5, or not whole.
    "text": (text, NO_HDF5),
    "nothing": (lambda path: path.write_bytes(b""), NO_HDF5),
    "the mark alone": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), NO_HDF5),
    "zeros": (lambda path: path.write_bytes(bytes(4096)), NO_HDF5),
    "an npz file": (an_npz, NO_HDF5),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), NO_HDF5),
    **{f"cut at {share:.0%}": (cut(share), NO_HDF5) for share in (0.01, 0.1, 0.3, 0.6, 0.9, 0.999)},
    "a broken superblock": (overwritten(8, 8), NO_HDF5),
    "a broken root": (overwritten(96, 40), NO_HDF5),
    # Not the two tables.
    "no tables": (lambda path: h5py.File(path, "w").close(), "trainData and testData, got .*none"),
    "train alone": (
        lambda path: h5py.File(path, "w").create_dataset("trainData", data=ROWS).file.close(),
        r"with \['trainData'\]; write testData as rows",
    ),
    "tables in a group": (nested, r"with \['data'\]; write trainData"),
    "a group": (with_train(lambda file: file.create_group("trainData")), "a group as trainData"),
    "a type": (with_train(lambda f: f.__setitem__("trainData", np.dtype("f4"))), "a datatype as"),
    "a soft link to nothing": (linked(h5py.SoftLink("/none")), "a link to nothing as trainData"),
    "a soft link to itself": (linked(h5py.SoftLink("/trainData")), "too many links"),
    "a link to no file": (linked(h5py.ExternalLink("none.h5", "x")), "a link to nothing as"),
    "a link to nothing in a file": (linked(h5py.ExternalLink("data.h5", "x")), "link to nothing"),
    "a link to its own link": (linked(h5py.ExternalLink("data.h5", "trainData")), "nothing|links"),
    "a link to a folder": (linked(h5py.ExternalLink("/", "x")), "a link to nothing as trainData"),
    # Not a table of numbers.
    "one row without axes": (holding(ROWS[0]), NO_TABLE + r"\(3,\)"),
    "three axes": (holding(ROWS[None]), NO_TABLE + r"\(1, 10, 3\)"),
    "one number": (holding(np.float32(1)), NO_TABLE + r"\(\)"),
    "a null": (holding(h5py.Empty("f4")), NO_TABLE + "None"),
    "one column": (holding(ROWS[:, :1]), NO_TABLE + r"\(10, 1\)"),
    "no column": (holding(ROWS[:, :0]), NO_TABLE + r"\(10, 0\)"),
    "no rows": (holding(ROWS[:0]), NO_TABLE + r"\(0, 3\)"),
    "text in cells": (holding(np.array([[b"a", b"b"]])), NO_TABLE + r".*\|S1"),
    "text of any length": (empty_table((2, 3), h5py.string_dtype()), NO_TABLE + ".*object"),
    "rows of any length": (empty_table((2, 3), h5py.vlen_dtype("f4")), NO_TABLE + ".*object"),
    "compounds": (empty_table((2, 3), [("a", "f4"), ("b", "i4")]), NO_TABLE + r".*'a', '<f4'"),
    "complex numbers": (holding(ROWS.astype(complex)), NO_TABLE + ".*complex128"),
    "references": (empty_table((2, 3), h5py.ref_dtype), NO_TABLE + ".*object"),
    "opaque bytes": (empty_table((2, 3), "V4"), NO_TABLE + r".*V4"),
    "arrays in cells": (empty_table((2, 3), np.dtype(("f4", (3,)))), NO_TABLE),
    "widths that differ": (holding(ROWS, ROWS[:, 1:]), "test inputs like the training inputs"),
    # Not there.
    "never written": (empty_table((10, 3)), UNWRITTEN),
    "half written": (with_train(half_written), r"its 20 rows, got .*data\.h5 with 50 %"),
    "a claim of 3 PB": (empty_table((10**12, 785)), UNWRITTEN),
    "a claim of 3 PB in chunks": (empty_table((10**12, 785), chunks=(1000, 785)), UNWRITTEN),
    "a claim beyond any memory": (empty_table((2**31, 2**31), chunks=(9, 9)), UNWRITTEN),
    "a claim of 2^60 columns": (empty_table((1, 2**60), chunks=(1, 1000)), UNWRITTEN),
    "numbers in a file beside it": (external("numbers.raw"), ELSEWHERE),
    "numbers in a file of the system": (external("/etc/passwd"), ELSEWHERE),
    "virtual, of no file": (virtual("none.h5"), ELSEWHERE),
    "virtual, of itself": (virtual("."), ELSEWHERE),
    "an unknown filter": (with_train(needing_a_filter), r"needs filter 40000 .*without that"),
    # Not labels, or not numbers.
    "a fractional label": (with_value(3, -1, 0.5), "whole numbers in the last column"),
    "no label": (with_value(3, -1, np.nan), "whole numbers in the last column"),
    "an infinite label": (with_value(3, -1, np.inf), "whole numbers in the last column"),
    "a label of 1e20": (with_value(3, -1, 1e20), "whole numbers in the last column"),
    "a negative label": (with_value(3, -1, -1), "got labels from -1 to 1; number the classes"),
    "a label of a billion": (with_value(3, -1, 1e9), "fewer than .* classes, got a label 1000000"),
    "a feature NaN": (with_value(3, 0, np.nan), "finite numbers in x_train"),
    "a feature infinite": (with_value(3, 1, -np.inf), "finite numbers in x_train"),
    "a feature beyond float32": (with_value(3, 1, 1e300), "finite numbers in x_train"),
}


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("case", WRONG)
def test_refuses(case, tmp_path):
    make, told = WRONG[case]
    make(tmp_path / "data.h5")
    assert_refused(lambda: load(tmp_path / "data.h5"), told, tmp_path)


def linked_to_a_whole_file(path):
    holding()(path.with_name("whole.h5"))
    linked(h5py.ExternalLink("whole.h5", "trainData"))(path)


RIGHT = {
    "chunks that jut out": holding(chunks=(7, 2), maxshape=(None, None)),
    "compressed": holding(chunks=(3, 3), compression="gzip", shuffle=True, fletcher32=True),
    "compressed by lzf": holding(compression="lzf"),
    "compact": with_train(lambda file: file.__setitem__("trainData", ROWS), libver="latest"),
    "behind a user block": with_train(
        lambda file: file.__setitem__("trainData", ROWS), userblock_size=512
    ),
    "big-endian": holding(ROWS.astype(">f8"), ROWS.astype(">f8")),
    "a soft link": linked(h5py.SoftLink("/testData")),
    "a link to a whole file": linked_to_a_whole_file,
}


@pytest.mark.parametrize("form", RIGHT)
def test_loses_nothing_of_what_is_stored_in_another_form(form, tmp_path):
    RIGHT[form](tmp_path / "data.h5")
    data = load(tmp_path / "data.h5")
    assert np.array_equal(data.x_train, ROWS[:, :-1].astype("f4"))
    assert data.y_train.tolist() == (np.arange(10) % 2).tolist()


def test_truth_is_taken_for_numbers(tmp_path):
    holding(ROWS > 0.5, ROWS > 0.5)(tmp_path / "data.h5")
    assert load(tmp_path / "data.h5").classes == 2


def test_refuses_what_does_not_fit_in_memory(tmp_path, memory_of_100_bytes):
    holding()(tmp_path / "data.h5")
    told = r"fit in 100 B of memory, got trainData in .*data\.h5, of .*fewer samples"
    assert_refused(lambda: load(tmp_path / "data.h5"), told, tmp_path)


def test_memory_is_that_of_the_machine_or_of_its_container(tmp_path, monkeypatch):
    read = system.memory.__wrapped__
    assert 2**28 < read() < 2**50
    (tmp_path / "limit").write_text("5000\n")
    monkeypatch.setattr(system, "_CONTAINER", tmp_path / "limit")
    assert read() == 5000
    (tmp_path / "limit").write_text("max\n")
    assert read() > 5000


@pytest.mark.long
def test_a_table_that_unpacks_to_more_than_may_be_taken_is_refused(tmp_path):
    """A chunk of zeros is a thousandth of its size in the file; here memory ends before."""
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["testData"] = ROWS
        table = file.create_dataset("trainData", (2**18, 785), "u1", chunks=True, compression=1)
        table[:] = np.zeros((2**18, 785), "u1")
    told = told_within(2**29, tmp_path / "data.h5")
    assert told.startswith("expected data that fit in memory, got"), told


PIXELS = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
COMPACT = {
    "x_train": PIXELS, "y_train": np.arange(6) % 2, "x_test": PIXELS[:2], "y_test": np.arange(2),
    "groups": np.arange(6) // 2, "class_names": np.frombuffer(b'["cat", "dog"]', np.uint8),
}  # fmt: skip


def compact(path, **changes):
    with h5py.File(path, "w") as file:
        for key, array in (COMPACT | changes).items():
            if array is not None:
                file[key] = array
    return path


def test_a_compact_file_is_read_with_its_groups_and_names(tmp_path):
    data = load(compact(tmp_path / "data.h5"))
    assert np.array_equal(data.x_train, PIXELS)
    assert data.stores_pixels
    assert data.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.class_names == ("cat", "dog")
    bare = load(compact(tmp_path / "bare.h5", groups=None, class_names=None))
    assert (bare.groups, bare.class_names) == (None, ("0", "1"))


def test_what_others_call_class_names_is_left_alone(tmp_path):
    others = compact(tmp_path / "data.h5", class_names=np.array([b"cat", b"dog"]))
    assert load(others).class_names == ("0", "1")


def test_rows_come_before_arrays_of_a_file_that_has_both(tmp_path):
    path = compact(tmp_path / "data.h5", trainData=ROWS, testData=ROWS, groups=None)
    assert load(path).input_shape == (2,)


NOT_COMPACT = {
    "half of it": ({"y_test": None}, "x_train, y_train, x_test, y_test, of numbers, got"),
    "text": ({"y_train": np.array([b"a"] * 6)}, "of numbers, got .* with a dataset as y_train"),
    "nothing": ({"x_test": np.zeros((0, 2, 2), "u1")}, "of numbers, got .*as x_test"),
    "names that are none": ({"class_names": np.frombuffer(b"[1, 2]", "u1")}, "class_names as text"),
    "no JSON": ({"class_names": np.frombuffer(b"[", "u1")}, "which is damaged .Expecting"),
    "fewer groups": ({"groups": np.arange(2)}, "a group for each of the 6"),
}


@pytest.mark.parametrize("case", NOT_COMPACT)
def test_refuses_a_compact_file_that_is_not_whole(case, tmp_path):
    changes, told = NOT_COMPACT[case]
    path = compact(tmp_path / "data.h5", **changes)
    assert_refused(lambda: load(path), told, tmp_path)
