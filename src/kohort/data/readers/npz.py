"""Reads NumPy's `.npz` files with the four arrays of a dataset."""

import lzma
import struct
import tokenize
import zipfile
import zlib
from math import prod
from pathlib import Path

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.system import check_room
from kohort.errors import DataError, legible, reason, shortened

TEST_KEYS = ("x_test", "y_test")
KEYS = ("x_train", "y_train", *TEST_KEYS)

# Errors that zipfile, the decompressors and NumPy raise on damaged or locked files.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    RuntimeError,
    UserWarning,
    OverflowError,
    IndexError,
    KeyError,
    SyntaxError,
    SystemError,  # of Python's tokenizer, for headers with a null character
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def load_npz(path: Path) -> Dataset:
    """Read `x_train`, `y_train`, `x_test` and `y_test`; nothing is unpickled.

    The last two may be missing: there is no test set then.

    Raises:
        DataError: The file is not a valid `.npz` file, lacks an array, or is not a dataset.
    """
    try:
        arrays, others = _arrays(path)
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(
            "a NumPy .npz file", f"{path} ({reason(error)})", "save it again"
        ) from error
    missing = [key for key in KEYS if key not in arrays]
    if missing not in ([], list(TEST_KEYS)):
        raise DataError(
            f"the arrays {', '.join(KEYS)}",
            f"{path} without {', '.join(missing)}" + f", with {shortened(others)}" * bool(others),
            "save them with numpy.savez(..., x_train=..., y_train=...)",
        )
    return Dataset(*(arrays[key] for key in KEYS if key in arrays), name=legible(path.stem))


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Those of the four arrays that are in the file, by name; and the names of others."""
    # NumPy does not close a file that it cannot read.
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise zipfile.BadZipFile("no archive of arrays, as numpy.savez writes them")
        file.seek(0)
        with zipfile.ZipFile(file) as archive, np.load(file, allow_pickle=False) as arrays:
            named = {name.removesuffix(".npy"): name for name in archive.namelist()}
            wanted = {key: name for key, name in named.items() if key in KEYS}
            check_room(sum(_size(archive, name) for name in wanted.values()), str(path))
            return {key: arrays[key] for key in wanted}, sorted(set(named) - set(KEYS))


def _size(archive: zipfile.ZipFile, name: str) -> int:
    """Bytes of an array by its header; raises an error where the archive holds fewer.

    NumPy allocates the memory that the header asks for before it reads a number.
    """
    with archive.open(name) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        room = archive.getinfo(name).file_size - stream.tell()
    size = prod(shape) * dtype.itemsize
    if size > room and not dtype.hasobject:
        raise ValueError(f"{name} is said to be of shape {shape}, and holds fewer numbers")
    return size
