"""Models: their variables and state, their configuration, and their regularisation."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend import compute_output_spec, get_keras_mask
from keras.src.models.functional import Functional
from keras.src.trainers.trainer import Trainer

from kohort.errors import ModelError, reason
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.beginning.first_values import building
from kohort.keras_api.preprocessing import set_weights

type Variables = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Trainable and non-trainable variables, and those of the optimizer and the metrics."""

type State = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Their values, in the same order."""

_MEASURING = ("compute_loss", "test_step")
_TRAINING = ("fit", "make_train_function", "train_step")
_SET_BY_KERAS = {"train_function", "test_function"}
"""Attributes that Keras sets on each model."""

_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")
_AUGMENTS = tuple(
    getattr(keras.layers, name)
    for name in dir(keras.layers)
    if name.startswith("Random") or name in ("AugMix", "CutMix", "MixUp", "RandAugment")
)


def is_model(candidate: object) -> bool:
    """Whether it can be compiled and fitted: a `keras.Model`, or a layer that is a `Trainer`."""
    return isinstance(candidate, Trainer) and isinstance(candidate, keras.layers.Layer)


def prepare(model: keras.Model, batch: ArrayTree) -> None:
    """Create the variables of model, optimizer, loss and metrics, as Keras does at a first batch.

    Raises:
        ModelError: The model is not compiled.
    """
    if not model.compiled:
        raise ModelError(
            "a compiled model", f"{model.name!r}, not compiled", "call model.compile(...) first"
        )
    with building():
        model._symbolic_build(data_batch=batch)


def outputs_of(model: keras.Model, batch: ArrayTree) -> Any:
    """Symbols of what a prepared model predicts for a batch, as the model nests them."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    symbols = keras.tree.map_structure(lambda leaf: keras.KerasTensor(leaf.shape, leaf.dtype), x)
    return compute_output_spec(model, symbols, training=False)


def prepare_uncalled(model: keras.Model, batch: ArrayTree, outputs: Any) -> None:
    """What `prepare` does to a model that is built, but for Keras's calls on symbols.

    Whether it comes out as `prepare` leaves it is for the caller to prove.

    Args:
        model: A compiled model.
        batch: Shapes and dtypes of a batch.
        outputs: Shapes and dtypes of the `outputs_of` a model like it.
    """
    _, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    with building():
        model._called = True
        for part in (model._compile_metrics, model._compile_loss):
            if part is not None and not part.built:
                part.build(y, outputs)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model._post_build()


def has_loss(model: keras.Model, inputs: ArrayTree) -> bool:
    """Whether a prepared model computes a loss other than penalties of weights.

    Args:
        model: The model.
        inputs: Shapes and dtypes of a batch of its inputs.
    """
    if model.loss is not None or overridden(model, (*_TRAINING, *_MEASURING)):
        return True

    zeros = keras.tree.map_structure(lambda spec: np.zeros(spec.shape, spec.dtype), inputs)
    # Updates by layers go to the scope, and the model stays as it is.
    values = [(v, v.value) for v in model.variables]
    with keras.StatelessScope(values, collect_losses=True) as scope:
        model(zeros, training=False)
    return bool(scope.losses)


def draws_a_batch(model: keras.Model) -> bool:
    """Whether `keras.Model.fit` draws a batch more, to build the model, before it trains."""
    parts = [*model._flatten_layers(), model._compile_metrics, model._compile_loss]
    return not all(part is None or part.built for part in parts)


def initial_epoch(model: keras.Model) -> int:
    """The epoch that a callback has set to start with, such as BackupAndRestore; 0 for none."""
    return int(getattr(model, "_initial_epoch", None) or 0)


def overridden(model: keras.Model, names: Sequence[str]) -> list[str]:
    """Those of these attributes of `keras.Model` that a model, or its class, overrides."""
    kind, set_on_it = type(model), vars(model).keys() - _SET_BY_KERAS
    return [
        name
        for name in names
        if name in set_on_it or getattr(kind, name, None) is not getattr(keras.Model, name, None)
    ]


