"""The steps of a cohort: Keras's own, with the constants that differ between members as inputs."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kohort.engine.lowering.buffers import updating_in_place
from kohort.engine.lowering.operations import bind_fast
from kohort.errors import ModelError
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.metrics import fresh_metrics
from kohort.keras_api.models import has_own_code
from kohort.tracing.lifting import Trace, differing
from kohort.tracing.signature import TracedSteps, step_name, trace_step

# A call into Python is like no other in a trace, not even like itself.
_CALLS_TO_PYTHON = {"pure_callback", "io_callback"}

type Constants = dict[str, list[Any]]


class Steps:
    """What the members of a cohort run: one traced program for each step and shape of a batch.

    Args:
        models: Compiled and prepared.
        traced: Their steps for a first batch, of one skeleton.
    """

    def __init__(self, models: Sequence[keras.Model], traced: Sequence[TracedSteps]) -> None:
        signatures = [steps.signature for steps in traced]
        kinds = list(dict.fromkeys(signatures))
        # Models of one signature have equal steps for the batch that was signed. For other batches
        # too, where all that they run is Keras's; code of the user's may do there what it likes.
        self._has_own_code = any(has_own_code(model) for model in models)
        if self._has_own_code:
            examples = list(range(len(models)))
            self._kind_of = examples
        else:
            examples = [signatures.index(kind) for kind in kinds]
            self._kind_of = [kinds.index(signature) for signature in signatures]
        self._examples = [(models[example], traced[example].traces) for example in examples]
        # One kind is told by its signature, constants and all; several by what they share, which
        # is known when their steps are traced.
        first = signatures[0]
        constants = first.constants if len(kinds) == 1 else ""
        self._base = repr((first.skeleton, constants, first.names))
        self._names = [signature.names for signature in signatures]
        self._traces: dict[str, Trace] = {}  # of the first kind
        self._functions: dict[str, Callable[..., Any]] = {}
        self._digests: dict[str, str] = {}
        self._constants: Constants = {}
        self.fresh_metrics: list[Any] = fresh_metrics(models[examples[0]])
        """The values that metric variables have at the start of an epoch."""

    def prepare(self, step: str, batch: ArrayTree = None) -> str:
        """Trace a step for batches of some shape, once.

        Args:
            step: As for `trace_step`.
            batch: Shapes and dtypes of a batch as the models take it, where the step needs one.

        Returns:
            The name of the step for such batches, for `key`.

        Raises:
            ModelError: The members take different courses for such a batch, by their constants.
        """
        name = step_name(step, batch)
        if name in self._functions:
            return name
        traces = [
            known.get(name) or trace_step(model, step, batch) for model, known in self._examples
        ]
        if len({t.skeleton for t in traces}) > 1:
            raise ModelError(
                "models whose step is the same for every batch size",
                "models that take another course for a partial batch",
                "choose a batch size that divides the samples, or pass engine='keras'",
            )
        self._check_repeats(step, batch, traces[0])
        positions = differing([t.constants for t in traces])
        self._traces[name] = traces[0]
        self._functions[name] = _with_logs(traces[0], positions)
        self._constants[name] = [
            np.array([traces[kind].constants[p] for kind in self._kind_of]) for p in positions
        ]
        fixed = [c for p, c in enumerate(traces[0].constants) if p not in positions]
        self._digests[name] = repr((name, traces[0].skeleton, positions, fixed))
        return name

    def _check_repeats(self, step: str, batch: ArrayTree, trace: Trace) -> None:
        """Refuse code that computes something else each time that it is traced."""
        if not self._has_own_code or trace.primitives() & _CALLS_TO_PYTHON:
            return
        model, _ = self._examples[0]
        if trace_step(model, step, batch).digest != trace.digest:
            raise ModelError(
                "models whose steps are the same program whenever they are traced",
                f"{model.name!r}, whose {step} step is another one each time",
                "keep what a layer remembers in a variable of Keras, or pass engine='keras'",
            )

    def key(self, names: Sequence[str]) -> str:
        """Equal keys mean that these steps compute the same but for the lifted constants."""
        parts = [self._base, *(self._digests[name] for name in sorted(set(names)))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def read_as(self, name: str, count: int) -> list[Any]:
        """The dtypes that the `count` arrays of a step's batch are read in; None for their own."""
        return self._traces[name].read_as(count)

    def convolves(self, name: str) -> bool:
        """Whether there are convolutions in a step."""
        return "conv_general_dilated" in self._traces[name].primitives()

    def calls_python(self, name: str) -> bool:
        """Whether a step calls back into Python."""
        return bool(_CALLS_TO_PYTHON & self._traces[name].primitives())

    def operations(self, name: str) -> int:
        """Floating-point operations of the matrix products of a step, for each member."""
        return self._traces[name].product_operations()

    def constants_of(self, names: Sequence[str], members: Sequence[int]) -> Constants:
        """For each of these steps the values of its lifted constants, each `[member]`."""
        chosen = np.asarray(members)
        return {
            name: [jnp.asarray(values[chosen]) for values in self._constants[name]]
            for name in names
        }

    def train(self, constants: Constants, state: Any, batch: ArrayTree) -> Any:
        """Keras's `train_step(state, data)` of the member that has these constants."""
        return self._run(step_name("train", batch), constants, state, batch)

    def test(self, constants: Constants, state: Any, batch: ArrayTree) -> Any:
        """Keras's `test_step(state, data)`, likewise."""
        return self._run(step_name("test", batch), constants, state, batch)

    def penalty(self, constants: Constants, trainable: list[Any]) -> Any:
        """The part of the loss that weight regularisers add, likewise."""
        return self._run(step_name("penalty"), constants, trainable)

    def reported(self, constants: Constants, metrics: list[Any], logs: dict[str, Any]) -> Any:
        """What Keras tells after the last step: what the metrics say.

        Where a `train_step` of the user's own returns logs of other names, those.
        """
        result, _ = self._run(step_name("result"), constants, metrics)
        return dict(result) if set(result) == set(logs) else dict(logs)

    def renamed(self, member: int, logs: dict[str, float]) -> dict[str, float]:
        """Logs under the names of a member, where the program has those of the first one."""
        if self._names[member] == self._names[0]:
            return logs
        own = dict(zip(self._names[0], self._names[member], strict=True))
        return dict(sorted((_renamed(name, own), value) for name, value in logs.items()))

    def _run(self, name: str, constants: Constants, *arguments: Any) -> Any:
        return self._functions[name](constants[name], *arguments)


def _with_logs(trace: Trace, positions: Sequence[int]) -> Callable[..., Any]:
    """A lifted step; its logs, where it has some, under their names."""

    def run(values: Sequence[Any], *arguments: Any) -> Any:
        return trace.lifted(positions, updating_in_place(bind_fast))(values, *arguments)

    if trace.logs is None:
        return run

    def named(values: Sequence[Any], *arguments: Any) -> Any:
        told, state = run(values, *arguments)
        return jax.tree.unflatten(trace.logs, told), state

    return named


def _renamed(name: str, own: dict[str, str]) -> str:
    for prefix in ("", "val_", "eval_"):
        if name.startswith(prefix) and name.removeprefix(prefix) in own:
            return prefix + own[name.removeprefix(prefix)]
    return name
