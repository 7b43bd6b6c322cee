"""A step as it is trained with on a CPU, beside JAX's own."""

import jax
import numpy as np

from kohort.engine.lowering.operations import bind_fast
from kohort.tracing.lifting import trace


def ours(step, *arguments):
    """The step with each operation in the form that is fast here."""
    run = trace(step, *arguments).lifted((), bind_fast)
    return lambda *given: run([], *given)


def same_numbers(step, *arguments, rtol, atol):
    """Assert that it has the numbers of the step itself; `atol` is a part of the largest."""
    found, expected = jax.jit(ours(step, *arguments))(*arguments), jax.jit(step)(*arguments)
    for mine, yours in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (mine.shape, mine.dtype) == (yours.shape, yours.dtype)
        wide, true = (np.asarray(held, np.float64) for held in (mine, yours))
        largest = np.abs(true).max(initial=0)
        np.testing.assert_allclose(wide, true, rtol=rtol, atol=atol * largest)
