"""The steps of a cohort: Keras's steps, with constants that differ between members as inputs."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
import numpy as np

from kohort.engine.devices import Place
from kohort.engine.lowering.buffers import updating_in_place
from kohort.engine.lowering.operations import bind_fast
from kohort.errors import ModelError
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import has_own_code
from kohort.tracing.lifting import Trace, Work, differing
from kohort.tracing.padded import Padded
from kohort.tracing.signature import (
    TracedSteps,
    first_batch,
    global_settings,
    nested_as,
    step_name,
    trace_step,
)

# Two traces of one call into Python are never equal.
_CALLS_TO_PYTHON = {"pure_callback", "io_callback"}
_LOOPS = {"scan", "while"}

type Constants = dict[str, list[Any]]
"""The lifted constants of each step by its name; each `[member]`."""


class Steps:
    """The steps of a cohort: one traced program for each step and shape of a batch.

    Args:
        models: The models of the members, compiled and prepared.
        traced: Their steps traced for a first batch; all have one skeleton.
        lifts_all: Whether all constants are inputs, and not only those that differ: the program
            then does not depend on which members there are.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        traced: Sequence[TracedSteps],
        *,
        lifts_all: bool = False,
    ) -> None:
        self._lifts_all = lifts_all
        signatures = [steps.signature for steps in traced]
        kinds = list(dict.fromkeys(signatures))
        # Models of one signature have equal steps for the batch that was traced, and for other
        # batches too if all their code is Keras's. User code may depend on the shape of a batch.
        self._has_own_code = any(map(has_own_code, {id(model): model for model in models}.values()))
        if self._has_own_code:
            examples = list(range(len(models)))
            self._kind_of = examples
        else:
            examples = [signatures.index(kind) for kind in kinds]
            self._kind_of = [kinds.index(signature) for signature in signatures]
        self._examples = [(models[example], traced[example]) for example in examples]
        # Traces that were made earlier, if nothing that they depend on has changed since. User code
        # may depend on anything: it is traced anew, and must give the same again.
        settings = global_settings()
        self._earlier = [traced[example].traces for example in examples]
        self._known = [
            {} if self._has_own_code or traced[example].settings != settings else traces
            for example, traces in zip(examples, self._earlier, strict=True)
        ]
        # One kind is identified by its signature, constants included. Several are identified by
        # what they share, which is known when their steps are traced.
        first = signatures[0]
        constants = first.constants if len(kinds) == 1 and not lifts_all else ""
        self._base = repr((first.skeleton, constants, first.names))
        self._names = [signature.names for signature in signatures]
        self._logs = [steps.training.logs for steps in traced]
        self._traces: dict[str, Trace] = {}  # of the first kind
        self._functions: dict[str, Callable[..., Any]] = {}
        self._positions: dict[str, tuple[int, ...]] = {}
        self._padded: dict[tuple[str, str], Callable[..., Any] | None] = {}
        self._digests: dict[str, str] = {}
        self._constants: Constants = {}

    def prepare(self, step: str, batch: ArrayTree = None) -> str:
        """Trace a step for batches of some shape, once.

        Args:
            step: As for `trace_step`.
            batch: Shapes and dtypes of a batch as the models take it, where the step needs one.

        Returns:
            The name of the step for such batches, for `key`.

        Raises:
            ModelError: The members have different programs for such a batch.
        """
        name = step_name(step, batch)
        if name in self._functions:
            return name
        for (model, steps), known in zip(self._examples, self._known, strict=True):
            if name not in known:
                known[name] = steps.further(model, step, batch)
        traces = [known[name] for known in self._known]
        if len({t.skeleton for t in traces}) > 1:
            raise ModelError(
                "models whose step is the same for every batch size",
                "models that take another course for a partial batch",
                "choose a batch size that divides the samples, or pass engine='keras'",
            )
        if self._has_own_code and not traces[0].primitives() & _CALLS_TO_PYTHON:
            self._check_repeats(step, batch, traces)
        constants = [t.constants for t in traces]
        positions = tuple(range(len(constants[0]))) if self._lifts_all else differing(constants)
        self._traces[name] = traces[0]
        self._positions[name] = positions
        self._functions[name] = _with_logs(traces[0], positions)
        self._constants[name] = [
            np.array([traces[kind].constants[p] for kind in self._kind_of]) for p in positions
        ]
        fixed = [c for p, c in enumerate(traces[0].constants) if p not in positions]
        self._digests[name] = repr((name, traces[0].skeleton, positions, fixed))
        return name

    def pads(self, full: str, partial: str) -> bool:
        """Whether the program of a full batch serves a partial one too, filled up with other rows.

        Args:
            full: What `prepare` returned for the full batch.
            partial: What it returned for the partial one.
        """
        key = full, partial
        if key not in self._padded:
            padded = Padded.of(self._traces[full], self._traces[partial])
            positions = self._positions
            self._padded[key] = (
                None
                if padded is None
                else _with_both_logs(padded, positions[full], positions[partial])
            )
        return self._padded[key] is not None

    def _check_repeats(self, step: str, batch: ArrayTree, traces: Sequence[Trace]) -> None:
        """Refuse user code that gives another program each time that it is traced."""
        name = step_name(step, batch)
        for (model, _), earlier, trace in zip(self._examples, self._earlier, traces, strict=True):
            # One is traced once more where no trace of the step was made before.
            again = earlier.get(name) or (
                trace_step(model, step, batch) if trace is traces[0] else trace
            )
            if again.digest != trace.digest:
                raise ModelError(
                    "models whose steps are the same program whenever they are traced",
                    f"{model.name!r}, whose {step} step is another one each time",
                    "keep what a layer remembers in a variable of Keras, or pass engine='keras'",
                )

    def key(self, names: Sequence[str]) -> str:
        """A digest of these steps; equal digests mean that they differ in lifted constants only."""
        parts = [self._base, *(self._digests[name] for name in sorted(set(names)))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def read_as(self, name: str, count: int) -> list[Any]:
        """The dtypes in which a step reads the `count` arrays of its batch: see `Trace.read_as`."""
        return self._traces[name].read_as(count)

    def convolves(self, name: str) -> bool:
        """Whether a step has convolutions."""
        return "conv_general_dilated" in self._traces[name].primitives()

    @property
    def compiles_lightly(self) -> bool:
        """Whether programs of these steps are as fast at LLVM's first level of optimisation.

        Measured so: steps with loops of their own, as those of recurrent layers; and steps that
        multiply sequences, as those of transformers, without a convolution.
        """
        traces = self._traces.values()
        if any(_LOOPS & trace.primitives() for trace in traces):
            return True
        return any(trace.multiplies_sequences() for trace in traces) and not any(
            map(self.convolves, self._traces)
        )

    @property
    def calls_python(self) -> bool:
        """Whether a step calls Python at run time, in training or in evaluation."""
        traces = self._earlier[0].values()
        return any(_CALLS_TO_PYTHON & trace.primitives() for trace in traces)

    def work(self, name: str) -> Work:
        """What a step does, for each member."""
        return self._traces[name].work()

    def constants_of(
        self, names: Sequence[str], members: Sequence[int], place: Place = None
    ) -> Constants:
        """The lifted constants of these steps for these members, each `[member]`, on a device."""
        chosen = np.asarray(members)
        values = {name: [of_all[chosen] for of_all in self._constants[name]] for name in names}
        on_device: Constants = jax.device_put(values, place)
        return on_device

    def train(self, constants: Constants, state: Any, batch: ArrayTree) -> Any:
        """Keras's `train_step(state, data) -> (logs, state)` of a member with these constants."""
        return self._run(step_name("train", batch), constants, state, batch)

    def test(self, constants: Constants, state: Any, batch: ArrayTree) -> Any:
        """Keras's `test_step(state, data) -> (logs, state)` of a member with these constants."""
        return self._run(step_name("test", batch), constants, state, batch)

    def padded(
        self,
        step: str,
        size: int,
        constants: Constants,
        state: Any,
        batch: ArrayTree,
        is_full: Any,
    ) -> Any:
        """A step on a batch that is full, or of which the first `size` rows count.

        Args:
            step: "train" or "test", of which `pads` is true.
            size: Rows of a partial batch.
            constants: As of `train`.
            state: Likewise.
            batch: `[batch, ...]`; the rows that do not count are finite where the others are.
            is_full: Whether all rows count; bool scalar.
        """
        smaller = first_batch(batch, size)
        names = step_name(step, batch), step_name(step, smaller)
        run = self._padded[names]
        assert run is not None
        return run(is_full, *(constants[name] for name in names), state, batch)

    def penalty(self, constants: Constants, trainable: list[Any]) -> Any:
        """The part of the loss that weight regularisers add, for a member with these constants."""
        return self._run(step_name("penalty"), constants, trainable)

    def reset(self, constants: Constants, metrics: list[Any]) -> Any:
        """The metric variables at the start of an epoch or of an evaluation, as Keras resets them.

        Mostly they do not depend on the values before; a metric may keep some of them.
        """
        return self._run(step_name("reset"), constants, metrics)

    def reported(self, constants: Constants, metrics: list[Any], logs: dict[str, Any]) -> Any:
        """The logs that Keras reports after the last step: the results of the metrics.

        Where a custom `train_step` returned logs of other names, those are reported.
        """
        result, _ = self._run(step_name("result"), constants, metrics)
        return dict(result) if set(result) == set(logs) else dict(logs)

    def renamed(self, member: int, logs: dict[str, float]) -> dict[str, float]:
        """The logs of a member under its names; the program uses those of the first member."""
        if self._names[member] == self._names[0]:
            return logs
        new_names = dict(zip(self._names[0], self._names[member], strict=True))
        return dict(sorted((_renamed(name, new_names), value) for name, value in logs.items()))

    def nested(self, member: int, logs: dict[str, float]) -> dict[str, Any]:
        """The logs of a member, nested as its `train_step` gives them."""
        return nested_as(self._logs[member], logs)

    def _run(self, name: str, constants: Constants, *arguments: Any) -> Any:
        return self._functions[name](constants[name], *arguments)


def _with_logs(trace: Trace, positions: Sequence[int]) -> Callable[..., Any]:
    """A step with lifted constants, which returns its logs (if it has any) as a dict."""

    def run(values: Sequence[Any], *arguments: Any) -> Any:
        return trace.lifted(positions, updating_in_place(bind_fast))(values, *arguments)

    if trace.logs is None:
        return run

    def named(values: Sequence[Any], *arguments: Any) -> Any:
        log_values, state = run(values, *arguments)
        return jax.tree.unflatten(trace.logs, log_values), state

    return named


def _with_both_logs(
    padded: Padded, full: Sequence[int], partial: Sequence[int]
) -> Callable[..., Any]:
    """A step for full and partial batches, which returns its logs as a dict."""

    def run(*arguments: Any) -> Any:
        # An `updating_in_place` is for one run.
        one = padded.lifted(full, partial, updating_in_place(bind_fast))
        log_values, state = one(*arguments)
        return jax.tree.unflatten(padded.full.logs, log_values), state

    return run


def _renamed(name: str, new_names: dict[str, str]) -> str:
    """The new name of a log, with its prefix."""
    for prefix in ("", "val_", "eval_"):
        if name.startswith(prefix) and name.removeprefix(prefix) in new_names:
            return prefix + new_names[name.removeprefix(prefix)]
    return name
