"""Joins models to one that averages their outputs: probabilities, or what they predict."""

from collections.abc import Sequence
from typing import Any

import keras

from kohort.errors import ModelError
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.class_outputs import Link, ends_in_probabilities, link_of_loss
from kohort.keras_api.models import uncompiled

_OF_MEANS = (
    *(keras.losses.MeanSquaredError, keras.losses.MeanAbsoluteError, keras.losses.Huber),
    *(keras.losses.mean_squared_error, keras.losses.mean_absolute_error, keras.losses.huber),
)
"""Losses of numbers, of which a mean is one, too."""

_SMALLEST = 1e-7
"""Probabilities are kept so far from 0 and 1, as Keras's losses keep them."""


def link_of(model: keras.Model, *, has_classes: bool) -> Link:
    """What makes probabilities of a compiled model's outputs: its last layer tells, or its loss.

    Args:
        model: A model that is built.
        has_classes: Whether its outputs are scores of classes.

    Raises:
        ModelError: It has several outputs, or keeps state from batch to batch; or its outputs may
            be logits, and neither its loss nor its last layer tells.
    """
    if isinstance(model.loss, dict | list | tuple) or len(getattr(model, "outputs", [0])) > 1:
        raise _not_averaged("models of one output", f"{model.name!r}, of several")
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            raise _not_averaged(
                "models whose outputs depend on their inputs alone",
                f"{layer.name!r}, which is stateful: it remembers the batch before",
            )
    if ends_in_probabilities(model):
        return ""  # Its loss may say otherwise, by mistake, and takes them through a link again.
    loss = keras.losses.get(model.loss)
    if (link := link_of_loss(loss)) is not None:
        return link
    is_known = any(loss is known or isinstance(loss, _types(known)) for known in _OF_MEANS)
    if not has_classes or is_known:
        return ""
    raise _not_averaged(
        "outputs that are known to be probabilities or logits",
        f"the loss {getattr(loss, '__name__', type(loss).__name__)} of {model.name!r}, which tells "
        "neither",
        "end it with softmax or sigmoid, or give a crossentropy of Keras, with from_logits",
    )


def averaged(models: Sequence[keras.Model], links: Sequence[Link], batch: ArrayTree) -> keras.Model:
    """One model of several, not compiled, with the mean of their outputs; do not use them after.

    Args:
        models: Two or more models that are built.
        links: Of each model, what makes probabilities of its outputs.
        batch: Shapes and dtypes of a batch of their inputs.

    Raises:
        ModelError: Their outputs have several shapes.
    """
    inputs = (
        {name: _input(name, part) for name, part in batch.items()}
        if isinstance(batch, dict)
        else _input("inputs", batch)
    )
    outputs = []
    for number, (model, link) in enumerate(zip(models, links, strict=True)):
        part = uncompiled(model)
        part.name = f"member_{number}"
        output = part(inputs)
        outputs.append(keras.layers.Activation(link, dtype="float32")(output) if link else output)
    shapes = sorted({str(output.shape[1:]) for output in outputs})
    if len(shapes) > 1:
        raise _not_averaged("models with outputs of one shape", f"of {', '.join(shapes)}")
    # In float32 also where the members compute with fewer bits.
    mean = keras.layers.Average(dtype="float32", name="average")(outputs)
    return keras.Model(inputs, mean, name="ensemble")


def _input(name: str, part: Any) -> Any:
    return keras.Input(part.shape[1:], name=name, dtype=part.dtype)


def measurable(mean: keras.Model, link: Link, like: keras.Model) -> keras.Model:
    """A mean of models, compiled with the loss and the metrics of a compiled one of them.

    Where that one gives logits, so does this: those of the mean probabilities.
    """
    if like.loss is None:
        raise ModelError(
            "a model that is compiled with a loss, to measure a mean of such models",
            f"{like.name!r}, which computes its loss itself",
            "predict, and measure the predictions",
        )
    model = mean
    if link:
        p = keras.ops.clip(mean.outputs[0], _SMALLEST, 1 - _SMALLEST)
        odds = keras.ops.log(p) if link == "softmax" else keras.ops.log(p) - keras.ops.log(1 - p)
        model = keras.Model(mean.inputs, odds)
    metrics = like._compile_metrics
    model.compile(
        loss=like.loss,
        metrics=None if metrics is None else metrics._user_metrics,
        weighted_metrics=None if metrics is None else metrics._user_weighted_metrics,
    )
    return model


def _types(known: Any) -> Any:
    return known if isinstance(known, type) else ()


def _not_averaged(
    expected: str, received: str, mend: str = "ship result.best(), or result.refit()"
) -> ModelError:
    return ModelError(f"{expected}, to average them", received, mend)
