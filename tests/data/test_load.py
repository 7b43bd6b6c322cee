"""`kohort.load`: data from wherever they are."""

import zipfile

import h5py
import numpy as np
import pytest

import kohort
from kohort.data.load import load
from kohort.errors import DataError


@pytest.fixture
def arrays():
    random = np.random.default_rng(70)
    return {
        "x_train": random.integers(0, 256, (8, 4, 4), np.uint8),
        "y_train": np.arange(8) % 3,
        "x_test": random.integers(0, 256, (3, 4, 4), np.uint8),
        "y_test": np.arange(3),
    }


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "mine.npz", **arrays)
        return tmp_path / "mine.npz"

    return write


@pytest.mark.parametrize("as_type", [str, lambda path: path], ids=["string", "path"])
def test_npz_round_trip(save, arrays, as_type):
    data = load(as_type(save(**arrays)))

    for key, array in arrays.items():
        assert np.array_equal(getattr(data, key), array)
    assert data.x_train.dtype == np.uint8
    assert data.name == "mine"
    assert data.classes == 3


def test_npz_may_hold_more(save, arrays):
    assert load(save(**arrays, notes=np.arange(3))).classes == 3


def test_compressed_npz_is_read(tmp_path, arrays):
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    assert np.array_equal(load(tmp_path / "small.npz").x_train, arrays["x_train"])


def test_refuses_npz_with_missing_arrays(save, arrays):
    del arrays["x_test"], arrays["y_train"]
    with pytest.raises(DataError, match=r"mine\.npz without y_train, x_test; save them with"):
        load(save(**arrays))


def test_refuses_pickles_and_does_not_run_them(save, arrays, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path / "sprung").write_text, ("x",)

    arrays["y_train"] = np.array([Trap()] * 8, object)
    with pytest.raises(DataError, match=r"a NumPy \.npz file.*allow_pickle=False"):
        load(save(**arrays))
    assert not (tmp_path / "sprung").exists()


def test_refuses_what_is_no_npz(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_text("not an archive")
    with pytest.raises(DataError, match=r"expected a NumPy \.npz file, got .*save it again"):
        load(path)


def test_an_error_in_the_arrays_names_them(save, arrays):
    arrays["y_train"] = arrays["y_train"][:2]
    with pytest.raises(DataError, match="x_train and y_train of equal length"):
        load(save(**arrays))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_refuses_a_cut_npz(save, arrays):
    path = save(**arrays)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        load(path)
    except DataError:
        refused = True
    except zipfile.BadZipFile:  # holds NumPy's open file; it must not outlive this test
        refused = False
    assert refused


def test_refuses_an_empty_npz(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(b"")
    with pytest.raises(DataError):
        load(path)


@pytest.mark.parametrize("source", ["lettters", "no/such/file.h5", "no/such/folder/"])
def test_refuses_an_unknown_source(source):
    with pytest.raises(DataError, match=f'"letters", or the path .*got .{source}., which is none'):
        load(source)


def test_refuses_a_file_of_another_kind(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("x")
    with pytest.raises(DataError, match=r"data\.txt', a file of another kind"):
        load(path)


@pytest.mark.parametrize("ending", ["h5", "hdf5"])
def test_hdf5_is_told_by_its_ending(tmp_path, ending):
    rows = np.array([[0.0, 1.0, 0], [1.0, 0.0, 1]])
    with h5py.File(tmp_path / f"mine.{ending}", "w") as file:
        file["trainData"] = file["testData"] = rows

    assert load(tmp_path / f"mine.{ending}").input_shape == (2,)


def test_a_folder_is_read_as_images(tmp_path, png):
    random = np.random.default_rng(71)
    for number in range(10):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(random.integers(0, 256, (4, 4))))

    data = load(tmp_path / "glyphs")

    assert data.class_names == ("A", "B")
    assert len(data.x_train) + len(data.x_test) == 10


def test_letters_are_built_in():
    assert load("letters").name == "letters"


def test_is_public():
    assert kohort.load is load
