"""The driver's side of blocks on a cluster: which wait, which train, and which begin again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kohort.design.searches.draws import Draw
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import (
    BlockEnded,
    BlockPlan,
    BlocksPlanned,
    EpochsMeasured,
    MeasuredEpoch,
)
from kohort.engine.members import Job, Resources, laid_out
from kohort.runs.cluster.messages import (
    Begun,
    BlockTask,
    Divided,
    Message,
    SentEpoch,
    SentMember,
    TrainedBlock,
)
from kohort.runs.work import WorkItem, with_all_kinds


@dataclass(frozen=True, eq=False)
class ClusterWork:
    """Members whose blocks train on a cluster.

    Args:
        work: The members.
        label: What they are called together.
        names: What each is called.
        is_fused: Whether a program trains each block, or `keras.Model.fit`.
        draws: Of trials of a search, what makes each of the members.
    """

    work: WorkItem
    label: str
    names: Sequence[str]
    is_fused: bool
    draws: tuple[Draw, ...] = ()


class Told(NamedTuple):
    """What a block has told: an event, with members by number in its work.

    `weights` are those of the members that have trained, by number; `found` is what
    `ClassCounter.found` counts of them.
    """

    of: ClusterWork
    event: BlocksPlanned | EpochsMeasured | BlockEnded
    weights: Mapping[int, Sequence[np.ndarray]] = {}
    found: Mapping[int, np.ndarray | None] = {}


@dataclass(eq=False)
class SentBlock:
    """A block that waits or trains on a cluster.

    Args:
        of: Its work.
        plan: Its seats, by number in that work, and where it goes on.
        spent: Seconds of training up to that checkpoint, in this run.
        reported: How many epochs it has told of.
        begun: Where it trains now.
        deaths: How its workers died, one after another, with nothing told in between.
        kept: Seconds of training up to the newest checkpoint.
    """

    of: ClusterWork
    plan: BlockPlan
    spent: float = 0.0
    reported: int = 0
    begun: Begun | None = None
    deaths: list[str] = field(default_factory=list)
    kept: float = 0.0

    @property
    def task(self) -> BlockTask:
        """What a worker gets."""
        every = self.of.work.members
        block = [every[number] for number in self.plan.members]
        # Of trials all constants are inputs.
        is_of_kinds = self.of.is_fused and not self.of.draws
        members = with_all_kinds(block, every) if is_of_kinds else tuple(block)
        place = {number: place for place, number in enumerate(self.plan.members)}
        return BlockTask(
            tuple(SentMember(m.variant, m.replicate, m.share, m.signature) for m in members),
            len(block),
            [place[number] for number in self.plan.seats],
            self.plan.checkpoint,
            self.of.is_fused,
            block[0].epochs,
            tuple(self.of.draws[number] for number in self.plan.members) if self.of.draws else (),
        )

    @property
    def cost(self) -> int:
        """Grows with how long it trains."""
        first = self.of.work.members[self.plan.seats[0]]
        return len(self.plan.seats) * first.epochs * first.sizes[0] * first.parameters

    def take(self, message: Message) -> Iterator[Told]:
        """Take a message; yield what it tells."""
        numbers = self.plan.members
        if isinstance(message, Begun):
            self.begun = message
        elif isinstance(message, Divided):
            seats = [[numbers[place] for place in block] for block in message.blocks]
            yield Told(self.of, BlocksPlanned(seats))
        elif isinstance(message, TrainedBlock):
            # They are mapped from memory that goes with the cluster.
            weights = {
                numbers[place]: [np.array(array) for array in arrays]
                for place, arrays in message.weights.items()
            }
            found = {
                numbers[place]: None if counts is None else np.array(counts)
                for place, counts in message.found.items()
            }
            ended = BlockEnded(sorted(weights), self.spent + message.seconds)
            yield Told(self.of, ended, weights, found)
        else:
            measured = [self._measured(epoch) for epoch in message if self._is_new(epoch)]
            self._remember(message)
            if measured:
                yield Told(self.of, EpochsMeasured(measured))

    def _is_new(self, epoch: SentEpoch) -> bool:
        """Whether an epoch was not told before its worker died."""
        return epoch.epoch >= self.reported

    def _measured(self, sent: SentEpoch) -> MeasuredEpoch:
        numbers, checkpoint = self.plan.members, sent.checkpoint
        return MeasuredEpoch(
            sent.epoch,
            {numbers[place]: logs for place, logs in sent.logs.items()},
            sent.seats,
            None if checkpoint is None else _returning(checkpoint),
            sent.is_last,
            self.spent + sent.seconds,
        )

    def _remember(self, epochs: Sequence[SentEpoch]) -> None:
        """Keep the newest checkpoint, from which the block goes on where its worker dies."""
        spent = self.spent
        for epoch in epochs:
            if self._is_new(epoch):
                self.reported, self.deaths = epoch.epoch + 1, []
            if epoch.checkpoint is not None:
                self.plan = self.plan._replace(checkpoint=epoch.checkpoint)
                self.kept = spent + epoch.seconds

    def begin_again(self) -> None:
        """Let the next worker go on from the newest checkpoint."""
        self.begun, self.spent = None, self.kept


def _returning(checkpoint: Checkpoint) -> Callable[[], Checkpoint]:
    return lambda: checkpoint


def layout_of(job: Job, resources: Resources, trains: int, parts: int) -> BlocksPlanned:
    """The blocks in which members would train here, or smaller ones, so that there are enough.

    Args:
        job: The members.
        resources: What training may use.
        trains: How many members train, the first ones.
        parts: The least number of blocks, of members that are as many.
    """
    layout, most = laid_out(job, resources, trains), -(-trains // parts)
    if len(layout.blocks[0]) <= most:
        return layout
    return laid_out(job, resources._replace(chunk_size=most), trains)
