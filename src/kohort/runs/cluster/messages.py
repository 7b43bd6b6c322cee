"""What goes between the driver and the workers of a cluster."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from kohort.design.searches.draws import Draw
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import BlockEnded, Logs
from kohort.engine.members import Job
from kohort.runs.cluster.shipping import Modules
from kohort.tracing.signature import Signature


class Jobs(Protocol):
    """Finds the members of a block on a worker, and what is sent of each that has trained."""

    def __call__(self, task: "BlockTask") -> Job:
        """The models of a block, and what trains them."""

    def ended(
        self, job: Job, event: BlockEnded
    ) -> dict[int, tuple[list[np.ndarray], np.ndarray | None]]:
        """By number, the weights of members that have trained, and the counts of their classes."""


class Shipment(NamedTuple):
    """What all blocks of a study need; each process of a worker unpacks it once.

    Args:
        token: Differs between runs.
        versions: The driver's, by name.
        modules: The user's modules.
        settings: Global settings of Keras and JAX, by name.
        precision: As in `Study.run`.
        memory: Bytes that a block may take.
        cadence: Seconds of training between two checkpoints.
        spec: In a list, the reference to the specification, as `shipping.taken_up` takes it: its
            data are mapped from the memory that the processes of a node share, or from files that
            all nodes reach, and unpacked after the modules.
        jobs: Makes what finds the members of each block, of the specification and the memory.
    """

    token: str
    versions: Mapping[str, str]
    modules: Modules
    settings: Mapping[str, Any]
    precision: Any
    memory: int
    cadence: float
    spec: list[Any]
    jobs: Callable[[Any, int], Jobs]


class SentMember(NamedTuple):
    """A member as a worker finds it in its plan, and what its steps compute on the driver."""

    variant: int
    replicate: int
    share: float
    signature: Signature | None


class BlockTask(NamedTuple):
    """One block to train.

    Args:
        members: Those of the block, and one of each other kind in their cohort.
        trains: How many of them train, the first ones.
        seats: The member in each seat, by its place in `members`.
        checkpoint: Where they go on; None at the beginning.
        is_fused: Whether one program trains them, or `keras.Model.fit`.
        epochs: The epoch up to which they train.
        draws: Of trials of a search, what makes each of the members.
    """

    members: tuple[SentMember, ...]
    trains: int
    seats: list[int]
    checkpoint: Checkpoint | None
    is_fused: bool
    epochs: int
    draws: tuple[Draw, ...] = ()


class Begun(NamedTuple):
    """The first message of a task: its node, its process, and where its standard error goes."""

    node: str
    process: int
    stderr: str


class SentEpoch(NamedTuple):
    """What an epoch measured, as `MeasuredEpoch` has it, by place in the task's members."""

    epoch: int
    logs: dict[int, Logs]
    seats: int
    checkpoint: Checkpoint | None
    is_last: bool
    seconds: float


class Divided(NamedTuple):
    """The block does not fit in memory: those to train in its place, by place in its members."""

    blocks: list[list[int]]


class TrainedBlock(NamedTuple):
    """The last message.

    Args:
        seconds: Training time.
        weights: The weights of each member, by place; none of trials.
        found: What `ClassCounter.found` counts of each, by place; nothing of trials.
    """

    seconds: float
    weights: dict[int, list[np.ndarray]]
    found: dict[int, np.ndarray | None]


type Message = Begun | list[SentEpoch] | Divided | TrainedBlock
