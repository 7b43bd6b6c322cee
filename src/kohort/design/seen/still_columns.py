"""Columns of a table that vary outside a training part and not in it."""

import keras
import numpy as np

from kohort.data.dataset import is_table
from kohort.data.inspection.group_facts import column_names
from kohort.design.spec import StudySpec

_SHOWN = 3


def _adapts(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Normalization) and layer.input_mean is None


def _learned(layer: keras.layers.Layer, variance: np.ndarray) -> bool:
    """Whether a layer that adapts has learned these variances of columns."""
    found = np.ravel(layer.adapt_variance)
    return found.shape == variance.shape and np.allclose(found, variance, rtol=1e-3, atol=1e-12)


def slip_of_columns(model: keras.Model, spec: StudySpec, rows: np.ndarray) -> str:
    """Which columns have one value in a training part and others in what it is judged on.

    A `Normalization` that adapts to such a part divides by Keras's 1e-7, so that one row with
    another value, as of a rare category, outweighs all others.

    Args:
        model: A model of the study, built from the data of a training part.
        spec: The study.
        rows: That part's, of the training samples.

    Returns:
        What is so, and how to mend it, as a clause; "" where no layer of the model has learned from
        all columns of the part, or no column is such.
    """
    data = spec.data
    layers = [each for each in model._flatten_layers() if _adapts(each)]
    if not is_table(data) or not layers:
        return ""
    variance = data.x_train[rows].var(axis=0, dtype=np.float64)
    if not any(_learned(layer, variance) for layer in layers):
        return ""
    replicates = spec.whole_replicates
    # A column is still where all rows that are unlike most others are left out.
    left_out = max(len(data.x_train) - len(replicate.train) for replicate in replicates)
    unlike = data.x_train != np.median(data.x_train, axis=0)
    rare = np.flatnonzero(unlike.sum(axis=0) <= left_out)
    x, x_test, found, parts = data.x_train[:, rare], data.x_test[:, rare], set[int](), 0
    for replicate in replicates:
        part = x[replicate.train]
        is_still = (part == part[:1]).all(axis=0)
        judged = np.concatenate([x[replicate.valid], x_test])
        stray = is_still & (judged != part[:1]).any(axis=0)
        parts += bool(stray.any())
        found.update(rare[stray].tolist())
    if not found:
        return ""
    names = [column_names(data)[place] for place in sorted(found)]
    shown = ", ".join(names[:_SHOWN]) + f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)
    has, others = ("have", "others") if len(names) > 1 else ("has", "another")
    return (
        f"{shown} {has} one value in the training part of {parts} of {len(replicates)} replicates, "
        f"and {others} in validation or test: the Normalization divides by 0.0000001 there, so "
        "that such a row outweighs all others; give it a variance of 1 in the place of 0, "
        "Normalization(mean=..., variance=...), or merge rare categories"
    )
