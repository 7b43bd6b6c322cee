"""`trainData` and `testData` in an HDF5 file, the layout of the blog study."""

import h5py
import numpy as np
import pytest

from kohort.data.checking import CENTRED, PixelScale
from kohort.data.readers.hdf5 import load_hdf5
from kohort.errors import DataError

FEATURES = 784


@pytest.fixture
def write(tmp_path):
    """Writes datasets into one HDF5 file and gives its path."""

    def write_file(**tables):
        path = tmp_path / "letters.h5"
        with h5py.File(path, "w") as file:
            for key, table in tables.items():
                file[key] = table
        return path

    return write_file


def table(rows, low, high, seed=0):
    """Pixels from low to high, both of which occur, and then a label from 0 to 9."""
    pixels = np.random.default_rng(seed).uniform(low, high, (rows, FEATURES))
    pixels[0, :2] = low, high
    return np.column_stack([pixels, np.arange(rows) % 10]).astype(np.float32)


def test_round_trip_of_the_blog_studys_layout(write):
    train, test = table(40, -0.5, 0.5), table(20, -0.5, 0.5, seed=1)
    path = write(trainData=train, testData=test)
    before = path.read_bytes()

    data = load_hdf5(path)

    assert np.array_equal(data.x_train, train[:, :FEATURES])
    assert np.array_equal(data.x_test, test[:, :FEATURES])
    assert data.y_train.tolist() == [n % 10 for n in range(40)]
    assert data.y_test.tolist() == [n % 10 for n in range(20)]
    assert (data.x_train.dtype, data.y_train.dtype) == (np.float32, np.int32)
    assert data.classes == 10
    assert data.name == "letters"
    assert data.groups is None
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("low", "high", "pixels"),
    [
        (-0.5, 0.5, CENTRED),
        (-0.45, 0.45, CENTRED),
        (0.0, 1.0, PixelScale(1 / 255, 0.0)),
        (0.05, 0.95, PixelScale(1 / 255, 0.0)),
        (0.0, 255.0, None),
        (-1.0, 1.0, None),
        (-3.1, 2.7, None),
        (0.0, 0.5, None),
        (-0.2, 0.2, None),
        (-0.5, 0.3, None),
        (-0.3, 0.5, None),
    ],
)
def test_how_pixels_were_normalised_is_told_by_their_range(write, low, high, pixels):
    data = load_hdf5(write(trainData=table(20, low, high), testData=table(20, low, high)))

    assert data.pixels == pixels
    # Features are never scaled again.
    assert data.inputs(data.x_train) is data.x_train
    assert not data.stores_pixels


@pytest.mark.parametrize("columns", [5, 9, 25, 50])
@pytest.mark.parametrize("kind", ["fractions", "yes or no", "fifths"])
def test_columns_of_a_table_from_0_to_1_are_no_pixels(columns, kind, write):
    random = np.random.default_rng(0)
    x = {
        "fractions": random.uniform(size=(60, columns)),
        "yes or no": random.integers(0, 2, (60, columns)),
        "fifths": random.integers(0, 6, (60, columns)) / 5,
    }[kind]
    x[0, :2] = 0, 1
    rows = np.column_stack([x, np.arange(60) % 2])
    data = load_hdf5(write(trainData=rows, testData=rows))
    assert (data.pixels, data.notes) == (None, ())


@pytest.mark.parametrize("numbers", [5, 784, 3 * 32 * 32])
def test_bytes_that_were_scaled_are_pixels_and_it_is_told(numbers, write):
    pixels = np.random.default_rng(0).integers(0, 256, (60, numbers))
    pixels[0, :2] = 0, 255
    rows = np.column_stack([(pixels - 127.5) / 255, np.arange(60) % 2])
    data = load_hdf5(write(trainData=rows, testData=rows))
    assert data.pixels == CENTRED
    (told,) = data.notes
    assert told == (
        "the inputs, from -0.5 to 0.5, are taken for pixels that were 0 to 255, and a saved model "
        "takes such pixels; if they are none, give the arrays to kohort.Dataset"
    )


@pytest.mark.parametrize("how", [b'"by hand"', b'{"lab": "B"}', b"[1]", b"B\xfcro"])
def test_what_others_call_provenance_makes_no_pixels(how, write):
    rows = table(20, -0.2, 0.2)
    kept = np.frombuffer(how, np.uint8 if how.isascii() else np.int8)
    data = load_hdf5(write(trainData=rows, testData=rows, provenance=kept))
    assert (data.pixels, data.groups_of) == (None, "")


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4", "int16", "uint8"])
def test_numbers_of_any_dtype_become_float32(write, dtype):
    rows = np.array([[0, 3, 0], [7, 5, 1]], dtype)
    data = load_hdf5(write(trainData=rows, testData=rows))

    assert data.x_train.dtype == np.float32
    assert data.x_train.tolist() == [[0, 3], [7, 5]]
    assert data.y_train.tolist() == [0, 1]