def layers_without_jit(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, including nested ones, because of which Keras compiles no step."""
    return [layer for layer in model._flatten_layers() if not layer.supports_jit]


def has_own_code(model: keras.Model) -> bool:
    """Whether a model runs code from outside Keras: a custom layer, loss or function."""
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
    """The configuration of a model and its compilation as JSON; "" where Keras cannot write it."""
    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception:  # noqa: BLE001 (whatever a user's get_config raises: it is the user's code)
        return ""
    # Values that are not JSON become the name of their type: a repr may differ between processes.
    return json.dumps(config, sort_keys=True, default=lambda part: type(part).__name__)


def of_config(text: str) -> keras.Model:
    """The inverse of `config_text`: a compiled model. No code in the text is run.

    Raises:
        ModelError: Keras cannot build it.
    """
    try:
        with building():
            model: keras.Model = keras.saving.deserialize_keras_object(json.loads(text))
    except Exception as error:
        raise ModelError(
            "a model that Keras can build from its configuration",
            f"{type(error).__name__}: {reason(error)}",
            "import what defines its own classes and functions, registered by "
            "keras.saving.register_keras_serializable",
        ) from error
    return model


def class_axis(loss: object) -> int:
    """The axis of outputs along which a loss has its classes; the last where it tells none."""
    axis = getattr(loss, "_fn_kwargs", {}).get("axis")
    # Of Dice and Tversky it is a tuple of those that they sum over, or None for all.
    return -1 if axis is None or isinstance(axis, tuple | list) else int(axis)


def layers_with_metrics(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, except models in it, that have metrics."""
    return [
        layer
        for layer in model._flatten_layers()
        if not isinstance(layer, Trainer) and layer._metrics
    ]


def variables_of(model: keras.Model) -> Variables:
    """The variables of a model in the order of the state of `keras.Model.train_step`."""
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


@contextmanager
def without_values(model: keras.Model) -> Iterator[None]:
    """A context in which a model's variables have no values, as where Keras traces its steps.

    A step gets them as arguments. One that reads or updates a variable past them fails in Keras;
    with its value there, that would be a constant, and an update would be lost.
    """
    variables = [variable for part in variables_of(model) for variable in part]
    values = [variable._value for variable in variables]
    try:
        for variable in variables:
            variable._value = None
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable._value = value


def weights_of(model: keras.Model, values: Sequence[list[Any]]) -> list[np.ndarray]:
    """What `model.get_weights()` would be, with other values.

    Args:
        model: The model.
        values: Of its trainable and its other variables.
    """
    pairs = zip(variables_of(model), values, strict=False)
    by_variable = {
        id(variable): value
        for variables, of_part in pairs
        for variable, value in zip(variables, of_part, strict=True)
    }
    return [np.asarray(by_variable[id(variable)]) for variable in model.weights]


def assign_state(model: keras.Model, values: Sequence[list[Any]]) -> None:
    """Set the variables of a model; the last parts of `variables_of(model)` may be missing."""
    for variables, new in zip(variables_of(model), values, strict=False):
        for variable, value in zip(variables, new, strict=True):
            variable.assign(value)


def regularizer_count(model: keras.Model) -> int:
    """The regularisers in a model: dropout and noise, augmentation, penalties, weight decay."""
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model)]
    rates = [getattr(layer, name, 0) for layer in layers for name in _RATES]
    weights = [variable.regularizer for variable in model.trainable_variables]
    outputs = [getattr(layer, "activity_regularizer", None) for layer in layers]
    return (
        sum(isinstance(rate, int | float) and rate > 0 for rate in rates)
        + sum(isinstance(layer, _AUGMENTS) for layer in layers)
        + sum(penalty is not None for penalty in [*weights, *outputs])
        + bool(getattr(model.optimizer, "weight_decay", None))
    )


def weight_penalty(model: keras.Model, trainable: Sequence[Any]) -> Any:
    """The part of the loss that weight regularisers add, for these values of the weights."""
    return sum(
        variable.regularizer(value)
        for variable, value in zip(model.trainable_variables, trainable, strict=True)
        if variable.regularizer is not None
    )


@contextmanager
def _without_penalties(model: keras.Model) -> Iterator[None]:
    """A context in which no weight of a model has a regulariser."""
    penalties = [(variable, variable.regularizer) for variable in model.trainable_variables]
    try:
        for variable, _ in penalties:
            variable.regularizer = None
        yield
    finally:
        for variable, penalty in penalties:
            variable.regularizer = penalty


def data_loss(model: keras.Model, values: Sequence[Any], batch: tuple[Any, Any, Any]) -> Any:
    """The loss of a prepared model in inference mode, without penalties of weights.

    The model is not changed. Penalties are left out, and not subtracted: models of other ones
    compute the same.

    Args:
        model: The model; see `measures_itself`.
        values: Of all its variables, in the order of `variables_of`.
        batch: Inputs `[sample, ...]` or such by name, targets `[sample, ...]`, and the weights of
            the samples `[sample]` or None.
    """
    x, y, weights = batch
    variables = [variable for part in variables_of(model) for variable in part]
    # Updates by layers and metrics go to the scope, as where Keras traces a step.
    scope = keras.StatelessScope(list(zip(variables, values, strict=True)), collect_losses=True)
    with scope, _without_penalties(model):
        return model.compute_loss(
            x=x, y=y, y_pred=model(x, training=False), sample_weight=weights, training=False
        )


def measures_itself(model: keras.Model) -> bool:
    """Whether a model overrides how its loss is computed."""
    return bool(overridden(model, _MEASURING))


def outputs_are_masked(model: keras.Model) -> bool:
    """Whether outputs may carry a mask, by which Keras's losses and metrics leave out places.

    Of a model that does not tell its outputs, whether a layer of it makes one.
    """
    outputs = getattr(model, "outputs", None)
    if outputs:
        return any(get_keras_mask(output) is not None for output in outputs)
    layers: list[Any] = [*model._flatten_layers()]
    return any(
        isinstance(layer, keras.layers.Masking) or getattr(layer, "mask_zero", False)
        for layer in layers
    )


def uncompiled(model: keras.Model) -> keras.Model:
    """A model of the same layers and weights that is not compiled; do not use `model` afterwards.

    A subclassed model cannot be cloned, and is returned as it is.
    """
    if not isinstance(model, keras.Sequential | Functional):
        return model
    # clone_model compiles the clone of a compiled model, with an optimizer and all its state.
    model.compiled = False
    with building():
        clone = keras.models.clone_model(model)
    set_weights(clone, model.get_weights())
    return clone
