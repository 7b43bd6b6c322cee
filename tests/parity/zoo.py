"""Members trained by one call of `kohort.fit` and, built anew, by `keras.Model.fit` in turn."""

from contextlib import contextmanager

import jax
import keras
import numpy as np
import pytest

import kohort
from tests.models import numbers, seeded

# float32 rounding, grown over the steps of these short runs.
CLOSE = {"rtol": 2e-4, "atol": 2e-5}
# Steps of half precision: one rounding of a bfloat16 is 2 ** -8 of the number.
HALF = {"rtol": 4e-3, "atol": 5e-4}

SAMPLES = 45
BATCH = 20  # two full batches, and a last one of five
# No partial batch, where programs take long to compile: it is a second body to compile, and what
# it could get wrong does not hang on the case.
WHOLE = 15
VALIDATE = 0.44  # of 45: a batch and five train, one batch validates
SEEDS = ({"seed": 0}, {"seed": 1})


def cases(table, quick):
    """Cases of a table for `parametrize`: all but the quick ones are long.

    Args:
        table: For each name its arguments, or its only one.
        quick: Names, at least one of each kind of thing.
    """
    assert set(quick) <= set(table)
    return [
        pytest.param(
            *(arguments if isinstance(arguments, tuple) else (arguments,)),
            id=name,
            marks=[] if name in quick else [pytest.mark.long],
        )
        for name, arguments in table.items()
    ]


def draws(*shape, seed=0):
    """Standard normal numbers, `[SAMPLES, *shape]`."""
    return np.random.default_rng(seed).normal(size=(SAMPLES, *shape)).astype("float32")


def integers(high, *shape, low=0, seed=0):
    """Whole numbers in `[low, high)`, `[SAMPLES, *shape]`."""
    return np.random.default_rng(seed).integers(low, high, (SAMPLES, *shape)).astype("int32")


def assert_parity(build, x, y=None, members=SEEDS, close=CLOSE, **arguments):
    """Train both ways and compare every variable and the whole history.

    Args:
        build: A compiled model of a member's arguments, its seed excepted.
        x: Inputs.
        y: Targets.
        members: The arguments of `seeded` for each member.
        close: Tolerances of `np.testing.assert_allclose`.
        **arguments: Of `fit`.
    """
    arguments = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "verbose": 0} | arguments
    with compiling_quickly():
        ours = [_anew(build, member) for member in members]
        histories = kohort.fit(ours, x, y, **arguments)
        for member, model, history in zip(members, ours, histories, strict=True):
            theirs = _anew(build, member)
            assert_same(model, theirs, history, theirs.fit(x, y, **arguments), close)


@contextmanager
def compiling_quickly():
    """Both sides by programs that XLA optimizes little: what they compute is what is compared.

    Compiling is most of the time that these tests take.
    """
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def _anew(build, member):
    # Keras numbers the names of metrics (auc, auc_1) by what this process has made before.
    keras.utils.clear_session(free_memory=False)
    return seeded(build=build, **member)


def assert_same(ours, theirs, history, reference, close=CLOSE, *, must_train=True):
    """Compare variables and histories, and see that there was something to compare."""
    variables = [*theirs.variables, *theirs.optimizer.variables, *theirs.metrics_variables]
    for variable, mine, yours in zip(variables, numbers(ours), numbers(theirs), strict=True):
        assert mine.dtype == yours.dtype
        assert_close(mine, yours, close, variable.path)
    assert sorted(history.history) == sorted(reference.history)
    assert history.epoch == reference.epoch
    assert history.params == reference.params
    for name, values in reference.history.items():
        assert_close(history.history[name], values, close, name)
    if must_train:
        assert np.isfinite(reference.history["loss"]).all(), "the case must train"


def assert_close(mine, yours, close, name):
    """Compare numbers of any dtype."""
    # bfloat16 has no place in NumPy's comparison.
    mine, yours = (np.asarray(keras.ops.convert_to_numpy(it), "float64") for it in (mine, yours))
    np.testing.assert_allclose(mine, yours, **close, err_msg=name)
