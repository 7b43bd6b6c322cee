"""Writes prepared images as HDF5: the rows of the blog study, or compact arrays."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from kohort.data.preparing.drawing import Drawn
from kohort.data.preparing.hdf5_files import ROWS, compressed, new_hdf5, put_json
from kohort.data.preparing.sifting import Sifted
from kohort.data.readers.archives import Passed, silent
from kohort.data.readers.hdf5 import CLASS_NAMES, FILES, GROUPS, PROVENANCE

type Layout = Literal["blog", "compact"]


def write(
    path: Path,
    sifted: Sifted,
    drawn: Drawn,
    layout: Layout,
    provenance: Mapping[str, Any],
    passed: Passed = silent,
) -> None:
    """Write a file; the same arguments write the same bytes.

    Args:
        path: The file.
        sifted: The images.
        drawn: Which of them train, and which test.
        layout: "blog" writes `trainData` and `testData`, float32 `[sample, pixels + 1]`: pixels v
            as (v - 127.5) / 255, and the label last; beside them `trainGroups` and `testGroups`.
            "compact" writes `x_train`, `y_train`, `x_test`, `y_test`, `groups` and `test_groups` as
            integers, images as uint8. Either has the names of the classes and of the files.
        provenance: How it was made, for JSON.
        passed: Is told how far it is.

    Raises:
        OSError: The file cannot be written.
    """
    with new_hdf5(path) as (file, disk):
        put_json(file, CLASS_NAMES, sifted.class_names)
        put_json(file, PROVENANCE, dict(provenance))
        drawn_files = [sifted.files[row] for row in (*drawn.train, *drawn.test)]
        put_json(file, FILES, drawn_files, packed=True)
        disk.check()
        done, total = 0, len(drawn.train) + len(drawn.test)
        for side, rows in (("train", drawn.train), ("test", drawn.test)):
            table = _table(file, side, sifted, rows, layout)
            for start in range(0, len(rows), ROWS):
                some = rows[start : start + ROWS]
                table[start : start + len(some)] = _in_layout(sifted, some, layout)
                disk.check()
                passed((done + start + len(some)) / total)
            done += len(rows)
            if layout == "compact":
                file[f"y_{side}"] = sifted.labels[rows]
        names = GROUPS[layout == "compact"]
        for name, rows in zip(names, (drawn.train, drawn.test), strict=True):
            file[name] = sifted.groups[rows]


def _table(
    file: h5py.File, side: str, sifted: Sifted, rows: np.ndarray, layout: Layout
) -> h5py.Dataset:
    shape = sifted.images.shape[1:]
    if layout == "blog":
        return file.create_dataset(f"{side}Data", (len(rows), prod(shape) + 1), np.float32)
    return compressed(file, f"x_{side}", (len(rows), *shape), np.dtype(np.uint8))


def _in_layout(sifted: Sifted, rows: np.ndarray, layout: Layout) -> np.ndarray:
    images: np.ndarray = sifted.images[rows]
    if layout == "compact":
        return images
    pixels = images.reshape(len(rows), -1).astype(np.float32)
    scaled = (pixels - np.float32(127.5)) / np.float32(255)
    return np.column_stack([scaled, sifted.labels[rows].astype(np.float32)])
