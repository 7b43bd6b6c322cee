"""Measures a trained model on samples: a metric, and what each sample adds to it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
import scipy
from keras.src.losses.losses import LossFunctionWrapper

from kohort.keras_api.class_outputs import link_of_loss
from kohort.keras_api.metrics import metrics_in
from kohort.keras_api.models import overridden, weight_penalty

_LOSS = "data_loss"
_BATCH = 1024
_AGREES = 1e-3
"""The relative difference up to which a mean over samples is the metric, but for rounding."""
_COARSE = 0.005
"""How far Keras's area under ROC, by thresholds, may be off the part of pairs ranked rightly."""

_OF_TARGETS = frozenset(
    {
        *(keras.losses.MeanSquaredError, keras.losses.mean_squared_error),
        *(keras.losses.MeanAbsoluteError, keras.losses.mean_absolute_error),
        *(keras.losses.MeanAbsolutePercentageError, keras.losses.mean_absolute_percentage_error),
        *(keras.losses.MeanSquaredLogarithmicError, keras.losses.mean_squared_logarithmic_error),
        *(keras.losses.Huber, keras.losses.huber),
        *(keras.losses.LogCosh, keras.losses.log_cosh),
        *(keras.losses.Poisson, keras.losses.poisson),
        *(keras.metrics.MeanSquaredError, keras.metrics.RootMeanSquaredError),
        *(keras.metrics.MeanAbsoluteError, keras.metrics.MeanAbsolutePercentageError),
        *(keras.metrics.MeanSquaredLogarithmicError, keras.metrics.LogCoshError),
        keras.metrics.R2Score,
    }
)
"""Losses and metrics of Keras that are best where outputs are the targets, or their mean."""


class SampleScore(NamedTuple):
    """A metric on samples.

    Args:
        score: The metric as `keras.Model.evaluate` gives it.
        values: float64 `[sample]`, of which it is the mean; NaN for samples that it does not
            count, such as those that a precision leaves out, and for all where it is not known to
            be a mean over samples.
        ranked: Where it is the area under the ROC curve of one output: int64 `[2]`, the samples of
            class 0 and of class 1. None for other metrics.
        by_ranks: Where it is such an area, the part of pairs of samples of both classes that are
            ranked rightly, ties counting half, which Keras's thresholds come near to; else None.
        thresholds: By how many Keras counts it; 0 for other metrics.
        no_interval: Why neither is known, said of the metric: "is no mean over samples". Empty
            if one is.
        outputs: What a new model predicts for the samples; None where it was not asked, or has
            another state since it was evaluated, such as a layer that remembers batches.
        of_targets: Whether outputs are known to predict the targets themselves, and not, say,
            their logarithms.
        own_aim: Whether the loss does not tell that, as one of the user's own does not.
    """

    score: float
    values: np.ndarray
    ranked: np.ndarray | None = None
    no_interval: str = ""
    outputs: Any = None
    by_ranks: float | None = None
    thresholds: int = 0
    of_targets: bool = False
    own_aim: bool = False


def measured(model: keras.Model, metric: str, x: Any, y: np.ndarray) -> SampleScore:
    """A metric of a compiled model in inference mode, and its values for the samples.

    Args:
        model: The model.
        metric: As it is logged for the training part; or "data_loss", the loss without penalties
            of weights.
        x: Inputs `[sample, ...]`, or such by name.
        y: Targets `[sample, ...]`.
    """
    state = _state(model)
    logs = model.evaluate(x, y, batch_size=_BATCH, verbose=0, return_dict=True)
    value = float(np.mean(logs["loss" if metric == _LOSS else metric]))
    if metric == _LOSS:
        value -= float(weight_penalty(model, [v.value for v in model.trainable_variables]))
    found = SampleScore(
        value,
        np.full(len(y), np.nan),
        of_targets=predicts_targets(model),
        own_aim=not _aims_at_targets(model),
    )
    if overridden(model, ("compute_loss", "compute_metrics", "test_step")):
        return found._replace(no_interval="is computed by the model in a step of its own")
    try:
        is_as_new = all(map(np.array_equal, state, _state(model)))
        outputs = model.predict(x, batch_size=_BATCH, verbose=0)
        found = found._replace(outputs=outputs if is_as_new else None)
        values = _by_sample(model, metric, y, outputs)
        area, why = _area(_metric(model, metric), y, outputs)
    except Exception:  # noqa: BLE001 (the user's loss or metric may raise anything)
        return found._replace(no_interval="could not be computed sample by sample")
    if values is not None and np.isclose(_mean(values), value, rtol=_AGREES):
        return found._replace(values=values)
    if values is not None and np.isnan(values).all():
        why = "counts none of these samples"
    if area is None:
        return found._replace(no_interval=why)
    found = found._replace(by_ranks=area.by_ranks, thresholds=area.thresholds)
    if abs(area.by_ranks - value) < _COARSE:
        return found._replace(ranked=area.counts)
    return found._replace(no_interval="is counted by thresholds too few for one")


