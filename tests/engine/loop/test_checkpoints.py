"""Checkpoints without what is kept elsewhere, and whole again."""

import numpy as np
import pytest

from kohort.engine.loop.checkpoints import Checkpoint, lean, whole

RANDOM = np.random.default_rng(0)
KERNELS = RANDOM.normal(size=(3, 4, 2)).astype(np.float32)
BIASES = np.zeros((3, 2), np.float32)
LEFT_KERNEL = RANDOM.normal(size=(4, 2)).astype(np.float32)
SEEDS = np.arange(6, dtype=np.uint32).reshape(3, 2)


def checkpoint(**changes):
    """Three seats: the members of places 2 and 0, and that of 0 once more; 1 has left its seat."""
    arrays = {
        "best/0/0": KERNELS, "best/0/1": BIASES, "best/1/0": SEEDS, "left 1/0/0": LEFT_KERNEL,
        "state/0/0": KERNELS, "lowest": np.zeros(3, np.float32), "callbacks 0/0/0": LEFT_KERNEL,
    } | changes  # fmt: skip
    return Checkpoint(4, arrays, {"bench": {"best": {"seats": [2, 0, 0]}}, "logs": [1, 2, 3]})


ENDED = [[BIASES[1], KERNELS[1]], [LEFT_KERNEL], [KERNELS[0], BIASES[0]]]


def same(one, other):
    assert (one.epoch, one.state, sorted(one.arrays)) == (
        (other.epoch, other.state, sorted(other.arrays))
    )
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype
        assert array.tobytes() == other.arrays[name].tobytes()


def test_what_members_ended_with_is_left_out_and_comes_back():
    arrays = {"best/0/0": np.stack([KERNELS[0], KERNELS[1], KERNELS[1]])}
    full = checkpoint(**arrays)
    slim = lean(full, ENDED)
    assert sorted(slim.arrays) == ["best/1/0", "callbacks 0/0/0", "lowest", "state/0/0"]
    same(whole(slim, ENDED), full)


@pytest.mark.parametrize("other", [KERNELS, -BIASES.reshape(3, 2)], ids=["values", "sign of zero"])
def test_what_they_did_not_end_with_stays(other):
    name = "best/0/0" if other is KERNELS else "best/0/1"
    full = checkpoint(**{name: other})
    slim = lean(full, ENDED)
    assert name in slim.arrays
    same(whole(slim, ENDED), full)
