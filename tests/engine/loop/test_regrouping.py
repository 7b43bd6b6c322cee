import numpy as np
import pytest

from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.regrouping import apart, seated, together, trains


def member(number, *, active=True, diverged=False, callback=True):
    """The checkpoint of a block of one seat, whose numbers tell whose they are."""
    base = 10.0 * number
    arrays = {
        "state/0/0": np.full((1, 2, 3), base),
        "state/2/0": np.full((1,), base + 1),
        "best/0/0": np.full((1, 2, 3), base + 2),
        "lowest": np.array([base + 3]),
    }
    if callback:
        arrays["callbacks 0/1/0/0"] = np.full((2,), base + 4)
    bench = {
        "seats": [0],
        "active": [0] if active else [],
        "diverged": [0] if diverged else [],
        "best": {"seats": [0], "left": []},
    }
    state = {"bench": bench, "callbacks": [[{"wait": number}]], "logs": [{"loss": base}]}
    return Checkpoint(3, arrays, state)


def same(a, b):
    assert a.epoch == b.epoch
    assert a.state == b.state
    assert a.arrays.keys() == b.arrays.keys()
    for name, array in a.arrays.items():
        np.testing.assert_array_equal(array, b.arrays[name], err_msg=name)


@pytest.mark.parametrize("seats", [4, 5, 7])
def test_members_come_out_of_a_block_as_they_went_in(seats):
    members = [
        member(0),
        member(1, active=False),
        member(2, active=False, diverged=True, callback=False),
        member(3),
    ]
    block = together(members, seats)
    assert block.arrays["state/0/0"].shape == (seats, 2, 3)
    assert block.state["bench"]["seats"] == [0, 1, 2, 3] + [3] * (seats - 4)
    assert block.state["bench"]["active"] == [0, 3]
    assert block.state["bench"]["diverged"] == [2]
    for before, after in zip(members, apart(block), strict=True):
        same(before, after)


def test_members_of_two_blocks_make_another_one():
    first, second = together([member(0), member(1)], 2), together([member(2), member(3)], 2)
    mixed = together([apart(second)[1], apart(first)[0]], 4)
    np.testing.assert_array_equal(mixed.arrays["lowest"], [33.0, 3.0, 3.0, 3.0])
    np.testing.assert_array_equal(mixed.arrays["callbacks 1/1/0/0"], [4.0, 4.0])
    assert [logs["loss"] for logs in mixed.state["logs"]] == [30.0, 0.0]


def test_who_stopped_or_diverged_does_not_train():
    assert trains(member(0))
    assert not trains(member(0, active=False))


def test_the_last_member_has_the_seats_that_are_left():
    assert seated(2, 4) == [0, 1, 1, 1]
    assert seated(4, 4) == [0, 1, 2, 3]
