"""`kohort.load`: data from wherever they are."""

import os
import reprlib
import sys
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np

from kohort.data.builtin import load_letters
from kohort.data.dataset import Dataset
from kohort.data.fetching.published import source_path
from kohort.data.readers.archives import ENDINGS, is_archive
from kohort.data.readers.decoding import Color
from kohort.data.readers.hdf5 import load_hdf5
from kohort.data.readers.idx import holds_idx, is_idx, load_idx
from kohort.data.readers.images import load_images
from kohort.data.readers.npz import load_npz
from kohort.data.splits import hold_out, test_part
from kohort.data.system import absent, is_file, is_folder
from kohort.errors import DataError, legible, reason

if TYPE_CHECKING:
    import pandas as pd

_KNOWN = (
    '"letters", "notmnist", or the path of a table (.csv, .tsv, .parquet), an .h5, .npz or IDX '
    "file, an image folder or an archive of one (tar, zip), or a data set that `datasets` saved"
)
_TABLE = frozenset({"target", "group"})
_SHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".ods"})


@dataclass(frozen=True)
class _Kind:
    """What reads a kind of source, which options it takes, and what to call it in a sentence."""

    read: Callable[..., Dataset]
    takes: frozenset[str]
    told: str


class Bunch(Protocol):
    """What scikit-learn's loaders return; `feature_names` and `target_names` are read too."""

    data: Any
    target: Any


def load(
    source: "str | Path | pd.DataFrame | Bunch",
    *,
    target: Hashable | None = None,
    group: Hashable | None = None,
    size: tuple[int, int] | None = None,
    color: Color = "keep",
    test: float | None = None,
    time: Hashable | None = None,
    sample_weight: Hashable | None = None,
) -> Dataset:
    """Load a dataset.

    Args:
        source: One of these:

            - "letters": the built-in glyphs A to J, 28 x 28 pixels.
            - "notmnist", "notmnist-large": what `kohort data fetch` has put into the working
              directory.
            - A table: a `.csv`, `.tsv` or `.parquet` file, or a `pandas.DataFrame`; a row
              for each sample. `Dataset.from_frame` tells what becomes of its columns.
            - An `.h5` file with the matrices `trainData` and `testData`, `[sample, column]`; the
              last column holds the labels.
            - An `.npz` file with `x_train` and `x_test`, `[sample, ...]`, and `y_train` and
              `y_test`, their targets.
            - A folder, or an archive (tar, zip), with a folder of images for each class, such as
              notMNIST (Bulatov 2011); with folders `train` and `test` above these, or not.
            - The IDX files of the MNIST family, compressed by gzip or not: their folder, or the
              file of the training images.
            - A folder that Hugging Face's `datasets` saved (`save_to_disk`): a table, or images.
            - What scikit-learn's loaders return.
        target: The column of a table to predict; a saved data set of one column of classes needs
            none.
        group: The column of a table of what belongs together, such as a patient.
        size: The height and width to resize images to; None refuses images of several sizes.
        color: What to make of images: "grey", "rgb", or what they are; grey ones and ones in
            colour mixed are refused then.
        test: The part of the samples to hold out as the test set: whole groups, or as large a
            part of each class. None is a fifth for tables and images, and none for arrays. Not for
            a source with a test set.
        time: The column of a table of when each row came to be, such as a date: the test set is
            the latest rows then, and not drawn at random.
        sample_weight: The column of a table of how much each row counts in the loss; no input.
            Studies on these data weigh their training samples by it.

    Returns:
        The dataset; pixels stay uint8. `notes` tell what was changed on reading.

    Raises:
        DataError: There is no such source, it cannot be read, or it does not fit in memory.

    Example:
        >>> import kohort
        >>> kohort.load("letters")
        Dataset('letters', 10880 train and 1930 test samples of (28, 28) uint8, 10 classes)
    """
    options: dict[str, Any] = {"target": target, "group": group, "size": size, "test": test}
    options |= {"time": time, "color": None if color == "keep" else color}
    options["sample_weight"] = sample_weight
    if _is_frame(source):
        return Dataset.from_frame(source, **_taken(_TABLES, options))
    if _is_bunch(source):
        from kohort.data.readers.bunches import load_bunch

        bunches = _Kind(load_bunch, frozenset({"test"}), "a bunch")
        return load_bunch(source, **_taken(bunches, options))
    if not isinstance(source, str | os.PathLike) or not str(source):
        raise _unknown(source)
    path, kind = _place(source)
    try:
        with warnings.catch_warnings():
            # zipfile reads on where two entries are one, and only warns that it may be a bomb.
            warnings.filterwarnings("error", "Overlapped entries", UserWarning)
            return kind.read(path, **_taken(kind, options))
    except MemoryError as error:
        raise DataError(
            "data that fit in memory", f"{path} ({reason(error)})", "give fewer samples"
        ) from error


