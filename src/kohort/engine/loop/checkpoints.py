"""Checkpoints: the state from which a block of members resumes after an epoch, arrays and JSON.

Members are identified by their place in the block, so that a checkpoint fits any cohort that has
the same block.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import keras
import numpy as np

type NamedArrays = dict[str, np.ndarray]
"""Arrays by name: `[seat, ...]`, or those of one member."""

type ArrayParts = tuple[list[Any], ...]
"""Lists of arrays, such as the parts of a state."""

_COUNTED: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.TerminateOnNaN: (),
}
"""The attributes in which these callbacks of Keras keep their state, beside weights."""

_WEIGHTS = "best_weights"

BEST, LEFT = "best", "left"
"""Prefixes of the names of members' best weights: of all seats `[seat, ...]`, and of one member
that left its seat."""


class Checkpoint(NamedTuple):
    """A block of members after an epoch.

    Args:
        epoch: The number of epochs that have run.
        arrays: By name; `[seat, ...]`, or of one member.
        state: The rest, as JSON.
    """

    epoch: int
    arrays: NamedArrays
    state: dict[str, Any]


def named(prefix: str, parts: Iterable[Iterable[Any]]) -> dict[str, Any]:
    """Name the arrays in lists of arrays."""
    return {
        f"{prefix}/{part}/{number}": leaf
        for part, leaves in enumerate(parts)
        for number, leaf in enumerate(leaves)
    }


def parts_of(prefix: str, arrays: Mapping[str, Any], count: int) -> ArrayParts:
    """The `count` lists of arrays that `named` named; some may be empty."""
    parts = []
    for part in range(count):
        start = f"{prefix}/{part}/"
        size = sum(name.startswith(start) for name in arrays)
        parts.append([arrays[f"{start}{number}"] for number in range(size)])
    return tuple(parts)


def lean(checkpoint: Checkpoint, ended: Sequence[Sequence[np.ndarray]]) -> Checkpoint:
    """A checkpoint without the best weights that are also final weights, which are stored anyway.

    Args:
        checkpoint: Of a block that has finished training.
        ended: By place in the block, the final weights of the member, in any order.
    """
    arrays, found = {}, {}
    for name, array in checkpoint.arrays.items():
        places = _places(name, checkpoint.state)
        of_members = array if name.startswith(_BEST) else array[None]
        indices = (
            [_index(ended[place], best) for place, best in zip(places, of_members, strict=True)]
            if places
            else []
        )
        if places and None not in indices:
            found[name] = indices
        else:
            arrays[name] = array
    return checkpoint._replace(arrays=arrays, state=checkpoint.state | {_FOUND: found})


def whole(checkpoint: Checkpoint, ended: Sequence[Sequence[np.ndarray]]) -> Checkpoint:
    """The inverse of `lean`, for the same `ended`."""
    arrays = dict(checkpoint.arrays)
    for name, indices in checkpoint.state[_FOUND].items():
        places = _places(name, checkpoint.state)
        best = [ended[place][index] for place, index in zip(places, indices, strict=True)]
        arrays[name] = np.stack(best) if name.startswith(_BEST) else best[0]
    state = {name: value for name, value in checkpoint.state.items() if name != _FOUND}
    return checkpoint._replace(arrays=arrays, state=state)


_FOUND = "in weights"
_BEST = f"{BEST}/"


def _places(name: str, state: Mapping[str, Any]) -> list[int]:
    """The places of the members whose best weights an array holds; empty for other arrays."""
    if name.startswith(_BEST):
        return list(state["bench"]["best"]["seats"])
    left = name.removeprefix(f"{LEFT} ")
    return [] if left == name else [int(left.partition("/")[0])]


def _index(weights: Sequence[np.ndarray], array: np.ndarray) -> int | None:
    """The index of the weights that equal an array bit for bit; None where there are none."""
    same = (
        index
        for index, weight in enumerate(weights)
        if (weight.shape, weight.dtype) == (array.shape, array.dtype)
        and weight.tobytes() == array.tobytes()
    )
    return next(same, None)


def can_resume(callbacks: Iterable[keras.callbacks.Callback]) -> bool:
    """Whether the whole state of these callbacks can be saved: those of Keras that write no file.

    The state of other callbacks is unknown; members that have one start over.
    """
    return all(type(callback) in _COUNTED for callback in callbacks)


def saved_callbacks(
    prefix: str, callbacks: Sequence[keras.callbacks.Callback]
) -> tuple[NamedArrays, list[dict[str, Any]]]:
    """The state of the callbacks of one member, in their order, as arrays and JSON."""
    arrays: NamedArrays = {}
    counted = []
    for place, callback in enumerate(callbacks):
        counted.append({name: getattr(callback, name, None) for name in _COUNTED[type(callback)]})
        arrays |= named(f"{prefix}/{place}", [getattr(callback, _WEIGHTS, None) or []])
    return arrays, counted


def restore_callbacks(
    prefix: str,
    callbacks: Sequence[keras.callbacks.Callback],
    arrays: NamedArrays,
    counted: Sequence[Mapping[str, Any]],
) -> None:
    """Restore the state of callbacks that `saved_callbacks` returned."""
    for place, (callback, attributes) in enumerate(zip(callbacks, counted, strict=True)):
        for name, value in attributes.items():
            setattr(callback, name, value)
        (weights,) = parts_of(f"{prefix}/{place}", arrays, 1)
        if weights:
            setattr(callback, _WEIGHTS, jax.device_get(weights))
