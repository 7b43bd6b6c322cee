"""What the outputs of a model tell of classes: probabilities, logits, or margins."""

from typing import Any, Literal, get_args

import keras
import numpy as np
from scipy import special

type OutputKind = Literal["probabilities", "logits", "margins", "unknown"]
"""Margins tell how far from a border a sample lies, and on which side: no probability."""

OUTPUT_KINDS: tuple[OutputKind, ...] = get_args(OutputKind.__value__)

type Link = Literal["", "sigmoid", "softmax"]
"""What makes probabilities of a model's outputs; "" where they are averaged as they are."""

_CROSS_ENTROPIES: dict[Link, tuple[Any, ...]] = {
    "softmax": (
        keras.losses.CategoricalCrossentropy,
        keras.losses.CategoricalFocalCrossentropy,
        keras.losses.SparseCategoricalCrossentropy,
    ),
    "sigmoid": (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy),
}
_OF_PROBABILITIES = (
    keras.losses.categorical_crossentropy,
    keras.losses.categorical_focal_crossentropy,
    keras.losses.sparse_categorical_crossentropy,
    keras.losses.binary_crossentropy,
    keras.losses.binary_focal_crossentropy,
)
"""The same losses as functions: their outputs are probabilities, unless told otherwise."""

_HINGES = (keras.losses.Hinge, keras.losses.SquaredHinge, keras.losses.CategoricalHinge)
_HINGE_FUNCTIONS = (
    keras.losses.hinge,
    keras.losses.squared_hinge,
    keras.losses.categorical_hinge,
)


def link_of_loss(loss: Any) -> Link | None:
    """What makes probabilities of the outputs that a loss of Keras takes; None if it tells not."""
    for link, losses in _CROSS_ENTROPIES.items():
        if isinstance(loss, losses):
            return link if loss.get_config()["from_logits"] else ""
    return "" if loss in _OF_PROBABILITIES else None


def output_kind(model: keras.Model) -> OutputKind:
    """What the outputs of a model are, where its last layer or the loss that it has tells."""
    if ends_in_probabilities(model):
        return "probabilities"
    given = getattr(model, "loss", None)
    if isinstance(given, dict | list | tuple):
        return "unknown"
    loss = keras.losses.get(given)
    # Nothing makes a probability of a margin: such a loss asks that it is wide enough.
    if isinstance(loss, _HINGES) or loss in _HINGE_FUNCTIONS:
        return "margins"
    return "logits" if link_of_loss(loss) else "unknown"


def ends_in_probabilities(model: keras.Model) -> bool:
    """Whether the last layer of a model is softmax or sigmoid, or has one of them."""
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return False
    last = outputs[0]._keras_history.operation
    if isinstance(last, keras.Model):
        return ends_in_probabilities(last)
    if isinstance(last, keras.layers.Softmax):
        return True
    return getattr(last, "activation", None) in (
        keras.activations.softmax,
        keras.activations.sigmoid,
    )


def are_of_classes(outputs: np.ndarray, classes: int) -> bool:
    """Whether outputs tell a class: `[sample, class]`, or `[sample, 1]` where there are two."""
    widths = (1, 2) if classes == 2 else (classes,)
    return classes > 1 and outputs.ndim == 2 and outputs.shape[1] in widths


def class_probabilities(scores: np.ndarray, kind: OutputKind = "unknown") -> np.ndarray:
    """The outputs of a model as probabilities of classes, `[sample, class]`.

    Args:
        scores: `[sample, class]`; or `[sample, 1]`, those of class 1 of two classes.
        kind: What they are. Of margins only the order is right, and on which side of the border
            they lie. What is unknown is taken for probabilities where all of them can be some,
            else for logits: of a few samples that may be wrong.
    """
    if scores.ndim == 2 and scores.shape[1] == 1:
        second = scores if _are_probabilities(scores, kind) else special.expit(scores)
        return np.concatenate([1 - second, second], axis=1)
    if _are_probabilities(scores, kind):
        return _adding_up(scores)
    probabilities: np.ndarray = special.softmax(scores, axis=-1)
    return probabilities


def leaning(outputs: np.ndarray, kind: OutputKind = "unknown") -> np.ndarray:
    """How far a model leans to the second of two classes, by its outputs; float32 `[sample]`.

    Of logits that is by how far they differ: probabilities of them would be 0 or 1 where it is
    sure, and rank nothing there.

    Args:
        outputs: `[sample, class]`, or `[sample, 1]`.
        kind: What they are.
    """
    leans = outputs[:, -1]
    if outputs.shape[1] == 2:
        are_some = _are_probabilities(outputs, kind)
        leans = _adding_up(outputs)[:, 1] if are_some else leans - outputs[:, 0]
    return leans.astype(np.float32)


def _are_probabilities(scores: np.ndarray, kind: OutputKind) -> bool:
    if kind != "unknown":
        return kind == "probabilities"
    if scores.shape[-1] == 1:
        return bool(((scores >= 0) & (scores <= 1)).all())
    return bool((scores >= 0).all() and _add_up(scores))


def _add_up(scores: np.ndarray) -> bool:
    return np.allclose(scores.sum(axis=-1), 1, atol=1e-2)


def _adding_up(scores: np.ndarray) -> np.ndarray:
    """Probabilities of one class each, which sigmoid gives, as parts of their sum.

    So Keras's crossentropies of classes take them; where all are 0 each class is as likely.
    """
    if _add_up(scores):
        return scores
    sums = scores.sum(axis=-1, keepdims=True)
    parts: np.ndarray = np.divide(
        scores, sums, out=np.full_like(scores, 1 / scores.shape[-1]), where=sums > 0
    )
    return parts
