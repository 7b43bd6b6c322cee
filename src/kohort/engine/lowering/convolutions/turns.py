"""Computes over a few samples at a time, so that what is made of them stays in the caches."""

from collections.abc import Callable
from typing import Any

from jax import lax


def divisor_within(count: int, of_one: int, most: int) -> int:
    """The largest divisor of `count` that, times `of_one`, is no more than `most`; or one."""
    fit = max(1, min(count, most // max(1, of_one)))
    return next(size for size in range(fit, 0, -1) if count % size == 0)


def in_turns(run: Callable[[Any], Any], images: Any, of_one: int, most: int) -> Any:
    """What `run` makes of `[sample, ...]`, for which it takes `of_one` numbers a sample.

    Args:
        run: Of some samples to as many results.
        images: All samples.
        of_one: Numbers that are made of one.
        most: Numbers that a turn may make.
    """
    samples, *one = images.shape
    together = divisor_within(samples, of_one, most)
    if together == samples:
        return run(images)
    result = lax.map(run, images.reshape(-1, together, *one))
    return result.reshape(samples, *result.shape[2:])
