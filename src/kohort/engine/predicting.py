"""Outputs and losses of models: what computes the same is compiled once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import keras
import numpy as np

from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import data_loss, measures_itself, state_of, without_values
from kohort.tracing.lifting import trace


class Predictor:
    """Predicts with models as `keras.Model.predict` does, and measures their losses.

    Keras compiles a program for each model. Here those share one that compute the same but for
    constants (weights, and what their layers have learned from data).
    """

    def __init__(self) -> None:
        self.programs: dict[str, Callable[..., Any]] = {}
        """The programs so far, by what they compute."""

    def outputs(
        self,
        model: keras.Model,
        batches: Sequence[ArrayTree],
        weights: Sequence[list[Any]] | None = None,
    ) -> Iterator[Any]:
        """Yield the outputs of a model for each batch of inputs.

        Args:
            model: The model; built.
            batches: Inputs, each leaf `[batch, ...]`; all of one shape.
            weights: Values of its trainable and its other variables; None for those that it has.
        """
        if keras.backend.backend() != "jax":
            yield from (model.predict_on_batch(batch) for batch in batches)
            return
        trainable, rest = state_of(model)[:2] if weights is None else weights
        state = trainable, rest
        with without_values(model):
            run = self._shared(model.predict_step, state, (batches[0],))
        for batch in batches:
            outputs, _ = run(state, (batch,))
            yield jax.tree.map(np.asarray, outputs)

    def loss(
        self, model: keras.Model, batches: Iterable[tuple[ArrayTree, np.ndarray, np.ndarray | None]]
    ) -> float:
        """The mean loss of a prepared model in inference mode, without penalties of weights.

        NaN for a model that overrides how its loss is computed.

        Args:
            model: The model.
            batches: Of equal sizes: inputs, each leaf `[batch, ...]`, targets `[batch, ...]`, and
                the weights of the samples `[batch]` or None.
        """
        if measures_itself(model):
            return float("nan")
        run: Callable[..., Any] = partial(data_loss, model)
        # One program where Keras makes one of a step: operations one by one compile longer.
        is_program = model.jit_compile and not model.run_eagerly
        is_program &= keras.backend.backend() == "jax"
        values = [value for part in state_of(model) for value in part]
        losses: list[float] = []
        for batch in batches:
            if is_program and not losses:
                run = self._shared(run, values, batch)
            losses.append(float(run(values, batch)))
        return float(np.mean(losses))

    def _shared(self, function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        """A function as a program, which others share that differ in constants alone."""
        traced = trace(function, *arguments)
        if traced.skeleton not in self.programs:
            run = traced.lifted(range(len(traced.constants)))
            self.programs[traced.skeleton] = jax.jit(run)
        return partial(self.programs[traced.skeleton], list(map(np.asarray, traced.constants)))
