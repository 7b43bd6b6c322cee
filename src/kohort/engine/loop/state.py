"""The stacked state, on the device, of the members that train side by side."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import keras
import numpy as np

from kohort.engine.devices import Place
from kohort.engine.feed.runner import ReadyEpoch, Runner
from kohort.engine.loop.best_weights import BestWeights, of_seat, of_seats
from kohort.engine.loop.checkpoints import NamedArrays, named, parts_of
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.program.guard import TracedLogs
from kohort.engine.program.steps import Steps
from kohort.keras_api.metrics import to_floats
from kohort.keras_api.models import State, assign_state, state_of

_SHORT = 0.1
"""Seconds of an epoch beside which those in which Python takes its logs count."""

type Start = Callable[[], State]
"""Returns the state with which a member begins."""


class BlockState:
    """The state of one block of members, and the runner of their epochs.

    Args:
        models: All models of the cohort.
        steps: The steps of the cohort.
        runner: Runs their epochs.
        seats: The member in each seat; the last member may have several seats.
        monitor: A metric; the weights at its lowest value are kept. None to keep none.
        keeps_seats: Whether members that have finished never free their seats.
        starts: As for `Cohort`.
        place: The device of their state.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        steps: Steps,
        runner: Runner,
        seats: list[int],
        monitor: str | None,
        *,
        keeps_seats: bool = False,
        starts: Sequence[Start] | None = None,
        place: Place = None,
    ) -> None:
        self.active = list(dict.fromkeys(seats))
        """The members that still train, by number."""
        self.seats = list(seats)
        self._block = list(self.active)
        self._models, self._steps, self._runner = models, steps, runner
        self._state: State | None = None
        self._place = place
        self._best = BestWeights(monitor, place) if monitor else None
        self._keeps_seats, self._starts = keeps_seats, starts
        self._is_ahead = False  # Whether an epoch has run since the models were written.
        self._started: deque[TracedLogs] = deque()  # the logs of epochs, until they are taken
        self._needed = 0  # bytes, of the last epoch that was made ready
        self._seconds = math.inf  # that the last epoch was waited for
        # By member, the values that its model had when it and the state were last the same.
        self._shared: dict[int, list[Any]] = {}
        self._diverged: set[int] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no state has been read from the models yet."""
        return self._state is None

    def seat(self) -> None:
        """Read the state of the members from their models.

        A member that has finished keeps its seat, and its results are ignored, until half of the
        seats are free: fewer seats need another compiled program. A member that has diverged never
        frees its seat: another program would round the numbers of the other members differently.
        """
        seats, before = self._taken(), self.seats
        self.seats = seats
        if seats is before and not self._is_ahead and self._shared.keys() >= set(seats):
            self._read_changes()
        else:
            self._state = stack([self._read(member) for member in seats], self._place)

    def _read_changes(self) -> None:
        """Read of models, which had the state when it was last written, what is another since.

        Callbacks mostly change nothing, or a learning rate.
        """
        leaves, kind = jax.tree.flatten(self._state)
        now = [jax.tree.leaves(self._read(member)) for member in self.seats]
        known = [self._shared[member] for member in self.seats]
        changed = {
            place: [values[place] for values in now]
            for place in range(len(leaves))
            if any(new[place] is not old[place] for new, old in zip(now, known, strict=True))
        }
        for place, leaf in _stacked(changed, self._place).items():
            leaves[place] = leaf
        self._state = jax.tree.unflatten(kind, leaves)
        self._shared = dict(zip(self.seats, now, strict=True))

    def _taken(self) -> list[int]:
        """The member in each seat once the seats of those that have finished are free."""
        staying = [m for m in dict.fromkeys(self.seats) if m in self.active or m in self._diverged]
        may_leave = self.active and not self._keeps_seats
        return staying if may_leave and len(staying) <= len(self.seats) // 2 else self.seats

    def vacate(self) -> None:
        """Free seats as `seat` does, where nothing has changed the models: none is read."""
        seats = self._taken()
        if seats is not self.seats:
            rows = [self.seats.index(member) for member in seats]
            on_host = jax.device_get(self._state)
            self._state = jax.device_put(of_seat(on_host, rows), self._place)
            self.seats = seats

    @property
    def has_idle_seats(self) -> bool:
        """Whether members that were stopped still have seats, in which they train on unread."""
        return any(m not in self.active and m not in self._diverged for m in self.seats)

    def _read(self, member: int) -> State:
        return state_of(self._models[member]) if self._starts is None else self._starts[member]()

    def retire(self, members: Sequence[int], *, diverged: bool = False) -> None:
        """End the training of members."""
        self.active = [member for member in self.active if member not in members]
        self._diverged |= set(members) if diverged else set()

    def begin(
        self, spec: EpochSpec, steps: int | None = None, *, ahead: int = 0
    ) -> ReadyEpoch[dict[str, Any]]:
        """Make an epoch ready to run; its result is the logs `[seat]`, on the host, for `end`.

        Args:
            spec: What the epoch does.
            steps: As of `Runner.begin`.
            ahead: Bytes for both, if the epoch after it does the same and may start at once, so
                that it computes while the logs of this one are taken; else 0. It does so where the
                epoch before was short: of long ones nothing is gained, and who interrupts them
                waits.
        """
        call = None if self._started else self._begin(spec, steps)
        is_short = self._seconds < _SHORT
        goes_on = ahead > 0 and is_short and 2 * self._needed <= ahead

        def run() -> dict[str, Any]:
            began = time.perf_counter()
            if call is not None:
                self._start(call)
            if goes_on:
                self._start(self._begin(spec))
            logs = self.logs()
            self._seconds = time.perf_counter() - began
            return logs

        return ReadyEpoch(run, self._needed * (1 + goes_on), call.parts if call else iter(()))

    def _begin(
        self, spec: EpochSpec, steps: int | None = None
    ) -> ReadyEpoch[tuple[State, TracedLogs]]:
        assert self._state is not None
        call = self._runner.begin(spec, self._state, self.seats, steps)
        self._needed = call.needed
        return call

    def _start(self, call: ReadyEpoch[tuple[State, TracedLogs]]) -> None:
        # The state is assigned first, since waiting for the logs may be interrupted.
        self._state, logs = call.run()
        self._started.append(logs)
        self._is_ahead = True

    @property
    def has_logs(self) -> bool:
        """Whether an epoch has started whose logs are not taken."""
        return bool(self._started)

    def logs(self) -> dict[str, Any]:
        """The logs `[seat]` of the first epoch that has started, on the host; waits for it."""
        try:
            return dict(jax.device_get(self._started[0]))
        except jax.errors.JaxRuntimeError:
            # A program that failed leaves no usable state.
            self._state = None
            self._started.clear()
            raise

    def end(self, logs: dict[str, Any]) -> dict[int, dict[str, float]]:
        """Take the logs of an epoch, `[seat]` each; returns the logs of each active member."""
        assert self._state is not None
        self._started.popleft()
        if self._best:
            self._best.update(self.seats, self.active, self._state, logs)
        return {
            member: self._steps.renamed(member, to_floats(of_seat(logs, seat)))
            for seat, member in enumerate(self.seats)
            if member in self.active
        }

    def write_back(self) -> None:
        """Write the state of the active members to their models."""
        if self._starts is not None or self._state is None:
            return
        if not self._is_ahead or _is_lost(self._state):
            return
        self._is_ahead = False
        self.write(self.active)
        self._shared = {m: jax.tree.leaves(state_of(self._models[m])) for m in self.active}

    def write(self, members: Sequence[int]) -> None:
        """Write the state of some members to their models."""
        seats = {seat: member for seat, member in enumerate(self.seats) if member in members}
        # One call for all of them takes half the time of a call for each variable.
        states = jax.device_put(of_seats(self._state, seats))
        for member, state in zip(seats.values(), states, strict=True):
            assign_state(self._models[member], state)

    def restore_best(self) -> None:
        """Write the weights of the best epoch to each model, if there is a monitor."""
        if self._best and self._starts is None:
            for member, weights in self._best.by_member().items():
                assign_state(self._models[member], weights)

    def best(self) -> dict[int, Sequence[list[Any]]]:
        """The weights of each member at its best epoch; none without a monitor."""
        return self._best.by_member() if self._best else {}

    def saved(self) -> tuple[NamedArrays, dict[str, Any]]:
        """The state as arrays `[seat, ...]` and JSON, with members by their place in the block."""
        assert self._state is not None
        place = {member: number for number, member in enumerate(self._block)}
        arrays, best = self._best.saved(place) if self._best else ({}, None)
        state = {
            "seats": [place[member] for member in self.seats],
            "active": [place[member] for member in self.active],
            "diverged": sorted(place[member] for member in self._diverged),
            "best": best,
        }
        return jax.device_get(named("state", self._state)) | arrays, state

    def restore(self, arrays: NamedArrays, state: dict[str, Any]) -> None:
        """Restore what `saved` returned for the same block, and write it to the models."""
        self.seats = [self._block[place] for place in state["seats"]]
        self.active = [self._block[place] for place in state["active"]]
        self._diverged = {self._block[place] for place in state["diverged"]}
        if self._best:
            self._best.restore(self._block, arrays, state["best"])
        on_host = parts_of("state", arrays, 4)
        self._state = jax.device_put(on_host, self._place)
        if self._starts is None:
            states = of_seats(on_host, range(len(self.seats)))
            for member, state_of_member in zip(self.seats, states, strict=True):
                assign_state(self._models[member], state_of_member)


def _is_lost(state: State) -> bool:
    """Whether a state was donated to a program that failed."""
    return any(leaf.is_deleted() for leaf in jax.tree.leaves(state))


def stack(states: Sequence[State], place: Place = None) -> State:
    """Stack the states of several members on a device; each leaf `[member, ...]`."""
    leaves, (kind, *_) = zip(*map(jax.tree.flatten, states), strict=True)
    of_place = dict(enumerate(zip(*leaves, strict=True)))
    stacked: State = jax.tree.unflatten(kind, _stacked(of_place, place).values())
    return stacked


def _stacked(values: Mapping[int, Sequence[Any]], place: Place) -> dict[int, Any]:
    """Values of several members, stacked and on a device, by whatever they are told apart by."""
    # NumPy stacks them without a program for each shape.
    on_host = {key: np.stack(arrays) for key, arrays in jax.device_get(dict(values)).items()}
    stacked: dict[int, Any] = jax.device_put(on_host, place)
    return stacked
