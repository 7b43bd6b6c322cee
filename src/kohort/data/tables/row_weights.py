"""Weights of samples, given or in a column of a table: how much each counts in the loss."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import DataError, row_text

if TYPE_CHECKING:
    import pandas as pd


def checked_weights(given: Any, samples: int) -> np.ndarray | None:
    """The weights of the training samples of a dataset, float32 `[train sample]`; None of None.

    Raises:
        DataError: They are not one number of 0 or more for each, or all are 0.
    """
    if given is None:
        return None
    weights = np.asarray(given)
    if weights.shape != (samples,) or weights.dtype.kind not in "biuf":
        raise DataError(
            f"sample_weight as a number for each of the {samples:,} training samples",
            f"{weights.dtype} of shape {weights.shape}",
            "give one in the order of x_train",
        )
    return _checked(weights, "sample_weight")


def _checked(given: np.ndarray, what: str) -> np.ndarray:
    """Weights `[sample]` as float32.

    Args:
        given: Numbers, `[sample]`.
        what: What they are called in an error.

    Raises:
        DataError: Some are below 0, no number or beyond float32; or all are 0.
    """
    with np.errstate(over="ignore"):
        weights: np.ndarray = given.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise DataError(
            f"weights of 0 or more, and finite, in {what}",
            f"{given[bad[0]]:g} in {row_text(int(bad[0]))}",
            "weigh by 0 what is to count nothing",
        )
    if not weights.any():
        raise DataError(f"a weight above 0 in {what}", "0 for all", "weigh one by 1")
    return weights


def weights_of(cells: "pd.Series") -> np.ndarray:
    """The weights in a column of a table, float32 `[row]`.

    Args:
        cells: `[row]`.

    Raises:
        DataError: A cell is missing, no number, or below 0; or all are 0.
    """
    import pandas as pd

    column, missing = f"sample_weight={cells.name!r}", cells.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"a weight in each row of {column}",
            f"{missing.sum():,} without one, such as {row_text(int(missing.argmax()))}",
            "fill them in, or drop those rows",
        )
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(np.isnan(numbers))
    if len(wrong):
        raise DataError(
            f"numbers in {column}",
            f"{str(cells.iloc[wrong[0]])!r} in {row_text(int(wrong[0]))}",
            "name a column of numbers",
        )
    return _checked(numbers, column)
