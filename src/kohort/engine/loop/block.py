"""One block of members that train side by side: it begins epochs, and takes what they measured."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from kohort.engine.feed.runner import ReadyEpoch
from kohort.engine.loop.callback_lists import CallbackLists
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.cohort import Cohort
from kohort.engine.loop.events import BlockPlan, Logs, MeasuredEpoch
from kohort.engine.loop.state import BlockState
from kohort.engine.memory import TooLargeError, telling_full
from kohort.engine.program.guard import has_diverged
from kohort.errors import DesignError


class Block:
    """A block that trains: `begin_epoch`, run it, `end_epoch`, until nothing is left to begin.

    Args:
        cohort: Its cohort.
        plan: Its members, and where they go on.
        lists: The callbacks of the cohort's members.

    Raises:
        TooLargeError: Its members cannot read their data side by side.
    """

    def __init__(self, cohort: Cohort, plan: BlockPlan, lists: CallbackLists) -> None:
        self.plan = plan
        self.ready: ReadyEpoch[dict[str, Any]] | None = None
        """Its next epoch, ready to run."""
        self.seconds = 0.0
        """That it has trained; blocks that train at once share the time."""
        self._cohort, self._lists = cohort, lists
        self._training = cohort.training
        self._runner = cohort.runner(plan.seats)
        self._state = BlockState(
            cohort.models, cohort.steps, self._runner, plan.seats, self._training.restore_best
        )
        self._members = list(self._state.active)
        self._is_watched = any(cohort.callbacks[member] for member in self._members)
        self._first = self._epoch = self._training.initial_epoch
        self._logs: dict[int, Logs] = {}
        self._is_closed = False
        lists.begin(self._members)
        if plan.checkpoint is not None:
            self._restore(plan.checkpoint)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self._state.restore(checkpoint.arrays, checkpoint.state["bench"])
        self._logs |= self._lists.restore(self._members, checkpoint)
        self._runner.skip(checkpoint.epoch - self._first)
        self._first = self._epoch = checkpoint.epoch

    def begin_epoch(self) -> bool:
        """Make the next epoch ready to run; False where there is none, and the block has ended.

        Raises:
            TooLargeError: It does not fit in memory, and its members can begin again.
            DesignError: It does not fit in memory, and they cannot.
        """
        self.ready = None
        if self._epoch >= self._training.epochs or not self._state.active:
            self._end()
            return False
        self._lists.on_epoch_begin(self._state.active, self._epoch)
        if self._is_watched or self._state.is_empty:
            # Callbacks may have changed weights or learning rates: Keras reads them again too.
            self._state.seat()
        validates = self._cohort.spec.validate and self._training.validates(self._epoch)
        with self._fitting():
            self.ready = self._state.begin(self._cohort.spec._replace(validate=validates))
        return True

    def end_epoch(self, outcome: Future[dict[str, Any]]) -> MeasuredEpoch | None:
        """Take what the epoch measured, or why it failed.

        Args:
            outcome: Of what was ready; it has run.

        Returns:
            What is news of it; None where its members had trained it before they began again.

        Raises:
            TooLargeError: It did not fit in memory, and its members can begin again.
            DesignError: It did not fit in memory, and they cannot.
        """
        with self._fitting():
            seen = self._state.end(outcome.result())
        if self._is_watched:
            self._state.write_back()
        self._logs |= seen
        epoch, self._epoch = self._epoch, self._epoch + 1
        is_news = self._lists.on_epoch_end(self._state.active, epoch, seen)
        self._retire(seen)
        if not is_news:
            return None
        can_go_on = self._training.restore_best and self._lists.can_go_on(self._members)
        return MeasuredEpoch(
            epoch,
            seen,
            len(self._state.seats),
            partial(self._checkpoint, self._epoch) if can_go_on else None,
            self._epoch == self._training.epochs or not self._state.active,
        )

    def close(self) -> None:
        """However training ends, the models have the state that it reached.

        Where it is to begin again, with less in memory, they stay as they are.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._state.write_back()
        for member in self._members if self._training.epochs > 0 else ():
            model = self._cohort.models[member]
            model.optimizer.finalize_variable_values(model.trainable_variables)

    def _retire(self, seen: dict[int, Logs]) -> None:
        """Let members train no more that were stopped, or that diverged."""
        models, state = self._cohort.models, self._state
        state.retire([member for member in state.active if models[member].stop_training])
        if self._training.stop_diverged:
            broken = [member for member in state.active if has_diverged(seen[member])]
            state.retire(broken, diverged=True)

    def _end(self) -> None:
        self.close()
        self._lists.end(self._members, self._logs)
        # Last, as callbacks may have put back the weights of an epoch that they liked best.
        self._state.restore_best()

    def _checkpoint(self, epoch: int) -> Checkpoint:
        """The block after an epoch, with what its callbacks remember."""
        if self._is_watched:
            self._state.seat()
        arrays, seats = self._state.kept()
        told, callbacks = self._lists.kept(self._members)
        last = [self._logs[member] for member in self._members]
        state = {"bench": seats, "callbacks": callbacks, "logs": last}
        return Checkpoint(epoch, arrays | told, state)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Tell members that can begin again with less in memory from those that cannot."""
        try:
            with telling_full():
                yield
        except TooLargeError as error:
            # Models that nobody watches are as they were before the first epoch.
            if self._is_watched and self._epoch > self._first:
                raise grown(error) from error
            self._is_closed = True
            raise


def grown(error: TooLargeError) -> DesignError:
    """The error for members that have begun, and no longer fit in memory."""
    return DesignError(
        "memory for the members that train side by side",
        f"{error}, after they have begun",
        "allow or free more memory, or begin anew with fewer side by side (chunk_size)",
    )
