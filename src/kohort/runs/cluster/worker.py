"""What a worker of a cluster does: it trains one block, and sends what that measures."""

import os
import platform
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from kohort.engine.loop.events import (
    BlockEnded,
    BlockPlan,
    BlocksPlanned,
    Events,
    MeasuredEpoch,
)
from kohort.engine.members import Job, Resources, train_fused, train_in_turn
from kohort.engine.program import cache
from kohort.engine.program.precision import matmul_precision
from kohort.errors import DesignError, Interrupted
from kohort.runs.cluster import shipping, versions
from kohort.runs.cluster.messages import (
    Begun,
    BlockTask,
    Divided,
    Message,
    SentEpoch,
    Shipment,
    TrainedBlock,
)
from kohort.runs.pace import Pace
from kohort.tracing.user_code import reporting_user_code

_EVERY = 0.25
"""Seconds between two messages about epochs: each takes the driver a millisecond or two."""


def train_block(
    shipment: Shipment, task: BlockTask, get: Callable[[Any], Any], ends: Callable[[], bool]
) -> Iterator[Message]:
    """Train a block, and yield what it measures; ends early where it is asked to.

    Args:
        shipment: The study.
        task: The block.
        get: Returns the object of a reference.
        ends: Returns whether to end after the current epoch.

    Raises:
        DesignError: The worker cannot train it: its versions differ, a module is missing, its
            models compute something else, or the user's own code fails.
    """
    bench = _bench_of(shipment, get)
    with ExitStack() as stack:
        stack.enter_context(matmul_precision(shipment.precision))
        stack.enter_context(cache.persistent())
        # By SystemExit Ray ends a worker, whose block goes on elsewhere.
        stack.enter_context(reporting_user_code((Exception,)))
        job = bench.job(task)
        if task.is_fused:
            block = BlockPlan(task.seats, task.checkpoint)
            resources = Resources(len(task.seats), shipment.memory)
            events = train_fused(job, resources, task.trains, [block])
        else:
            events = train_in_turn(job, ends)
        with closing(events), suppress(Interrupted):
            yield from _messages(events, job, bench.job.ended, shipment.cadence, ends)


def begun(node: str) -> Begun:
    """The first message of this process."""
    try:
        stderr = str(Path("/proc/self/fd/2").readlink())
    except OSError:
        stderr = ""
    return Begun(node, os.getpid(), stderr)


class _Bench:
    """What a process of a worker has of a study, for all blocks that it trains.

    Args:
        shipment: The study.
        get: Returns the object of a reference.
    """

    def __init__(self, shipment: Shipment, get: Callable[[Any], Any]) -> None:
        versions.check_same(shipment.versions, versions.teller()(), platform.node())
        sys.meta_path.insert(0, shipping.ShippedModules(shipment.modules))
        shipping.apply(shipment.settings)
        try:
            spec = shipping.taken_up(get(shipment.spec[0]))
        except DesignError:
            raise
        except Exception as error:
            raise shipping.missing(error) from error
        self.job = shipment.jobs(spec, shipment.memory)
        """Finds the members of a block."""


_benches: dict[str, _Bench] = {}


def _bench_of(shipment: Shipment, get: Callable[[Any], Any]) -> _Bench:
    if shipment.token not in _benches:
        _benches.clear()  # An earlier study of the same driver's.
        _benches[shipment.token] = _Bench(shipment, get)
    return _benches[shipment.token]


def _messages(
    events: Events,
    job: Job,
    ended: Callable[[Job, BlockEnded], dict[int, tuple[list[np.ndarray], np.ndarray | None]]],
    cadence: float,
    ends: Callable[[], bool],
) -> Generator[Message]:
    """What a block measured, some epochs in each message, and its end."""
    measured: list[SentEpoch] = []
    pace, sent = Pace(cadence), time.monotonic()
    for event in events:
        if isinstance(event, BlocksPlanned):
            yield Divided(event.blocks)
            return
        if isinstance(event, BlockEnded):
            yield measured
            last = ended(job, event)
            weights = {n: arrays for n, (arrays, _) in last.items()}
            yield TrainedBlock(
                event.seconds, weights, {n: counts for n, (_, counts) in last.items()}
            )
            return
        is_asked = ends()
        measured += [_sent(epoch, pace, is_asked=is_asked) for epoch in event.epochs]
        if measured[-1].is_last:
            continue
        if is_asked or measured[-1].checkpoint or time.monotonic() - sent > _EVERY:
            yield measured
            measured, sent = [], time.monotonic()
        if is_asked:
            return


def _sent(epoch: MeasuredEpoch, pace: Pace, *, is_asked: bool) -> SentEpoch:
    """An epoch, with a checkpoint where one is due."""
    checkpoint = None
    if epoch.checkpoint and (epoch.is_last or is_asked or pace.is_due):
        with pace.writing():
            checkpoint = epoch.checkpoint()
    return SentEpoch(epoch.epoch, epoch.logs, epoch.seats, checkpoint, epoch.is_last, epoch.seconds)
