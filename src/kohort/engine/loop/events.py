"""What happens while a cohort trains."""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from kohort.engine.loop.checkpoints import Checkpoint

type Logs = dict[str, float]
"""Keras's logs of one member after one epoch, by name."""


class BlockPlan(NamedTuple):
    """Members that are to train side by side.

    Args:
        seats: The member in each seat, by number; the last may stand in several.
        checkpoint: Where they go on; None at the beginning.
    """

    seats: list[int]
    checkpoint: Checkpoint | None = None

    @property
    def members(self) -> list[int]:
        """The members in it, each once."""
        return list(dict.fromkeys(self.seats))


class BlocksPlanned(NamedTuple):
    """What comes before a first epoch: the blocks in which all members that are left will train."""

    blocks: list[list[int]]


class MeasuredEpoch(NamedTuple):
    """What an epoch of one block measured.

    Args:
        epoch: From 0.
        logs: The logs of each member that trained in it, by its number.
        seats: Members that trained side by side.
        checkpoint: Gives the block as it is now, until the next event is asked for; None where
            nobody could go on from it.
        is_last: Whether the block has no more epochs to train.
        seconds: That its block has trained; blocks that train at once share the time.
    """

    epoch: int
    logs: dict[int, Logs]
    seats: int
    checkpoint: Callable[[], Checkpoint] | None
    is_last: bool
    seconds: float = 0.0


class EpochsMeasured(NamedTuple):
    """What all blocks that train at once measured in an epoch of each.

    Of a member that trained without the engine's loop: all of its epochs.
    """

    epochs: Sequence[MeasuredEpoch]


class BlockEnded(NamedTuple):
    """What comes after the last epoch of a block.

    Args:
        members: Whose models are trained.
        seconds: That they have trained together.
    """

    members: list[int]
    seconds: float


type Events = Generator[BlocksPlanned | EpochsMeasured | BlockEnded]
