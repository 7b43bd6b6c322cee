"""Read the blog study's layout: an HDF5 file with `trainData` and `testData`."""

from pathlib import Path

import h5py
import numpy as np

from kohort.data.dataset import CENTRED, Dataset, PixelScale
from kohort.errors import DataError


def load_hdf5(path: Path) -> Dataset:
    """Read `trainData` and `testData`, `[sample, feature + 1]` each, the label in the last column.

    The features are taken as they are: already normalised. Where their range is that of pixels
    scaled to [0, 1] or to [-0.5, 0.5], `Dataset.pixels` says so, so that a model trained on them
    can be deployed for raw images.

    Args:
        path: The file. Only numbers are read, as float32; the file is not changed.

    Raises:
        DataError: The file is not HDF5, lacks a dataset, or a dataset is not such a table.
    """
    try:
        with h5py.File(path, "r") as file:
            train, test = (_table(file, key, path) for key in ("trainData", "testData"))
    except OSError as error:
        raise DataError("an HDF5 file", f"{path} ({error})", "check that it is whole") from error
    (x_train, y_train), (x_test, y_test) = (_split_label(t, path) for t in (train, test))
    return Dataset(x_train, y_train, x_test, y_test, name=path.stem, pixels=_known_scale(x_train))


def _table(file: h5py.File, key: str, path: Path) -> np.ndarray:
    table = file.get(key)
    if not isinstance(table, h5py.Dataset):
        raise DataError(
            "the datasets trainData and testData",
            f"{path} with {sorted(file) or 'none'}",
            f"write {key} as rows of features, each with its label last",
        )
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2 or table.dtype.kind not in "iuf":
        raise DataError(
            f"{key} as a table of numbers, features and then a label",
            f"shape {table.shape} of {table.dtype} in {path}",
            "write one row per sample",
        )
    return table.astype(np.float32)[:]  # type: ignore[no-any-return]


def _split_label(table: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    features, labels = np.ascontiguousarray(table[:, :-1]), table[:, -1]
    if not np.isfinite(labels).all() or not (labels == np.round(labels)).all():
        raise DataError(
            "whole numbers in the last column, the label",
            f"other values in {path}",
            "put the label last, numbered from 0",
        )
    return features, labels.astype(np.int32)


def _known_scale(x: np.ndarray) -> PixelScale | None:
    """How pixels were normalised, as far as the range of the features tells."""
    lowest, highest = float(x.min()), float(x.max())
    if lowest >= 0.0 and 0.9 < highest <= 1.0:
        return PixelScale(1 / 255, 0.0)
    # notMNIST's own recipe divides by 255 after taking off 255/2.
    if -0.5 <= lowest < -0.4 and 0.4 < highest <= 0.5:
        return CENTRED
    return None
