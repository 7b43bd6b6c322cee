"""Takes members out of the checkpoints of blocks, and seats them in other blocks.

For blocks whose seats are never given up (`TrainingPlan.isolated`): the numbers of their members
do not depend on who sits beside them.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from kohort.engine.loop.checkpoints import Checkpoint, NamedArrays

_CALLBACKS = "callbacks"


def apart(checkpoint: Checkpoint) -> list[Checkpoint]:
    """The checkpoint of each member of a block, by place: that of a block of one seat."""
    return [_of_member(checkpoint, place) for place in range(len(checkpoint.state["logs"]))]


def trains(member: Checkpoint) -> bool:
    """Whether the member of a block of one seat goes on: not stopped, and not diverged."""
    return bool(member.state["bench"]["active"])


def together(members: Sequence[Checkpoint], seats: int) -> Checkpoint:
    """The checkpoint of a block of members, from those of each.

    Args:
        members: Their checkpoints, after equally many epochs.
        seats: The seats of the block; the last member has those that are left.
    """
    places = seated(len(members), seats)
    of_seats = [members[place] for place in places]
    stacked: NamedArrays = {
        name: np.concatenate([member.arrays[name] for member in of_seats])
        for name in members[0].arrays
        if not name.startswith(_CALLBACKS)
    }
    for place, member in enumerate(members):
        stacked |= _renamed(member.arrays, 0, place)
    bench = {
        "seats": places,
        "active": [place for place, member in enumerate(members) if trains(member)],
        "diverged": [p for p, member in enumerate(members) if member.state["bench"]["diverged"]],
        "best": {"seats": places, "left": []},
    }
    state = {
        "bench": bench,
        "callbacks": [member.state["callbacks"][0] for member in members],
        "logs": [member.state["logs"][0] for member in members],
    }
    return Checkpoint(members[0].epoch, stacked, state)


def seated(members: int, seats: int) -> list[int]:
    """The place of the member in each seat of a block."""
    return [min(seat, members - 1) for seat in range(seats)]


def _of_member(checkpoint: Checkpoint, place: int) -> Checkpoint:
    bench = checkpoint.state["bench"]
    seat = bench["seats"].index(place)
    arrays = {
        name: array[seat : seat + 1]
        for name, array in checkpoint.arrays.items()
        if not name.startswith(_CALLBACKS)
    }
    alone = {
        "seats": [0],
        "active": [0] if place in bench["active"] else [],
        "diverged": [0] if place in bench["diverged"] else [],
        "best": {"seats": [0], "left": []},
    }
    state = {
        "bench": alone,
        "callbacks": [checkpoint.state["callbacks"][place]],
        "logs": [checkpoint.state["logs"][place]],
    }
    return Checkpoint(checkpoint.epoch, arrays | _renamed(checkpoint.arrays, place, 0), state)


def _renamed(arrays: NamedArrays, old: int, new: int) -> NamedArrays:
    """The arrays of the callbacks of the member in one place, named for another place."""
    start = f"{_CALLBACKS} {old}/"
    return dict(_with_prefix(arrays, start, f"{_CALLBACKS} {new}/"))


def _with_prefix(arrays: NamedArrays, old: str, new: str) -> Iterator[tuple[str, np.ndarray]]:
    for name, array in arrays.items():
        if name.startswith(old):
            yield new + name.removeprefix(old), array
