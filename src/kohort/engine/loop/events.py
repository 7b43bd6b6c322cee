"""The events that are reported while a cohort trains."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

from kohort.engine.loop.checkpoints import Checkpoint

type Logs = dict[str, float]
"""Keras's logs of one member after one epoch, by name."""


class BlockPlan(NamedTuple):
    """Members that will train side by side.

    Args:
        seats: The member in each seat, by number; the last member may have several seats.
        checkpoint: Where they resume; None at the beginning.
    """

    seats: list[int]
    checkpoint: Checkpoint | None = None

    @property
    def members(self) -> list[int]:
        """The members of the block, each once."""
        return list(dict.fromkeys(self.seats))


class BlocksPlanned(NamedTuple):
    """Comes before a first epoch: the blocks in which all remaining members will train."""

    blocks: list[list[int]]


class MeasuredEpoch(NamedTuple):
    """What an epoch of one block measured.

    Args:
        epoch: From 0.
        logs: The logs of each member that trained in it, by its number.
        seats: The number of members that trained side by side.
        checkpoint: Returns a checkpoint of the block, until the next event is requested; None
            where training cannot be resumed from one.
        is_last: Whether the block has no more epochs to train.
        seconds: Training time of its block; blocks that train at once share the time.
    """

    epoch: int
    logs: dict[int, Logs]
    seats: int
    checkpoint: Callable[[], Checkpoint] | None
    is_last: bool
    seconds: float = 0.0


class EpochsMeasured(NamedTuple):
    """What the blocks that train at once measured, in one epoch of each.

    For a member that was trained by `keras.Model.fit`, all of its epochs.

    Args:
        epochs: Of each block.
        devices: The number of devices on which they trained.
    """

    epochs: Sequence[MeasuredEpoch]
    devices: int = 1


class BlockEnded(NamedTuple):
    """Comes after the last epoch of a block.

    Args:
        members: The members whose models are now trained.
        seconds: Training time of the block.
        weights: Of members without models of their own, the values of trainable and of other
            variables that they end with.
    """

    members: list[int]
    seconds: float
    weights: Mapping[int, Sequence[list[Any]]] = {}


type Events = Generator[BlocksPlanned | EpochsMeasured | BlockEnded]
