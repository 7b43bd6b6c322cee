"""Weights of samples, given or in a column of a table: how much each counts in the loss."""

import reprlib
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import DataError, InputError, row_text

if TYPE_CHECKING:
    import pandas as pd


def checked_weights(
    given: Any, samples: int, error: type[InputError] = DataError
) -> np.ndarray | None:
    """The weights of training samples, float32 `[train sample]`; None of None.

    Args:
        given: A number for each; None without weights.
        samples: How many there are.
        error: What is raised.

    Raises:
        InputError: They are not one number of 0 or more for each, or all are 0.
    """
    if given is None:
        return None
    wanted = f"sample_weight as a number for each of the {samples:,} training samples"
    try:
        array = np.asarray(given, np.float32)
    except (TypeError, ValueError) as cause:
        raise error(wanted, reprlib.repr(given), "give an array of numbers") from cause
    if array.shape != (samples,):
        raise error(wanted, f"shape {array.shape}", "give one in the order of x_train")
    bad = _no_weights(array)
    if len(bad):
        raise error(
            "sample_weight of 0 or more, and finite",
            f"{array[bad[0]]:g} for training sample {bad[0]}",
            "weigh it by 0 to leave it out",
        )
    if not array.any():
        raise error("sample_weight above zero of some sample", "zero for all", "weigh one by 1")
    return array


def _no_weights(array: np.ndarray) -> np.ndarray:
    """The places of those numbers `[sample]` that are below 0 or not finite."""
    return np.flatnonzero(~(np.isfinite(array) & (array >= 0)))


def weights_of(cells: "pd.Series") -> np.ndarray:
    """The weights in a column of a table, float32 `[row]`.

    Args:
        cells: `[row]`.

    Raises:
        DataError: A cell is missing, no number, below 0 or beyond float32; or all are 0.
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
    with np.errstate(over="ignore"):
        weights: np.ndarray = numbers.astype(np.float32)
    bad = _no_weights(weights)
    if len(bad):
        raise DataError(
            f"weights of 0 or more, and finite, in {column}",
            f"{numbers[bad[0]]:g} in {row_text(int(bad[0]))}",
            "weigh by 0 what is to count nothing",
        )
    if not weights.any():
        raise DataError(f"a weight above 0 in {column}", "0 for all", "weigh one by 1")
    return weights
