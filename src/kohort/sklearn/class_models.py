"""What the outputs of a classifier's models tell of its classes, asked before they train."""

from math import prod
from typing import Any

import keras

from kohort.errors import DesignError
from kohort.keras_api.class_outputs import OutputKind, link_of_loss, output_kind


def kind_of(model: keras.Model) -> OutputKind:
    """What the outputs of a compiled model are; its loss tells, too, where it takes probabilities.

    Of one such output, whose last layer may give any number, each prediction tells.
    """
    kind = output_kind(model)
    if kind != "unknown" or link_of_loss(_loss_of(model)) != "":
        return kind
    return "halved" if _width(model) == 1 else "probabilities"


def check_class_model(name: str, model: keras.Model, classes: int) -> None:
    """Refuse a model of which nobody knows what its outputs say of the classes.

    Args:
        name: The variant.
        model: Its model, prepared.
        classes: How many there are.

    Raises:
        DesignError: It has more outputs than classes, or nothing tells what they are.
    """
    width = _width(model)
    if width is not None and width > classes:
        raise DesignError(
            f"variant {name!r} to have an output for each of the {classes} classes in y",
            f"{width} outputs",
            "give its last layer data.classes units; a build function gets data as a parameter",
        )
    if kind_of(model) in ("unknown", "other"):
        loss = _loss_of(model)
        raise DesignError(
            f"outputs of variant {name!r} that are known to be probabilities, logits or margins",
            f"the loss {getattr(loss, '__name__', type(loss).__name__)}, which tells none of them",
            "end it with softmax or sigmoid, or compile it with a loss of Keras's for classes",
        )


def _loss_of(model: keras.Model) -> Any:
    """The loss of a compiled model; of several outputs what it was given."""
    given = model.loss
    return given if isinstance(given, dict | list | tuple) else keras.losses.get(given)


def _width(model: keras.Model) -> int | None:
    """The numbers that a model gives for a sample; None where it does not tell."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(side, int) for side in shape[1:]):
        return None
    return prod(shape[1:])
