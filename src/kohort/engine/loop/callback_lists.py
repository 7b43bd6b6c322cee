"""The callbacks of the members of a cohort: Keras's containers, and what they have been told."""

from collections.abc import Sequence
from typing import Any

import keras

from kohort.engine.loop.checkpoints import (
    Checkpoint,
    NamedArrays,
    can_go_on,
    kept_callbacks,
    restore_callbacks,
)
from kohort.engine.loop.cohort import Cohort
from kohort.engine.loop.events import Logs
from kohort.engine.program.guard import STEPS_RUN
from kohort.keras_api.callbacks import callback_list, tell_nan


class CallbackLists:
    """Keras's callback containers, one for each member, and what they have been told.

    Args:
        cohort: The members.
    """

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._lists: dict[int, keras.callbacks.CallbackList] = {}
        self._entered: dict[int, int] = {}
        self._left: dict[int, int] = {}

    def begin(self, members: Sequence[int]) -> None:
        """Tell members that training begins, unless they have been told."""
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
                )
                self._lists[member].on_train_begin()

    def on_epoch_begin(self, members: Sequence[int], epoch: int) -> None:
        """Tell members that an epoch begins; those that train it once more know it already."""
        for member in members:
            if self._entered.get(member, -1) < epoch:
                self._entered[member] = epoch
                self._lists[member].on_epoch_begin(epoch)

    def on_epoch_end(self, members: Sequence[int], epoch: int, seen: dict[int, Logs]) -> bool:
        """Tell members what an epoch measured; whether that was news."""
        news = [member for member in members if self._left.get(member, -1) < epoch]
        for member in news:
            self._left[member] = epoch
            self._tell_end(member, epoch, seen[member])
        return bool(news)

    def _tell_end(self, member: int, epoch: int, logs: Logs) -> None:
        steps = logs.pop(STEPS_RUN, None)
        if steps is not None:
            running = {name: v for name, v in logs.items() if not name.startswith("val_")}
            tell_nan(self._cohort.callbacks[member], int(steps) - 1, running)
        tested = {
            name.removeprefix("val_"): v for name, v in logs.items() if name.startswith("val_")
        }
        if tested:
            # The evaluation is over when a callback hears of it: its beginning and its end.
            self._lists[member].on_test_begin()
            self._lists[member].on_test_end(tested)
        self._lists[member].on_epoch_end(epoch, logs)

    def can_go_on(self, members: Sequence[int]) -> bool:
        """Whether all that the callbacks of members remember can be kept."""
        return all(can_go_on(self._cohort.callbacks[member]) for member in members)

    def kept(self, members: Sequence[int]) -> tuple[NamedArrays, list[list[dict[str, Any]]]]:
        """What the callbacks of members remember."""
        arrays: NamedArrays = {}
        counted = []
        for place, member in enumerate(members):
            weights, counts = kept_callbacks(f"callbacks {place}", self._cohort.callbacks[member])
            arrays |= weights
            counted.append(counts)
        return arrays, counted

    def restore(self, members: Sequence[int], checkpoint: Checkpoint) -> dict[int, Logs]:
        """Let the callbacks of members remember it again; the last logs of each."""
        for place, member in enumerate(members):
            counts = checkpoint.state["callbacks"][place]
            callbacks = self._cohort.callbacks[member]
            restore_callbacks(f"callbacks {place}", callbacks, checkpoint.arrays, counts)
        return dict(zip(members, checkpoint.state["logs"], strict=True))

    def end(self, members: Sequence[int], logs: dict[int, Logs]) -> None:
        """Tell members that training has ended."""
        for member in members:
            self._lists[member].on_train_end(logs.get(member, {}))
