"""Metrics and losses: initial values, results, and what Keras knows about them."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from keras.src.utils.python_utils import pythonify_logs

from kohort.data.simple_answers.constant_answers import ConstantKind, LossKind
from kohort.keras_api.class_outputs import HALF, OutputKind, is_of_keras, output_kind
from kohort.keras_api.models import overridden

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

_OF_CLASSES = keras.metrics.F1Score, keras.metrics.FBetaScore
_OF_BOTH = keras.metrics.SensitivityAtSpecificity, keras.metrics.SpecificityAtSensitivity

type Accuracy = Literal["", "binary", "misplaced", "elsewhere", "equal", "integers", "one-hot"]


class AsideError(Exception):
    """Metrics change what an epoch's program does not keep. The text says which method does."""


def metrics_reset(model: keras.Model, values: Sequence[Any]) -> list[Any]:
    """The values of a model's metric variables after `reset_metrics`, for these values before.

    Raises:
        AsideError: It changes other variables too.
    """
    variables = model.metrics_variables
    with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
        model.reset_metrics()
    if scope.state_mapping.keys() - set(map(id, variables)):
        raise AsideError("reset_metrics changes variables that are no metric's")
    return [scope.get_current_value(variable) for variable in variables]


def metrics_result(model: keras.Model, values: Sequence[Any]) -> dict[str, Any]:
    """The results of a model's metrics, for these values of their variables.

    Raises:
        AsideError: Variables are changed for them.
    """
    with keras.StatelessScope(zip(model.metrics_variables, values, strict=True)) as scope:
        before = dict(scope.state_mapping)
        result: dict[str, Any] = model.get_metrics_result()
    if any(value is not before.get(name) for name, value in scope.state_mapping.items()):
        raise AsideError("get_metrics_result changes variables")
    return result


class MetricKind(NamedTuple):
    """What is known about a metric.

    Args:
        name: The name under which it is logged for the training data.
        direction: Whether "up" or "down" is better, by the attribute of Keras's that
            `keras.callbacks.EarlyStopping` uses in mode "auto"; "" where Keras does not know.
        is_proportion: Whether it is a proportion, from 0 to 1: a metric of Keras that is one.
        accuracy: The targets of which it counts the right answers, if it is an accuracy of Keras:
            the labels 0 and 1, integers, or one-hot rows. "misplaced" where it takes
            outputs above 0.5 for class 1, Keras's default, and they are logits or margins, of which
            those above 0 are; "elsewhere" where it cuts at a threshold of the user's; "equal" where
            it counts outputs that are the targets. "" for all others, whatever they are called.
        constant: What it computes, where the score of one answer for all samples is known.
        is_of_second: Whether it is that of class 1, one of two, and would be another of class 0,
            such as a recall of a model with one output. An accuracy or an area under ROC is not.
        takes_targets: Whether Keras gives it the targets as they are; of a `train_step` of the
            user's own nobody knows what it gives.
        is_weighted: Whether it weighs samples, where they have weights: one of `weighted_metrics`.
        needs: The classes without which it is 0 whatever a model answers: of two "both", or the
            "second"; "each" where it is a mean over classes, with 0 for one that samples lack. ""
            where that is not so.
    """

    name: str
    direction: str
    is_proportion: bool
    accuracy: Accuracy = ""
    constant: ConstantKind | None = None
    is_of_second: bool = False
    takes_targets: bool = True
    is_weighted: bool = False
    needs: Literal["", "second", "both", "each"] = ""


def metrics_in(model: keras.Model) -> list[Any]:
    """The metrics that a model was compiled with, one by one, and its other ones."""
    return [part for metric in model.metrics for part in getattr(metric, "metrics", [metric])]


def metric_called(model: keras.Model, name: str) -> Any:
    """The metric that a model logs under a name; None where it is not known."""
    # Of two of one name the first is logged under it, the other as `weighted_`.
    known = {metric.name: metric for metric in reversed(metrics_in(model))}
    # A model of several outputs logs a metric under the output's name: `digit_accuracy`.
    ends = [end for end in known if name == end or name.endswith(f"_{end}")]
    return known[max(ends, key=len)] if ends else None


