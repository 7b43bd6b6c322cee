"""IDX files of the MNIST family."""

import gzip
import struct

import numpy as np
import pytest

from kohort import load
from kohort.errors import DataError
from tests.doors.refusals import assert_refused

RANDOM = np.random.default_rng(8)
X_TRAIN, X_TEST = (RANDOM.integers(0, 256, (n, 5, 4), np.uint8) for n in (30, 9))
Y_TRAIN, Y_TEST = (np.arange(n, dtype=np.uint8) % 3 for n in (30, 9))
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array):
    """The bytes of an IDX file: yann.lecun.com/exdb/mnist tells the format."""
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


MNIST = {
    "train-images-idx3-ubyte": X_TRAIN,
    "train-labels-idx1-ubyte": Y_TRAIN,
    "t10k-images-idx3-ubyte": X_TEST,
    "t10k-labels-idx1-ubyte": Y_TEST,
}


def folder(path, arrays=MNIST, ending="", pack=bytes):
    path.mkdir()
    for name, array in arrays.items():
        (path / f"{name}{ending}").write_bytes(pack(idx(array)))
    return path


def assert_is_mnist(data):
    assert data.stores_pixels
    for name, array in (("train", X_TRAIN), ("test", X_TEST)):
        assert np.array_equal(getattr(data, f"x_{name}"), array)
    assert np.array_equal(data.y_train, Y_TRAIN)
    assert np.array_equal(data.y_test, Y_TEST)
    assert data.notes == ()


FORMS = {
    "a folder": {},
    "gzip": {"ending": ".gz", "pack": gzip.compress},
    "gzip without its ending": {"pack": gzip.compress},
    "unpacked, named as packed": {"ending": ".gz"},
    "dots": {"arrays": {name.replace("-idx", ".idx"): array for name, array in MNIST.items()}},
    "EMNIST": {
        "arrays": {
            f"emnist-digits-{name.replace('t10k', 'test')}": array for name, array in MNIST.items()
        }
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_is_read(form, tmp_path):
    source = folder(tmp_path / "mnist", **FORMS[form])
    data = load(source)
    assert_is_mnist(data)
    assert data.name == ("emnist-digits" if form == "EMNIST" else "mnist")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_file_of_images_stands_for_all(ending, tmp_path):
    source = folder(tmp_path / "mnist", ending=ending, pack=gzip.compress if ending else bytes)
    assert_is_mnist(load(source / f"train-images-idx3-ubyte{ending}"))
    assert_is_mnist(load(source / f"t10k-images-idx3-ubyte{ending}"))


def test_a_file_tells_which_of_several_data_sets(tmp_path):
    arrays = MNIST | {f"emnist-letters-{name}": array[:6] for name, array in MNIST.items()}
    source = folder(tmp_path / "all", arrays)
    assert len(load(source / "emnist-letters-train-images-idx3-ubyte").x_train) == 6
    told = r"the IDX files of one data set.*got .*all with '', 'emnist-letters-'; name a file"
    assert_refused(lambda: load(source), told, tmp_path)


def test_labels_from_1_are_numbered_from_0_and_keep_their_names(tmp_path):
    arrays = MNIST | {name: y + 1 for name, y in MNIST.items() if "labels" in name}
    data = load(folder(tmp_path / "mnist", arrays))
    assert data.y_train.tolist() == Y_TRAIN.tolist()
    assert data.y_test.tolist() == Y_TEST.tolist()
    assert data.class_names == ("1", "2", "3")
    assert data.notes == ("labels from 1 to 3 are numbered from 0",)


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8", "i1"])
def test_numbers_of_every_kind_are_read(dtype, tmp_path):
    images = {name: array.astype(dtype) for name, array in MNIST.items() if "images" in name}
    data = load(folder(tmp_path / "mnist", MNIST | images))
    assert data.x_train.dtype == np.float32
    assert np.array_equal(data.x_train, X_TRAIN.astype(dtype).astype(np.float32))


def test_a_part_is_held_out_where_there_is_no_test_set(tmp_path):
    arrays = {name: array for name, array in MNIST.items() if name.startswith("train")}
    source = folder(tmp_path / "mnist", arrays)
    assert len(load(source).x_test) == 0
    assert np.bincount(load(source, test=0.2).y_test).tolist() == [2, 2, 2]
    with pytest.raises(DataError, match="no target= for IDX files, got 'digit'"):
        load(source, target="digit")


def without(name):
    return {key: array for key, array in MNIST.items() if key != name}


WRONG = {
    "no labels": (without("train-labels-idx1-ubyte"), {}, "labels beside the images, got no train"),
    "no training images": (without("train-images-idx3-ubyte"), {}, "training images beside the te"),
    "labels of another number": (
        MNIST | {"train-labels-idx1-ubyte": Y_TRAIN[:7]}, {}, "30 inputs and 7 targets",
    ),
    "labels in rows": (
        MNIST | {"train-labels-idx1-ubyte": X_TRAIN, "t10k-labels-idx1-ubyte": X_TEST},
        {}, "labels as a whole number each",
    ),
    "a cut file": (MNIST, {"train-images-idx3-ubyte": lambda c: c[:-1]}, "holds fewer numbers; fe"),
    "a cut header": (MNIST, {"t10k-labels-idx1-ubyte": lambda c: c[:6]}, "IDX file, got"),
    "more behind it": (MNIST, {"train-images-idx3-ubyte": lambda c: c + b"\0"}, "more numbers"),
    "labels that are none": (MNIST, {"train-labels-idx1-ubyte": lambda c: b"x"}, "an IDX file, g"),
    "a claim of nothing": (
        MNIST,
        {"train-images-idx3-ubyte": lambda c: c[:4] + b"\xff\xff\xff\xff" * 2 + bytes(4)},
        "holds (more|fewer) numbers",
    ),
    "a claim of 10 EB": (
        MNIST,
        {"train-images-idx3-ubyte": lambda c: c[:4] + b"\x7f\xff\xff\xff" * 3},
        "data that fit in .* of memory",
    ),
    "a cut stream": (
        MNIST, {"train-images-idx3-ubyte": lambda c: gzip.compress(c)[:-30]}, "a whole IDX file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refuses(case, tmp_path):
    arrays, changes, told = WRONG[case]
    source = folder(tmp_path / "mnist", arrays)
    for name, change in changes.items():
        (source / name).write_bytes(change((source / name).read_bytes()))
    assert_refused(lambda: load(source), told, tmp_path)
