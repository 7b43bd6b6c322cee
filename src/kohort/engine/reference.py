"""The reference engine: trains one model by `keras.Model.fit`, on any backend."""

from collections.abc import Sequence
from typing import Any

import keras

from kohort.keras_api.arrays import EpochBatches
from kohort.keras_api.callbacks import is_container
from kohort.keras_api.models import draws_a_batch, overridden, prepare
from kohort.keras_api.seeding import batches_ordered_by, order_seeded


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
        model: A compiled model; of arrays prepared (`prepare`), since Keras draws one order
            more when the first batch has to build it.
        x: Inputs, as `keras.Model.fit` takes them.
        y: Targets.
        seed: Of the batch order of arrays: on JAX as in `data.orders.epoch_orders`; other backends
            draw it from their generators. Of a PyDataset's too.
        callbacks: The callbacks of the model.
        **fit_arguments: Passed on to `keras.Model.fit`.
    """
    order = order_seeded(x, y, fit_arguments.get("sample_weight"), seed)
    if isinstance(x, keras.utils.PyDataset) and not overridden(model, ["fit"]):
        x = _begun(model, x, y, seed, fit_arguments) if draws_a_batch(model) else x
    given = callbacks[0] if is_container(callbacks) else list(callbacks)
    with order:
        return model.fit(x, y, callbacks=given, **fit_arguments)


def _begun(model: keras.Model, x: Any, y: Any, seed: int, arguments: dict[str, Any]) -> Any:
    """Build a model on a batch of a PyDataset, as Keras does; returns Keras's adapter of it.

    Keras would go on in the order of its generator, after the one that this batch is drawn in; so
    that a model which is already built, and the fused engine, would read the batches in another.
    """
    batches = EpochBatches(
        x,
        y,
        arguments.get("sample_weight"),
        arguments.get("class_weight"),
        1,  # A PyDataset has its own size of batches.
        arguments.get("steps_per_epoch"),
        arguments.get("shuffle", True),
        model.steps_per_execution,
    )
    with batches_ordered_by(seed):
        batch = next(batches.epoch())
    prepare(model, batch)
    return batches.adapter
