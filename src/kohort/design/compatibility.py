"""Refuses models that do not take the data of their study, and says what to change."""

import inspect
import re
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.encoding import mend, stray_labels
from kohort.data.labels import as_numbers, numbered_classes
from kohort.design.building import BuiltModels
from kohort.design.spec import StudySpec
from kohort.design.validation import check_spec
from kohort.errors import DesignError, reason
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.class_outputs import ends_in_probabilities
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
            "keras.utils.to_categorical(y), and the loss categorical_crossentropy; or for one "
            "output floats, y.astype('float32')[:, None]"
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
    is_sparse = _loss_name(model.loss) == "sparse_categorical_crossentropy"
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


_OF_PARTS = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
"""The losses of Keras that take truth as 0 and 1, or as a part between."""
_OF_TWO_CLASSES = _OF_PARTS | {"hinge", "squared_hinge"}
"""The losses of Keras that take the number of one of two classes."""
_OF_NUMBERS = frozenset(
    {
        *("mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error"),
        *("mean_absolute_percentage_error", "huber", "log_cosh", "poisson"),
    }
)
"""The losses of Keras that take numbers to predict."""
_ROUNDING = 1e-5


def check_outputs(name: str, model: keras.Model, data: Dataset) -> None:
    """Refuse models that would take the numbers of classes for something else.

    Of fewer outputs than classes Keras makes losses that are NaN, or for a loss of two classes
    without a least value; of targets that are no class numbers it takes the whole part, and a
    model of one output would predict the number by which a class is known here, not the one by
    which the data named it.

    Raises:
        DesignError: There are fewer outputs than classes, targets and loss do not agree, or an
            output for two classes is neither a probability nor a logit.
    """
    loss = _loss_name(model.loss)
    shape = getattr(model, "output_shape", None)
    outputs = shape[-1] if isinstance(shape, tuple) else None
    if loss == "sparse_categorical_crossentropy":
        if getattr(model.loss, "ignore_class", None) is not None:
            return
        _check_labels(name, outputs, data)
    elif loss in _OF_TWO_CLASSES:
        _check_two_classes(name, loss, outputs, data)
    elif not isinstance(outputs, int) or outputs == 1:
        _check_numbers(name, loss, data)
        if outputs == 1:
            _check_probability(name, model, loss, data)


def _loss_name(loss: object) -> str | None:
    """What Keras calls a loss, `mean_squared_error`, however it was given; None of others."""
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:  # Keras knows none of this name.
            return None
    if isinstance(loss, keras.losses.Loss):
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(loss).__name__).lower()
    return getattr(loss, "__name__", None)


def _check_labels(name: str, outputs: object, data: Dataset) -> None:
    """Refuse targets that are no numbers of the classes that a model gives outputs for."""
    labels = np.concatenate([data.y_train, data.y_test])
    if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
        raise DesignError(
            f"class labels, for the loss sparse_categorical_crossentropy of variant {name!r}",
            f"targets such as {labels[labels != np.rint(labels)][0]:g}",
            "give whole numbers from 0, or compile a loss for numbers, such as mse",
        )
    if not isinstance(outputs, int):
        return
    lowest, highest = int(labels.min()), int(labels.max())
    if outputs > highest and lowest >= 0:
        return
    if lowest and outputs > highest - lowest:
        raise DesignError(
            f"labels from 0 to {outputs - 1}, for the {outputs} outputs of variant {name!r}",
            f"labels from {lowest} to {highest}",
            f"number the classes from 0, such as by y {'-' if lowest > 0 else '+'} {abs(lowest)}",
        )
    stray = stray_labels(data.y_train, data.y_test)
    raise DesignError(
        f"variant {name!r} to have an output for each of {highest + 1} classes",
        f"{stray}, and " * bool(stray) + f"outputs {(None, outputs)}",
        mend(
            stray,
            "give its last layer as many units as there are classes; or, if the targets are "
            "numbers, one unit and a loss of numbers, such as mse",
        ),
    )


def _check_two_classes(name: str, loss: str, outputs: object, data: Dataset) -> None:
    """Refuse more classes than a loss of two takes, and targets of which it has no least value."""
    if data.classes is not None and data.classes > 2 and outputs == 1:
        stray = stray_labels(data.y_train, data.y_test)
        raise DesignError(
            f"two classes, for the one output of variant {name!r} and its loss {loss}",
            stray or f"{data.classes:,} classes",
            mend(
                stray,
                f"give its last layer {data.classes:,} units with softmax and compile it with "
                "sparse_categorical_crossentropy",
            ),
        )
    sides = [y for y in (data.y_train, data.y_test) if y.size]
    lowest, highest = min(y.min() for y in sides), max(y.max() for y in sides)
    if loss in _OF_PARTS and (lowest < -_ROUNDING or highest > 1 + _ROUNDING):
        raise DesignError(
            f"targets from 0 to 1, for the loss {loss} of variant {name!r}",
            f"targets from {lowest:g} to {highest:g}",
            "number the two classes 0 and 1, or compile a loss for numbers, such as mse",
        )


def checked_spec(spec: StudySpec) -> StudySpec:
    """The same study, of numbers to predict where that is what all of its models take.

    Targets from 1 to 5 are labels to a loss of classes, and ratings to a loss of numbers such as
    mse. Which they are is asked of the models, where the data alone do not tell.

    Raises:
        DesignError: Its parts do not fit together.
    """
    check_spec(spec)
    raw = spec.data.raw
    if numbered_classes(spec.data) is None or (raw is not None and not raw.as_numbers):
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
    loss = _loss_name(model.loss)
    is_one = model.output_shape[-1] == 1
    return loss if is_one and loss in _OF_NUMBERS else None


def _check_probability(name: str, model: keras.Model, loss: str | None, data: Dataset) -> None:
    """Refuse a model that predicts the number of one of two classes: it is no score of either."""
    if data.classes != 2 or loss not in _OF_NUMBERS or ends_in_probabilities(model):
        return
    second = data.class_names[1] if data.class_names else "1"
    raise DesignError(
        f"variant {name!r} to give the probability of class {second}, one of two",
        f"an output without bounds, by the loss {loss}",
        "end it with sigmoid and compile it with binary_crossentropy; or, if the targets are "
        "numbers to predict, give them as floats in a column, y.astype('float32')[:, None]",
    )


def _check_numbers(name: str, loss: str | None, data: Dataset) -> None:
    """Refuse a model that predicts a number where the data's numbers became those of classes.

    Where all models of a study do, by a loss that is known, its targets are no classes.
    """
    names = data.class_names or ()
    if numbered_classes(data) is None:
        return
    raise DesignError(
        f"variant {name!r} to have an output for each of the classes {names[0]} to {names[-1]}, "
        "for targets of few whole numbers are classes, numbered from 0",
        f"the loss {loss} without",
        "give numbers to predict as floats in a column, kohort.Dataset(x, "
        "y.astype('float32')[:, None])",
    )
