"""The reference engine: trains one model by `keras.Model.fit`, on any backend."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import keras

from kohort.keras_api.arrays import is_packable
from kohort.keras_api.callbacks import is_container
from kohort.keras_api.seeding import ordered_by


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
        model: A compiled model; prepared (`prepare`), since Keras draws one order
            more when the first batch has to build it.
        x: Inputs, as `keras.Model.fit` takes them.
        y: Targets.
        seed: Of the batch order of arrays: on JAX as in `data.orders.epoch_orders`; other backends
            draw it from their generators.
        callbacks: The callbacks of the model.
        **fit_arguments: Passed on to `keras.Model.fit`.
    """
    given = callbacks[0] if is_container(callbacks) else list(callbacks)
    # What yields batches draws from the user's generators, as the user left them.
    cuts_arrays = is_packable(x, y, fit_arguments.get("sample_weight"))
    with ordered_by(seed) if cuts_arrays else nullcontext():
        return model.fit(x, y, callbacks=given, **fit_arguments)
