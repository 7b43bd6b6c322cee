"""Writes and reads files of arrays in the safetensors format; a damaged file is refused."""

import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import deserialize
from safetensors.numpy import save

from kohort.errors import StoreError
from kohort.evidence.whole_files import flush_folder, written_whole

_KINDS = {
    "BOOL": np.dtype(bool),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "C64": np.dtype(np.complex64),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    **{f"F{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
}
"""The dtypes of safetensors that are read back as they were written."""


_AT_A_TIME = 8
"""Files that are written at a time where there are many."""


def keep_all(
    folder: Path, prefixes: Sequence[str], several: Sequence[Mapping[str, np.ndarray]]
) -> list[tuple[str, str]]:
    """As `keep`, for several files, of each its prefix and its arrays."""

    def keep_one(prefix: str, arrays: Mapping[str, np.ndarray]) -> tuple[str, str]:
        return keep(folder, prefix, arrays, flushes_folder=False)

    # To flush a small file is to wait for the disk, which can flush several at a time.
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        kept = list(pool.map(keep_one, prefixes, several))
    with changing(folder):
        flush_folder(folder)
    return kept


def keep(
    folder: Path,
    prefix: str,
    arrays: Mapping[str, np.ndarray],
    *,
    flushes_folder: bool = True,
) -> tuple[str, str]:
    """Write arrays to a file whose name has a digest of them; it is written whole or not at all.

    Args:
        folder: The folder of the file; it is created if it is missing.
        prefix: The start of the file's name.
        arrays: By name, of any shape; of numbers of up to 64 bits, bfloat16 or booleans.
        flushes_folder: As in `written_whole`.

    Returns:
        The file's name and its SHA-256 in hexadecimal.

    Raises:
        StoreError: The arrays are of another kind, or the file cannot be written.
    """
    content = to_bytes(arrays)
    digest = digest_of(content)
    name = f"{prefix}-{digest[:16]}.safetensors"
    with changing(folder):
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            flush_folder(folder.parent)
        with written_whole(folder / name, flushes_folder=flushes_folder) as new:
            new.write_bytes(content)
    return name, digest


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def to_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as the content of a file.

    Raises:
        StoreError: An array has a dtype that cannot be read back.
    """
    # safetensors writes memory as it is, so arrays must be in C order.
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in plain.items():
        if name == "__metadata__" or array.dtype.newbyteorder("=") not in _KINDS.values():
            raise StoreError(
                "arrays of numbers or booleans, by name",
                f"{array.dtype} named {name!r}",
                "convert or rename it",
            )
    return save(plain)


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Turn system errors in the block into errors of one line.

    Raises:
        StoreError: The system refused to.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"to write to {folder}",
            f"'{error.strerror or error}'",
            "make room there, or allow writing to it and to its folder",
        ) from error


def read(path: Path, digest: str) -> dict[str, np.ndarray]:
    """The arrays of a file, by name.

    Args:
        path: The file.
        digest: Its SHA-256 in hexadecimal, when it was written.

    Raises:
        StoreError: The file is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"'{error.strerror or error}'") from error
    if digest_of(content) != digest:
        raise _unreadable(path, f"a damaged file of {len(content)} bytes")
    return from_bytes(content)


def from_bytes(content: bytes) -> dict[str, np.ndarray]:
    """The inverse of `to_bytes`."""
    return {
        name: np.require(
            np.frombuffer(part["data"], _KINDS[part["dtype"]]).reshape(part["shape"]),
            requirements=["ALIGNED", "WRITEABLE"],
        )
        for name, part in deserialize(content)  # type: ignore[no-untyped-call]
    }


def _unreadable(path: Path, received: str) -> StoreError:
    return StoreError(
        f"the file {path} as it was written",
        received,
        "restore it, or train what it held again",
    )


def sweep(folder: Path, named: Collection[str]) -> None:
    """Remove the files of a folder whose names are not in `named`.

    Raises:
        StoreError: They cannot be removed.
    """
    if folder.is_dir():
        for path in list(folder.iterdir()):
            if path.name not in named:
                remove(path)


def remove(path: Path) -> None:
    """Remove a file, if it exists.

    Raises:
        StoreError: It cannot be removed.
    """
    with changing(path.parent):
        path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder and its contents, if it exists.

    Raises:
        StoreError: It cannot be removed.
    """
    with changing(folder), suppress(FileNotFoundError):
        shutil.rmtree(folder)