def check_source(source: str, **options: Any) -> None:
    """Refuse a source that is not there, or options that it does not take; nothing of it is read.

    Args:
        source: As for `load`.
        **options: Those of `load` that are given.

    Raises:
        DataError: It is such.
    """
    _, kind = _place(source)
    _taken(kind, options)


def _place(source: str | Path) -> tuple[Path, _Kind]:
    """The path of a source, and what reads it.

    Raises:
        DataError: There is no such source, or nothing reads it.
    """
    if str(source) == "letters":
        return Path(), _LETTERS
    path = source_path(source)
    return path, _kind(path, str(source) if path == Path(source) else str(path))


def as_dataset(given: tuple[Any, ...]) -> Dataset:
    """A dataset of arrays in a tuple.

    Args:
        given: `(x, y)` without a test set, or `((x_train, y_train), (x_test, y_test))`.

    Raises:
        DataError: It is another tuple, or the arrays make no dataset.
    """
    parts = [part for part in given if isinstance(part, tuple)]
    if len(given) != 2 or any(len(part) != 2 for part in parts) or len(parts) == 1:
        raise DataError(
            "data as a kohort.Dataset, (x, y) or ((x_train, y_train), (x_test, y_test))",
            f"a tuple of {len(given)}",
            "make a kohort.Dataset of the arrays",
        )
    return Dataset(*(array for part in parts for array in part)) if parts else Dataset(*given)


def _unknown(source: object) -> DataError:
    name = getattr(source, "__name__", "")
    if callable(source) and name:
        return DataError(_KNOWN, name, f"call it: kohort.load({name}())")
    return DataError(_KNOWN, reprlib.repr(source), "name one, or give arrays to kohort.Dataset")


def _is_frame(source: object) -> TypeGuard["pd.DataFrame"]:
    # Who has a frame has imported pandas, which is not imported for other sources.
    return "pandas" in sys.modules and isinstance(source, sys.modules["pandas"].DataFrame)


def _is_bunch(source: object) -> TypeGuard[Bunch]:
    return hasattr(source, "data") and hasattr(source, "target")


def _taken(kind: _Kind, options: dict[str, Any]) -> dict[str, Any]:
    """The options that a kind of source takes.

    Raises:
        DataError: Another one was given.
    """
    for name, value in options.items():
        if value is not None and name not in kind.takes:
            raise DataError(f"no {name}= for {kind.told}", repr(value), "leave it out")
    return {name: options.get(name) for name in kind.takes}


def _kind(path: Path, told: str) -> _Kind:
    """What a path is, by its ending; archives are known by their first bytes too.

    Raises:
        DataError: There is no such file or folder, it may not be read, or nothing reads its kind.
    """
    if is_folder(path):
        if is_saved_dataset(path):
            return _SAVED
        return _IDX if holds_idx(path) else _IMAGES
    if not is_file(path):
        raise _no_source(path, told)
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(
            "a file that can be read", f"{told!r} ({error.strerror})", "allow it, or copy it"
        ) from error
    ending = path.suffix.lower()
    if ending in _KINDS:
        return _KINDS[ending]
    if is_idx(path):
        return _IDX
    check_packed(path, told)
    if not is_archive(path):
        raise DataError(
            _KNOWN,
            f"{told!r}, a file of another kind",
            "save arrays with numpy.savez, tables as .csv or .parquet",
        )
    return _IMAGES


