"""Trains a group of members of a study with either engine."""

import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.orders import epoch_orders
from kohort.data.system import cores
from kohort.design.plan import MemberPlan
from kohort.design.replicates import Replicate
from kohort.design.weights import MemberWeights
from kohort.engine.feed.resident import ResidentData
from kohort.engine.feed.segments import Segments, rows_ahead
from kohort.engine.feed.streamed import StreamedData
from kohort.engine.loop import chunking
from kohort.engine.loop.callback_lists import can_be_recorded
from kohort.engine.loop.cohort import Cohort, TrainingPlan
from kohort.engine.loop.events import (
    BlockEnded,
    BlockPlan,
    BlocksPlanned,
    EpochsMeasured,
    Events,
    MeasuredEpoch,
)
from kohort.engine.loop.scheduler import train
from kohort.engine.loop.state import Start
from kohort.engine.measuring import EvaluateTrain, Interrupt, RestoreBest, StopDiverged
from kohort.engine.memory import for_segment, stays_on_device
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.reference import fit_one
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.callbacks import Callback, why_inside_epochs

MONITOR = "val_data_loss"
"""A member's best epoch has the lowest value of this: validation loss without penalties."""


class Job(NamedTuple):
    """Members to train; their parts have equal numbers of samples.

    `isolated` is as in `TrainingPlan`, and `starts` as for `Cohort`.
    """

    members: tuple[MemberPlan, ...]
    models: list[keras.Model]
    replicates: list[Replicate]
    callbacks: list[tuple[Callback, ...]]
    data: Dataset
    batch_size: int
    isolated: int = 0
    weights: MemberWeights = MemberWeights()
    starts: Sequence[Start] | None = None

    @property
    def why_alone(self) -> str | None:
        """Why only `keras.Model.fit` can train them, as a clause; None where it need not."""
        return why_inside_epochs([each for of_one in self.callbacks for each in of_one])


class Resources(NamedTuple):
    """What training may use: members side by side (None: chosen by measuring), and bytes."""

    chunk_size: int | None
    memory: int


def compiling_ahead(cohorts: Iterable[Cohort | None], ahead: int = 1) -> Iterator[Cohort | None]:
    """Yield each cohort in its turn, while the programs of the next ones compile.

    XLA compiles a program on little more than one core, so others are compiled in other threads.

    Args:
        cohorts: Made as they are asked for, so many before their turns; None for members of which
            no program is to be compiled ahead.
        ahead: How many compile while one has its turn.
    """
    coming, waiting = iter(cohorts), deque[Cohort | None]()
    while made := list(islice(coming, 1 if waiting else 1 + ahead)):
        waiting.extend(made)
        new = [cohort for cohort in made if cohort is not None]
        # How many train side by side is measured while nothing compiles.
        for cohort in new:
            _ = cohort.chunk
        for cohort in new:
            cohort.begin_compiling()
        yield waiting.popleft()
    yield from waiting


def compiled_ahead(
    jobs: Sequence[Job], resources: Sequence[Resources], new: Sequence[bool]
) -> Iterator[Resources]:
    """Yield what each job may use as it trains in its turn, while the next ones compile.

    How many train side by side is measured of all of them first.

    Args:
        jobs: The members of each.
        resources: What training each may use.
        new: Whether the program of each is not compiled yet.
    """
    if sum(new) < 2:
        yield from resources
        return
    chosen = [
        each._replace(chunk_size=cohort_of(job, each).chunk) if is_new else each
        for job, each, is_new in zip(jobs, resources, new, strict=True)
    ]
    cohorts = (
        cohort_of(job, each) if is_new else None
        for job, each, is_new in zip(jobs, chosen, new, strict=True)
    )
    for of_job, _ in zip(chosen, compiling_ahead(cohorts, ahead=cores()), strict=True):
        yield of_job


