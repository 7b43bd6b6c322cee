"""Writes prepared images as HDF5: the rows of the blog study, or compact arrays."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from kohort.data.preparing.drawing import Drawn
from kohort.data.preparing.sifting import Sifted
from kohort.data.readers.hdf5 import CLASS_NAMES, PROVENANCE

type Layout = Literal["blog", "compact"]

_ROWS = 4096  # at a time


def write(
    path: Path, sifted: Sifted, drawn: Drawn, layout: Layout, provenance: Mapping[str, Any]
) -> None:
    """Write a file; the same arguments write the same bytes.

    Args:
        path: The file.
        sifted: The images.
        drawn: Which of them train, and which test.
        layout: "blog" writes `trainData` and `testData`, float32 `[sample, pixels + 1]`: pixels v
            as (v - 127.5) / 255, and the label last; beside them `trainGroups`. "compact" writes
            `x_train`, `y_train`, `x_test`, `y_test` and `groups` as integers, images as uint8.
        provenance: How it was made, for JSON.

    Raises:
        OSError: The file cannot be written.
    """
    with h5py.File(path, "w", track_order=True) as file:
        for key, value in ((CLASS_NAMES, sifted.class_names), (PROVENANCE, dict(provenance))):
            file[key] = np.frombuffer(json.dumps(value).encode(), np.uint8)
        if layout == "blog":
            _write_rows(file, "trainData", sifted, drawn.train)
            _write_rows(file, "testData", sifted, drawn.test)
            file["trainGroups"] = sifted.groups[drawn.train]
            return
        for side, rows in (("train", drawn.train), ("test", drawn.test)):
            images = sifted.images[rows]
            chunks = (min(_ROWS, len(rows)), *images.shape[1:])
            file.create_dataset(f"x_{side}", data=images, chunks=chunks, compression="gzip")
            file[f"y_{side}"] = sifted.labels[rows]
        file["groups"] = sifted.groups[drawn.train]


def _write_rows(file: h5py.File, key: str, sifted: Sifted, rows: np.ndarray) -> None:
    width = int(np.prod(sifted.images.shape[1:]))
    table = file.create_dataset(key, (len(rows), width + 1), np.float32)
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        pixels = sifted.images[some].reshape(len(some), width)
        scaled = (pixels.astype(np.float32) - np.float32(127.5)) / np.float32(255)
        labels = sifted.labels[some].astype(np.float32)
        table[start : start + len(some)] = np.column_stack([scaled, labels])
