"""What the outputs of a model tell of classes: probabilities, logits, or margins."""

from typing import Any, Literal, get_args

import keras
import numpy as np
import scipy

type OutputKind = Literal[
    "probabilities", "logits", "softmax logits", "margins", "numbers", "halved", "unknown", "other"
]
"""Logits are of a sigmoid each, or of one softmax. Margins tell how far from a border a sample
lies, and on which side: no probability. The border of numbers is 0.5, by the metric that the model
has. What is halved is cut there too: probabilities where all of them can be some, else such
numbers. Of others, such as distances, nothing says that they are scores of classes at all."""

OUTPUT_KINDS: tuple[OutputKind, ...] = get_args(OutputKind.__value__)

HALF = 0.5
"""Where Keras's `BinaryAccuracy` cuts, unless it is told otherwise."""

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

_CUT_AT_HALF = frozenset(
    {"accuracy", "acc", "binary_accuracy", "binaryaccuracy", "precision", "recall"}
)
_OF_CLASSES = frozenset(
    {
        *("binaryaccuracy", "categoricalaccuracy", "sparsecategoricalaccuracy"),
        *("topkcategoricalaccuracy", "sparsetopkcategoricalaccuracy"),
        *("auc", "precision", "recall", "f1score", "fbetascore"),
        *("precisionatrecall", "recallatprecision"),
        *("sensitivityatspecificity", "specificityatsensitivity"),
        *("binarycrossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy"),
        *("accuracy", "acc", "crossentropy", "ce", "bce"),
    }
)
"""Metrics of Keras that take outputs for scores of classes, in lower case, without dashes."""

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
    losses = keras.tree.flatten(getattr(model, "loss", None))
    if len(losses) > 1 or not getattr(model, "compiled", False):
        return "unknown"
    loss = keras.losses.get(losses[0]) if losses else None
    # Nothing makes a probability of a margin: such a loss asks that it is wide enough.
    if isinstance(loss, _HINGES) or loss in _HINGE_FUNCTIONS:
        return "margins"
    link = link_of_loss(loss)
    if link:
        return "logits" if link == "sigmoid" else "softmax logits"
    if _is_cut_at_half(model):
        return "numbers" if link is None and _ends_without_bounds(model) else "halved"
    # A subclass of Keras's may say that it takes probabilities of a last layer that is not known.
    is_told = is_of_keras(loss, keras.losses) or (link == "" and not _ends_without_bounds(model))
    return "unknown" if is_told or _counts_classes(model) else "other"


def is_of_keras(kept: Any, module: Any) -> bool:
    """Whether a loss or a metric is one of Keras's, and no subclass.

    Args:
        kept: It, an object or a function.
        module: `keras.losses` or `keras.metrics`.
    """
    named = getattr(module, getattr(kept, "__name__", type(kept).__name__), None)
    return named is not None and named in (kept, type(kept))


def _counts_classes(model: keras.Model) -> bool:
    """Whether a model has a metric of Keras that takes its outputs for scores of classes.

    It may have been compiled with it, or keep it itself, for a `train_step` of its own.
    """
    known = [*_given_metrics(model), *model.metrics]
    names = [given if isinstance(given, str) else _name_in_keras(given) for given in known]
    return any(name.replace("_", "").lower() in _OF_CLASSES for name in names)


def _name_in_keras(metric: Any) -> str:
    """The name of a metric of Keras's; "" of others, and of `Accuracy`, which compares numbers."""
    if type(metric) is keras.metrics.MeanMetricWrapper:
        metric = metric._fn
    is_known = is_of_keras(metric, keras.metrics) and type(metric) is not keras.metrics.Accuracy
    return str(getattr(metric, "__name__", type(metric).__name__)) if is_known else ""


def _is_cut_at_half(model: keras.Model) -> bool:
    """Whether a model has a metric that takes its one output for class 1 where it is above 0.5."""
    outputs = getattr(model, "outputs", None)
    if outputs and (len(outputs) > 1 or outputs[0].shape[1:] != (1,)):
        return False
    return any(map(_cuts_at_half, _given_metrics(model)))


def _given_metrics(model: keras.Model) -> list[Any]:
    """The metrics that a model was compiled with, as they were given: names, functions, objects."""
    kept = getattr(model, "_compile_metrics", None)
    if kept is None:
        return []
    # Before the first batch Keras has made no metrics of what was given.
    given: list[Any] = keras.tree.flatten([kept._user_metrics, kept._user_weighted_metrics])
    return given


def _cuts_at_half(metric: Any) -> bool:
    if isinstance(metric, str):
        return metric.lower() in _CUT_AT_HALF
    if metric is keras.metrics.binary_accuracy:
        return True
    if type(metric) in (keras.metrics.Precision, keras.metrics.Recall):
        return metric.init_thresholds in (None, HALF) and metric.top_k is None
    return type(metric) is keras.metrics.BinaryAccuracy and metric.threshold == HALF


def _ends_without_bounds(model: keras.Model) -> bool:
    """Whether the last layer of a model is known to give any number."""
    return last_activation(model) is keras.activations.linear


def last_activation(model: keras.Model) -> Any:
    """The activation of the last layer of a model; None where that has none, or is not known."""
    outputs = getattr(model, "outputs", None)
    last = outputs[0]._keras_history.operation if outputs else None
    if isinstance(last, keras.Model):
        return last_activation(last)
    return getattr(last, "activation", None)


