"""Refuses models that do not take the data of their study, and says what to change."""

import inspect
import re
from dataclasses import replace
from typing import Any

import keras

from kohort.data.dataset import Dataset
from kohort.data.labels import as_numbers, possible_numbers
from kohort.design.building import BuiltModels
from kohort.design.spec import StudySpec
from kohort.design.validation import check_spec
from kohort.errors import DesignError, reason
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import has_loss
from kohort.keras_api.preprocessing import ENCODE_BEFORE, embeds_an_input, inputs_of, looks_up

_SHOWN = 10
_BY_NAME = (
    "give each column that the model takes an input of its name, keras.Input((1,), name=NAME), of "
    'categories with dtype="int32", and them as a list to keras.Model'
)


def not_taking(name: str, model: keras.Model, data: Dataset, error: Exception) -> DesignError:
    """The error of a variant whose model failed at a first batch.

    Args:
        name: The variant.
        model: Its model, compiled.
        data: The data.
        error: What Keras raised.
    """
    taken = f"by name ({_names(data)})" if data.named else data.input_shape
    return DesignError(
        f"variant {name!r} to take inputs {taken} and targets "
        f"{data.y_train.shape[1:]} {data.y_train.dtype}",
        f"{type(error).__name__}: {reason(error)}",
        _mend(model, data, str(error)),
    )


def _mend(model: keras.Model, data: Dataset, told: str) -> str:
    # Other backends give a step the data alone.
    for step in ("train_step", "test_step") if keras.backend.backend() == "jax" else ():
        try:
            inspect.signature(getattr(model, step)).bind("state", "data")
        except TypeError:
            return (
                f"Keras calls {step}(state, data) on JAX, and takes (logs, state) back: write that "
                f"of {type(model).__name__} so, or leave it out"
            )
    if "FBetaScore" in told and data.y_train.ndim == 1:
        return (
            "F1Score and FBetaScore take a column for each class: give one-hot targets, "
            "keras.utils.to_categorical(y), the loss categorical_crossentropy, and the metric "
            "average='macro'; or for one output floats, y.astype('float32')[:, None]"
        )
    if looks_up(model):
        return ENCODE_BEFORE
    try:
        spec = model.compute_output_spec(_one_sample(data))
    except Exception:  # noqa: BLE001 (the user's code may raise anything)
        return _BY_NAME if data.named else "give the model keras.Input(data.input_shape)"
    if (outputs := len(keras.tree.flatten(spec))) > 1:
        return (
            f"the model gives {outputs} outputs, and a study has one array of targets: join them "
            "to one output, keras.layers.Concatenate()(outputs), and take it and the targets apart "
            "in the loss; kohort.fit trains models of several outputs"
        )
    shape = getattr(spec, "shape", (None,))[1:]
    is_sparse = loss_name(model.loss) == "sparse_categorical_crossentropy"
    if is_sparse and shape == data.y_train.shape[1:]:
        return (
            "the targets are a row of numbers for each sample, and the loss "
            "sparse_categorical_crossentropy takes labels: compile with categorical_crossentropy "
            "for one-hot rows, or give labels, y.argmax(axis=-1)"
        )
    return f"the model takes the inputs, and gives outputs {shape}: {_fitting(shape, data)}"


def _fitting(shape: tuple[int | None, ...], data: Dataset) -> str:
    """What to change of a model of such outputs, which its loss cannot hold against the targets."""
    if data.y_train.ndim == 1 and len(shape) > 1:
        return (
            "the targets are one for each sample, so bring the outputs to one row, by "
            "keras.layers.Flatten() before the last Dense, say"
        )
    if data.y_train.ndim == 1 and data.y_train.dtype.kind == "f" and shape[-1:] != (1,):
        return "the targets are one number for each sample, so give its last layer one unit"
    return (
        "compile it with a loss and metrics for such targets, such as "
        "sparse_categorical_crossentropy for labels beside an output for each class"
    )


def _one_sample(data: Dataset) -> Any:
    none = data.inputs(data.x_train[:0])
    return keras.tree.map_structure(
        lambda part: keras.KerasTensor((1, *part.shape[1:]), part.dtype), none
    )


def _names(data: Dataset) -> str:
    names = data.feature_names or ()
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def check_names(name: str, model: keras.Model, data: Dataset) -> None:
    """Refuse a model that takes some of the inputs in a dictionary: Keras would mix them up.

    It only warns there, and takes the first of them in the order of their names. A list of inputs
    gets those of its names.

    Args:
        name: The variant.
        model: Its model.
        data: The data.

    Raises:
        DesignError: It does, and data come by name.
    """
    taken = inputs_of(model)
    if data.named and isinstance(taken, dict) and set(taken) != set(data.feature_names or ()):
        raise DesignError(
            f"variant {name!r} to take all inputs ({_names(data)}) in its dictionary",
            ", ".join(sorted(map(str, taken))),
            "give those that it takes as a list, keras.Model(list(inputs.values()), outputs)",
        )


def check_inputs(name: str, model: keras.Model, data: Dataset) -> None:
    """Refuse a model that takes scaled bytes for the numbers of tokens: all of them would be 0.

    Args:
        name: The variant.
        model: Its model, prepared.
        data: The data.

    Raises:
        DesignError: It does.
    """
    if data.stores_pixels and embeds_an_input(model):
        raise DesignError(
            f"whole numbers, for the Embedding of variant {name!r}",
            "bytes (uint8), which are read as pixels and scaled, so that each would be number 0",
            "give them as another type, x.astype('int32')",
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


OF_NUMBERS = frozenset(
    {
        *("mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error"),
        *("mean_absolute_percentage_error", "huber", "log_cosh", "poisson"),
    }
)
"""The losses of Keras that take numbers to predict."""


def loss_name(loss: object) -> str | None:
    """What Keras calls a loss, `mean_squared_error`, however it was given; None of others."""
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:  # Keras knows none of this name.
            return None
    if isinstance(loss, keras.losses.Loss):
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(loss).__name__).lower()
    return getattr(loss, "__name__", None)


def checked_spec(spec: StudySpec) -> StudySpec:
    """The same study, of numbers to predict where that is what all of its models take.

    Targets from 1 to 5 are labels to a loss of classes, and ratings to a loss of numbers such as
    mse, and so are ages that nobody counts as classes. Which they are is asked of the models, where
    the data alone do not tell.

    Raises:
        DesignError: Its parts do not fit together.
    """
    check_spec(spec)
    raw = spec.data.raw
    if possible_numbers(spec.data) is None or (raw is not None and not raw.as_numbers):
        return spec
    models = BuiltModels(spec, 0)
    losses = set()
    try:
        for number in range(len(spec.variants)):
            losses.add(_loss_of_numbers(models.new(number, spec.replicate(0, 1.0))))
            if None in losses:
                return spec
    except Exception:  # noqa: BLE001 (what fails here is told by the plan)
        return spec
    told = f"the loss {', '.join(sorted(filter(None, losses)))} of one output asks for them"
    taken = replace(spec, data=as_numbers(spec.data, told))
    check_spec(taken)
    return taken


def _loss_of_numbers(model: keras.Model) -> str | None:
    """The loss of a model of one output that predicts numbers; None of others."""
    loss = loss_name(model.loss)
    is_one = model.output_shape[-1] == 1
    return loss if is_one and loss in OF_NUMBERS else None
