"""Reads what scikit-learn's loaders return, without scikit-learn."""

from typing import Any

import numpy as np
import pandas as pd

from kohort.data.dataset import Dataset
from kohort.data.tables.frames import of_parts
from kohort.data.tables.targets import Target, target_of
from kohort.errors import DataError


def load_bunch(source: Any, test: float | None = None) -> Dataset:
    """A dataset of a bunch: its `data` and `target`, `feature_names` and `target_names`.

    Args:
        source: The bunch; `data` is an array `[sample, feature]` or a frame.
        test: The part of the samples to hold out; None is a fifth.

    Raises:
        DataError: Its data are no table, or sparse, or there are no targets.
    """
    data, target = source.data, source.target
    if target is None or len(np.shape(data)) != 2 or not hasattr(data, "__array__"):
        raise DataError(
            "a bunch with data of rows and columns, and their target",
            f"data of {type(data).__name__}, target of {type(target).__name__}",
            "make a dense array or a frame of it, or give arrays to kohort.Dataset",
        )
    names = getattr(source, "feature_names", None)
    columns = [f"x{number}" for number in range(np.shape(data)[1])] if names is None else names
    frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(np.asarray(data))
    frame = frame.set_axis([str(name) for name in columns], axis="columns")
    return Dataset(**of_parts(frame, _target(source), None, test))


def _target(source: Any) -> Target:
    values = np.asarray(source.target)
    if values.ndim == 2:
        return Target(values.astype(np.float64), None, f"{values.shape[1]} targets to predict")
    names = [str(name) for name in _listed(getattr(source, "target_names", None))]
    are_numbered = values.dtype.kind in "iu" and len(names) > 1
    if are_numbered and values.min() >= 0 and values.max() < len(names):
        column = pd.Categorical.from_codes(values.tolist(), pd.Index(names))
        return target_of(pd.Series(column, name="target"))
    return target_of(pd.Series(source.target).rename("target"))


def _listed(names: Any) -> list[Any]:
    return [] if names is None else list(names)
