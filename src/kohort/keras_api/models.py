"""Models: their variables and state, how they are configured, and what they penalise."""

import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

from kohort.errors import ModelError, reason
from kohort.keras_api.arrays import ArrayTree

type Variables = tuple[list[Any], list[Any], list[Any], list[Any]]
type State = tuple[list[Any], list[Any], list[Any], list[Any]]

_MEASURING = ("compute_loss", "test_step")

_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")


def prepare(model: keras.Model, batch: ArrayTree) -> None:
    """Create the variables of model, optimizer, loss and metrics, as the first batch does in Keras.

    Raises:
        ModelError: The model is not compiled, or asks to run eagerly.
    """
    if not model.compiled:
        raise ModelError(
            "a compiled model", f"{model.name!r}, not compiled", "call model.compile(...) first"
        )
    model._symbolic_build(data_batch=batch)


def layers_without_jit(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, nested ones too, for which Keras does not compile its steps."""
    return [layer for layer in model._flatten_layers() if not layer.supports_jit]


def has_own_code(model: keras.Model) -> bool:
    """Whether a model runs code that is not Keras's: a layer, loss or function of the user's."""
    try:
        parts = [keras.saving.serialize_keras_object(model)]
    except Exception:  # noqa: BLE001 (whatever a user's get_config raises: it is the user's code)
        return True
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            module = part.get("module", "keras")
            if part.get("class_name") in ("function", "__lambda__") or (
                "class_name" in part and str(module).split(".")[0] not in ("keras", "builtins")
            ):
                return True
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return False


def config_text(model: keras.Model) -> str:
    """How a model is configured and compiled, as JSON; "" where it cannot be written down."""
    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception:  # noqa: BLE001 (whatever a user's get_config raises: it is the user's code)
        return ""
    # What is no JSON stands for its kind: its repr may be another one in each process.
    return json.dumps(config, sort_keys=True, default=lambda part: type(part).__name__)


def of_config(text: str) -> keras.Model:
    """The model of which `config_text` is the text, compiled; no code in it is run.

    Raises:
        ModelError: Keras cannot build it.
    """
    try:
        model: keras.Model = keras.saving.deserialize_keras_object(json.loads(text))
    except Exception as error:
        raise ModelError(
            "a model that Keras can build from its configuration",
            f"{type(error).__name__}: {reason(error)}",
            "import what defines its own classes and functions, registered by "
            "keras.saving.register_keras_serializable",
        ) from error
    return model


def layers_with_metrics(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model that hold metrics of their own; models in it are none."""
    return [
        layer
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model) and layer._metrics
    ]


def variables_of(model: keras.Model) -> Variables:
    """The variables of a model in the order of `keras.Model.train_step`'s state."""
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )


def state_of(model: keras.Model) -> State:
    """The values of `variables_of(model)`."""
    trainable, rest, optimizer, metrics = variables_of(model)
    return (
        [v.value for v in trainable],
        [v.value for v in rest],
        [v.value for v in optimizer],
        [v.value for v in metrics],
    )


def assign_state(model: keras.Model, values: Sequence[list[Any]]) -> None:
    """Set the variables of a model; `values` may leave out last parts of `variables_of(model)`."""
    for variables, new in zip(variables_of(model), values, strict=False):
        for variable, value in zip(variables, new, strict=True):
            variable.assign(value)


def regularizer_count(model: keras.Model) -> int:
    """Parts of a model that regularise it: dropout and noise, penalties, weight decay."""
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model)]
    rates = [getattr(layer, name, 0) for layer in layers for name in _RATES]
    weights = [variable.regularizer for variable in model.trainable_variables]
    outputs = [getattr(layer, "activity_regularizer", None) for layer in layers]
    return (
        sum(isinstance(rate, int | float) and rate > 0 for rate in rates)
        + sum(penalty is not None for penalty in [*weights, *outputs])
        + bool(getattr(model.optimizer, "weight_decay", None))
    )


def weight_penalty(model: keras.Model, trainable: Sequence[Any]) -> Any:
    """The part of the loss that weight regularisers add, for given values of the weights."""
    return sum(
        variable.regularizer(value)
        for variable, value in zip(model.trainable_variables, trainable, strict=True)
        if variable.regularizer is not None
    )


def data_loss(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """The loss of a prepared model in inference mode, without penalties of weights.

    The model stays as it is. NaN where it measures its loss in code of its own.
    """
    kind = type(model)
    if any(getattr(kind, name) is not getattr(keras.Model, name) for name in _MEASURING):
        return float("nan")
    # What layers and metrics note meanwhile goes to the scope, as where Keras traces a step.
    values = [(v, v.value) for part in variables_of(model) for v in part]
    with keras.StatelessScope(values, collect_losses=True):
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False), training=False)
        penalty = weight_penalty(model, [v.value for v in model.trainable_variables])
    return float(loss - penalty)


def uncompiled(model: keras.Model) -> keras.Model:
    """A model of the same layers and weights that is not compiled; the given one is used up.

    A subclassed model cannot be cloned, and is returned as it is.
    """
    if not isinstance(model, keras.Sequential | Functional):
        return model
    # clone_model compiles the clone of a compiled model, with an optimizer and all its state.
    model.compiled = False
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone
