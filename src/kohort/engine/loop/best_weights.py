"""The weights of the best epoch so far of each member that trains in a block."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.engine.devices import Place
from kohort.engine.loop.checkpoints import BEST, LEFT, NamedArrays, named, parts_of
from kohort.keras_api.models import State


class BestWeights:
    """The weights of each member at the epoch where `monitor` was lowest."""

    def __init__(self, monitor: str, place: Place) -> None:
        self._monitor, self._place = monitor, place
        platform = jax.default_backend() if place is None else place.platform
        self._is_on_host = platform == "cpu"
        self._seats: list[int] = []
        self._lowest: Any = None
        self._weights: Any = None
        self._left: dict[int, Any] = {}

    def update(
        self, seats: list[int], active: list[int], state: State, logs: dict[str, Any]
    ) -> None:
        """Compare the last epoch with the best so far, for each active member.

        `state` and `logs` are `[seat, ...]`.
        """
        weights: Any = state[:2]
        if self._is_on_host:
            weights = jax.tree.map(_looked_at, weights)
        if seats != self._seats:
            self._left = self.by_member()
            self._start(seats, weights)
        counts = [member in active for member in seats]
        value = np.where(counts, logs[self._monitor], np.float32("nan"))
        keep_better = _better_on_host if self._is_on_host else _better_on_device
        self._lowest, self._weights = keep_better(self._lowest, self._weights, value, weights)

    def by_member(self) -> dict[int, Any]:
        """The best weights, trainable and non-trainable, by member number."""
        weights = of_seats(self._weights, range(len(self._seats)))
        return self._left | dict(zip(self._seats, weights, strict=True))

    def saved(self, place: dict[int, int]) -> tuple[NamedArrays, dict[str, Any]]:
        """The weights and lowest values as arrays, and JSON, with members by `place`."""
        arrays = named(BEST, self._weights) | {"lowest": self._lowest}
        for member, weights in self._left.items():
            arrays |= named(f"{LEFT} {place[member]}", weights)
        state = {
            "seats": [place[member] for member in self._seats],
            "left": [place[member] for member in self._left],
        }
        return jax.device_get(arrays), state

    def restore(self, block: list[int], arrays: NamedArrays, state: dict[str, Any]) -> None:
        """Restore what `saved` returned for the same block."""
        self._seats = [block[place] for place in state["seats"]]
        self._lowest, weights = arrays["lowest"], parts_of(BEST, arrays, 2)
        self._weights = weights if self._is_on_host else jax.device_put(weights, self._place)
        self._left = {
            block[place]: parts_of(f"{LEFT} {place}", arrays, 2) for place in state["left"]
        }

    def _start(self, seats: list[int], weights: Any) -> None:
        """Begin with new seats, whose members take their best weights along."""
        old_seat = dict(zip(self._seats, range(len(self._seats)), strict=True))
        before = np.asarray(self._lowest)
        lowest = [before[old_seat[m]] if m in old_seat else np.inf for m in seats]
        if old_seat:
            rows = np.array([old_seat[m] for m in seats])
            self._weights = jax.tree.map(lambda leaf: leaf[rows], self._weights)
        else:
            self._weights = jax.tree.map(np.array, weights) if self._is_on_host else weights
        self._seats = list(seats)
        self._lowest = np.array(lowest, np.float32)


def _better_on_host(
    lowest: np.ndarray, weights: Any, value: np.ndarray, candidate: Any
) -> tuple[np.ndarray, Any]:
    """As `_better_on_device`, without a program for each kind of model, nor copies of no use."""
    better = value < lowest
    if not better.any():
        return lowest, weights

    def choose(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.where(_wide(better, new), new, old)

    return np.where(better, value, lowest), jax.tree.map(choose, weights, candidate)


@jax.jit
def _better_on_device(lowest: Any, weights: Any, value: Any, candidate: Any) -> tuple[Any, Any]:
    """The lower value and its weights, for each seat; all arrays `[seat, ...]`."""
    # NaN is never lower, so a member that diverges keeps its earlier weights.
    better = value < lowest

    def choose(old: Any, new: Any) -> Any:
        return jnp.where(_wide(better, new), new, old)

    return jnp.where(better, value, lowest), jax.tree.map(choose, weights, candidate)


def _wide(of_seats: Any, values: Any) -> Any:
    """Numbers `[seat]` with the axes of values `[seat, ...]`."""
    return of_seats.reshape(-1, *[1] * (values.ndim - 1))


def _looked_at(leaf: Any) -> np.ndarray:
    """An array in the memory of this machine, to be looked at before the next program runs.

    JAX keeps what `np.asarray` gives with the array, and a program that is to overwrite this would
    have to copy it.
    """
    try:
        return np.from_dlpack(leaf)
    except BufferError:  # NumPy itself has no such dtype.
        return np.asarray(jax.device_put(leaf, may_alias=False))


def of_seats(values: Any, seats: Iterable[int]) -> list[Any]:
    """Of values `[seat, ...]` copies on the host of those of some seats."""
    # To take them apart on the device would compile programs for each shape.
    on_host = jax.device_get(values)
    return [jax.tree.map(np.array, of_seat(on_host, seat)) for seat in seats]


def of_seat(values: Any, seat: int | list[int]) -> Any:
    """Of values on the host, `[seat, ...]`, those of one seat, or of several."""
    return jax.tree.map(lambda leaf: leaf[seat], values)
