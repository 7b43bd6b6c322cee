"""Blocks of members as a store knows them."""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kohort.engine.loop.checkpoints import Checkpoint
from kohort.evidence.store import MemberKey

type KeptBlock = list[MemberKey]
"""The member in each seat of a block; the last member may have several seats."""


class EndedBlock(NamedTuple):
    """A block after its last epoch, until the weights of all its members are stored.

    Args:
        block: Its members.
        checkpoint: Its last checkpoint.
        seconds: Training time of each member.
        weights: The SHA-256 and the weights of the members whose weights are stored.
    """

    block: KeptBlock
    checkpoint: Checkpoint
    seconds: float
    weights: dict[MemberKey, tuple[str, Sequence[np.ndarray]]]


def label_of(block: KeptBlock) -> str:
    """The name of a block's checkpoint."""
    return hashlib.sha256(json.dumps(block).encode()).hexdigest()[:16]
