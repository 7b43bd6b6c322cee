"""Measures a trained model on samples: a metric, and what each sample adds to it."""

from typing import Any

import keras
import numpy as np
from keras.src.losses.losses import LossFunctionWrapper

from kohort.keras_api.models import overridden, weight_penalty

_LOSS = "data_loss"
_BATCH = 1024
_AGREES = 1e-3
"""The relative difference up to which a mean over samples is the metric, but for rounding."""


def measured(
    model: keras.Model, metric: str, x: np.ndarray, y: np.ndarray
) -> tuple[float, np.ndarray]:
    """A metric of a compiled model in inference mode, and its values for the samples.

    Args:
        model: The model.
        metric: As it is logged for the training part; or "data_loss", the loss without penalties
            of weights.
        x: Inputs `[sample, ...]`.
        y: Targets `[sample, ...]`.

    Returns:
        The metric as `keras.Model.evaluate` gives it; and float64 `[sample]`, of which it is the
        mean. These are NaN for a metric that is not known to be a mean over samples.
    """
    logs = model.evaluate(x, y, batch_size=_BATCH, verbose=0, return_dict=True)
    value = float(np.mean(logs["loss" if metric == _LOSS else metric]))
    if metric == _LOSS:
        value -= float(weight_penalty(model, [v.value for v in model.trainable_variables]))
    try:
        values = _by_sample(model, metric, x, y)
    except Exception:  # noqa: BLE001 (the user's loss or metric may raise anything)
        values = None
    if values is None or not np.isclose(values.mean(), value, rtol=_AGREES):
        values = np.full(len(x), np.nan)
    return value, values


def _by_sample(model: keras.Model, metric: str, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """The values `[sample]` of a loss or metric that Keras takes the mean of; None for others."""
    function = _function(model, metric)
    if function is None or overridden(model, ("compute_loss", "compute_metrics", "test_step")):
        return None
    outputs = model.predict(x, batch_size=_BATCH, verbose=0)
    values = np.asarray(function(y, outputs), float)
    # Where a row of targets meets a column of outputs, all pairs of samples are in it.
    return None if values.size > y.size else values.reshape(len(x), -1).mean(axis=1)


def _function(model: keras.Model, metric: str) -> Any:
    if metric == _LOSS:
        loss = keras.losses.get(model.loss)
        known = loss if isinstance(loss, keras.losses.Loss) else LossFunctionWrapper(loss)
        return lambda y, outputs: known.call(keras.ops.convert_to_tensor(y, known.dtype), outputs)
    groups = [getattr(part, "metrics", [part]) for part in model.metrics]
    for found in [part for group in groups for part in group if part.name == metric]:
        if isinstance(found, keras.metrics.MeanMetricWrapper):
            return lambda y, outputs: found._fn(y, outputs, **found._fn_kwargs)
    return None