def predicts_targets(model: keras.Model) -> bool:
    """Whether the outputs of a compiled model are known to predict the targets themselves.

    That is so where its losses, or one of its metrics, are of Keras and compare both as they are. A
    loss of the user's own may take outputs for anything, such as the logarithm of a rate.
    """
    by_metric = not overridden(model, ("test_step", "compute_metrics")) and any(
        map(_is_of_targets, metrics_in(model))
    )
    return by_metric or _aims_at_targets(model)


def _aims_at_targets(model: keras.Model) -> bool:
    """Whether its losses are of Keras and compare outputs with targets as they are."""
    losses = [keras.losses.get(loss) for loss in keras.tree.flatten(model.loss)]
    return not overridden(model, ("train_step", "compute_loss")) and all(
        _is_of_targets(loss) or link_of_loss(loss) == "" for loss in losses
    )


def _is_of_targets(kept: Any) -> bool:
    # Of subclasses nobody knows what they compare.
    return type(kept) in _OF_TARGETS or (callable(kept) and kept in _OF_TARGETS)


def _state(model: keras.Model) -> list[np.ndarray]:
    return [np.array(variable.numpy()) for variable in model.non_trainable_variables]


def _mean(values: np.ndarray) -> float:
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if len(counted) else np.nan


def _by_sample(
    model: keras.Model, metric: str, y: np.ndarray, outputs: np.ndarray
) -> np.ndarray | None:
    """The values `[sample]` of a loss or metric that is their mean; None for others."""
    if (counted := _counted(_metric(model, metric), y, outputs)) is not None:
        return counted
    function = _function(model, metric)
    if function is None:
        return None
    values = np.asarray(_at_once(function, y, outputs), float)
    # Where a row of targets meets a column of outputs, all pairs of samples are in it.
    return None if values.size > y.size else values.reshape(len(y), -1).mean(axis=1)


def _at_once(function: Callable[[Any, Any], Any], y: np.ndarray, outputs: Any) -> Any:
    """What it returns; on JAX by one program, where each operation would have one of its own."""
    if keras.backend.backend() == "jax":
        # A user's function may need numbers, of which there are none while it is traced.
        with suppress(Exception):
            return jax.jit(function)(y, outputs)
    return function(y, outputs)


def _counted(found: Any, y: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
    """For a precision or recall of one output: 1 right, 0 wrong, NaN for what it leaves out."""
    if type(found) not in (keras.metrics.Precision, keras.metrics.Recall):
        return None
    if not y.size == outputs.size == len(y) or found.top_k or len(found.thresholds) > 1:
        return None
    truth, answers = y.reshape(-1) != 0, outputs.reshape(-1) > found.thresholds[0]
    of = answers if isinstance(found, keras.metrics.Precision) else truth
    return np.where(of, truth & answers, np.nan)


class _Area(NamedTuple):
    """An area under ROC: see `SampleScore` for `by_ranks` and `thresholds`.

    Args:
        counts: int64 `[2]`, the samples of class 0 and of class 1.
        by_ranks: float.
        thresholds: int.
    """

    counts: np.ndarray
    by_ranks: float
    thresholds: int


def _area(found: Any, y: np.ndarray, outputs: np.ndarray) -> tuple[_Area | None, str]:
    """The ranks behind an area under ROC; None for other metrics, and why there are none.

    Keras computes it from thresholds: where these are too coarse for the outputs, it is not the
    part of pairs of samples that the model ranks rightly, and what holds for that is not said.
    """
    if type(found) is not keras.metrics.AUC:
        return None, "is no mean over samples"
    if found.curve.name != "ROC":
        return None, "is an area under precision and recall, of which none is known here"
    if not y.size == outputs.size == len(y):
        alike = int((y == y[:1]).all(axis=0).sum()) if found.multi_label else 0
        zeros = f" (Keras counts 0 for {alike}, in which all samples are alike)" * bool(alike)
        return None, f"is an area of several outputs{zeros}, of which none is known here"
    truth = y.reshape(-1) != 0
    counts = np.bincount(truth, minlength=2)
    if not counts.all():
        return None, "takes samples of two classes, and these are of one"
    ranks = scipy.stats.rankdata(outputs.reshape(-1))[truth].sum()
    part = (ranks - counts[1] * (counts[1] + 1) / 2) / counts.prod()
    return _Area(counts, float(part), int(found.num_thresholds)), ""


def _function(model: keras.Model, metric: str) -> Any:
    if metric == _LOSS:
        loss = keras.losses.get(model.loss)
        known = loss if isinstance(loss, keras.losses.Loss) else LossFunctionWrapper(loss)
        return lambda y, outputs: known.call(keras.ops.convert_to_tensor(y, known.dtype), outputs)
    found = _metric(model, metric)
    if isinstance(found, keras.metrics.MeanMetricWrapper):
        return lambda y, outputs: found._fn(y, outputs, **found._fn_kwargs)
    return None


def _metric(model: keras.Model, name: str) -> Any:
    """The metric of a compiled model that is called so; None where there is none."""
    return next((metric for metric in metrics_in(model) if metric.name == name), None)
