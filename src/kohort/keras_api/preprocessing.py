"""Layers that compute with numbers learned from data before training: which, and by which rows.

`StringLookup`, `IntegerLookup` and `TextVectorization` learn too, and are none of them: TensorFlow
makes and runs them, and not a step that JAX compiles.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras.layers import Discretization, Normalization

ENCODE_BEFORE = (
    "strings and lookups do not reach a step that JAX compiles: encode them before, as "
    "kohort.Dataset.from_frame does"
)
"""What to do instead."""
_LOOKUPS = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)

BATCH = 16_384
ROOM = 1 << 29
"""Bytes of rows that are read at once; more are read in batches alone."""

type Batch = np.ndarray | dict[str, np.ndarray]
"""Inputs `[sample, ...]` of a model, or such by name."""

type Rows = Callable[[], Iterator[np.ndarray]]
"""Yields rows `[batch, ...]`, in as many batches as there are."""


def looks_up(model: keras.Model) -> bool:
    """Whether a layer of a model looks up strings or numbers, which TensorFlow alone does."""
    return any(isinstance(layer, _LOOKUPS) for layer in model._flatten_layers())


def embeds_an_input(model: keras.Model) -> bool:
    """Whether an input of a model, as it comes, numbers the rows of an `Embedding`.

    Of layers that are in no graph of the model that is not known.
    """
    return any(
        isinstance(layer, keras.layers.Embedding)
        and layer._inbound_nodes
        and seen_input(model, layer) is not None
        for layer in model._flatten_layers()
    )


def set_weights(model: keras.Model, weights: Sequence[np.ndarray]) -> None:
    """Set the weights of a model so that it computes with all of them.

    A `Normalization` computes with what it makes of its weights when it is adapted or loaded; as
    Keras sets weights, it goes on with the old ones.

    Args:
        model: The model.
        weights: As `keras.Model.get_weights` gives them.
    """
    model.set_weights(list(weights))
    for layer in model._flatten_layers():
        if isinstance(layer, Normalization):
            layer.finalize_state()


def learned_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, also of models in it, that may have learned from data.

    Boundaries of a `Discretization` that were given are left out: how they were computed is not
    known.
    """
    return [
        layer
        for layer in model._flatten_layers()
        if (isinstance(layer, Normalization) and layer.mean is not None and not _is_new(layer))
        or (isinstance(layer, Discretization) and layer.num_bins and layer.bin_boundaries)
    ]


def is_given(layer: keras.layers.Layer) -> bool:
    """Whether the numbers of a learned layer were given as arguments, and not adapted."""
    return isinstance(layer, Normalization) and layer.input_mean is not None


def learned_numbers(layer: keras.layers.Layer) -> np.ndarray:
    """The numbers of a learned layer, float64 `[number]`: means and variances, or boundaries."""
    if isinstance(layer, Discretization):
        return np.asarray(layer.bin_boundaries, np.float64)
    return np.concatenate([np.ravel(part).astype(np.float64) for part in _moments(layer)])


def rounding_scale(layer: keras.layers.Layer) -> np.ndarray:
    """The size to which the rounding of each number of a learned layer is relative, `[number]`."""
    numbers = np.abs(learned_numbers(layer))
    if isinstance(layer, Discretization):
        return numbers
    mean, variance = np.split(numbers, 2)
    return np.concatenate([mean + np.sqrt(variance), variance])


def learned_anew(layer: keras.layers.Layer, rows: Rows, size: int) -> list[np.ndarray]:
    """The numbers that a layer of the same settings learns from rows, by each way to compute them.

    As Keras adapts to one array, in float32; with the unbiased variance, where numbers were given;
    and last by sums in float64.

    Args:
        layer: A learned layer.
        rows: The rows as the layer sees them.
        size: Bytes of all rows in float32.
    """
    if isinstance(layer, Discretization):
        return [_boundaries(layer, np.concatenate(list(rows())))]
    mean, variance, values = _exact(layer, rows)
    ways = [np.concatenate([mean, variance])]
    if is_given(layer):
        ways.insert(0, np.concatenate([mean, variance * values / max(values - 1, 1)]))
    if size <= ROOM:
        new = Normalization(axis=layer.axis or None, dtype=layer.dtype_policy)
        new.adapt(np.concatenate(list(rows())))
        ways.insert(0, learned_numbers(new))
    return ways


def seen_by(model: keras.Model, layer: keras.layers.Layer) -> Callable[[Batch], np.ndarray]:
    """The function from the inputs of a model to what a layer in it sees.

    One that is not in the model's graph, but in a model in it or in a model without a graph, is
    taken to see the inputs.
    """
    for node in layer._inbound_nodes:  # several where a layer is in several models
        try:
            part = keras.Model(inputs_of(model), node.input_tensors[0])
        except ValueError:
            continue
        return lambda batch: np.asarray(
            part(batch if isinstance(batch, dict) else [batch], training=False)
        )
    return np.asarray


def inputs_of(model: keras.Model) -> Any:
    """The inputs of a model as it takes them, a list or by name; None where it has no graph."""
    inputs = getattr(model, "_inputs_struct", None)
    return inputs if isinstance(inputs, dict) else getattr(model, "inputs", None)


def seen_input(model: keras.Model, layer: keras.layers.Layer) -> str | None:
    """The name of the input of its model that a layer sees; None where it sees another layer.

    A layer that is in no graph that would tell is taken to see the only input, "".
    """
    nodes = [node.input_tensors[0] for node in layer._inbound_nodes]
    if not nodes:
        return ""
    inputs = inputs_of(model)
    named = inputs if isinstance(inputs, dict) else {part.name: part for part in model.inputs}
    return next((n for n, part in named.items() if any(seen is part for seen in nodes)), None)


def _is_new(layer: Normalization) -> bool:
    """Whether it has not learned anything: it does nothing."""
    mean, variance = _moments(layer)
    return not mean.any() and bool((variance == 1).all())


def _moments(layer: Normalization) -> tuple[np.ndarray, np.ndarray]:
    parts = layer.mean, layer.variance
    if layer.input_mean is None:  # These are in the dtype of weights, where the others may be half.
        parts = layer.adapt_mean, layer.adapt_variance
    mean, variance = (np.asarray(part, np.float32) for part in parts)
    return mean, variance


def _exact(layer: Normalization, rows: Rows) -> tuple[np.ndarray, np.ndarray, float]:
    """Means and variances `[number]`, summed up in float64, and of how many values each is."""
    axes = layer._reduce_axis
    total = sum(batch.sum(axis=axes, dtype=np.float64, keepdims=True) for batch in rows())
    values = sum(batch.size for batch in rows()) / np.size(total)
    mean = total / values
    squares = sum(np.square(batch - mean).sum(axis=axes) for batch in rows())
    return np.ravel(mean), np.ravel(squares / values), values


def _boundaries(layer: Discretization, rows: np.ndarray) -> np.ndarray:
    # `adapt` asks for TensorFlow, which these parts of it do without.
    new = Discretization(num_bins=layer.num_bins, epsilon=layer.epsilon)
    new.reset_state()
    new.update_state(rows)
    new.finalize_state()
    return np.asarray(new.bin_boundaries, np.float64)
