"""Trials of one program that stand at one epoch, and train up to another."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import BlockPlan, BlocksPlanned, MeasuredEpoch
from kohort.engine.loop.regrouping import apart, seated, together
from kohort.engine.members import Job
from kohort.engine.memory import OutgrownError
from kohort.errors import DesignError


@dataclass(eq=False)
class AlikeTrials:
    """Trials of one program that stand at one epoch, and train up to another.

    Args:
        numbers: Of the trials.
        job: What trains them; its members are in their order.
        start: The epoch at which they stand.
        begun: The blocks of those that go on, by places in `numbers`; empty at the beginning.
        blocks: The places in each block, once that is known.
    """

    numbers: Sequence[int]
    job: Job
    start: int
    begun: Sequence[BlockPlan] = ()
    blocks: list[list[int]] = field(default_factory=list)

    @property
    def program(self) -> str:
        """What they share, as all trials have one split."""
        return self.job.members[0].program.skeleton

    def goes_on(self, states: Mapping[int, Checkpoint], seats: int) -> None:
        """Let trials go on from their states, in blocks of the seats with which they began."""
        places = range(len(self.numbers))
        blocks = [list(places[first : first + seats]) for first in places[::seats]]
        self.begun = [
            BlockPlan(
                [block[place] for place in seated(len(block), seats)],
                together([states[self.numbers[place]] for place in block], seats),
            )
            for block in blocks
        ]
        self.blocks = blocks

    def lay_out(self, event: BlocksPlanned) -> None:
        """Take note of the blocks of some of them, or of all."""
        laid_out = [list(dict.fromkeys(seats)) for seats in event.blocks]
        moved = {place for block in laid_out for place in block}
        self.blocks = [block for block in self.blocks if not set(block) & moved] + laid_out

    def states(self, epoch: MeasuredEpoch) -> dict[int, Checkpoint]:
        """The states after an epoch, by trial: also of those that stopped earlier in its block."""
        assert epoch.checkpoint is not None
        block = next(block for block in self.blocks if next(iter(epoch.logs)) in block)
        states = zip(block, apart(epoch.checkpoint()), strict=True)
        return {self.numbers[place]: state for place, state in states}


@contextmanager
def telling_of_memory() -> Iterator[None]:
    """Give other advice where trials that go on find too little memory: they share it unasked."""
    try:
        yield
    except OutgrownError as error:
        raise DesignError(
            error.expected,
            error.received,
            "allow or free more memory (memory, or --memory), or begin anew with what there is: "
            "fresh=True, or --fresh",
        ) from error
