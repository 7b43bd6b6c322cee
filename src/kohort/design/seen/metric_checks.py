"""Refuses metrics of which a study has no use, and tells those that are not what they seem."""

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.errors import DesignError
from kohort.keras_api.class_outputs import last_link
from kohort.keras_api.metrics import metric_called, metrics_in

_AVERAGED = {
    keras.metrics.F1Score: 'average="macro"',
    keras.metrics.FBetaScore: 'average="macro"',
    keras.metrics.R2Score: 'class_aggregation="uniform_average"',
}
_OF_COLUMNS = (keras.metrics.OneHotIoU, keras.metrics.OneHotMeanIoU)
"""Metrics that take the place of the largest number of a row for its class."""


def check_metrics(name: str, model: keras.Model, data: Dataset) -> None:
    """Refuse metrics of several numbers, and those that would take labels for one-hot rows.

    Args:
        name: The variant.
        model: Its model, prepared.
        data: The data.

    Raises:
        DesignError: It has such a metric. A study keeps one number of each for an epoch; and of
            labels Keras takes the one in the place of a class, or the last of the batch, and says
            nothing.
    """
    for called, value in model.get_metrics_result().items():
        if np.size(value) != 1:
            raise DesignError(
                f"variant {name!r} to have metrics of one number each",
                f"{called!r} of {np.size(value)}, one for each class or column",
                f"average them: {_how_to_average(model, called)}",
            )
    outputs = getattr(model, "output_shape", None)
    has_columns = isinstance(outputs, tuple) and len(outputs) == 2 and (outputs[-1] or 0) > 1
    if not has_columns or data.y_train.size != len(data.y_train):
        return
    for metric in metrics_in(model):
        # A class of the user's own may make rows of labels itself.
        is_of_keras = type(metric).__module__.startswith("keras.")
        of_class = getattr(metric, "class_id", None) is not None or type(metric) in _OF_COLUMNS
        if is_of_keras and of_class:
            raise DesignError(
                f"one-hot targets, for the metric {metric.name!r} of variant {name!r}",
                "labels, one number for each sample",
                "give keras.utils.to_categorical(y) and compile with categorical_crossentropy; or "
                "leave it out: result.recalls() tells the recall of each class",
            )


def _how_to_average(model: keras.Model, called: str) -> str:
    kind = type(metric_called(model, called))
    if kind in _AVERAGED:
        return f"keras.metrics.{kind.__name__}({_AVERAGED[kind]})"
    return "let its result() be their mean"


def slip_of_metrics(model: keras.Model) -> str:
    """That a precision or recall is of all columns of one-hot rows at once, as a clause; or ""."""
    if last_link(model) != "softmax":
        return ""
    for metric in metrics_in(model):
        # Without a class or the first k Keras holds each column against a threshold.
        if type(metric) in (keras.metrics.Precision, keras.metrics.Recall) and (
            metric.class_id is None and metric.top_k is None
        ):
            return (
                f"the metric {metric.name} counts all columns of one-hot rows together, and is "
                "nearly the accuracy: give it class_id=1, say, for that of one class"
            )
    return ""
