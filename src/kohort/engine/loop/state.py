"""The seats of the members that train side by side: their stacked state on the device."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras

from kohort.engine.feed.runner import ReadyEpoch, Runner
from kohort.engine.loop.checkpoints import BEST, LEFT, NamedArrays, named, parts_of
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.program.steps import Steps
from kohort.keras_api.metrics import to_floats
from kohort.keras_api.models import State, assign_state, state_of


class BlockState:
    """The seats of one block of members, and the runner that moves them.

    Args:
        models: All models of the cohort.
        steps: What they run.
        runner: Runs their epochs.
        seats: The member in each seat; the last may stand in several.
        monitor: A metric; the weights at its lowest value are kept. None for none.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        steps: Steps,
        runner: Runner,
        seats: list[int],
        monitor: str | None,
    ) -> None:
        self.active = list(dict.fromkeys(seats))
        """The members that still train, by number."""
        self.seats = list(seats)
        self._block = list(self.active)
        self._models, self._steps, self._runner = models, steps, runner
        self._state: State | None = None
        self._best = _Best(monitor) if monitor else None
        self._is_ahead = False  # of the models: an epoch has run since they were written
        self._diverged: set[int] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no member has been seated yet."""
        return self._state is None

    def seat(self) -> None:
        """Read the state of the members from their models.

        A member that has finished keeps its seat, and its result is ignored, until half of the
        seats are free: fewer seats are another program to compile. One that has diverged never
        frees its seat: in another program its neighbours' numbers would round otherwise.
        """
        staying = [m for m in dict.fromkeys(self.seats) if m in self.active or m in self._diverged]
        if self.active and len(staying) <= len(self.seats) // 2:
            self.seats = staying
        self._state = stack([state_of(self._models[member]) for member in self.seats])

    def retire(self, members: Sequence[int], *, diverged: bool = False) -> None:
        """Let members train no more."""
        self.active = [member for member in self.active if member not in members]
        self._diverged |= set(members) if diverged else set()

    def begin(self, spec: EpochSpec) -> ReadyEpoch[dict[str, Any]]:
        """Make an epoch ready to run; what it measures, on the host, is for `end`."""
        assert self._state is not None
        call = self._runner.begin(spec, self._state, self.seats)

        def run() -> dict[str, Any]:
            # Whoever waits for what it measured may be interrupted: the state is here by then.
            self._state, logs = call.run()
            self._is_ahead = True
            try:
                return dict(jax.device_get(logs))
            except jax.errors.JaxRuntimeError:
                # What failed has left no state that anybody could use.
                self._state = None
                raise

        return ReadyEpoch(run, call.needed)

    def end(self, logs: dict[str, Any]) -> dict[int, dict[str, float]]:
        """Take what an epoch has measured; the logs of each active member."""
        assert self._state is not None
        if self._best:
            self._best.update(self.seats, self.active, self._state, logs)
        return {
            member: self._steps.renamed(
                member,
                to_floats(jax.tree.map(lambda value, seat=seat: value[seat], logs)),
            )
            for seat, member in enumerate(self.seats)
            if member in self.active
        }

    def write_back(self) -> None:
        """Give the models of the active members the state that their seats hold."""
        if self._state is None or not self._is_ahead or _is_lost(self._state):
            return
        self._is_ahead = False
        for seat, member in enumerate(self.seats):
            if member in self.active:
                own = jax.tree.map(lambda leaf, seat=seat: leaf[seat], self._state)
                assign_state(self._models[member], own)

    def restore_best(self) -> None:
        """Give each model the weights of its best epoch, where they were asked for."""
        if self._best:
            for member, weights in self._best.by_member().items():
                assign_state(self._models[member], weights)

    def kept(self) -> tuple[NamedArrays, dict[str, Any]]:
        """The seats as arrays and JSON, with members by their place in the block.

        Only of a bench that keeps the weights of the best epoch.
        """
        assert self._state is not None
        assert self._best is not None
        place = {member: number for number, member in enumerate(self._block)}
        arrays, best = self._best.kept(place)
        state = {
            "seats": [place[member] for member in self.seats],
            "active": [place[member] for member in self.active],
            "diverged": sorted(place[member] for member in self._diverged),
            "best": best,
        }
        return jax.device_get(named("state", self._state)) | arrays, state

    def restore(self, arrays: NamedArrays, state: dict[str, Any]) -> None:
        """Take the seats that `kept` gave of the same block; the models get their state."""
        assert self._best is not None
        self.seats = [self._block[place] for place in state["seats"]]
        self.active = [self._block[place] for place in state["active"]]
        self._diverged = {self._block[place] for place in state["diverged"]}
        self._best.restore(self._block, arrays, state["best"])
        trainable, rest, optimizer, metrics = parts_of("state", arrays, 4)
        self._state = (trainable, rest, optimizer, metrics)
        for seat, member in enumerate(self.seats):
            own = jax.tree.map(lambda leaf, seat=seat: leaf[seat], self._state)
            assign_state(self._models[member], own)


def _is_lost(state: State) -> bool:
    """Whether a program that failed has used up its state."""
    return any(leaf.is_deleted() for leaf in jax.tree.leaves(state))


class _Best:
    """The weights that each member had at the epoch where `monitor` was lowest."""

    def __init__(self, monitor: str) -> None:
        self._monitor = monitor
        self._seats: list[int] = []
        self._lowest: Any = None
        self._weights: Any = None
        self._left: dict[int, Any] = {}

    def update(
        self, seats: list[int], active: list[int], state: State, logs: dict[str, Any]
    ) -> None:
        """Compare the epoch just run with the best so far, for each active member."""
        weights = state[:2]
        if seats != self._seats:
            self._left = self.by_member()
            self._start(seats, weights)
        counts = jnp.asarray([member in active for member in seats])
        value = jnp.where(counts, logs[self._monitor], jnp.nan)
        self._lowest, self._weights = _keep_better(self._lowest, self._weights, value, weights)

    def by_member(self) -> dict[int, Any]:
        """The best weights, trainable and non-trainable, by member number."""
        seated = {
            member: jax.tree.map(lambda leaf, seat=seat: leaf[seat], self._weights)
            for seat, member in enumerate(self._seats)
        }
        return self._left | seated

    def kept(self, place: dict[int, int]) -> tuple[NamedArrays, dict[str, Any]]:
        """All of it as arrays and JSON, with members by their place in the block."""
        arrays = named(BEST, self._weights) | {"lowest": self._lowest}
        for member, weights in self._left.items():
            arrays |= named(f"{LEFT} {place[member]}", weights)
        state = {
            "seats": [place[member] for member in self._seats],
            "left": [place[member] for member in self._left],
        }
        return jax.device_get(arrays), state

    def restore(self, block: list[int], arrays: NamedArrays, state: dict[str, Any]) -> None:
        """Take what `kept` gave of the same block."""
        self._seats = [block[place] for place in state["seats"]]
        self._lowest = jnp.asarray(arrays["lowest"])
        self._weights = parts_of(BEST, arrays, 2)
        self._left = {
            block[place]: parts_of(f"{LEFT} {place}", arrays, 2) for place in state["left"]
        }

    def _start(self, seats: list[int], weights: Any) -> None:
        kept = dict(zip(self._seats, range(len(self._seats)), strict=True))
        lowest = [self._lowest[kept[m]] if m in kept else jnp.inf for m in seats]
        if kept:
            rows = jnp.asarray([kept[m] for m in seats])
            self._weights = jax.tree.map(lambda leaf: leaf[rows], self._weights)
        else:
            self._weights = weights
        self._seats, self._lowest = list(seats), jnp.asarray(lowest, jnp.float32)


@jax.jit
def _keep_better(lowest: Any, weights: Any, value: Any, candidate: Any) -> tuple[Any, Any]:
    # NaN is never lower, so a member that diverges keeps the weights from before.
    better = value < lowest

    def choose(old: Any, new: Any) -> Any:
        return jnp.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return jnp.where(better, value, lowest), jax.tree.map(choose, weights, candidate)


def stack(states: Sequence[State]) -> State:
    """States of several members as one, each leaf `[member, ...]`."""
    stacked: State = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    return stacked
