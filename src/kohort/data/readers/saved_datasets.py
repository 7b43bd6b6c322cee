"""Reads data sets that Hugging Face's `datasets` saved on disk, without that library."""

import json
from collections.abc import Hashable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kohort.data.dataset import Dataset
from kohort.data.encoding import number_groups
from kohort.data.readers.decoding import Color
from kohort.data.readers.images import ImageReader, ImageSet, divided
from kohort.data.readers.table_files import DAMAGE, whole_frame
from kohort.data.system import check_room, is_file
from kohort.data.tables.frames import of_parts, parts_of
from kohort.errors import DataError, legible, reason

SPLITS, STATE, INFO = "dataset_dict.json", "state.json", "dataset_info.json"
_CLASSES, _IMAGES = "ClassLabel", "Image"
_NO_CLASS = -1


class _Saved(NamedTuple):
    """The rows of all splits: the table, the split of each row, and what its columns are."""

    frame: pd.DataFrame
    split: np.ndarray  # [row], text
    features: dict[str, Any]

    def columns(self, kind: str) -> list[str]:
        return [
            name
            for name, about in self.features.items()
            if isinstance(about, dict) and about.get("_type") == kind
        ]


def load_saved_dataset(
    source: Path,
    target: Hashable | None = None,
    group: Hashable | None = None,
    size: tuple[int, int] | None = None,
    color: Color | None = None,
    test: float | None = None,
) -> Dataset:
    """Read what `save_to_disk` wrote: a table, or images with a class each.

    A split "test" is the test set, where its samples have targets; all others train.

    Args:
        source: The folder.
        target: The column to predict; None takes the one of classes.
        group: The column of what belongs together.
        size: The height and width to resize images to.
        color: What to make of images.
        test: The part to hold out where there is no split "test"; None is a fifth.

    Raises:
        DataError: pyarrow is not installed, the files cannot be read, or the target is not known.
    """
    saved = _rows(source)
    labelled = saved.columns(_CLASSES)
    if target is None and len(labelled) == 1:
        target = labelled[0]
    saved, told = _with_targets(saved, target)
    told += _told_splits(saved.split)
    inputs, targets, groups = parts_of(saved.frame, target, group)
    is_test = saved.split == "test"
    images = [name for name in saved.columns(_IMAGES) if name in inputs]
    if is_test.any() and test is not None:
        raise DataError("no test= for data with a test set", repr(test), "leave it out")
    name = legible(source.name)
    if not images:
        if size is not None or color is not None:
            raise DataError("size and color for images alone", "a table", "leave them out")
        held_out = np.flatnonzero(is_test) if is_test.any() else test
        made = of_parts(inputs, targets, groups, held_out)
        if is_test.any():
            made["source_rows"] = None  # of several tables
        return Dataset(**{**made, "notes": (*told, *made["notes"])}, name=name)
    if len(images) > 1 or targets.names is None:
        raise DataError(
            "one column of images, and classes to predict",
            f"{', '.join(images)} and the target {target!r}",
            "make arrays of them, and give these to kohort.Dataset",
        )
    reader = ImageReader(source, size, color)
    numbers = _numbers(saved.split)
    names = [f"row {row} of {of}" for row, of in zip(numbers, saved.split, strict=True)]
    pixels = [
        reader(PurePosixPath(str(split), f"row {row}"), _content(cell, source))
        for row, split, cell in zip(numbers, saved.split, inputs[images[0]], strict=True)
    ]
    reader.check()
    readable = np.array([each is not None for each in pixels])
    image_set = ImageSet(
        np.stack([each for each in pixels if each is not None]),
        targets.values[readable],
        list(targets.names),
        [name for name, is_read in zip(names, readable, strict=True) if is_read],
        is_test[readable] if is_test.any() else None,
        [name for name, is_read in zip(names, readable, strict=True) if not is_read],
        [*told, targets.told, *reader.notes],
    )
    numbered = None if groups is None else number_groups(groups)[readable]
    return divided(image_set, test, name, numbered)


def _numbers(splits: np.ndarray) -> list[int]:
    """The number of each row in its split, from 0; rows of a split stand together."""
    first = dict(zip(*np.unique(splits, return_index=True), strict=True))
    return [row - int(first[split]) for row, split in enumerate(splits)]


def _rows(source: Path) -> _Saved:
    try:
        names = _json(source / SPLITS)["splits"] if is_file(source / SPLITS) else [""]
        folders = {str(name) or "train": source / str(name) for name in names}
        features = _json(next(iter(folders.values())) / INFO)["features"]
        frames = {name: _frame(folder) for name, folder in folders.items()}
        frame = pd.concat(frames.values(), ignore_index=True)
        split = np.repeat([*frames], [len(each) for each in frames.values()])
        return _named_classes(_Saved(frame, split, features))
    except DataError:
        raise
    except ImportError as error:
        raise DataError(
            "pyarrow, which reads Arrow files", "none installed", "pip install 'kohort[parquet]'"
        ) from error
    except DAMAGE as error:
        raise DataError(
            "a data set as `save_to_disk` writes it",
            f"{source} ({reason(error)})",
            "save it again",
        ) from error


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _frame(folder: Path) -> pd.DataFrame:
    """The table of a split, its files one after another."""
    import pyarrow as pa

    files = [
        folder / Path(entry["filename"]).name for entry in _json(folder / STATE)["_data_files"]
    ]
    check_room(sum(file.stat().st_size for file in files), str(folder))
    tables = []
    for file in files:
        with pa.memory_map(str(file)) as stream:
            tables.append(pa.ipc.open_stream(stream).read_all())
    return whole_frame(pa.concat_tables(tables))


def _named_classes(saved: _Saved) -> _Saved:
    """The same with columns of classes by their names; a class -1 is missing."""
    frame = saved.frame.copy(deep=False)
    for name in saved.columns(_CLASSES):
        codes = frame[name].fillna(_NO_CLASS).astype(int).tolist()
        names = [str(each) for each in saved.features[name]["names"]]
        frame[name] = pd.Categorical.from_codes(codes, pd.Index(names))
    return saved._replace(frame=frame)


def _with_targets(saved: _Saved, target: Hashable | None) -> tuple[_Saved, list[str]]:
    """The same without a test split that has no targets, as where these are kept secret."""
    is_test = saved.split == "test"
    if target not in saved.frame or not is_test.any() or saved.frame[target][is_test].notna().any():
        return saved, []
    kept = saved._replace(
        frame=saved.frame[~is_test].reset_index(drop=True), split=saved.split[~is_test]
    )
    return kept, [f"the {is_test.sum():,} samples of the split test have no targets: left out"]


def _told_splits(split: np.ndarray) -> list[str]:
    """Which splits train, where there are several, in a sentence."""
    training = sorted(set(split) - {"test"})
    return [f"the splits {' and '.join(training)} train"] * (len(training) > 1)


def _content(cell: Any, source: Path) -> bytes:
    """The bytes of an image's file."""
    content = cell.get("bytes") if isinstance(cell, dict) else None
    if not isinstance(content, bytes):
        raise DataError(
            "images inside the data set", f"{source} with paths to others", "embed their bytes"
        )
    return content
