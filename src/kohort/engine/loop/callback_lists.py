"""Calls the callbacks of the members of a cohort, each hook once for each epoch."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import keras

from kohort.engine.loop.checkpoints import (
    Checkpoint,
    NamedArrays,
    can_resume,
    restore_callbacks,
    saved_callbacks,
)
from kohort.engine.loop.cohort import Cohort
from kohort.engine.loop.events import Logs
from kohort.engine.loop.unfollowed import Unfollowed
from kohort.engine.program.guard import STEPS_RUN
from kohort.keras_api.callbacks import (
    callback_list,
    read_logs_alone,
    report_nan,
    report_steps,
)

_NEVER = -math.inf
"""Before any epoch; Keras starts with a negative `initial_epoch` too."""


class CallbackLists:
    """Keras's callback containers, one for each member, and which hooks they have received.

    Args:
        cohort: The members.
    """

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._lists: dict[int, keras.callbacks.CallbackList] = {}
        self._unfollowed: dict[int, Unfollowed] = {}
        self._last_begun: dict[int, int] = {}
        self._last_ended: dict[int, int] = {}

    def begin(self, members: Sequence[int]) -> None:
        """Call `on_train_begin` for members for which it has not been called."""
        training = self._cohort.training
        for member in members:
            if member not in self._lists:
                model = self._cohort.models[member]
                model.stop_training = False
                self._lists[member] = callback_list(
                    model,
                    self._cohort.callbacks[member],
                    epochs=training.epochs,
                    steps=self._cohort.steps_an_epoch,
                    verbose=training.verbose,
                )
                if not read_logs_alone(self._cohort.callbacks[member]):
                    self._unfollowed[member] = Unfollowed(self._cohort, member)
                self._lists[member].on_train_begin()

    def on_epoch_begin(self, members: Sequence[int], epoch: int) -> None:
        """Call `on_epoch_begin`, unless members that started over train the epoch once more.

        Raises:
            ModelError: Callbacks have changed what the members' program does not follow.
        """
        for member in members:
            if self._last_begun.get(member, _NEVER) < epoch:
                self._last_begun[member] = epoch
                self._lists[member].on_epoch_begin(epoch)
            if member in self._unfollowed:
                self._unfollowed[member].check_variables()
                self._unfollowed[member].check_steps()

    def on_epoch_end(
        self, members: Sequence[int], epoch: int, logs: dict[int, Logs]
    ) -> dict[int, Logs]:
        """Call `on_epoch_end` once for each epoch of a member.

        Returns:
            Of each member for which it was called, what its callbacks have added to the logs.
        """
        new = [member for member in members if self._last_ended.get(member, _NEVER) < epoch]
        added = {}
        for member in new:
            self._last_ended[member] = epoch
            added[member] = self._end_epoch(member, epoch, logs[member])
        return added

    def _end_epoch(self, member: int, epoch: int, logs: Logs) -> Logs:
        steps = logs.pop(STEPS_RUN, None)
        if steps is not None:
            running = {name: v for name, v in logs.items() if not name.startswith("val_")}
            report_nan(self._cohort.callbacks[member], int(steps) - 1, running)
            nested = self._cohort.steps.nested(member, running)
            report_steps(self._lists[member], int(steps), nested)
        tested = {
            name.removeprefix("val_"): v for name, v in logs.items() if name.startswith("val_")
        }
        if tested:
            # The evaluation has already run when its two hooks are called.
            unfollowed = self._unfollowed.get(member)
            weights = unfollowed.weights() if unfollowed else []
            self._lists[member].on_test_begin()
            if unfollowed:
                unfollowed.check_weights(weights)
                unfollowed.check_evaluation()
            self._lists[member].on_test_end(tested)
        # Keras hands its callbacks a copy; its History, the last of them, has what they added.
        history = self._cohort.models[member].history.history
        before = {name: len(values) for name, values in history.items()}
        self._lists[member].on_epoch_end(epoch, self._cohort.steps.nested(member, logs))
        return {
            name: float(values[-1])
            for name, values in history.items()
            if name not in logs
            and len(values) > before.get(name, 0)
            and can_be_recorded(values[-1])
        }

    def can_resume(self, members: Sequence[int]) -> bool:
        """Whether the whole state of the members' callbacks can be saved."""
        return all(can_resume(self._cohort.callbacks[member]) for member in members)

    def saved(self, members: Sequence[int]) -> tuple[NamedArrays, list[list[dict[str, Any]]]]:
        """The state of the members' callbacks, as arrays and JSON."""
        arrays: NamedArrays = {}
        counted = []
        for place, member in enumerate(members):
            weights, counts = saved_callbacks(f"callbacks {place}", self._cohort.callbacks[member])
            arrays |= weights
            counted.append(counts)
        return arrays, counted

    def restore(self, members: Sequence[int], checkpoint: Checkpoint) -> dict[int, Logs]:
        """Restore the state of the members' callbacks; returns the last logs of each member."""
        for place, member in enumerate(members):
            counts = checkpoint.state["callbacks"][place]
            callbacks = self._cohort.callbacks[member]
            restore_callbacks(f"callbacks {place}", callbacks, checkpoint.arrays, counts)
        return dict(zip(members, checkpoint.state["logs"], strict=True))

    def end(self, members: Sequence[int], logs: dict[int, Logs]) -> None:
        """Call `on_train_end`."""
        for member in members:
            last = self._cohort.steps.nested(member, logs.get(member, {}))
            self._lists[member].on_train_end(last)


def can_be_recorded(value: Any) -> bool:
    """Whether what a callback has added to the logs can be recorded."""
    return isinstance(value, Real) and not isinstance(value, bool)