def metric_kinds(model: keras.Model) -> tuple[MetricKind, ...]:
    """The metrics that a model logs beside its loss."""
    weighted = _weighted_metrics(model)
    has_one_output, outputs = _has_one_output(model), output_kind(model)
    has_keras_step = not overridden(model, ("train_step",))
    compiled = set(map(id, getattr(getattr(model, "_compile_metrics", None), "metrics", ())))
    kinds = []
    for name in model.get_metrics_result():
        metric = metric_called(model, name)
        is_proportion = is_of_keras(metric, keras.metrics) and isinstance(metric, _PROPORTIONS)
        direction = getattr(metric, "_direction", "")
        kinds.append(
            MetricKind(
                name,
                direction,
                is_proportion,
                _accuracy(metric, outputs),
                _constant(metric),
                has_one_output and _is_of_second(metric),
                takes_targets=id(metric) in compiled and has_keras_step,
                is_weighted=id(metric) in weighted or name.startswith("weighted_"),
                needs=_needs(metric, has_one_output=has_one_output),
            )
        )
    return tuple(kind for kind in kinds if kind.name != "loss")


def _weighted_metrics(model: keras.Model) -> set[int]:
    """By `id`, what a compiled model measures with the weights of samples."""
    lists = getattr(getattr(model, "_compile_metrics", None), "_flat_weighted_metrics", ())
    return {id(each) for of_output in lists if of_output is not None for each in of_output.metrics}


def _accuracy(metric: keras.Metric | None, outputs: OutputKind) -> Accuracy:
    # Of subclasses nobody knows what they count.
    if metric is not None and type(metric) is keras.metrics.BinaryAccuracy:
        are_signed = outputs in ("logits", "softmax logits", "margins")
        if metric.threshold == (0.0 if are_signed else HALF):
            return "binary"
        is_usual = metric.threshold == HALF
        return "misplaced" if are_signed and is_usual else "elsewhere"
    if type(metric) is keras.metrics.Accuracy:
        return "equal"
    if type(metric) is keras.metrics.SparseCategoricalAccuracy:
        return "integers"
    return "one-hot" if type(metric) is keras.metrics.CategoricalAccuracy else ""


def _has_one_output(model: keras.Model) -> bool:
    """Whether a model gives one number a sample, as far as it tells: a subclassed one does not."""
    outputs: Any = getattr(model, "outputs", None)
    if not outputs:
        return True
    return len(outputs) == 1 and outputs[0].shape[1:] == (1,)


def _needs(metric: Any, *, has_one_output: bool) -> Literal["", "second", "both", "each"]:
    if not has_one_output:
        is_mean = type(metric) in _OF_CLASSES and metric.average == "macro"
        return "each" if is_mean else ""
    is_roc = type(metric) is keras.metrics.AUC and metric.curve.value == "ROC"
    if is_roc or type(metric) in _OF_BOTH:
        return "both"
    is_part = isinstance(metric, _PROPORTIONS)  # Counts of right and wrong answers are none.
    return "second" if is_part and _is_of_second(metric) else ""


def _is_of_second(metric: Any) -> bool:
    # Of subclasses nobody knows which class they count.
    if type(metric) is keras.metrics.AUC:
        return str(metric.curve.value) == "PR"
    return type(metric) in _OF_SECOND


class MeasuredLoss(NamedTuple):
    """What a model's loss measures.

    Args:
        name: The loss with those of its options that change its values. Losses of equal names may
            be held against each other. Of the user's functions it has the plain values that they
            close over: nothing else is known of them.
        constant: What it computes, where the score of one answer for all samples is known.
    """

    name: str = ""
    constant: LossKind | None = None