def check_packed(path: Path, told: str) -> None:
    """Refuse workbooks and compressed tables and arrays, which would be taken for archives.

    Raises:
        DataError: It is such.
    """
    ending = path.suffix.lower()
    if ending in _SHEETS:
        kinds = "a table as .csv, .tsv or .parquet"
        raise DataError(kinds, f"{told!r}, a workbook", "save it as .csv")
    if Path(path.stem).suffix.lower() in _KINDS and ending in ENDINGS:
        unpacked = f"unpack it first, to {path.stem}"
        raise DataError("a file that is not compressed", repr(told), unpacked)


def of_known_kind(path: Path) -> str | None:
    """What a file is by its ending, as "a table"; None for images, archives and unknown files."""
    kind = _KINDS.get(path.suffix.lower()) if is_file(path) else None
    return None if kind is None else kind.told


def _no_source(path: Path, told: str) -> DataError:
    if os.path.lexists(path):
        return DataError(_KNOWN, f"{told!r}, which is none", "check the spelling")
    if path.suffix.lower() in _KINDS:
        return absent(path)
    missing = f"{told!r}: no such file or folder"
    if path.name != told:  # a path, and no built-in name that is misspelt
        return DataError("a file or folder that is there", missing, "check the path")
    return DataError(_KNOWN, missing, "check the spelling")


def _load_table(
    path: Path,
    target: Hashable | None,
    group: Hashable | None,
    test: float | None,
    time: Hashable | None,
    sample_weight: Hashable | None,
) -> Dataset:
    from kohort.data.readers.table_files import read_csv, read_parquet
    from kohort.data.tables.frames import of_frame

    if path.suffix.lower() == ".parquet":
        frame, told = read_parquet(path), []
    else:
        table = read_csv(path)
        table.check_names(path)
        frame, told = table.frame, table.told
    made = of_frame(frame, target, group, test, time, sample_weight)
    return Dataset(**{**made, "notes": (*told, *made["notes"])}, name=legible(path.stem))


def _load_saved(path: Path, **options: Any) -> Dataset:
    from kohort.data.readers.saved_datasets import load_saved_dataset

    return load_saved_dataset(path, **options)


def is_saved_dataset(folder: Path) -> bool:
    """Whether Hugging Face's `datasets` saved a data set, or splits of one, in a folder."""
    marks = (("dataset_dict.json",), ("state.json", "dataset_info.json"))
    return any(all(is_file(folder / name) for name in names) for names in marks)


def _load_arrays(path: Path, test: float | None) -> Dataset:
    """Arrays, of whose training samples some are held out where that is asked for."""
    data = load_npz(path) if path.suffix.lower() == ".npz" else load_idx(path)
    if test is None:
        return data
    if len(data.x_test):
        raise DataError("no test= for data with a test set", f"{test!r} for {path}", "leave it out")
    if not test_part(test):
        return data
    labels = data.y_train if data.classes else None
    drawn, how = hold_out(len(data.x_train), labels, None, test)
    train = np.setdiff1d(np.arange(len(data.x_train)), drawn)
    return replace(
        data,
        x_train=data.x_train[train],
        y_train=data.y_train[train],
        x_test=data.x_train[drawn],
        y_test=data.y_train[drawn],
        notes=(*data.notes, how),
        test_from=how,
    )


_LETTERS = _Kind(lambda _path: load_letters(), frozenset(), "the built-in letters")
_IMAGES = _Kind(
    load_images, frozenset({"size", "color", "test"}), "a folder or an archive of images"
)
_TABLES = _Kind(_load_table, frozenset({*_TABLE, "test", "time", "sample_weight"}), "a table")
_HDF5 = _Kind(load_hdf5, frozenset(), "an HDF5 file, which has its test set")
_SAVED = _Kind(
    _load_saved, frozenset({*_TABLE, "size", "color", "test"}), "a data set saved on disk"
)
_IDX = _Kind(_load_arrays, frozenset({"test"}), "IDX files")
_KINDS = {
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".npz": _Kind(_load_arrays, frozenset({"test"}), "an .npz file"),
    **dict.fromkeys((".csv", ".tsv", ".parquet"), _TABLES),
}
