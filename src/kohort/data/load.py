"""`kohort.load`: data from wherever they are."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from kohort.data.builtin import load_letters
from kohort.data.dataset import Dataset
from kohort.data.hdf5 import load_hdf5
from kohort.data.images import load_images
from kohort.errors import DataError

_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(source: str | Path) -> Dataset:
    """Load a dataset.

    Args:
        source: "letters", the built-in glyphs A to J; a `.h5` file with `trainData` and `testData`,
            the label in the last column; an `.npz` file with `x_train`, `y_train`, `x_test` and
            `y_test`; a folder or an archive (tar, zip) of class folders with images, such as
            notMNIST's.

    Raises:
        DataError: There is no such source, or it cannot be read.

    Example:
        >>> kohort.load("letters")
    """
    if str(source) == "letters":
        return load_letters()
    path = Path(source)
    if not str(source) or not path.exists():
        raise DataError(
            '"letters", or the path of an .h5 or .npz file, an image folder or an archive',
            f"{str(source)!r}, which is none",
            "check the spelling",
        )
    if path.suffix.lower() in (".h5", ".hdf5"):
        return load_hdf5(path)
    return _load_npz(path) if path.suffix.lower() == ".npz" else load_images(path)


def _load_npz(path: Path) -> Dataset:
    try:
        # NumPy would leave a file open that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            held = {key: arrays[key] for key in _NPZ_KEYS if key in arrays}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error) or type(error).__name__
        raise DataError("a NumPy .npz file", f"{path} ({reason})", "save it again") from error
    missing = [key for key in _NPZ_KEYS if key not in held]
    if missing:
        raise DataError(
            f"the arrays {', '.join(_NPZ_KEYS)}",
            f"{path} without {', '.join(missing)}",
            "save them with numpy.savez",
        )
    return Dataset(**held, name=path.stem)
