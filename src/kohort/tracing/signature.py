"""Which models can share one compiled program: those whose traced steps differ in constants only.

Keras traces `model.train_step(state, data)` to a JAX program. What differs between two models and
is state (weights, seeds, a learning rate) does not show in it; what is a constant of the step (a
dropout rate, a penalty) shows as one, and can be an input of a shared program (`tracing.jaxpr`);
anything else (layer shapes, activations, code in a custom layer) makes another program. So the
trace is the signature, and nothing has to be known about a layer to group it safely.
"""

import functools
import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import keras

from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.metrics import fresh_metrics, metrics_result
from kohort.keras_api.models import state_of, weight_penalty
from kohort.tracing.jaxpr import Trace, array_bytes, trace


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


def first_batch(data: ArrayTree, batch_size: int) -> ArrayTree:
    """The shapes and dtypes of one batch of `data`, `[batch, ...]` each, without its numbers."""

    def of_one(array: Any) -> jax.ShapeDtypeStruct:
        shape = (min(batch_size, array.shape[0]), *array.shape[1:])
        # JAX holds 64-bit NumPy data as 32-bit, on the device and so here.
        return abstract(shape, jax.dtypes.canonicalize_dtype(array.dtype))

    return jax.tree.map(of_one, data)


def trace_step(model: keras.Model, step: str, batch: ArrayTree) -> Trace:
    """The trace of one step of a model.

    Args:
        model: A compiled model, prepared for `batch` (`prepare`).
        step: "train" or "test"; or "penalty" or "result", the losses of weights and what
            metrics say, which need no batch.
        batch: Shapes and dtypes of one batch.
    """
    trainable, rest, _, metrics = state = state_of(model)
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
        result = functools.partial(metrics_result, model)
        own = trace(nameless(lambda values: (result(values), ())), metrics)
    else:
        own = trace(functools.partial(weight_penalty, model), trainable)
    return replace(own, logs=logs[0]) if logs else own


@dataclass(frozen=True, eq=False)
class TracedSteps:
    """The steps of one model, traced once for batches of one shape.

    Args:
        signature: What they compute.
        traces: By `step_name`.
    """

    signature: Signature
    traces: Mapping[str, Trace]


def step_name(step: str, batch: ArrayTree = None) -> str:
    """Names a step for batches of some shape; arguments as for `trace_step`."""
    shapes = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(batch)]
    return " ".join([step, *shapes])


def trace_steps(model: keras.Model, batch: ArrayTree) -> TracedSteps:
    """Trace all steps of a model.

    Args:
        model: A compiled model, prepared for `batch`.
        batch: Shapes and dtypes of one batch, as `first_batch` gives them.
    """
    train, test = (trace_step(model, step, batch) for step in ("train", "test"))
    penalty, result = (trace_step(model, step, batch) for step in ("penalty", "result"))
    traces = {
        step_name("train", batch): train,
        step_name("test", batch): test,
        step_name("penalty"): penalty,
        step_name("result"): result,
    }
    skeleton = hashlib.sha256("".join(t.skeleton for t in traces.values()).encode())
    # Keras tells what the metrics say where a step's own logs are called the same.
    skeleton.update(repr((result.logs == train.logs, result.logs == test.logs)).encode())
    for initial in fresh_metrics(model):
        skeleton.update(array_bytes(initial))
    constants = hashlib.sha256(repr([t.constants for t in traces.values()]).encode())
    names = tuple(name for t in (train, test, result) for name in log_names(t.logs))
    return TracedSteps(Signature(skeleton.hexdigest(), constants.hexdigest(), names), traces)


def signature(model: keras.Model, batch: ArrayTree) -> Signature:
    """What one step of training and one of evaluation compute, and how metrics start.

    Args: as of `trace_steps`.
    """
    return trace_steps(model, batch).signature


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
