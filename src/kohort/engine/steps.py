"""The steps of a cohort: Keras's own, with the constants that differ between members as inputs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import keras
import numpy as np

from kohort.design import keras_seam
from kohort.design.grouping import Signature, abstract, trace_step
from kohort.design.keras_seam import Arrays
from kohort.design.lifting import differing
from kohort.errors import ModelError

type Constants = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class Steps:
    """What the members of a cohort run.

    Args:
        key: Equal keys mean equal programs.
        constants: For each step the values of its lifted constants, each `[member]`.
        fresh_metrics: The values that metric variables have at the start of an epoch.
    """

    key: str
    constants: Constants
    fresh_metrics: list[Any]
    _functions: dict[str, Callable[..., Any]]

    def train(self, constants: Constants, state: Any, batch: Arrays) -> Any:
        """Keras's `train_step(state, data)` of the member that has these constants."""
        return self._run("train", batch, constants, state, batch)

    def test(self, constants: Constants, state: Any, batch: Arrays) -> Any:
        """Keras's `test_step(state, data)`, likewise."""
        return self._run("test", batch, constants, state, batch)

    def penalty(self, constants: Constants, trainable: list[Any]) -> Any:
        """The part of the loss that weight regularisers add, likewise."""
        return self._run("penalty", None, constants, trainable)

    def _run(self, step: str, batch: Arrays, constants: Constants, *arguments: Any) -> Any:
        name = _name(step, batch)
        if name in constants:
            return self._functions[name](constants[name], *arguments)
        return self._functions[step](*arguments)


def make_steps(
    models: Sequence[keras.Model],
    signatures: Sequence[Signature],
    batch: Arrays,
    train_sizes: Sequence[int],
    test_sizes: Sequence[int],
) -> Steps:
    """The steps of models of one skeleton.

    Args:
        models: Compiled and prepared.
        signatures: Theirs, with equal skeletons.
        batch: Shapes and dtypes of one batch as the models take it.
        train_sizes: The batch sizes that training meets.
        test_sizes: The batch sizes that evaluation meets.

    Raises:
        ModelError: A step takes another course for a last partial batch, by its constants.
    """
    first = models[0]
    functions = {
        "train": first.train_step,
        "test": first.test_step,
        "penalty": lambda trainable: keras_seam.penalty(first, trainable),
    }
    fresh = keras_seam.fresh_metrics(first)
    if len(set(signatures)) == 1:
        return Steps(repr(signatures[0]), {}, fresh, functions)
    kinds = list(dict.fromkeys(signatures))
    examples = [models[list(signatures).index(kind)] for kind in kinds]
    kind_of = [kinds.index(own) for own in signatures]
    wanted = [
        *(("train", _resized(batch, size)) for size in train_sizes),
        *(("test", _resized(batch, size)) for size in test_sizes),
        ("penalty", None),
    ]
    constants: Constants = {}
    digest = hashlib.sha256(signatures[0].skeleton.encode())
    for step, shapes in wanted:
        traces = [trace_step(model, step, shapes) for model in examples]
        _check_one_skeleton({t.skeleton for t in traces})
        positions = differing([t.constants for t in traces])
        name = _name(step, shapes)
        functions[name] = traces[0].lifted(positions)
        constants[name] = [
            np.array([traces[kind].constants[p] for kind in kind_of]) for p in positions
        ]
        fixed = [c for p, c in enumerate(traces[0].constants) if p not in positions]
        digest.update(repr((name, traces[0].skeleton, positions, fixed)).encode())
    return Steps(digest.hexdigest(), constants, fresh, functions)


def _name(step: str, batch: Arrays) -> str:
    return step if batch is None else f"{step} {jax.tree.leaves(batch)[0].shape[0]}"


def _resized(batch: Arrays, size: int) -> Arrays:
    return jax.tree.map(lambda leaf: abstract((size, *leaf.shape[1:]), leaf.dtype), batch)


def _check_one_skeleton(skeletons: set[str]) -> None:
    if len(skeletons) > 1:
        raise ModelError(
            "models whose step is the same for every batch size",
            "models that take another course for a partial batch",
            "choose a batch size that divides the samples, or pass engine='keras'",
        )
