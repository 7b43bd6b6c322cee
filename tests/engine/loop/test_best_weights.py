"""The best weights so far: on the host what they are on a device, and without a program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort.engine.loop.best_weights import BestWeights


def state(number, dtype="float32"):
    weights = [jnp.full((3, 2, 2), number, dtype), jnp.full((3, 0), number, dtype)]
    return weights, [jnp.full((3, 2), number, jnp.uint32)], [], []


def followed(dtype, *, is_on_host):
    """The best of three members, of which one diverges, and one ends and leaves."""
    best = BestWeights("loss", None)
    best._is_on_host = is_on_host
    nan, told = np.nan, []
    for epoch, (seats, active, losses) in enumerate(
        [
            ([0, 1, 2], [0, 1, 2], [nan, 3, 3]),
            ([0, 1, 2], [0, 1, 2], [5, 2, 3]),
            ([0, 1, 2], [1, 2], [1, 4, nan]),
            ([1, 2, 2], [1, 2], [1, 2, 2]),
            ([1, 2, 2], [1, 2], [9, 9, 9]),
        ]
    ):
        of_epoch = state(epoch, dtype)
        best.update(seats, active, of_epoch, {"loss": np.array(losses, np.float32)})
        told.append(best.saved({0: 0, 1: 1, 2: 2}))
        donated(of_epoch)
    return told, best.by_member()


def donated(values):
    for leaf in jax.tree.leaves(values):
        leaf.delete()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_best_on_the_host_is_that_on_a_device(dtype):
    host, device = (followed(dtype, is_on_host=each) for each in (True, False))
    jax.tree.map(np.testing.assert_array_equal, host, device)
    last = {member: weights[0][0][0, 0] for member, weights in host[1].items()}
    assert last == {0: 1, 1: 3, 2: 3}


def test_it_compiles_nothing_and_lets_the_next_epoch_overwrite_the_state(caplog):
    step = jax.jit(lambda values: jax.tree.map(lambda a: a + 1, values), donate_argnums=0)
    now, best = step(state(0)), BestWeights("loss", None)
    with jax.log_compiles():
        for loss in (3, 2, 4):
            best.update([0, 1, 2], [0, 1, 2], now, {"loss": np.full(3, loss, np.float32)})
            places = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(now) if leaf.size]
            now = step(now)
            after = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(now) if leaf.size]
            assert after == places
    assert "Finished XLA compilation" not in caplog.text
    assert best.by_member()[0][0][0].tolist() == [[2, 2], [2, 2]]
