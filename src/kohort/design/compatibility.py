"""Refuses models that do not take the data of their study, and says what to change."""

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.errors import DesignError, reason
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import has_loss
from kohort.keras_api.preprocessing import ENCODE_BEFORE, looks_up


def not_taking(name: str, model: keras.Model, data: Dataset, error: Exception) -> DesignError:
    """The error of a variant whose model failed at a first batch.

    Args:
        name: The variant.
        model: Its model, compiled.
        data: The data.
        error: What Keras raised.
    """
    return DesignError(
        f"variant {name!r} to take inputs {data.input_shape} and targets "
        f"{data.y_train.shape[1:]} {data.y_train.dtype}",
        f"{type(error).__name__}: {reason(error)}",
        _mend(model, data, str(error)),
    )


def _mend(model: keras.Model, data: Dataset, told: str) -> str:
    if "FBetaScore" in told and data.y_train.ndim == 1:
        return (
            "F1Score and FBetaScore take a column for each class: give one-hot targets, "
            "keras.utils.to_categorical(y), and the loss categorical_crossentropy; or for one "
            "output floats, y.astype('float32')[:, None]"
        )
    if looks_up(model):
        return ENCODE_BEFORE
    try:
        spec = model.compute_output_spec(keras.KerasTensor((1, *data.input_shape), "float32"))
    except Exception:  # noqa: BLE001 (the user's code may raise anything)
        return "give the model keras.Input(data.input_shape)"
    shape = getattr(spec, "shape", (None,))[1:]
    return (
        f"the model takes the inputs, and gives outputs {shape}: compile it with a loss and "
        "metrics for such targets, such as sparse_categorical_crossentropy for labels beside an "
        "output for each class"
    )


def check_loss(name: str, model: keras.Model, inputs: ArrayTree) -> None:
    """Refuse a model without a loss, which would learn nothing.

    Args:
        name: The variant.
        model: Its model, prepared.
        inputs: Shapes and dtypes of a batch of its inputs.

    Raises:
        DesignError: It has none.
    """
    if not has_loss(model, inputs):
        raise DesignError(
            f"variant {name!r} to have a loss",
            "a model compiled with loss=None, whose layers add none",
            "name one, model.compile(..., loss=...): without it nothing is learned",
        )


def check_outputs(name: str, model: keras.Model, data: Dataset) -> None:
    """Refuse fewer outputs than classes, of which Keras makes losses that are NaN.

    Raises:
        DesignError: There are fewer.
    """
    loss = getattr(model.loss, "name", getattr(model.loss, "__name__", model.loss))
    shape = getattr(model, "output_shape", None)
    if loss != "sparse_categorical_crossentropy" or not data.classes:
        return
    if not isinstance(shape, tuple) or shape[-1] is None:
        return
    labels = np.concatenate([data.y_train, data.y_test])
    lowest, highest, outputs = int(labels.min()), int(labels.max()), shape[-1]
    if outputs > highest:
        return
    if lowest and outputs > highest - lowest:
        raise DesignError(
            f"labels from 0 to {outputs - 1}, for the {outputs} outputs of variant {name!r}",
            f"labels from {lowest} to {highest}",
            f"number the classes from 0, such as by y - {lowest}",
        )
    raise DesignError(
        f"variant {name!r} to have an output for each of {highest + 1} classes",
        f"outputs {shape}",
        "give its last layer as many units as there are classes",
    )
