"""A cohort before it trains: its members, their data, and how many of them train side by side."""

import math
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras

from kohort.data.system import cores
from kohort.engine import devices
from kohort.engine.devices import Place
from kohort.engine.feed.resident import ResidentData, ResidentRunner
from kohort.engine.feed.runner import Runner, as_taken
from kohort.engine.feed.streamed import StreamedData, StreamedRunner
from kohort.engine.loop import chunking
from kohort.engine.loop.state import Start, stack
from kohort.engine.memory import TooLargeError, detecting_full, stays_on_device
from kohort.engine.program.compilation import PROGRAMS
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.program.steps import Steps
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.callbacks import Verbose, stops_at_nan
from kohort.keras_api.models import State, state_of
from kohort.tracing.signature import TracedSteps

_PROBED = 8  # steps
_AT_ONCE = 2  # more were no faster on two cores
_SHORT = 2000  # steps, over all members: longer training takes longer to fill up than to compile
# Epochs, over all members, each of which may have a full batch instead of a small one.
_FILLED = 100


class TrainingPlan(NamedTuple):
    """How long to train, and what may end training.

    Args:
        epochs: The epoch to stop before, as in Keras.
        initial_epoch: The epoch to start with.
        validation_epochs: Keras's `validation_freq`: validate every this many epochs, or in these
            (counted from 1).
        restore_best: A metric; each member ends with the weights of the epoch that had its lowest
            value. None for the weights of the last epoch.
        stop_diverged: Whether a member stops after an epoch with a loss that is NaN or infinite.
        chunk_size: The most members side by side; None to choose by measuring.
        memory: Bytes that a program may take.
        verbose: What Keras's progress bar shows of each member, as in `keras.Model.fit`.
        isolated: The most members side by side where the numbers of a member must not depend, to
            the last bit, on who else is trained: all blocks have equally many seats, each seat
            reads its rows apart and is never given up, and all constants are inputs. 0 where they
            may differ by rounding.
        may_fill_up: Whether last partial batches may be filled up where that is quicker, so that
            numbers depend, to the last bit, on how long and how many members train.
        may_run_ahead: Whether nobody asks for a checkpoint, so that an epoch may start before the
            logs of the one before it are taken.
    """

    epochs: int
    initial_epoch: int = 0
    validation_epochs: int | Sequence[int] = 1
    restore_best: str | None = None
    stop_diverged: bool = False
    chunk_size: int | None = None
    memory: int = 1 << 62
    verbose: Verbose = 0
    isolated: int = 0
    may_fill_up: bool = False
    may_run_ahead: bool = False

    @property
    def epochs_to_train(self) -> int:
        """The epochs of each member."""
        return max(0, self.epochs - self.initial_epoch)

    def validates(self, epoch: int) -> bool:
        """Whether an epoch (from 0) ends with validation."""
        if isinstance(self.validation_epochs, int):
            return (epoch + 1) % self.validation_epochs == 0
        return epoch + 1 in self.validation_epochs


