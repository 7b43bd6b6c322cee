"""The machine's ceilings, measured: matrix products and copies.

    python -m benchmarks.limits

On a GPU they are the GPU's, and its products as exact as JAX makes them for Keras. Products are
JAX's, of large squares; copies are NumPy's, in a thread for each core, or JAX's on a GPU.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.work import Ceilings
from kohort.data.system import cores

SIDES = {"cpu": 2048, "gpu": 8192}
COPIES = {"cpu": tuple(2**power for power in range(20, 30)), "gpu": (2**29,)}
"""Bytes of the copies that are measured, source and target. A GPU takes longer to begin a small
copy than to make it."""
REPEATS = 5


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest call, after one that warms up."""
    work()
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def product(dtype: jax.typing.DTypeLike, side: int) -> float:
    """Floating-point operations a second of a square matrix product."""
    matrix = jnp.ones((side, side), dtype)
    multiply = jax.jit(jnp.matmul)
    return 2 * side**3 / best(lambda: multiply(matrix, matrix).block_until_ready())


def copy(size: int) -> float:
    """Bytes a second, read and written, of a copy whose source and target take so many bytes."""
    if jax.default_backend() != "cpu":
        source = jnp.ones(size // 8, jnp.float32)
        moved = jax.jit(lambda array: array + 1)
        return size / best(lambda: moved(source).block_until_ready())
    threads = cores()
    sources = [np.ones(size // 8 // threads, np.float32) for _ in range(threads)]
    pairs = [(np.empty_like(source), source) for source in sources]
    rounds = max(COPIES["cpu"]) // size

    def repeat(pair: tuple[np.ndarray, np.ndarray]) -> None:
        for _ in range(rounds):
            np.copyto(*pair)

    with ThreadPoolExecutor(threads) as pool:
        return size * rounds / best(lambda: list(pool.map(repeat, pairs)))


def measure() -> Ceilings:
    """All ceilings of the device that JAX runs on."""
    device = jax.default_backend()
    side = SIDES[device]
    operations = {
        "float32": product(jnp.float32, side),
        "bfloat16": product(jnp.bfloat16, side),
    }
    return Ceilings(operations, {size: copy(size) for size in COPIES[device]})


if __name__ == "__main__":
    print(json.dumps(asdict(measure())))
