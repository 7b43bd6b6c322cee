"""Reads HDF5 files with `trainData` and `testData`, the layout of the blog study."""

import json
import re
import reprlib
from dataclasses import replace
from math import isqrt, prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kohort.data.checking import CENTRED, PixelScale
from kohort.data.dataset import Dataset
from kohort.data.making.pixel_rows import scale_of_json, scale_of_rows
from kohort.data.raw_data import RawData
from kohort.data.system import check_room
from kohort.data.tables.rounding import CLOSE, EXACT, MOST_LOOKED_AT, lost_of, told_of_lost
from kohort.errors import DataError, legible, reason

COMPACT = ("x_train", "y_train", "x_test", "y_test")
"""The datasets of the compact layout."""
CLASS_NAMES, PROVENANCE = "class_names", "provenance"
"""Datasets of a file that `kohort data prepare` wrote: JSON in bytes of UTF-8, uint8.

They are no attributes of text: of a damaged file HDF5 reads such without end.
"""

GROUPS = (("trainGroups", "testGroups"), ("groups", "test_groups"))
"""The datasets of groups, of training and of test samples: beside matrices, and beside arrays."""

PREPARED_GROUPS = "equal file names and copies, exact or near"
"""What `kohort data prepare` makes groups of."""

FILES = "files"
"""A dataset that it wrote, likewise and compressed: of each image its file, training ones first."""

CLEANED = "cleaned"
"""A dataset of a file that `kohort data clean` wrote, likewise: what the arrays are."""
OF_TABLE_ROWS = ("moments", "left_out")
"""Its datasets `[column, table row]` of columns that are no inputs."""

FEWEST_LEVELS = 32
"""Numbers from 0 to 1 are pixels where they are so many different multiples of 1/255: of fewer, as
shares and answers of yes and no are, all may be so by chance."""
SMALLEST_SIDE = 8
"""Of a square image; tables have 4, 9 or 25 columns as well."""
_AS_PIXELS = (
    "the inputs, from {ends}, are taken for pixels that were 0 to 255, and a saved model takes "
    "such pixels; if they are none, give the arrays to kohort.Dataset"
)

# Errors that h5py raises on damaged files and on files that are not HDF5.
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError)
# HDF5 has no code for it that h5py would pass on.
_CUT = re.compile(r"truncated file: eof = (\d+),.* stored_eof = (\d+)")


def load_hdf5(path: Path) -> Dataset:
    """Read `trainData` and `testData`, or what `kohort data prepare` writes compactly.

    `trainData` and `testData` are `[sample, feature + 1]` each, the label in the last column. The
    features are taken as they are, since they are already normalised. Where they are pixels scaled
    to [0, 1] or to [-0.5, 0.5], `Dataset.pixels` is set accordingly, so that a model trained on
    them can be deployed for raw images: those of files that `kohort data prepare` wrote are, and of
    others those of such a range that are as many as a square image has pixels, or that are bytes of
    many levels once the scaling is undone. `notes` tell it. The compact layout is `x_train`,
    `y_train`, `x_test` and `y_test`. Beside either, names of classes and groups are read where they
    are.

    Args:
        path: The file. Tables are read as float32; the file is not changed.

    Raises:
        DataError: The file is not HDF5, a dataset is missing, or it is not such a table.
    """
    try:
        with h5py.File(path, "r") as file:
            if CLEANED in file:
                return _cleaned(file, path)
            names, how = (_json(file, key, path) for key in (CLASS_NAMES, PROVENANCE))
            made: dict[str, Any] = how if isinstance(how, dict) and "sources" in how else {}
            told: dict[str, Any] = {"name": legible(path.stem)}
            told["class_names"] = names if isinstance(names, list) else None
            told["groups_of"] = PREPARED_GROUPS if made else ""
            if COMPACT[0] in file and "trainData" not in file:
                told |= {key: _whole(file, key, path) for key in COMPACT}
                samples = len(told["x_train"]) + len(told["x_test"])
                told["source_files"] = _files(file, path, samples)
                return Dataset(**told, **_groups(file, GROUPS[1], path))
            train, test = (_table(file, key, path) for key in ("trainData", "testData"))
            told |= _groups(file, GROUPS[0], path)
            told["source_files"] = _files(file, path, len(train) + len(test))
            told["notes"] = tuple(_told_of_rounding(file["trainData"], train[:, :-1]))
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(
            "a whole HDF5 file", f"{path}, which {_damage(path, error)}", "write or fetch it again"
        ) from error
    (x_train, y_train), (x_test, y_test) = (_split_label(t, path) for t in (train, test))
    scale = scale_of_rows(made.get("shape"), x_train, x_test) if made else None
    if scale is None and (scale := _known_scale(x_train)) is not None:
        if _may_be_square(x_train.shape[1]) or _are_bytes(x_train, scale):
            ends = "0 to 1" if scale.offset == 0 else "-0.5 to 0.5"
            told["notes"] = (_AS_PIXELS.format(ends=ends),)
        else:
            scale = None
    return Dataset(x_train, y_train, x_test, y_test, **told, pixels=scale)


