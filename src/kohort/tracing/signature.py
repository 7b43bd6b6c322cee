"""Finds out which models can share one compiled program: those whose traces differ in constants.

JAX traces `model.train_step(state, data)` to a program. State (weights, seeds, a learning rate) is
not in the trace. A constant of the step (a dropout rate, a penalty) is in it as such, and can
become an input of a shared program (`tracing.lifting`). Anything else (layer shapes, activations,
code in a custom layer) makes another program. So the trace is the signature, and models are
grouped safely without knowing anything about their layers.
"""

import functools
import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import keras

from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.metrics import metrics_reset, metrics_result
from kohort.keras_api.models import state_of, weight_penalty, without_values
from kohort.tracing.lifting import Trace, trace


@dataclass(frozen=True)
class Signature:
    """What a model's steps compute.

    Args:
        skeleton: A digest of the programs without their constants. Equal digests mean programs
            that differ in constants only; equal programs may get unequal digests, which costs a
            compilation and never a wrong number.
        constants: A digest of the constants.
        names: The names of the logs of its steps, in the order of the program. They are not
            compared: Keras numbers the names that it makes up (auc, auc_1).
    """

    skeleton: str
    constants: str
    names: tuple[str, ...] = field(default=(), compare=False)


def abstract(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    """A stand-in for an array that has its shape and dtype, and no numbers."""
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def first_batch(data: ArrayTree, batch_size: int) -> ArrayTree:
    """Shapes `[batch, ...]` and dtypes of one batch of `data`, whose leaves are `[sample, ...]`."""

    def of_one(array: Any) -> jax.ShapeDtypeStruct:
        shape = (min(batch_size, array.shape[0]), *array.shape[1:])
        # JAX stores 64-bit NumPy data as 32-bit.
        return abstract(shape, jax.dtypes.canonicalize_dtype(array.dtype))

    return jax.tree.map(of_one, data)


def trace_step(model: keras.Model, step: str, batch: ArrayTree) -> Trace:
    """The trace of one step of a model.

    Args:
        model: A compiled model, prepared for `batch` (`prepare`).
        step: "train" or "test"; "penalty" (the regularisation losses of the weights), "result"
            (the metrics' results) or "reset" (what resets the metrics), which need no batch.
        batch: Shapes and dtypes of one batch.
    """
    trainable, rest, _, metrics = state = state_of(model)
    logs: list[Any] = []

    def nameless(function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, which returns the values of its logs in a list instead of a dict."""

        def run(*arguments: Any) -> Any:
            named_values, state = function(*arguments)
            values, structure = jax.tree.flatten(dict(named_values))
            logs[:] = [structure]
            return values, state

        return run

    if step == "train":
        with without_values(model):
            traced = trace(nameless(model.train_step), state, batch)
    elif step == "test":
        with without_values(model):
            traced = trace(nameless(model.test_step), (trainable, rest, metrics), batch)
    elif step == "result":
        result = functools.partial(metrics_result, model)
        traced = trace(nameless(lambda values: (result(values), ())), metrics)
    elif step == "reset":
        traced = trace(functools.partial(metrics_reset, model), metrics)
    else:
        traced = trace(functools.partial(weight_penalty, model), trainable)
    return replace(traced, logs=logs[0]) if logs else traced


def global_settings() -> tuple[object, ...]:
    """Global settings of JAX and Keras that a trace, or what a model builds, may depend on."""
    return (
        jax.config.jax_default_matmul_precision,
        jax.config.jax_enable_x64,
        jax.config.jax_default_prng_impl,
        jax.config.jax_numpy_dtype_promotion,
        jax.config.jax_threefry_partitionable,
        jax.config.jax_debug_nans,
        keras.config.backend(),
        keras.config.dtype_policy().name,
        keras.config.epsilon(),
        keras.config.floatx(),
        keras.config.image_data_format(),
        keras.config.is_flash_attention_enabled(),
    )


@dataclass(frozen=True, eq=False)
class TracedSteps:
    """The steps of one model, traced once for batches of one shape.

    Args:
        signature: Digests of what they compute.
        traces: The trace of each step by its `step_name`; those for other batches may be added.
        settings: The `global_settings` that they were traced under.
        batches: Shapes and dtypes of the batches that they were traced for: one to train on, and,
            where the model is evaluated, one to test on.
    """

    signature: Signature
    traces: dict[str, Trace]
    settings: tuple[object, ...]
    batches: tuple[ArrayTree, ...]

    @property
    def training(self) -> Trace:
        """The trace of a training step on a whole batch."""
        return next(trace for name, trace in self.traces.items() if name.startswith("train "))

    def is_still(self, model: keras.Model, steps: Sequence[str]) -> bool:
        """Whether steps of a model, whose steps these were, are traced to the same programs."""
        for step, batch in zip(("train", "test"), self.batches, strict=False):
            if step not in steps:
                continue
            again = trace_step(model, step, batch).digest
            if again != self.traces[step_name(step, batch)].digest:
                # One that is another each time tells nothing.
                return again != trace_step(model, step, batch).digest
        return True

    def further(self, model: keras.Model, step: str, batch: ArrayTree) -> Trace:
        """The trace of one more step, or of a step for another batch.

        Args:
            model: The model whose steps they are.
            step: As for `trace_step`.
            batch: As for `trace_step`.
        """
        return trace_step(model, step, batch)


def step_name(step: str, batch: ArrayTree = None) -> str:
    """A key for a step and the shapes and structure of its batch; arguments as `trace_step`."""
    leaves, structure = jax.tree.flatten(batch)
    shapes = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in leaves]
    return " ".join([step, str(structure), *shapes] if leaves else [step])


def trace_steps(
    model: keras.Model, batch: ArrayTree, *, evaluates: bool = True, tested: ArrayTree = None
) -> TracedSteps:
    """Trace all steps of a model.

    Args:
        model: A compiled model, prepared for `batch`.
        batch: Shapes and dtypes of one batch, as `first_batch` gives them.
        evaluates: Whether it is evaluated too. A model with a `train_step` of its own, such as a
            GAN, may have no `call`, and so no `test_step`.
        tested: Shapes and dtypes of a batch in evaluation; None where it is like one in training.
    """
    tested = batch if tested is None else tested
    train = trace_step(model, "train", batch)
    tests = [trace_step(model, "test", tested)] if evaluates else []
    penalty, result, reset = (
        trace_step(model, step, batch) for step in ("penalty", "result", "reset")
    )
    traces = {
        step_name("train", batch): train,
        **{step_name("test", tested): test for test in tests},
        step_name("penalty"): penalty,
        step_name("result"): result,
        step_name("reset"): reset,
    }
    skeleton = hashlib.sha256("".join(t.skeleton for t in traces.values()).encode())
    # Keras reports the metrics' results where a step's logs have the same names as they have.
    skeleton.update(repr([result.logs == step.logs for step in (train, *tests)]).encode())
    names = tuple(name for t in (train, *tests, result) for name in log_names(t.logs))
    found = Signature(skeleton.hexdigest(), constants_digest(traces.values()), names)
    batches = (batch, tested) if evaluates else (batch,)
    return TracedSteps(found, traces, global_settings(), batches)


def constants_digest(traces: Iterable[Trace]) -> str:
    """A digest of the constants of some traces."""
    return hashlib.sha256(repr([trace.constants for trace in traces]).encode()).hexdigest()


def signature(model: keras.Model, batch: ArrayTree) -> Signature:
    """The signature of a model's steps.

    Args: as of `trace_steps`.
    """
    return trace_steps(model, batch).signature


def log_names(logs: Any) -> list[str]:
    """The names in a pytree structure of logs, in its order; of nested dicts the innermost."""
    return [path[-1] for path in _log_paths(logs)]


def nested_as(structure: Any, logs: Mapping[str, float]) -> dict[str, Any]:
    """Logs nested as a step gives them: Keras sorts them by their outer names.

    Args:
        structure: The pytree structure of the logs of a step.
        logs: By their innermost names; others, such as those of validation, stay as they are.
    """
    paths = _log_paths(structure)
    if not all(path[-1] in logs for path in paths):
        return dict(logs)  # The results of metrics, which are reported in their place.
    nested: dict[str, Any] = {}
    for *outer, name in paths:
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[name] = logs[name]
    known = {path[-1] for path in paths}
    return nested | {name: value for name, value in logs.items() if name not in known}


def _log_paths(logs: Any) -> list[list[str]]:
    """The names, outermost first, of each of the logs in a pytree structure, in its order."""
    numbered = jax.tree.unflatten(logs, range(logs.num_leaves))
    leaves = jax.tree_util.tree_leaves_with_path(numbered)
    return [[str(key.key) for key in path] for path, _ in leaves]


def group[Item](items: Sequence[Item], keys: Sequence[Hashable]) -> list[list[Item]]:
    """Group items that have equal keys; groups and items stay in the order of appearance."""
    groups: dict[Hashable, list[Item]] = {}
    for item, key in zip(items, keys, strict=True):
        groups.setdefault(key, []).append(item)
    return list(groups.values())
