"""Checkpoints: what a block of members needs to go on after an epoch, as arrays and JSON.

Members are named by their place in the block, so that a checkpoint fits any cohort that has the
same block.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

type Arrays = dict[str, np.ndarray]
type Parts = tuple[list[Any], ...]

_COUNTED: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.TerminateOnNaN: (),
}
"""What these callbacks of Keras's remember from epoch to epoch, beside weights."""

_WEIGHTS = "best_weights"


class Checkpoint(NamedTuple):
    """A block of members after an epoch.

    Args:
        epoch: Epochs that have run.
        arrays: By name; `[seat, ...]`, or of one member.
        state: The rest, of JSON.
    """

    epoch: int
    arrays: Arrays
    state: dict[str, Any]


def named(prefix: str, parts: Iterable[Iterable[Any]]) -> dict[str, Any]:
    """The leaves of lists of arrays, by name."""
    return {
        f"{prefix}/{part}/{number}": leaf
        for part, leaves in enumerate(parts)
        for number, leaf in enumerate(leaves)
    }


def parts_of(prefix: str, arrays: Mapping[str, Any], count: int) -> Parts:
    """The lists that `named` named, on the device; `count` of them, since some may be empty."""
    parts = []
    for part in range(count):
        own = f"{prefix}/{part}/"
        size = sum(name.startswith(own) for name in arrays)
        parts.append([jnp.asarray(arrays[f"{own}{number}"]) for number in range(size)])
    return tuple(parts)


def can_go_on(callbacks: Iterable[keras.callbacks.Callback]) -> bool:
    """Whether all that these callbacks remember can be kept: those of Keras that write no file.

    What another one remembers nobody knows; members that have one start over.
    """
    return all(type(callback) in _COUNTED for callback in callbacks)


def kept_callbacks(
    prefix: str, callbacks: Sequence[keras.callbacks.Callback]
) -> tuple[Arrays, list[dict[str, Any]]]:
    """What the callbacks of one member remember, in the order in which they stand."""
    arrays: Arrays = {}
    counted = []
    for place, callback in enumerate(callbacks):
        counted.append({name: getattr(callback, name, None) for name in _COUNTED[type(callback)]})
        arrays |= named(f"{prefix}/{place}", [getattr(callback, _WEIGHTS, None) or []])
    return arrays, counted


def restore_callbacks(
    prefix: str,
    callbacks: Sequence[keras.callbacks.Callback],
    arrays: Arrays,
    counted: Sequence[Mapping[str, Any]],
) -> None:
    """Let callbacks remember what `kept_callbacks` kept."""
    for place, (callback, own) in enumerate(zip(callbacks, counted, strict=True)):
        for name, value in own.items():
            setattr(callback, name, value)
        (weights,) = parts_of(f"{prefix}/{place}", arrays, 1)
        if weights:
            setattr(callback, _WEIGHTS, jax.device_get(weights))
