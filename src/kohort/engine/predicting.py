"""Outputs of trained models: what computes the same is compiled once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import keras
import numpy as np

from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import state_of, without_values
from kohort.tracing.lifting import trace


class Predictor:
    """Predicts with trained models as `keras.Model.predict` does.

    That compiles a program for each model. Here models whose `predict_step`s differ in constants
    alone (weights, and what their layers have learned from data) share one.
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
            traced = trace(model.predict_step, state, (batches[0],))
        if traced.skeleton not in self.programs:
            run = traced.lifted(range(len(traced.constants)))
            self.programs[traced.skeleton] = jax.jit(run)
        constants = [np.asarray(constant) for constant in traced.constants]
        for batch in batches:
            outputs, _ = self.programs[traced.skeleton](constants, state, (batch,))
            yield jax.tree.map(np.asarray, outputs)