_AREAS: dict[str, ConstantKind] = {"ROC": "roc", "PR": "pr"}
_ACCURACIES: dict[type[keras.metrics.Metric], ConstantKind] = {
    keras.metrics.BinaryAccuracy: "binary accuracy",
    keras.metrics.SparseCategoricalAccuracy: "sparse accuracy",
    keras.metrics.CategoricalAccuracy: "categorical accuracy",
}
_LOSSES: dict[object, LossKind] = {
    keras.metrics.MeanSquaredError: "mse",
    keras.metrics.RootMeanSquaredError: "rmse",
    keras.metrics.MeanAbsoluteError: "mae",
    keras.losses.MeanSquaredError: "mse",
    keras.losses.MeanAbsoluteError: "mae",
    keras.losses.mean_squared_error: "mse",
    keras.losses.mean_absolute_error: "mae",
    keras.metrics.LogCoshError: "log_cosh",
    keras.metrics.MeanAbsolutePercentageError: "mape",
    keras.metrics.MeanSquaredLogarithmicError: "msle",
    keras.metrics.Poisson: "poisson",
    keras.losses.Huber: "huber",
    keras.losses.LogCosh: "log_cosh",
    keras.losses.MeanAbsolutePercentageError: "mape",
    keras.losses.MeanSquaredLogarithmicError: "msle",
    keras.losses.Poisson: "poisson",
    keras.losses.huber: "huber",
    keras.losses.log_cosh: "log_cosh",
    keras.losses.mean_absolute_percentage_error: "mape",
    keras.losses.mean_squared_logarithmic_error: "msle",
    keras.losses.poisson: "poisson",
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

_SAME_LOSS = frozenset(["name", "dtype", "fn", "from_logits", "axis"])
"""Options of losses that do not change what they measure."""
_PLAIN = (bool, int, float, str, list, tuple, np.ndarray, np.generic)


def _constant(metric: Any) -> ConstantKind | None:
    if type(metric) is keras.metrics.AUC:
        is_usual = not metric.multi_label and metric.label_weights is None
        is_usual &= metric.summation_method.value == "interpolation"
        return _AREAS.get(metric.curve.value) if is_usual else None
    if type(metric) is keras.metrics.R2Score:
        is_usual = metric.class_aggregation == "uniform_average" and not metric.num_regressors
        return "r2" if is_usual else None
    return _ACCURACIES.get(type(metric)) or _of_whole(metric)


def _of_whole(kept: Any) -> LossKind | None:
    """What a metric or loss of Keras computes of all labels, as they are."""
    kind = _LOSSES.get(type(kept))
    options = {} if kind is None else kept.get_config()
    is_whole = not options.get("label_smoothing") and options.get("ignore_class") is None
    # Keras leaves it out of the configuration.
    is_whole &= getattr(kept, "_fn_kwargs", {}).get("delta", 1.0) == 1.0
    return kind if is_whole else None


def measured_loss(model: keras.Model) -> MeasuredLoss:
    """What the loss of a compiled model measures.

    Known to be measured by one answer for all samples is one of Keras's losses, of one output and
    unscaled.
    """
    weights, given = model.get_compile_config()["loss_weights"], model.loss
    of_outputs = keras.tree.flatten_with_path(given)
    names = [_loss_name(loss, has_one_output=_has_one_output(model)) for _, loss in of_outputs]
    if weights is None and len(getattr(model, "outputs", None) or names) == len(names) == 1:
        return MeasuredLoss(names[0], _loss_kind(of_outputs[0][1]))
    outputs = (".".join(map(str, path)) for path, _ in of_outputs)
    name = ", ".join(
        f"{of}: {name}" if of else name for of, name in zip(outputs, names, strict=True)
    )
    return MeasuredLoss(name if weights is None else f"{name}, weighted by {weights}")


def _loss_kind(given: Any) -> LossKind | None:
    loss = keras.losses.get(given)
    if isinstance(loss, keras.losses.Loss):
        return _of_whole(loss) if loss.reduction == "sum_over_batch_size" else None
    return _LOSSES.get(loss)


def _loss_name(given: Any, *, has_one_output: bool) -> str:
    loss = keras.losses.get(given)
    if loss is None:
        return "none but the model's own"
    options, function = dict[str, Any](), loss
    if isinstance(loss, keras.losses.Loss):
        function = getattr(loss, "fn", type(loss))
        usual = {"reduction": "sum_over_batch_size"}
        for called in (type(loss), function):
            parameters = inspect.signature(called).parameters
            usual |= {name: each.default for name, each in parameters.items()}
        # Keras leaves some out of a configuration, such as the delta of `Huber`.
        given_to = getattr(loss, "_fn_kwargs", {}) | loss.get_config()
        changed = (k for k, v in given_to.items() if repr(v) != repr(usual.get(k)))
        options = {name: given_to[name] for name in changed if name not in _SAME_LOSS}
    elif inspect.isfunction(loss):
        enclosed = inspect.getclosurevars(loss).nonlocals
        options = {k: v for k, v in enclosed.items() if isinstance(v, _PLAIN)}
    name = getattr(function, "__name__", type(function).__name__)
    kind = _LOSSES.get(function)
    # A softmax over two classes and a sigmoid have the same one.
    if kind == "crossentropy" or (kind == "binary crossentropy" and has_one_output):
        name = "crossentropy"
    told = ", ".join(f"{option}={value!r}" for option, value in sorted(options.items()))
    return f"{name}({told})" if told else name


def to_floats(logs: dict[str, Any]) -> dict[str, float]:
    """Logs as Keras passes them to callbacks: flat, sorted by name, Python floats."""
    return dict(pythonify_logs(logs))
