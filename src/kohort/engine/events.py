"""What happens while a cohort trains."""

from collections.abc import Callable, Generator
from typing import NamedTuple

from kohort.engine.checkpoint import Checkpoint

type Logs = dict[str, float]


class Block(NamedTuple):
    """Members that train side by side.

    Args:
        seats: The member in each seat, by number; the last may stand in several.
        checkpoint: Where it goes on; None at the beginning.
    """

    seats: list[int]
    checkpoint: Checkpoint | None = None


class Laid(NamedTuple):
    """What comes before a first epoch: the blocks in which all members that are left will train."""

    blocks: list[list[int]]


class EpochRecord(NamedTuple):
    """What an epoch measured.

    Args:
        epoch: From 0.
        logs: Keras's logs of each member that trained in it, by its number.
        seats: Members that trained side by side.
        checkpoint: Gives the block as it is now, until the next event is asked for; None where
            nobody could go on from it.
        is_last: Whether the block has no more epochs to train.
        seconds: That its block has trained; blocks that train at once share the time.
        more: Whether what was trained in the meantime is told next.
    """

    epoch: int
    logs: dict[int, Logs]
    seats: int
    checkpoint: Callable[[], Checkpoint] | None
    is_last: bool
    seconds: float = 0.0
    more: bool = False


class Ended(NamedTuple):
    """What comes after a last epoch.

    Args:
        members: Whose models are trained.
        seconds: That they have trained together.
    """

    members: list[int]
    seconds: float


type Events = Generator[Laid | EpochRecord | Ended]
