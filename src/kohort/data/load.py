"""`kohort.load`: data from wherever they are."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

from kohort.data.builtin import load_letters
from kohort.data.dataset import Dataset
from kohort.data.readers.archives import is_archive
from kohort.data.readers.hdf5 import load_hdf5
from kohort.data.readers.images import load_images
from kohort.data.readers.npz import KEYS, load_npz
from kohort.data.system import is_file, is_folder
from kohort.errors import DataError, reason

_KNOWN = '"letters", or the path of an .h5 or .npz file, an image folder or an archive (tar, zip)'

_READERS = {".h5": load_hdf5, ".hdf5": load_hdf5, ".npz": load_npz}


def load(source: str | Path) -> Dataset:
    """Load a dataset.

    Args:
        source: One of these:

            - "letters": the built-in glyphs A to J, 28 x 28 pixels.
            - An `.h5` file with the matrices `trainData` and `testData`, `[sample, column]`; the
              last column holds the labels.
            - An `.npz` file with `x_train` and `x_test`, `[sample, ...]`, and `y_train` and
              `y_test`, their targets.
            - A folder, or an archive (tar, zip), with a folder of images for each class, such as
              notMNIST (Bulatov 2011).

    Returns:
        The dataset; pixels stay uint8.

    Raises:
        DataError: There is no such source, it cannot be read, or it does not fit in memory.

    Example:
        >>> import kohort
        >>> kohort.load("letters")
        Dataset('letters', 10880 train and 1930 test samples of (28, 28) uint8, 10 classes)
    """
    if not isinstance(source, str | os.PathLike) or not str(source):
        raise DataError(_KNOWN, repr(source), "name one")
    if str(source) == "letters":
        return load_letters()
    path = Path(source)
    reader = _reader(path, str(source))
    try:
        with warnings.catch_warnings():
            # zipfile reads on where two entries are one, and only warns that it may be a bomb.
            warnings.filterwarnings("error", "Overlapped entries", UserWarning)
            return reader(path)
    except MemoryError as error:
        raise DataError(
            "data that fit in memory", f"{path} ({reason(error)})", "give fewer samples"
        ) from error


def _reader(path: Path, told: str) -> Callable[[Path], Dataset]:
    """The function that reads a path, by its ending; archives are known by their first bytes too.

    Raises:
        DataError: There is no such file or folder, it may not be read, or nothing reads its kind.
    """
    if is_folder(path):
        return load_images
    if not is_file(path):
        raise DataError(_KNOWN, f"{told!r}, which is none", "check the spelling")
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(
            "a file that can be read", f"{told!r} ({error.strerror})", "allow it, or copy it"
        ) from error
    ending = path.suffix.lower()
    if ending in _READERS:
        return _READERS[ending]
    if not is_archive(path):
        raise DataError(
            _KNOWN,
            f"{told!r}, a file of another kind",
            f"save arrays and tables with numpy.savez, as {', '.join(KEYS)}",
        )
    return load_images