class Cohort:
    """The members that share a program, before they train.

    Args:
        models: Compiled and prepared models.
        traced: Their steps, of one skeleton.
        source: Their data, on the device or streamed.
        spec: Batch sizes, and what is measured at the end of an epoch.
        training: How long they train, and what may end training.
        callbacks: The callbacks of each model; empty for none.
        starts: What each member begins with, where models are not theirs alone. These are then not
            written to, and have no callbacks.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        traced: Sequence[TracedSteps],
        source: ResidentData | StreamedData,
        spec: EpochSpec,
        training: TrainingPlan,
        callbacks: Sequence[Sequence[keras.callbacks.Callback]] = (),
        starts: Sequence[Start] | None = None,
    ) -> None:
        assert starts is None or not any(callbacks)
        self.models, self.training, self.starts = models, training, starts
        self.traced = traced
        self.callbacks = callbacks or [()] * len(models)
        self.spec = spec
        self.steps = Steps(models, traced, lifts_all=training.isolated > 0)
        self._stops = [stops_at_nan(of_member) for of_member in self.callbacks]
        self.source = self._as_read(source)
        self.spec = spec._replace(pads=self._fills_up())
        self._copies: dict[Place, ResidentData] = {}

    @property
    def order_of(self) -> Sequence[int]:
        """By member number, the number of the order that it reads."""
        return self.source.order_of

    def runner(self, members: Sequence[int], place: Place) -> Runner:
        """The runner of the epochs of members, from the first epoch, on one of the `places`.

        Raises:
            TooLargeError: The data are streamed, and the members read different ones. This happens
                to blocks that were laid out where all data stayed on the device.
        """
        source, memory = self.source, self.training.memory
        if isinstance(source, ResidentData):
            return self._resident(self._stops, place)
        read = {source.order_of[member] for member in members}
        if len(read) > 1:
            raise TooLargeError("data that members of several splits read side by side")
        streams, orders = source.of(*read)
        return StreamedRunner(self.steps, streams, orders, memory, self._stops, place)

    def _resident(self, stops: Sequence[bool], place: Place) -> ResidentRunner:
        assert isinstance(self.source, ResidentData)
        if place not in self._copies:
            self._copies[place] = self.source.on(place)
        apart = self.training.isolated > 0
        source, memory = self._copies[place], self.training.memory
        return ResidentRunner(self.steps, source, memory, stops, apart=apart, place=place)

    @property
    def can_begin_again(self) -> bool:
        """Whether members that have begun can read their data from the beginning again."""
        return isinstance(self.source, ResidentData) or self.source.can_be_read_again

    @cached_property
    def steps_an_epoch(self) -> int | None:
        """Training steps in an epoch; None where that is unknown."""
        if isinstance(self.source, StreamedData):
            return self.source.steps
        return -(-_samples(self.source) // self.spec.batch_size)

    def _fills_up(self) -> bool:
        """Whether last partial batches are filled up, to be trained on by the code of full ones.

        It takes XLA half the time to compile, and a step up to a tenth longer to run.
        """
        if not self.training.may_fill_up or not isinstance(self.source, ResidentData):
            return False
        epochs = len(self.models) * self.training.epochs_to_train
        return epochs <= _FILLED and epochs * (self.steps_an_epoch or 0) <= _SHORT

    @cached_property
    def places(self) -> Sequence[Place]:
        """The devices on which blocks train; one for a program that calls Python.

        And one where data come in batches: they are read by one stream.
        """
        is_one_stream = (
            isinstance(self.source, StreamedData) and not self.source.can_be_read_at_once
        )
        return [None] if is_one_stream or self.steps.calls_python else devices.places()

    @cached_property
    def at_once(self) -> int:
        """How many calls of the program run at once; each trains one block."""
        if len(self.places) > 1:
            return len(self.places)
        streams = isinstance(self.source, StreamedData)
        if jax.default_backend() != "cpu" or streams or self.steps.calls_python:
            return 1
        return min(_AT_ONCE, cores())

    @property
    def may_run_ahead(self) -> bool:
        """Whether an epoch may start before the logs of the one before it are taken."""
        plan = self.training
        reads_logs = plan.stop_diverged or plan.restore_best is not None
        # Data that are streamed are read while an epoch trains as it is.
        in_one = isinstance(self.source, ResidentData) and not self.steps.calls_python
        return plan.may_run_ahead and in_one and not reads_logs

    @cached_property
    def _train_step(self) -> str:
        """The name of the training step of a full batch of data on the device."""
        assert isinstance(self.source, ResidentData)
        size = min(self.spec.batch_size, _samples(self.source))
        return self.steps.prepare("train", self.source.batch(self.spec.pixels, size))

    def _as_read(self, source: ResidentData | StreamedData) -> ResidentData | StreamedData:
        """The data in the narrower dtype in which all steps read them, where there is one.

        A model of bfloat16 rounds its inputs first. If they are rounded beforehand, each step
        fetches half the bytes; the numbers are the same.
        """
        if not isinstance(source, ResidentData) or self.spec.pixels is not None:
            return source
        arrays = (source.train, source.valid)
        if not stays_on_device((arrays, arrays), self.training.memory):
            return source
        spec, is_shared = self.spec, source.valid is source.train
        size = min(spec.batch_size, _rows(source.train))
        reading = [("train", source.batch(None, size))]
        if spec.evaluate_train or is_shared:
            reading.append(("test", as_taken(None, source.train, (size,))))
        train, valid = self._narrowed(source.train, reading), source.valid
        if is_shared:
            valid = train
        elif valid is not None:
            size = min(spec.valid_batch_size or spec.batch_size, _rows(valid))
            valid = self._narrowed(valid, [("test", as_taken(None, valid, (size,)))])
        return source._replace(train=train, valid=valid)

    def _narrowed(self, data: ArrayTree, reading: Sequence[tuple[str, ArrayTree]]) -> ArrayTree:
        """Arrays `[sample, ...]` in the dtypes in which all of some steps read them.

        Args:
            data: The arrays.
            reading: The steps, each with a batch of the data, and what comes behind them in it.
        """
        leaves, structure = jax.tree.flatten(data)
        counts = [len(jax.tree.leaves(batch)) for _, batch in reading]
        names = [self.steps.prepare(step, batch) for step, batch in reading]
        read = [
            self.steps.read_as(name, count)[: len(leaves)]
            for name, count in zip(names, counts, strict=True)
        ]
        narrowed = [
            leaf.astype(dtype)
            if set(others) <= {dtype} and _is_narrower(dtype, leaf.dtype)
            else leaf
            for leaf, dtype, *others in zip(leaves, *read, strict=True)
        ]
        return jax.tree.unflatten(structure, narrowed)

    def blocks(self, members: Sequence[int], chunk: int) -> list[list[int]]:
        """Divide members into blocks of at most `chunk`; the member in each seat."""
        if not self.training.isolated:
            return chunking.blocks(members, self.order_of, chunk)
        # Streamed data are read once for all members of a block.
        streams = isinstance(self.source, StreamedData)
        apart = self.order_of if streams else [0] * len(self.models)
        return chunking.equal_blocks(members, apart, chunk)

    def begin_compiling(self) -> None:
        """Compile the program of the first blocks in another thread; for resident data."""
        if not isinstance(self.source, ResidentData):
            return
        seats = self.blocks(range(len(self.models)), self.chunk)[0]
        runner = self._resident(self._stops, self.places[0])
        first = self.training.initial_epoch
        validates = self.spec.validate and self.training.validates(first)
        state = self._stacked(seats)
        runner.begin_compiling(self.spec._replace(validate=validates), state, seats)

    @cached_property
    def chunk(self) -> int:
        """The most members side by side: as `training` says, or chosen by measuring."""
        chosen, isolated = self.training.chunk_size, self.training.isolated
        order_of = self.order_of[:isolated] if isolated else self.order_of
        if isolated and (chosen or isinstance(self.source, StreamedData)):
            return min(chosen or isolated, isolated)
        if isinstance(self.source, StreamedData):
            # Reading is shared; members side by side see the same batches.
            alike = chunking.alike(self.order_of)
            return min(chosen or alike, alike)
        if chosen:
            return chosen
        steps = self.steps_an_epoch
        assert steps is not None
        steps *= (isolated or len(self.models)) * self.training.epochs_to_train
        sizes = sorted({1, isolated}) if isolated else self._candidates(steps)
        name = self._train_step
        where = (jax.devices()[0].device_kind, cores(), jax.__version__)
        on_cpu, work = jax.default_backend() == "cpu", self.steps.work(name)
        return chunking.choose(
            sizes,
            steps,
            repr((self.steps.key([name]), self.spec, sizes, order_of, where)),
            self._seconds_a_step,
            convolves=on_cpu and self.steps.convolves(name),
            at_least=chunking.least_seconds(work.products) if on_cpu else 0.0,
            likely=chunking.likely_seconds(work) if on_cpu else math.inf,
        )

    def _candidates(self, steps: int) -> list[int]:
        """The chunk sizes to choose from, to train so many steps over all members."""
        parts = len(self.places) if chunking.is_worth_spreading(steps) else 1
        return chunking.candidates(self.order_of, parts)

    def _stacked(self, seats: Sequence[int]) -> State:
        """Copies of the states of members, on the first of the devices."""
        return stack([state_of(self.models[member]) for member in seats], self.places[0])

    def _seconds_a_step(self, chunk: int) -> float:
        """Measure a chunk of members, on copies of their states: seconds per step and member.

        Raises:
            TooLargeError: They do not fit.
        """
        assert isinstance(self.source, ResidentData)
        runner = self._resident((), self.places[0])
        seats = self.blocks(range(len(self.models)), chunk)[0]
        orders = next(self.source.orders())
        steps = min(_PROBED, max(1, orders.shape[-1] // self.spec.batch_size))
        orders = orders[:, : steps * self.spec.batch_size]
        spec = self.spec._replace(validate=False, evaluate_train=False)
        state = self._stacked(seats)
        seconds: list[float] = []
        PROGRAMS.finish()  # What compiles takes time from what is measured.
        for _ in range(3):
            started = time.perf_counter()
            with detecting_full():
                state, logs = runner.call(spec, state, seats, orders).run()
                jax.device_get(logs)
            seconds.append(time.perf_counter() - started)
        # The first run compiles.
        return float(min(seconds[1:]) / (steps * len(seats)))


def _is_narrower(dtype: Any, current: Any) -> bool:
    """Whether a dtype takes fewer bytes than the current one, which is floating."""
    floating = jnp.issubdtype(current, jnp.floating)
    return dtype is not None and floating and jnp.dtype(dtype).itemsize < current.itemsize


def _rows(data: ArrayTree) -> int:
    return int(jax.tree.leaves(data)[0].shape[0])


def _samples(source: ResidentData) -> int:
    return int(next(source.orders()).shape[-1])
