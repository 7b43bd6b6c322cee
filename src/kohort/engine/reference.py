"""The reference engine: `keras.Model.fit`, one model after another, on whichever backend."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


def fit_one(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
    **fit_arguments: Any,
) -> keras.callbacks.History:
    """`model.fit` with the batch order of `seed`; NumPy's global generator is put back after it.

    Args:
        model: A compiled model; prepared (`keras_seam.prepare`), since Keras draws one order
            more when the first batch has to build it.
        x: Inputs, as `keras.Model.fit` takes them.
        y: Targets.
        seed: Of the batch order, as in `data.orders.epoch_orders`.
        callbacks: The model's own.
        **fit_arguments: Passed on to `keras.Model.fit`.
    """
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        return model.fit(x, y, callbacks=list(callbacks), **fit_arguments)
    finally:
        np.random.set_state(before)