def begin_compiling(job: Job, memory: int) -> bool:
    """Compile the program of members in another thread, which others of their program wait for.

    Args:
        job: The members, or the first of them.
        memory: Bytes that training may take.

    Returns:
        Whether it was done: not where it is to be measured how many train side by side.
    """
    first, training = job.members[0], job.members[0].traced.training
    steps = (job.isolated or len(job.members)) * first.epochs * -(-first.sizes[0] // job.batch_size)
    is_cpu = jax.default_backend() == "cpu"
    likely = chunking.likely_seconds(training.work()) if is_cpu else math.inf
    if is_known := chunking.is_brief(steps, likely):
        cohort_of(job, Resources(None, memory)).begin_compiling()
    return is_known


def train_fused(
    job: Job, resources: Resources, trains: int, begun: Sequence[BlockPlan] = ()
) -> Events:
    """Train the members of a cohort together; each reads the rows of its replicate.

    Args:
        job: The members.
        resources: What training may use.
        trains: How many members train, the first ones.
        begun: The blocks in which they train, as in `engine.loop.scheduler.train`.
    """
    return train(cohort_of(job, resources), trains, begun)


def laid_out(job: Job, resources: Resources, trains: int) -> BlocksPlanned:
    """The blocks in which members would train here, before they do; arguments as `train_fused`."""
    with closing(train_fused(job, resources, trains)) as events:
        layout = next(events)
    assert isinstance(layout, BlocksPlanned)
    return layout


def cohort_of(job: Job, resources: Resources) -> Cohort:
    """The cohort of members that are to train."""
    validates = len(job.replicates[0].valid) > 0  # A refit has no samples that do.
    return Cohort(
        job.models,
        [member.traced for member in job.members],
        _source(job, resources.memory),
        EpochSpec(
            job.batch_size,
            validate=validates,
            evaluate_train=True,
            pixels=job.data.pixels if job.data.stores_pixels else None,
        ),
        TrainingPlan(
            job.members[0].epochs,
            restore_best=MONITOR if validates else None,
            stop_diverged=True,
            chunk_size=resources.chunk_size,
            memory=resources.memory,
            isolated=job.isolated,
        ),
        job.callbacks,
        job.starts,
    )


def train_in_turn(job: Job, ends: Callable[[], bool]) -> Events:
    """Train each member by `keras.Model.fit`; its epochs are reported when it has ended.

    Args:
        job: The members.
        ends: Returns whether to end now; called at the end of each epoch.

    Raises:
        Interrupted: `ends` returned True while a member was training.
    """
    for number in range(len(job.models)):
        began = time.perf_counter()
        history = _fit(job, number, ends)
        epochs = len(history["loss"])
        # A callback may have added what is no number, or in some epochs only.
        recorded = {
            name: values
            for name, values in history.items()
            if len(values) == epochs and all(map(can_be_recorded, values))
        }
        measured = [
            MeasuredEpoch(
                epoch,
                {number: {name: values[epoch] for name, values in recorded.items()}},
                seats=1,
                checkpoint=None,
                is_last=epoch + 1 == epochs,
            )
            for epoch in range(epochs)
        ]
        yield EpochsMeasured(measured)
        yield BlockEnded([number], time.perf_counter() - began)


def _fit(job: Job, number: int, ends: Callable[[], bool]) -> dict[str, list[float]]:
    data, replicate, weights = job.data, job.replicates[number], job.weights
    train_part, measured_part, valid_part = (
        (data.inputs(data.x_train[rows]), data.y_train[rows], weights.measuring(rows))
        for rows in (replicate.train, replicate.measured, replicate.valid)
    )
    history: dict[str, list[float]] = fit_one(
        job.models[number],
        *train_part[:2],
        seed=replicate.seed,
        callbacks=[
            EvaluateTrain(keras.utils.pack_x_y_sample_weight(*measured_part), job.batch_size),
            *(job.callbacks[number] if job.callbacks else ()),
            StopDiverged(),
            *([RestoreBest(MONITOR)] if len(replicate.valid) else ()),
            Interrupt(ends),
        ],
        sample_weight=weights.of_rows(number, replicate.train),
        validation_data=(
            keras.utils.pack_x_y_sample_weight(*valid_part) if len(replicate.valid) else None
        ),
        batch_size=job.batch_size,
        epochs=job.members[number].epochs,
        verbose=0,
    ).history
    return history


def _source(job: Job, memory: int) -> ResidentData | StreamedData:
    """The data of a cohort: the arrays, and the rows of them that each replicate reads."""
    data, weights = job.data, job.weights
    # Pixels are stored as they are, and scaled in the step.
    x = data.inputs(data.x_train) if data.named else data.x_train
    keys: list[Hashable] = [(replicate.number, replicate.share) for replicate in job.replicates]
    arrays = keras.utils.pack_x_y_sample_weight(x, data.y_train, weights.samples)
    stays = stays_on_device(arrays, memory)
    if not stays and weights.of_classes is not None:
        # What is read side by side is one stream, with its weights.
        keys = [(key, of.tobytes()) for key, of in zip(keys, weights.of_classes, strict=True)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    first = [keys.index(key) for key in numbers]
    replicates, order_of = [job.replicates[member] for member in first], [numbers[k] for k in keys]
    if stays:
        on_device = jax.tree.map(jnp.asarray, arrays)
        valid_rows, measured_rows = (
            np.stack(rows).astype(np.int32)
            for rows in zip(*((each.valid, each.measured) for each in replicates), strict=True)
        )
        orders = [partial(_orders, replicate, job.batch_size) for replicate in replicates]
        return ResidentData(
            on_device,
            lambda: map(np.stack, zip(*(begin() for begin in orders), strict=True)),
            order_of,
            on_device,
            valid_rows,
            measured_rows,
            weights.classes,
            weights.of_classes,
        )

    def segments(rows: np.ndarray | None, read: ArrayTree = arrays) -> Iterator[ArrayTree]:
        assert rows is not None
        return rows_ahead(read, rows, job.batch_size, for_segment(memory))

    def of(order: int) -> tuple[Segments, Iterator[np.ndarray]]:
        replicate, train = replicates[order], segments
        if weights.classes is not None:
            every = np.arange(len(data.y_train))
            train = partial(segments, read=(*arrays, weights.of_rows(first[order], every)))
        streams = Segments(
            train, lambda: segments(replicate.valid), replicate.measured, evaluated=segments
        )
        return streams, _orders(replicate, job.batch_size)

    return StreamedData(of, order_of, -(-len(replicates[0].train) // job.batch_size))


def _orders(replicate: Replicate, batch_size: int) -> Iterator[np.ndarray]:
    """Yield, epoch by epoch, the rows that a replicate trains on, int32 `[sample]`."""
    rows = replicate.train.astype(np.int32)
    for order in epoch_orders(len(rows), batch_size, shuffle=True, seed=replicate.seed):
        yield rows[order]
