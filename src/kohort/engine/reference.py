"""The reference engine: `keras.Model.fit`, one model after another, on whichever backend."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    """`model.fit` with the batch order of `seed`.

    Args:
        model: A compiled model; prepared (`keras_seam.prepare`), since Keras draws one order
            more when the first batch has to build it.
        x: Inputs, as `keras.Model.fit` takes them.
        y: Targets.
        seed: Of the batch order: on JAX as in `data.orders.epoch_orders`, on other backends the
            order that their own generators draw from it.
        callbacks: The model's own.
        **fit_arguments: Passed on to `keras.Model.fit`.
    """
    with ordered_by(seed):
        return model.fit(x, y, callbacks=list(callbacks), **fit_arguments)


@contextmanager
def ordered_by(seed: int) -> Iterator[None]:
    """Seed what draws batch orders; Python's and NumPy's generators are put back after it."""
    python, numpy = random.getstate(), np.random.get_state()
    if keras.backend.backend() == "jax":
        np.random.seed(seed)
    else:
        keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
