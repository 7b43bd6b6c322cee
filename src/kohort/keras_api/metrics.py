"""Metrics: their initial values, their results, and what Keras knows about them."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
from keras.src.utils.python_utils import pythonify_logs

from kohort.data.inspection.constant_answers import ConstantKind, LossKind

_PROPORTIONS = (
    keras.metrics.Accuracy,
    keras.metrics.BinaryAccuracy,
    keras.metrics.CategoricalAccuracy,
    keras.metrics.SparseCategoricalAccuracy,
    keras.metrics.TopKCategoricalAccuracy,
    keras.metrics.SparseTopKCategoricalAccuracy,
    keras.metrics.AUC,
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.FBetaScore,
    keras.metrics.IoU,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
)

_OF_SECOND = (
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.TruePositives,
    keras.metrics.FalsePositives,
    keras.metrics.TrueNegatives,
    keras.metrics.FalseNegatives,
    keras.metrics.F1Score,
    keras.metrics.FBetaScore,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
)
"""Metrics of one output that are those of class 1, and would be others of class 0."""

BINARY_THRESHOLD = 0.5
"""Where a single output means class 1; other thresholds count other answers as right."""

type Accuracy = Literal["", "binary", "integers", "one-hot"]


def metrics_reset(model: keras.Model, values: Sequence[Any]) -> list[Any]:
    """The values of a model's metric variables after `reset_metrics`, for these values before."""
    variables = model.metrics_variables
    with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
        model.reset_metrics()
    return [scope.get_current_value(variable) for variable in variables]


def metrics_result(model: keras.Model, values: Sequence[Any]) -> dict[str, Any]:
    """The results of a model's metrics, for these values of their variables."""
    with keras.StatelessScope(zip(model.metrics_variables, values, strict=True)):
        result: dict[str, Any] = model.get_metrics_result()
    return result


class MetricKind(NamedTuple):
    """What is known about a metric.

    Args:
        name: The name under which it is logged for the training data.
        direction: Whether "up" or "down" is better, by the attribute of Keras's that
            `keras.callbacks.EarlyStopping` uses in mode "auto"; "" where Keras does not know.
        is_proportion: Whether it is a proportion, from 0 to 1: a metric of Keras that is one, or
            any that is called an accuracy.
        accuracy: The targets of which it counts the right answers, if it is such a metric of
            Keras: the labels 0 and 1, integers, or one-hot rows. "" for all others.
        constant: What it computes, where the score of one answer for all samples is known.
        is_of_second: Whether it is that of class 1, one of two, and would be another of class 0,
            such as a recall of a model with one output. An accuracy or an area under ROC is not.
    """

    name: str
    direction: str
    is_proportion: bool
    accuracy: Accuracy = ""
    constant: ConstantKind | None = None
    is_of_second: bool = False


def metrics_in(model: keras.Model) -> list[Any]:
    """The metrics that a model was compiled with, one by one, and its other ones."""
    return [part for metric in model.metrics for part in getattr(metric, "metrics", [metric])]


def metric_kinds(model: keras.Model) -> tuple[MetricKind, ...]:
    """The metrics that a model logs beside its loss."""
    known = {metric.name: metric for metric in metrics_in(model)}
    has_one_output = _has_one_output(model)
    kinds = []
    for name in model.get_metrics_result():
        # A model of several outputs logs a metric under the output's name: `digit_accuracy`.
        ends = [end for end in known if name == end or name.endswith(f"_{end}")]
        metric = known[max(ends, key=len)] if ends else None
        is_proportion = isinstance(metric, _PROPORTIONS) or "acc" in name
        direction = getattr(metric, "_direction", "")
        kinds.append(
            MetricKind(
                name,
                direction,
                is_proportion,
                _accuracy(metric),
                _constant(metric),
                has_one_output and _is_of_second(metric),
            )
        )
    return tuple(kind for kind in kinds if kind.name != "loss")


def _accuracy(metric: keras.Metric | None) -> Accuracy:
    # Of subclasses nobody knows what they count.
    if isinstance(metric, keras.metrics.BinaryAccuracy):
        is_usual = type(metric) is keras.metrics.BinaryAccuracy
        return "binary" if is_usual and metric.threshold == BINARY_THRESHOLD else ""
    if type(metric) is keras.metrics.SparseCategoricalAccuracy:
        return "integers"
    return "one-hot" if type(metric) is keras.metrics.CategoricalAccuracy else ""


def _has_one_output(model: keras.Model) -> bool:
    """Whether a model gives one number a sample, as far as it tells: a subclassed one does not."""
    outputs: Any = getattr(model, "outputs", None)
    if not outputs:
        return True
    return len(outputs) == 1 and outputs[0].shape[1:] == (1,)


def _is_of_second(metric: Any) -> bool:
    # Of subclasses nobody knows which class they count.
    if type(metric) is keras.metrics.AUC:
        return str(metric.curve.value) == "PR"
    return type(metric) in _OF_SECOND


_AREAS: dict[str, ConstantKind] = {"ROC": "roc", "PR": "pr"}
_LOSSES: dict[object, LossKind] = {
    keras.metrics.MeanSquaredError: "mse",
    keras.metrics.RootMeanSquaredError: "rmse",
    keras.metrics.MeanAbsoluteError: "mae",
    keras.losses.MeanSquaredError: "mse",
    keras.losses.MeanAbsoluteError: "mae",
    keras.losses.mean_squared_error: "mse",
    keras.losses.mean_absolute_error: "mae",
    keras.metrics.SparseCategoricalCrossentropy: "crossentropy",
    keras.metrics.CategoricalCrossentropy: "crossentropy",
    keras.metrics.BinaryCrossentropy: "binary crossentropy",
    keras.losses.SparseCategoricalCrossentropy: "crossentropy",
    keras.losses.CategoricalCrossentropy: "crossentropy",
    keras.losses.BinaryCrossentropy: "binary crossentropy",
    keras.losses.sparse_categorical_crossentropy: "crossentropy",
    keras.losses.categorical_crossentropy: "crossentropy",
    keras.losses.binary_crossentropy: "binary crossentropy",
}


def _constant(metric: Any) -> ConstantKind | None:
    if type(metric) is keras.metrics.AUC:
        is_usual = not metric.multi_label and metric.label_weights is None
        is_usual &= metric.summation_method.value == "interpolation"
        return _AREAS.get(metric.curve.value) if is_usual else None
    if type(metric) is keras.metrics.R2Score:
        is_usual = metric.class_aggregation == "uniform_average" and not metric.num_regressors
        return "r2" if is_usual else None
    return _of_whole(metric)


def _of_whole(kept: Any) -> LossKind | None:
    """What a metric or loss of Keras computes of all labels, as they are."""
    kind = _LOSSES.get(type(kept))
    options = {} if kind is None else kept.get_config()
    is_whole = not options.get("label_smoothing") and options.get("ignore_class") is None
    return kind if is_whole else None


def kind_of_loss(model: keras.Model) -> LossKind | None:
    """What a model's loss computes, where it is one of Keras's, of one output and unscaled."""
    compiled = model.get_compile_config()
    if compiled["loss_weights"] is not None or not isinstance(compiled["loss"], str | dict):
        return None
    loss = keras.losses.get(model.loss)
    if isinstance(loss, keras.losses.Loss):
        return _of_whole(loss) if loss.reduction == "sum_over_batch_size" else None
    return _LOSSES.get(loss)


def to_floats(logs: dict[str, Any]) -> dict[str, float]:
    """Logs as Keras passes them to callbacks: flat, sorted by name, Python floats."""
    return dict(pythonify_logs(logs))