def test_compressed_chunks_are_read(write, tmp_path):
    rows = table(20, 0, 1)
    path = tmp_path / "chunked.h5"
    with h5py.File(path, "w") as file:
        for key in ("trainData", "testData"):
            file.create_dataset(key, data=rows, chunks=(5, 100), compression="gzip")

    assert np.array_equal(load_hdf5(path).x_test, rows[:, :-1])


def test_refuses_what_is_no_hdf5(tmp_path):
    path = tmp_path / "data.h5"
    path.write_bytes(b"not HDF5 at all")
    with pytest.raises(DataError, match=r"a whole HDF5 file, got .*data\.h5, which is none"):
        load_hdf5(path)


def test_refuses_a_cut_file(write):
    path = write(trainData=table(20, 0, 1), testData=table(20, 0, 1))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"is cut: [\d,]+ of its [\d,]+ bytes are there"):
        load_hdf5(path)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "trainData and testData, got .* with none"),
        ({"testData": [[0.0, 1.0]]}, r"with \['testData'\]; write trainData as rows"),
        ({"trainData": [[0.0, 1.0]]}, r"with \['trainData'\]; write testData as rows"),
        ({"trainData/part": [[0.0]], "testData": [[0.0, 1.0]]}, "write trainData as rows"),
    ],
    ids=["nothing", "no train", "no test", "a group"],
)
def test_refuses_a_file_without_the_two_tables(write, tables, message):
    with pytest.raises(DataError, match=message):
        load_hdf5(write(**tables))


@pytest.mark.parametrize(
    ("bad", "received"),
    [
        (np.zeros(5), r"shape \(5,\) of float64"),
        (np.zeros((5, 3, 3)), r"shape \(5, 3, 3\)"),
        (np.zeros((5, 1)), r"shape \(5, 1\)"),
        (np.array([[b"a", b"1"]]), r"shape \(1, 2\) of \|S1"),
        (np.zeros((2, 2), complex), "complex128"),
    ],
    ids=["1-D", "3-D", "no feature", "strings", "complex"],
)
@pytest.mark.parametrize("key", ["trainData", "testData"])
def test_refuses_what_is_no_table_of_numbers(write, key, bad, received):
    tables = {"trainData": table(20, 0, 1), "testData": table(20, 0, 1)} | {key: bad}
    with pytest.raises(DataError, match=f"expected {key} as a table of numbers.*{received}"):
        load_hdf5(write(**tables))


@pytest.mark.parametrize("label", [0.5, np.nan, np.inf])
@pytest.mark.parametrize("key", ["trainData", "testData"])
def test_refuses_labels_that_are_no_whole_numbers(write, key, label):
    tables = {"trainData": table(20, 0, 1), "testData": table(20, 0, 1)}
    tables[key][3, -1] = label
    with pytest.raises(DataError, match="whole numbers in the last column"):
        load_hdf5(write(**tables))


def test_refuses_a_label_that_is_a_signalling_nan_without_a_warning(write):
    tables = {"trainData": table(3, 0, 1), "testData": table(3, 0, 1)}
    tables["trainData"][1, -1:].view(np.uint32)[:] = 0x7F800001
    with pytest.raises(DataError, match="whole numbers in the last column"):
        load_hdf5(write(**tables))


def test_refuses_features_that_are_not_finite(write):
    broken = table(20, 0, 1)
    broken[3, 4] = np.nan
    with pytest.raises(DataError, match="finite numbers in x_train"):
        load_hdf5(write(trainData=broken, testData=table(20, 0, 1)))


def test_refuses_tables_of_unequal_width(write):
    with pytest.raises(DataError, match="test inputs like the training inputs"):
        load_hdf5(write(trainData=table(20, 0, 1), testData=table(20, 0, 1)[:, 1:]))


def test_refuses_a_table_without_rows(write):
    with pytest.raises(DataError):
        load_hdf5(write(trainData=table(20, 0, 1)[:0], testData=table(20, 0, 1)))


def test_numbers_that_become_equal_in_float32_are_told(write):
    random = np.random.default_rng(0)
    seconds = 1_700_000_000.0 + np.arange(60)
    rows = np.column_stack([seconds, random.normal(size=60), np.arange(60) % 2])
    data = load_hdf5(write(trainData=rows, testData=rows))
    left = len(np.unique(seconds.astype(np.float32)))
    (told,) = data.notes
    assert told == (
        "numbers are rounded to float32, and different ones become equal: column 0 of trainData "
        f"(60 become {left}); subtract the least first"
    )
    assert load_hdf5(write(trainData=rows.astype(np.float32), testData=rows)).notes == ()
