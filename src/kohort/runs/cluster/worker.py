"""What a worker of a cluster does: it trains one block, and sends what that measures."""

import os
import platform
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan, make_plan
from kohort.design.spec import StudySpec
from kohort.engine.loop.events import (
    BlockEnded,
    BlockPlan,
    BlocksPlanned,
    Events,
    MeasuredEpoch,
)
from kohort.engine.members import Job, Resources, train_fused, train_in_turn
from kohort.engine.memory import for_built_models
from kohort.engine.program import cache
from kohort.engine.program.precision import matmul_precision
from kohort.errors import DesignError, Interrupted
from kohort.runs.classes.counting import ClassCounter
from kohort.runs.cluster import shipping, versions
from kohort.runs.cluster.messages import (
    Begun,
    BlockTask,
    Divided,
    Message,
    SentEpoch,
    SentMember,
    Shipment,
    TrainedBlock,
)
from kohort.runs.pace import Pace
from kohort.runs.work import job_of
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
            yield from _messages(events, job, bench.counter, shipment.cadence, ends)


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
            self._spec: StudySpec = get(shipment.spec[0])
        except Exception as error:
            raise shipping.missing(error) from error
        self._models = BuiltModels(self._spec, for_built_models(shipment.memory))
        self.counter = ClassCounter(self._spec)

    def job(self, task: BlockTask) -> Job:
        """The models of a block, built from the seeds of their replicates."""
        numbers: dict[int, dict[int, None]] = {}
        for member in task.members:
            numbers.setdefault(member.variant, {})[member.replicate] = None
        plan = make_plan(self._spec, self._models, {v: [*of] for v, of in numbers.items()})
        planned = {(m.variant, m.replicate, m.share): m for m in plan.every_member}
        members = [planned[m.variant, m.replicate, m.share] for m in task.members]
        for pair in zip(task.members, members, strict=True):
            self._check(*pair)
        return job_of(self._spec, self._models, members, task.trains)

    def _check(self, sent: SentMember, member: MemberPlan) -> None:
        if member.signature != sent.signature:
            name = self._spec.variants[member.variant].name
            raise DesignError(
                f"a build function of variant {name!r} that makes the same model on each node",
                f"another one on {platform.node()}",
                "let it depend on its arguments alone",
            )


_benches: dict[str, _Bench] = {}


def _bench_of(shipment: Shipment, get: Callable[[Any], Any]) -> _Bench:
    if shipment.token not in _benches:
        _benches.clear()  # An earlier study of the same driver's.
        _benches[shipment.token] = _Bench(shipment, get)
    return _benches[shipment.token]


def _messages(
    events: Events, job: Job, counter: ClassCounter, cadence: float, ends: Callable[[], bool]
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
            models = {number: job.models[number] for number in event.members}
            weights = {number: model.get_weights() for number, model in models.items()}
            found = {n: counter.found(model, job.members[n]) for n, model in models.items()}
            yield TrainedBlock(event.seconds, weights, found)
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
