"""Which models can share one compiled program: those whose training step is the same program.

Keras traces `model.train_step(state, data)` to a JAX program. Everything that differs between
two models and is not part of their state (layer shapes, activations, a dropout rate, a penalty's
strength, an optimizer's betas, code in a custom layer) shows in that program's text or in its
captured arrays; everything that is state (weights, seeds, the learning rate) does not. So the
traced program is the signature: nothing has to be known about a layer to group it safely.
"""

import functools
import hashlib
from collections.abc import Hashable, Sequence
from typing import Any

import jax
import keras
import numpy as np

from kohort.design import keras_seam
from kohort.design.keras_seam import Arrays


def abstract(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    """An array's shape and dtype, without its numbers."""
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def first_batch(data: Arrays, batch_size: int) -> Arrays:
    """The shapes and dtypes of one batch of `data`, `[batch, ...]` each, without its numbers."""

    def of_one(array: Any) -> jax.ShapeDtypeStruct:
        shape = (min(batch_size, array.shape[0]), *array.shape[1:])
        # JAX holds 64-bit NumPy data as 32-bit, on the device and so here.
        return abstract(shape, jax.dtypes.canonicalize_dtype(array.dtype))

    return jax.tree.map(of_one, data)


def signature(model: keras.Model, batch: Arrays) -> str:
    """A digest of the program that one step of training and one of evaluation run.

    Args:
        model: A compiled model, prepared for `batch` (`keras_seam.prepare`).
        batch: Shapes and dtypes of one batch, as `first_batch` gives them.

    Returns:
        Equal digests mean equal programs. Equal programs may get unequal digests (when a traced
        function prints its address, say), which costs a compilation and never a wrong number.
    """
    state = keras_seam.state_of(model)
    trainable, rest, _, metrics = state
    parts = (
        (model.train_step, (state, batch)),
        (model.test_step, ((trainable, rest, metrics), batch)),
        (functools.partial(keras_seam.penalty, model), (trainable,)),
    )
    digest = hashlib.sha256()
    for function, arguments in parts:
        traced = jax.make_jaxpr(function)(*arguments)
        digest.update(str(traced).encode())
        for constant in traced.consts:
            digest.update(_bytes(constant))
    for initial in keras_seam.fresh_metrics(model):
        digest.update(_bytes(initial))
    return digest.hexdigest()


def group[Item](items: Sequence[Item], keys: Sequence[Hashable]) -> list[list[Item]]:
    """Items with equal keys together, groups and items in the order of first appearance."""
    groups: dict[Hashable, list[Item]] = {}
    for item, key in zip(items, keys, strict=True):
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _bytes(array: Any) -> bytes:
    held = np.asarray(array)
    return f"{held.dtype}{held.shape}".encode() + bytes(held.tobytes())
