"""Layers that compute with numbers learned from data before training.

`StringLookup`, `IntegerLookup` and `TextVectorization` are none of them: they need TensorFlow to be
made, and do not run in a step that JAX compiles.
"""

from collections.abc import Sequence

import keras
import numpy as np


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
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