def last_link(model: keras.Model) -> Link:
    """What makes probabilities at the end of a model: softmax or sigmoid; "" for anything else."""
    outputs = getattr(model, "outputs", None)
    last = outputs[0]._keras_history.operation if outputs else None
    if isinstance(last, keras.Model):
        return last_link(last)
    activation = getattr(last, "activation", None)
    if isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax:
        return "softmax"
    return "sigmoid" if activation is keras.activations.sigmoid else ""


def ends_in_probabilities(model: keras.Model) -> bool:
    """Whether the last layer of a model is softmax or sigmoid, or has one of them."""
    return bool(last_link(model))


def are_of_classes(outputs: np.ndarray, classes: int) -> bool:
    """Whether outputs tell a class: `[sample, class]`, or `[sample, 1]` where there are two."""
    widths = (1, 2) if classes == 2 else (classes,)
    return classes > 1 and outputs.ndim == 2 and outputs.shape[1] in widths


def class_probabilities(scores: np.ndarray, kind: OutputKind = "unknown") -> np.ndarray:
    """The outputs of a model as probabilities of classes, `[sample, class]`.

    Args:
        scores: `[sample, class]`; or `[sample, 1]`, those of class 1 of two classes.
        kind: What they are. Of margins and numbers only the order is right, and on which side of
            the border they lie. What is unknown is taken for probabilities where all of them can
            be some, else for logits: of a few samples that may be wrong.
    """
    scores = widened(scores)
    kind = _settled(scores, kind)
    if kind == "numbers":
        scores = scores.astype(np.float64) - HALF
    if scores.ndim == 2 and scores.shape[1] == 1:
        second = scores if _are_probabilities(scores, kind) else scipy.special.expit(scores)
        return np.concatenate([1 - second, second], axis=1)
    if _are_probabilities(scores, kind):
        return _adding_up(scores)
    probabilities: np.ndarray = scipy.special.softmax(scores, axis=-1)
    return probabilities


def border_of_labels(outputs: np.ndarray, kind: OutputKind) -> float | None:
    """Above which an output gives a sample its label, one of several; None where nothing tells.

    Args:
        outputs: `[sample, label]`.
        kind: What they are. What is unknown are probabilities where all of them can be some.
    """
    if kind == "logits":
        return 0.0
    is_within = bool(((outputs >= 0) & (outputs <= 1)).all())
    is_some = kind in ("probabilities", "halved", "unknown") and is_within
    return HALF if is_some else None


def label_probabilities(outputs: np.ndarray, kind: OutputKind) -> np.ndarray | None:
    """The probability of each label, of which a sample may have several; None where nothing tells.

    Args:
        outputs: `[sample, label]`.
        kind: What they are.
    """
    border = border_of_labels(outputs, kind)
    if border is None:
        return None
    outputs = widened(outputs)
    probabilities: np.ndarray = outputs if border else scipy.special.expit(outputs)
    return probabilities


def leaning(outputs: np.ndarray, kind: OutputKind = "unknown") -> np.ndarray:
    """How far a model leans to the second of two classes, by its outputs; float32 `[sample]`.

    Of logits that is by how far they differ: probabilities of them would be 0 or 1 where it is
    sure, and rank nothing there.

    Args:
        outputs: `[sample, class]`, or `[sample, 1]`.
        kind: What they are.
    """
    outputs = widened(outputs)
    leans = outputs[:, -1]
    if outputs.shape[1] == 2:
        are_some = _are_probabilities(outputs, kind)
        leans = _adding_up(outputs)[:, 1] if are_some else leans - outputs[:, 0]
    return leans.astype(np.float32)


def tell_probabilities(scores: np.ndarray, kind: OutputKind) -> bool:
    """Whether probabilities can be made of the outputs of a model.

    Args:
        scores: `[sample, class]`, or `[sample, 1]`.
        kind: What they are.
    """
    return _settled(scores, kind) not in ("margins", "numbers")


def _settled(scores: np.ndarray, kind: OutputKind) -> OutputKind:
    """The kind of outputs, where these settle what it is."""
    if kind not in ("numbers", "halved"):
        return kind
    if scores.shape[-1] != 1:
        return "unknown"
    is_within = kind == "halved" and _are_probabilities(scores, "unknown")
    return "probabilities" if is_within else "numbers"


def _are_probabilities(scores: np.ndarray, kind: OutputKind) -> bool:
    if kind != "unknown":
        return kind == "probabilities"
    if scores.shape[-1] == 1:
        return bool(((scores >= 0) & (scores <= 1)).all())
    return bool((scores >= 0).all() and _add_up(scores))


def widened(outputs: np.ndarray) -> np.ndarray:
    """Outputs of a layer of half precision as float32; others as they are.

    NumPy adds and divides bfloat16 with its three digits.
    """
    is_half = outputs.dtype.itemsize == 2
    return outputs.astype(np.float32) if is_half else outputs


def _add_up(scores: np.ndarray, within: float = 1e-2) -> bool:
    return np.allclose(scores.sum(axis=-1, dtype=np.float64), 1, rtol=0, atol=within)


def _adding_up(scores: np.ndarray) -> np.ndarray:
    """Probabilities of one class each, which sigmoid gives, as parts of their sum.

    So Keras's crossentropies of classes take them; where all are 0 each class is as likely.
    """
    if _add_up(scores, within=1e-5):  # as softmax gives them in float32
        return scores
    sums = scores.sum(axis=-1, keepdims=True)
    parts: np.ndarray = np.divide(
        scores, sums, out=np.full_like(scores, 1 / scores.shape[-1]), where=sums > 0
    )
    return parts
