"""Writes clean data as HDF5, with all that `kohort.load` needs to give them again."""

from pathlib import Path
from typing import Any

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.making.pixel_rows import scale_as_json
from kohort.data.preparing.hdf5_files import ROWS, compressed, new_hdf5, put_json
from kohort.data.readers.hdf5 import CLEANED, OF_TABLE_ROWS


def write_clean(path: Path, data: Dataset, told: list[str]) -> None:
    """Write data that were cleaned; the same data write the same bytes.

    Args:
        path: The file.
        data: The data; `kohort.load` gives them again.
        told: What was done, in sentences.

    Raises:
        OSError: The file cannot be written.
    """
    assert data.raw is not None
    arrays = {
        "y_train": data.y_train,
        "y_test": data.y_test,
        "groups": data.groups,
        "test_groups": data.test_groups,
        "sample_weight": data.sample_weight,
        "source_rows": data.source_rows,
        "raw_rows": data.raw.rows,
        "raw_targets": data.raw.targets,
        "raw_groups": data.raw.groups,
    }
    about: dict[str, Any] = {
        "class_names": data.class_names,
        "groups_of": data.groups_of,
        "pixels": scale_as_json(data.pixels),
        "columns": None if data.columns is None else data.columns.as_json(),
        "source_files": data.source_files,
        "unreadable": data.unreadable,
        "notes": data.notes,
        "raw": data.raw.fingerprint,
        "raw_as_numbers": data.raw.as_numbers,
        "told": told,
    }
    for key in OF_TABLE_ROWS:
        places = {} if data.columns is None else getattr(data.columns, key)
        about[key], arrays[key] = list(places), np.array([*places.values()])
    with new_hdf5(path) as (file, disk):
        put_json(file, CLEANED, about)
        for side, x in (("x_train", data.x_train), ("x_test", data.x_test)):
            if len(x):
                table = compressed(file, side, x.shape, x.dtype)
                for start in range(0, len(x), ROWS):
                    table[start : start + ROWS] = x[start : start + ROWS]
                    disk.check()
        for name, array in arrays.items():
            if array is not None and len(array):
                file[name] = array
