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

type NamedArrays = dict[str, np.ndarray]
type ArrayParts = tuple[list[Any], ...]

_COUNTED: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.TerminateOnNaN: (),
}
"""What these callbacks of Keras's remember from epoch to epoch, beside weights."""

_WEIGHTS = "best_weights"

BEST, LEFT = "best", "left"
"""How the names of arrays begin that hold members' best weights: those of all seats, `[seat, ...]`,
and those of a member that left its seat."""


class Checkpoint(NamedTuple):
    """A block of members after an epoch.

    Args:
        epoch: Epochs that have run.
        arrays: By name; `[seat, ...]`, or of one member.
        state: The rest, of JSON.
    """

    epoch: int
    arrays: NamedArrays
    state: dict[str, Any]


def named(prefix: str, parts: Iterable[Iterable[Any]]) -> dict[str, Any]:
    """The leaves of lists of arrays, by name."""
    return {
        f"{prefix}/{part}/{number}": leaf
        for part, leaves in enumerate(parts)
        for number, leaf in enumerate(leaves)
    }


def parts_of(prefix: str, arrays: Mapping[str, Any], count: int) -> ArrayParts:
    """The lists that `named` named, on the device; `count` of them, since some may be empty."""
    parts = []
    for part in range(count):
        own = f"{prefix}/{part}/"
        size = sum(name.startswith(own) for name in arrays)
        parts.append([jnp.asarray(arrays[f"{own}{number}"]) for number in range(size)])
    return tuple(parts)


def lean(checkpoint: Checkpoint, ended: Sequence[Sequence[np.ndarray]]) -> Checkpoint:
    """A checkpoint without the best weights that its members ended with, which are kept anyway.

    Args:
        checkpoint: Of a block that has trained to its end.
        ended: By place in the block, the weights that the member ended with, in any order.
    """
    arrays, found = {}, {}
    for name, array in checkpoint.arrays.items():
        places = _places(name, checkpoint.state)
        own = array if name.startswith(_BEST) else array[None]
        indices = [_index(ended[p], w) for p, w in zip(places, own, strict=True)] if places else []
        if places and None not in indices:
            found[name] = indices
        else:
            arrays[name] = array
    return checkpoint._replace(arrays=arrays, state=checkpoint.state | {_FOUND: found})


def whole(checkpoint: Checkpoint, ended: Sequence[Sequence[np.ndarray]]) -> Checkpoint:
    """The checkpoint that `lean` was given, from what it gave and the same `ended`."""
    arrays = dict(checkpoint.arrays)
    for name, indices in checkpoint.state[_FOUND].items():
        places = _places(name, checkpoint.state)
        own = [ended[place][index] for place, index in zip(places, indices, strict=True)]
        arrays[name] = np.stack(own) if name.startswith(_BEST) else own[0]
    state = {name: value for name, value in checkpoint.state.items() if name != _FOUND}
    return checkpoint._replace(arrays=arrays, state=state)


_FOUND = "in weights"
_BEST = f"{BEST}/"


def _places(name: str, state: Mapping[str, Any]) -> list[int]:
    """The places of the members whose best weights an array has; none where it has other things."""
    if name.startswith(_BEST):
        return list(state["bench"]["best"]["seats"])
    left = name.removeprefix(f"{LEFT} ")
    return [] if left == name else [int(left.partition("/")[0])]


def _index(weights: Sequence[np.ndarray], array: np.ndarray) -> int | None:
    """Where among the weights an array is, to the last bit."""
    same = (
        index
        for index, own in enumerate(weights)
        if (own.shape, own.dtype) == (array.shape, array.dtype) and own.tobytes() == array.tobytes()
    )
    return next(same, None)


def can_go_on(callbacks: Iterable[keras.callbacks.Callback]) -> bool:
    """Whether all that these callbacks remember can be kept: those of Keras that write no file.

    What another one remembers nobody knows; members that have one start over.
    """
    return all(type(callback) in _COUNTED for callback in callbacks)


def kept_callbacks(
    prefix: str, callbacks: Sequence[keras.callbacks.Callback]
) -> tuple[NamedArrays, list[dict[str, Any]]]:
    """What the callbacks of one member remember, in the order in which they stand."""
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
    """Let callbacks remember what `kept_callbacks` kept."""
    for place, (callback, own) in enumerate(zip(callbacks, counted, strict=True)):
        for name, value in own.items():
            setattr(callback, name, value)
        (weights,) = parts_of(f"{prefix}/{place}", arrays, 1)
        if weights:
            setattr(callback, _WEIGHTS, jax.device_get(weights))
