"""Refuses models whose outputs, loss and targets do not agree."""

import re
from collections.abc import Sequence

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.encoding import how_to_number, mend, stray_labels
from kohort.data.labels import numbered_classes
from kohort.design.compatibility import OF_NUMBERS, loss_name
from kohort.errors import DesignError
from kohort.keras_api.class_outputs import ends_in_probabilities

_OF_PARTS = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
"""The losses of Keras that take truth as 0 and 1, or as a part between."""
_OF_TWO_CLASSES = _OF_PARTS | {"hinge", "squared_hinge"}
"""The losses of Keras that take the number of one of two classes."""
_ROUNDING = 1e-5
_WHOLE = re.compile(r"-?\d+")
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE)


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
    loss = loss_name(model.loss)
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
    # Of sequences Keras drops the last axis, of one number.
    if shape is not None and len(shape) == 2 and outputs == 1 and loss in OF_NUMBERS:
        _check_width(name, data)


def _check_width(name: str, data: Dataset) -> None:
    """Refuse one output for targets of several numbers: Keras holds it against each of them."""
    if data.y_train.ndim == 2 and data.y_train.shape[1] > 1:
        width = data.y_train.shape[1]
        raise DesignError(
            f"variant {name!r} to have {width} outputs, one for each number of a target",
            "one output, which Keras would hold against each of them",
            f"give its last layer {width} units",
        )


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
            f"number the classes from 0, {how_to_number(labels)}",
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


def _check_probability(name: str, model: keras.Model, loss: str | None, data: Dataset) -> None:
    """Refuse a model that predicts the number of one of two classes: it is no score of either."""
    if data.classes != 2 or loss not in OF_NUMBERS or ends_in_probabilities(model):
        return
    second = data.class_names[1] if data.class_names else "1"
    raise DesignError(
        f"variant {name!r} to give the probability of class {second}, one of two",
        f"an output without bounds, by the loss {loss}",
        "end it with sigmoid and compile it with binary_crossentropy; or, if the targets are "
        "numbers to predict, give them as floats in a column, y.astype('float32')[:, None]",
    )


def _are_written_numbers(names: Sequence[str]) -> bool:
    """Whether the names of classes are numbers as text, other than whole ones."""
    return all(map(_NUMBER.fullmatch, names)) and not all(map(_WHOLE.fullmatch, names))


def slip_of_names(model: keras.Model, data: Dataset) -> str:
    """That a model learns the numbers of classes that have names, as a clause; or ""."""
    names = data.class_names or ()
    if loss_name(model.loss) not in OF_NUMBERS or len(names) < 3:
        return ""
    if getattr(model, "output_shape", (None,))[-1] != 1 or all(map(_WHOLE.fullmatch, names)):
        return ""
    return (
        f"the loss {loss_name(model.loss)} takes classes for their numbers: {names[0]} for 0, "
        f"{names[-1]} for {len(names) - 1}; where they have no such order, compile with "
        "sparse_categorical_crossentropy and an output for each"
    )


def _check_numbers(name: str, loss: str | None, data: Dataset) -> None:
    """Refuse a model that predicts a number where the data's numbers became those of classes.

    Where all models of a study do, by a loss that is known, its targets are no classes.
    """
    names = (data.class_names or ()) if data.classes else ()
    if loss in OF_NUMBERS and len(names) > 2 and _are_written_numbers(names):
        raise DesignError(
            f"numbers, for the loss {loss} of variant {name!r}",
            f"{len(names):,} classes such as {names[0]!r}",
            "make numbers of them, y.astype('float32')",
        )
    if numbered_classes(data) is None:
        return
    raise DesignError(
        f"variant {name!r} to have an output for each of the classes {names[0]} to {names[-1]}, "
        "for targets of few whole numbers are classes, numbered from 0",
        f"the loss {loss} without",
        "give numbers to predict as floats in a column, kohort.Dataset(x, "
        "y.astype('float32')[:, None])",
    )