def _told_of_rounding(table: h5py.Dataset, x: np.ndarray) -> list[str]:
    """Which columns of a table have fewer different numbers as float32 `x`, a sentence; or none."""
    if table.dtype.itemsize <= 2 or table.dtype == np.float32 or _known_scale(x) is not None:
        return []
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    size = np.maximum(np.abs(low), np.abs(high))
    # Only these are read once more; of columns of one number, which may have been many, too.
    with np.errstate(invalid="ignore"):  # of infinite ones, which are refused elsewhere
        close = np.flatnonzero((size > EXACT) | (high - low < CLOSE * size))[:MOST_LOOKED_AT]
    return told_of_lost({f"column {n} of trainData": lost_of(table[:, n]) for n in close.tolist()})


def _groups(file: h5py.File, names: tuple[str, str], path: Path) -> dict[str, Any]:
    groups = _optional(file, names[0], path)
    return {
        "groups": groups,
        "test_groups": None if groups is None else _optional(file, names[1], path),
    }


def _damage(path: Path, error: Exception) -> str:
    """What is wrong with a file that h5py does not read."""
    if not h5py.is_hdf5(path):
        return "is none"
    cut = _CUT.search(str(error))
    if cut is not None:
        return f"is cut: {int(cut[1]):,} of its {int(cut[2]):,} bytes are there"
    return f"is damaged ({reason(error)})"


def _cleaned(file: h5py.File, path: Path) -> Dataset:
    """What `kohort data clean` wrote."""
    about = json.loads(_whole(file, CLEANED, path).tobytes())
    keys = COMPACT if COMPACT[2] in file else COMPACT[:2]
    given: dict[str, Any] = {key: _whole(file, key, path) for key in keys}
    raw = RawData(
        str(about["raw"]),
        _whole(file, "raw_rows", path),
        _whole(file, "raw_targets", path),
        _optional(file, "raw_groups", path),
        str(about.get("raw_as_numbers", "")),
    )
    if not _ascend(raw.rows, raw.samples):
        raise DataError("rows of the raw data in order", f"others in {path}", "clean again")
    files = None if about["source_files"] is None else tuple(map(str, about["source_files"]))
    if files is not None and len(files) != len(given["x_train"]) + len(given.get("x_test", ())):
        raise DataError("a file for each sample", f"{len(files):,} in {path}", "clean again")
    columns, rows = None, _optional(file, "source_rows", path)
    if about["columns"] is not None:
        from kohort.data.tables.columns import Columns

        kept = [key for key in OF_TABLE_ROWS if about.get(key)]
        others = {key: np.atleast_2d(_whole(file, key, path)) for key in kept}
        if any(rows is None or rows.max() >= each.shape[1] for each in others.values()):
            raise DataError("rows of the table", f"rows beyond it in {path}", "clean again")
        named: dict[str, Any] = {k: dict(zip(about[k], v, strict=True)) for k, v in others.items()}
        columns = replace(Columns.from_json(about["columns"]), **named)
        if given["x_train"].shape[1:] != (len(columns.inputs),):
            raise DataError("inputs as its columns make them", f"others in {path}", "clean again")
    return Dataset(
        **given,
        class_names=about["class_names"],
        name=legible(path.stem),
        **_groups(file, GROUPS[1], path),
        groups_of=str(about["groups_of"]),
        pixels=scale_of_json(about["pixels"]),
        unreadable=tuple(map(str, about["unreadable"])),
        test_from="as the data that were cleaned had them",
        columns=columns,
        notes=tuple(map(str, (*about["notes"], *about["told"]))),
        source_rows=rows,
        source_files=files,
        raw=raw,
        sample_weight=_optional(file, "sample_weight", path),
    )


def _ascend(rows: np.ndarray, samples: int) -> bool:
    """Whether these are rows of so many samples, each once and in order."""
    if rows.ndim != 1 or rows.dtype.kind != "i" or not 0 <= rows[0] <= rows[-1] < samples:
        return False
    return bool((np.diff(rows) > 0).all())


def _files(file: h5py.File, path: Path, samples: int) -> tuple[str, ...] | None:
    """The names of images' files that `kohort data prepare` kept; None in files of others.

    Raises:
        DataError: They are not one for each sample.
    """
    if PROVENANCE not in file or FILES not in file:
        return None
    names = json.loads(_whole(file, FILES, path).tobytes())
    if not isinstance(names, list) or len(names) != samples:
        raise DataError(
            f"a file's name for each of {samples:,} images in {FILES}",
            f"{len(names):,} in {path}" if isinstance(names, list) else f"none in {path}",
            "write it again with kohort data prepare",
        )
    return tuple(legible(str(name)) for name in names)


