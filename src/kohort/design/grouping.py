"""Which models can share one compiled program: those whose traced steps differ in constants only.

Keras traces `model.train_step(state, data)` to a JAX program. What differs between two models and
is state (weights, seeds, a learning rate) does not show in it; what is a constant of the step (a
dropout rate, a penalty) shows as one, and can be an input of a shared program (`design.lifting`);
anything else (layer shapes, activations, code in a custom layer) makes another program. So the
trace is the signature, and nothing has to be known about a layer to group it safely.
"""

import functools
import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import keras

from kohort.design import keras_seam
from kohort.design.keras_seam import Arrays
from kohort.design.lifting import Trace, array_bytes, trace


@dataclass(frozen=True)
class Signature:
    """What a model's steps compute.

    Args:
        skeleton: A digest of the programs without their constants. Equal digests mean programs
            that differ in constants only; equal programs may get unequal digests, which costs a
            compilation and never a wrong number.
        constants: A digest of the constants.
        names: What the logs of its steps are called, in the order of the program. Keras numbers
            names that it makes up (auc, auc_1), so that they tell nothing of what is computed.
    """

    skeleton: str
    constants: str
    names: tuple[str, ...] = field(default=(), compare=False)


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


def trace_step(model: keras.Model, step: str, batch: Arrays) -> Trace:
    """The trace of one step of a model.

    Args:
        model: A compiled model, prepared for `batch` (`keras_seam.prepare`).
        step: "train" or "test"; or "penalty" or "result", the losses of weights and what
            metrics say, which need no batch.
        batch: Shapes and dtypes of one batch.
    """
    trainable, rest, _, metrics = state = keras_seam.state_of(model)
    logs: list[Any] = []

    def nameless(function: Callable[..., Any]) -> Callable[..., Any]:
        """The same with the values of its logs in the place of the logs."""

        def run(*arguments: Any) -> Any:
            told, state = function(*arguments)
            values, structure = jax.tree.flatten(dict(told))
            logs[:] = [structure]
            return values, state

        return run

    if step == "train":
        own = trace(nameless(model.train_step), state, batch)
    elif step == "test":
        own = trace(nameless(model.test_step), (trainable, rest, metrics), batch)
    elif step == "result":
        result = functools.partial(keras_seam.metrics_result, model)
        own = trace(nameless(lambda values: (result(values), ())), metrics)
    else:
        own = trace(functools.partial(keras_seam.penalty, model), trainable)
    return replace(own, logs=logs[0]) if logs else own


def trace_steps(model: keras.Model, batch: Arrays) -> list[Trace]:
    """The traces of all steps of a model; arguments as for `signature`."""
    return [trace_step(model, step, batch) for step in ("train", "test", "penalty", "result")]


def signature(model: keras.Model, batch: Arrays) -> Signature:
    """What one step of training and one of evaluation compute, and how metrics start.

    Args:
        model: A compiled model, prepared for `batch`.
        batch: Shapes and dtypes of one batch, as `first_batch` gives them.
    """
    return sign(model, trace_steps(model, batch))


def sign(model: keras.Model, traces: Sequence[Trace]) -> Signature:
    """The signature of a model whose steps have these traces."""
    skeleton = hashlib.sha256("".join(t.skeleton for t in traces).encode())
    train, test, _, result = (t.logs for t in traces)
    # Keras tells what the metrics say where a step's own logs are called the same.
    skeleton.update(repr((result == train, result == test)).encode())
    for initial in keras_seam.fresh_metrics(model):
        skeleton.update(array_bytes(initial))
    constants = hashlib.sha256(repr([t.constants for t in traces]).encode())
    names = tuple(name for logs in (train, test, result) for name in log_names(logs))
    return Signature(skeleton.hexdigest(), constants.hexdigest(), names)


def log_names(logs: Any) -> list[str]:
    """The names in a structure of logs, in its order; of levels, those of the lowest."""
    numbered = jax.tree.unflatten(logs, range(logs.num_leaves))
    return [str(path[-1].key) for path, _ in jax.tree_util.tree_leaves_with_path(numbered)]


def group[Item](items: Sequence[Item], keys: Sequence[Hashable]) -> list[list[Item]]:
    """Items with equal keys together, groups and items in the order of first appearance."""
    groups: dict[Hashable, list[Item]] = {}
    for item, key in zip(items, keys, strict=True):
        groups.setdefault(key, []).append(item)
    return list(groups.values())
