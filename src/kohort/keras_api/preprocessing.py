"""Layers that learn from data before training: what they have learned, and how it is put back.

Keras's weights are not all of it. A `Normalization` computes with what it makes of its weights when
it is adapted or loaded, and not when weights are set; the boundaries of a `Discretization` are no
weights. (`StringLookup`, `IntegerLookup` and `TextVectorization` need TensorFlow to be made, and
do not run where a step is compiled by JAX.)
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras.layers import Discretization, Normalization


def trained_weights(model: keras.Model) -> list[np.ndarray]:
    """The weights of a model as Keras gives them, then the boundaries that layers have learned."""
    learned = [np.asarray(layer.bin_boundaries, np.float64) for layer in _binning(model)]
    return [*model.get_weights(), *learned]


def set_trained_weights(model: keras.Model, weights: Sequence[np.ndarray]) -> None:
    """Put back what `trained_weights` gave, so that the model computes with it.

    Args:
        model: A model of the same layers.
        weights: As `trained_weights` gave them.
    """
    count = len(model.weights)
    model.set_weights(list(weights[:count]))
    for layer in _layers(model):
        if isinstance(layer, Normalization):
            layer.finalize_state()
    for layer, boundaries in zip(_binning(model), weights[count:], strict=True):
        layer.bin_boundaries = boundaries.tolist()


def learning_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, also of models in it, whose numbers were learned from data."""
    normalizing = [
        layer
        for layer in _layers(model)
        if isinstance(layer, Normalization) and layer.built and layer.input_mean is None
    ]
    return [*normalizing, *_binning(model)]


def _binning(model: keras.Model) -> list[Discretization]:
    """The layers whose boundaries were learned and not given."""
    return [
        layer
        for layer in _layers(model)
        if isinstance(layer, Discretization) and layer.num_bins is not None and layer.bin_boundaries
    ]


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return list(model._flatten_layers())