def _json(file: h5py.File, key: str, path: Path) -> object:
    """What `kohort data prepare` kept as JSON; None where there are no such bytes."""
    found = file.get(key)
    if not isinstance(found, h5py.Dataset) or found.dtype != np.uint8 or found.ndim != 1:
        return None
    return json.loads(_whole(file, key, path).tobytes())


def _optional(file: h5py.File, key: str, path: Path) -> np.ndarray | None:
    return _whole(file, key, path) if key in file else None


def _whole(file: h5py.File, key: str, path: Path) -> np.ndarray:
    """A dataset of the file as an array."""
    found = file.get(key)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "iufb" or not found.size:
        raise DataError(
            f"the datasets {', '.join(COMPACT)}, of numbers",
            f"{path} with {_description(file, key, found)}",
            "write it again with kohort data prepare",
        )
    _check_held(found, key, path)
    return found[()]  # type: ignore[no-any-return]


def _table(file: h5py.File, key: str, path: Path) -> np.ndarray:
    """A dataset of the file as float32 `[sample, feature + 1]`."""
    table = file.get(key)
    if not isinstance(table, h5py.Dataset):
        raise DataError(
            "the datasets trainData and testData",
            f"{path} with {_description(file, key, table)}",
            f"write {key} as rows of features, each with its label last",
        )
    if (
        table.ndim != 2
        or not table.shape
        or table.shape[0] < 1
        or table.shape[1] < 2
        or table.dtype.kind not in "iufb"
    ):
        raise DataError(
            f"{key} as a table of numbers, features and then a label",
            f"shape {table.shape} of {table.dtype} in {path}",
            "write one row per sample",
        )
    _check_held(table, key, path)
    return table.astype(np.float32)[:]  # type: ignore[no-any-return]


def _description(file: h5py.File, key: str, found: object) -> str:
    """Describes what the file has in place of a dataset."""
    if found is not None:
        return f"a {type(found).__name__.lower()} as {key}"
    if file.get(key, getlink=True) is not None:
        return f"a link to nothing as {key}"
    return reprlib.repr(sorted(file)) if len(file) else "none"


def _check_held(table: h5py.Dataset, key: str, path: Path) -> None:
    """Refuse numbers that the file does not hold, before memory is allocated for them.

    HDF5 reads zeros where nothing was written, and in place of external files that are missing.
    """
    if table.is_virtual or table.external:
        raise DataError(
            f"{key} with its numbers in the file itself",
            f"{path}, which names other files for them",
            "copy them into one file",
        )
    filters = table.id.get_create_plist()
    for number in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            raise DataError(
                f"{key} as it is, or compressed by gzip",
                f"{path}, which needs filter {code} ({name.decode(errors='replace')})",
                "save it without that filter",
            )
    size = prod(table.shape)  # h5py's product would overflow
    if table.chunks:
        chunks = prod(-(-n // chunk) for n, chunk in zip(table.shape, table.chunks, strict=True))
        share = table.id.get_num_chunks() / chunks
    else:
        share = table.id.get_storage_size() / (size * table.dtype.itemsize)
    if share < 1:
        raise DataError(
            f"{key} with all numbers of its {table.shape[0]:,} rows",
            f"{path} with {100 * share:.0f} % of them",
            "write the rest, or make the table smaller",
        )
    in_chunk = prod(table.chunks or ()) * table.dtype.itemsize
    check_room(4 * size + in_chunk, f"{key} in {path}")


def _split_label(table: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 `[sample, feature]` and labels int32 `[sample]`, the last column."""
    features, labels = np.ascontiguousarray(table[:, :-1]), table[:, -1]
    with np.errstate(invalid="ignore"):  # a NaN of a damaged file may signal
        are_whole = np.isfinite(labels) & (labels == np.round(labels)) & (abs(labels) < 2**31)
    if not are_whole.all():
        raise DataError(
            "whole numbers in the last column, the label",
            f"other values in {path}",
            "put the label last, numbered from 0",
        )
    return features, labels.astype(np.int32)


def _known_scale(x: np.ndarray) -> PixelScale | None:
    """The scale of pixels by the range of features `[sample, feature]`; None for others."""
    lowest, highest = float(x.min()), float(x.max())
    if lowest >= 0.0 and 0.9 < highest <= 1.0:
        return PixelScale(1 / 255, 0.0)
    # The recipe of notMNIST subtracts 255/2 and divides by 255.
    if -0.5 <= lowest < -0.4 and 0.4 < highest <= 0.5:
        return CENTRED
    return None


def _may_be_square(numbers: int) -> bool:
    side = isqrt(numbers)
    return side >= SMALLEST_SIDE and side * side == numbers


def _are_bytes(x: np.ndarray, scale: PixelScale) -> bool:
    """Whether features `[sample, feature]` are bytes of many levels that were scaled."""
    levels = (x - np.float32(scale.offset)) / np.float32(scale.factor)
    whole = np.rint(levels)
    are_whole = bool((np.abs(levels - whole) < 0.01).all())
    return are_whole and len(np.unique(whole)) >= FEWEST_LEVELS
