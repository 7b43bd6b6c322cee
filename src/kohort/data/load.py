"""`kohort.load`: data from wherever they are."""

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
    if not path.exists():
        raise DataError(
            '"letters", or the path of an .h5 or .npz file, an image folder or an archive',
            f"{str(source)!r}, which is none",
            "check the spelling",
        )
    if path.suffix in (".h5", ".hdf5"):
        return load_hdf5(path)
    return _load_npz(path) if path.suffix == ".npz" else load_images(path)


def _load_npz(path: Path) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in _NPZ_KEYS if key not in arrays]
            if missing:
                raise DataError(
                    f"the arrays {', '.join(_NPZ_KEYS)}",
                    f"{path} without {', '.join(missing)}",
                    "save them with numpy.savez",
                )
            return Dataset(*(arrays[key] for key in _NPZ_KEYS), name=path.stem)
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError("a NumPy .npz file", f"{path} ({error})", "save it again") from error
