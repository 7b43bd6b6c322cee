"""One block of members that train side by side: begins their epochs, and takes the results."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from kohort.engine.devices import Place
from kohort.engine.feed.runner import ReadyEpoch
from kohort.engine.loop.callback_lists import CallbackLists
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.cohort import Cohort
from kohort.engine.loop.events import BlockPlan, Logs, MeasuredEpoch
from kohort.engine.loop.state import BlockState
from kohort.engine.memory import OutgrownError, TooLargeError, detecting_full
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.program.guard import has_diverged
from kohort.errors import DesignError
from kohort.keras_api.callbacks import only_log, read_logs_alone
from kohort.keras_api.models import initial_epoch


class Block:
    """A block that trains: `begin_epoch`, run `ready`, `end_epoch`, until no epoch is left.

    Args:
        cohort: The cohort of the block.
        plan: The members of the block, and the checkpoint from which they resume.
        lists: The callbacks of the cohort's members.
        place: The device on which they train, one of the cohort's places.

    Raises:
        TooLargeError: The members cannot read their data side by side.
    """

    def __init__(self, cohort: Cohort, plan: BlockPlan, lists: CallbackLists, place: Place) -> None:
        self.plan, self.place = plan, place
        self.ready: ReadyEpoch[dict[str, Any]] | None = None
        """The next epoch, ready to run."""
        self.seconds = 0.0
        """Training time in seconds; blocks that train at once share the time that passes."""
        self.weights: dict[int, Sequence[list[Any]]] = {}
        """As in `BlockEnded`; of a block that has ended."""
        self._cohort, self._lists = cohort, lists
        self._training = cohort.training
        self._runner = cohort.runner(plan.seats, place)
        self._state = BlockState(
            cohort.models,
            cohort.steps,
            self._runner,
            plan.seats,
            self._training.restore_best,
            keeps_seats=self._training.isolated > 0,
            starts=cohort.starts,
            place=place,
        )
        self._members = list(self._state.active)
        of_members = [cohort.callbacks[member] for member in self._members]
        self._is_watched = any(of_members)
        self._are_models_read = not all(read_logs_alone(callbacks) for callbacks in of_members)
        """Whether callbacks may read the models after an epoch, or change them."""
        self._runs_ahead = cohort.may_run_ahead and all(map(only_log, of_members))
        """Whether the next epoch is the same, whatever the logs of one are."""
        self._logs: dict[int, Logs] = {}
        self._is_closed = False
        lists.begin(self._members)
        self._first = self._epoch = self._first_epoch()
        if plan.checkpoint is not None:
            self._restore(plan.checkpoint)

    def _first_epoch(self) -> int:
        """The epoch to start with, which a callback may set when training begins, as in Keras."""
        chosen = {initial_epoch(self._cohort.models[member]) for member in self._members}
        if len(chosen) > 1:
            raise DesignError(
                "callbacks that begin with one epoch for all members side by side",
                f"those that begin with {sorted(chosen)}",
                "pass chunk_size=1",
            )
        return chosen.pop() or self._training.initial_epoch

    def _restore(self, checkpoint: Checkpoint) -> None:
        self._state.restore(checkpoint.arrays, checkpoint.state["bench"])
        self._logs |= self._lists.restore(self._members, checkpoint)
        self._runner.skip(checkpoint.epoch - self._first)
        self._first = self._epoch = checkpoint.epoch

    def begin_epoch(self) -> bool:
        """Make the next epoch ready to run; returns False if there is none: the block has ended.

        Raises:
            TooLargeError: It does not fit in memory, and the members can start over.
            DesignError: It does not fit in memory, and the members cannot start over.
        """
        self.ready = None
        if self._epoch >= self._training.epochs or not self._state.active:
            self._end()
            return False
        self._lists.on_epoch_begin(self._state.active, self._epoch)
        if self._are_models_read or self._state.is_empty:
            # Callbacks may have changed weights or learning rates. Keras reads them again too.
            self._state.seat()
        spec, following = self._epoch_spec(self._epoch), self._epoch_spec(self._epoch + 1)
        is_last = self._epoch + 1 == self._training.epochs
        goes_on = self._runs_ahead and not is_last and spec == following
        ahead = self._memory if goes_on else 0
        with self._fitting():
            self.ready = self._state.begin(spec, self._steps_left(), ahead=ahead)
        return True

    @property
    def _memory(self) -> int:
        """The bytes of this block, where as many as can train at once."""
        most = self._cohort.at_once + 1  # The last block may train beside the others.
        return self._training.memory * len(self._cohort.places) // most

    def _epoch_spec(self, epoch: int) -> EpochSpec:
        """What an epoch does."""
        validates = self._cohort.spec.validate and self._training.validates(epoch)
        return self._cohort.spec._replace(validate=validates)

    def _steps_left(self) -> int | None:
        """The training steps of the next epoch; None for all.

        Where `stop_training` is set before it, Keras takes one batch (one execution) all the same.

        Raises:
            DesignError: Some members are to stop, and others beside them are not.
        """
        models = [self._cohort.models[member] for member in self._state.active]
        stopping = [model for model in models if model.stop_training]
        if not stopping:
            return None
        if len(stopping) < len(models):
            raise DesignError(
                "callbacks that stop training at the end of an epoch",
                "stop_training set where an epoch begins, by some of the members side by side",
                "set it in on_epoch_end, or pass chunk_size=1",
            )
        return int(stopping[0].steps_per_execution)

    def end_epoch(self, outcome: Future[dict[str, Any]]) -> MeasuredEpoch | None:
        """Take the logs of the epoch, or raise why it failed.

        Args:
            outcome: The outcome of `ready`, which has run.

        Returns:
            What the epoch measured; None if its members had already trained this epoch before
            they started over.

        Raises:
            TooLargeError: It did not fit in memory, and the members can start over.
            DesignError: It did not fit in memory, and the members cannot start over.
        """
        with self._fitting():
            logs = self._state.end(outcome.result())
        epoch, added = self._tell(logs)
        # Asked once: another thread may set it at any time.
        stopped = [member for member in logs if self._cohort.models[member].stop_training]
        if stopped:
            self._catch_up()
        self._retire(logs, stopped)
        if not added:
            return None
        can_resume = self._lists.can_resume(self._members)
        return MeasuredEpoch(
            epoch,
            {member: found | added.get(member, {}) for member, found in logs.items()},
            len(self._state.seats),
            partial(self._checkpoint, self._epoch) if can_resume else None,
            self._epoch == self._training.epochs or not self._state.active,
        )

    def _tell(self, logs: dict[int, Logs]) -> tuple[int, dict[int, Logs]]:
        """Tell callbacks the logs of an epoch; returns its number, and what they have added."""
        if self._are_models_read:
            self._state.write_back()
        self._logs |= logs
        epoch, self._epoch = self._epoch, self._epoch + 1
        try:
            return epoch, self._lists.on_epoch_end(self._state.active, epoch, logs)
        except BaseException:
            self._runs_ahead = False  # Callbacks of which one raised are told no further epoch.
            raise

    def _catch_up(self) -> None:
        """Tell of the epoch that has run ahead: the state is the one after it."""
        while self._runs_ahead and self._state.has_logs:
            self._tell(self._state.end(self._state.logs()))

    def close(self) -> None:
        """Write the state that training reached to the models, however training ends.

        If the members are to start over with less in memory, the models stay as they are.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._catch_up()
        finally:
            self._write()

    def _write(self) -> None:
        self._state.write_back()
        writes = self._training.epochs > 0 and self._cohort.starts is None
        for member in self._members if writes else ():
            model = self._cohort.models[member]
            model.optimizer.finalize_variable_values(model.trainable_variables)

    def _retire(self, logs: dict[int, Logs], stopped: list[int]) -> None:
        """End the training of members that were stopped, or that diverged."""
        state = self._state
        going = [member for member in state.active if member not in stopped]
        ends = self._training.stop_diverged
        broken = [member for member in going if ends and has_diverged(logs[member])]
        ended = [*stopped, *broken] if self._is_watched else stopped
        if ended and not self._are_models_read:
            # Later only the models of those that still train are written.
            state.write(ended)
        state.retire(stopped)
        state.retire(broken, diverged=True)
        if stopped and not self._are_models_read:
            state.vacate()

    def _end(self) -> None:
        """End the block: write the models, call the callbacks, restore the best weights."""
        self.close()
        self._lists.end(self._members, self._logs)
        # Last, since callbacks may have restored the weights of another epoch.
        self._state.restore_best()
        if self._cohort.starts is not None:
            self.weights = self._state.best()

    def _checkpoint(self, epoch: int) -> Checkpoint:
        """The block after an epoch, with the state of its callbacks."""
        if self._state.has_idle_seats and not self._are_models_read:
            # Whoever goes on from here writes what is in a seat to its model.
            self._state.write_back()
        if self._state.has_idle_seats or self._are_models_read:
            self._state.seat()
        arrays, seats = self._state.saved()
        callback_arrays, callbacks = self._lists.saved(self._members)
        last = [self._logs[member] for member in self._members]
        state = {"bench": seats, "callbacks": callbacks, "logs": last}
        return Checkpoint(epoch, arrays | callback_arrays, state)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Raise another error for full memory if the members cannot start over."""
        try:
            with detecting_full():
                yield
        except TooLargeError as error:
            # Without callbacks the models still have their state from before the first epoch.
            if self._is_watched and self._epoch > self._first:
                raise grown(error) from error
            self._is_closed = True
            raise


def grown(error: TooLargeError) -> OutgrownError:
    """The error for members that have begun to train, and no longer fit in memory."""
    return OutgrownError(
        "memory for the members that train side by side",
        f"{error}, after they have begun",
        "allow or free more memory, or begin anew with fewer side by side (chunk_size)",
    )
