"""Gives the variables of new models their first values without a program for each shape.

On JAX, Keras draws weights and fills variables by operations that XLA compiles for each shape: 0.1
s for a draw, 15 ms for zeros, which is most of the time in which a small model is built. JAX's
default generator computes each number from its place in the flat array alone. So the first numbers
of a longer flat draw are those of a shorter one, in any shape, and a few lengths serve all shapes.
"""

import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src import backend

_LENGTHS = [1 << bits for bits in range(14, 23, 2)]
"""Lengths of flat draws. The shortest take no time that matters; a draw of the longest takes about
as long as the compilation that it saves."""

_LARGEST_SEED = 1 << 31

_DRAWS = ("uniform", "normal", "truncated_normal")
_FILLS = {"zeros": np.zeros, "ones": np.ones}

type _Patches = list[tuple[Any, str, Callable[..., Any]]]


@contextmanager
def shared_programs() -> Iterator[None]:
    """Let Keras give variables their first values by programs that all shapes share.

    The values are those that Keras gives, to the last bit. It holds for this thread and this block.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    with _LOCK:
        _enter()
    _THIS_THREAD.depth += 1
    try:
        yield
    finally:
        _THIS_THREAD.depth -= 1
        with _LOCK:
            _leave()


class _Depth(threading.local):
    depth = 0


_LOCK, _THIS_THREAD = threading.Lock(), _Depth()
_PATCHES: _Patches = []
_BLOCKS = [0]


def _enter() -> None:
    _BLOCKS[0] += 1
    if _PATCHES:
        return
    for name in _DRAWS:
        _patch(backend.random, name, _drawn)
    for name, fill in _FILLS.items():
        _patch(backend.numpy, name, functools.partial(_filled, fill))


def _leave() -> None:
    _BLOCKS[0] -= 1
    while not _BLOCKS[0] and _PATCHES:
        module, name, original = _PATCHES.pop()
        setattr(module, name, original)


def _patch(module: Any, name: str, wrapped: Callable[..., Any]) -> None:
    original = getattr(module, name)

    @functools.wraps(original)
    def chosen(*arguments: Any, **named: Any) -> Any:
        if not _THIS_THREAD.depth:
            return original(*arguments, **named)
        return wrapped(original, *arguments, **named)

    _PATCHES.append((module, name, original))
    setattr(module, name, chosen)


def _drawn(draw: Callable[..., Any], shape: Sequence[int], *arguments: Any, **named: Any) -> Any:
    """What `draw` draws of this shape."""
    count = math.prod(shape)
    length = next((length for length in _LENGTHS if length >= count), None)
    if length is None or not _counts_places(named.get("seed")):
        return draw(shape, *arguments, **named)
    if type(named.get("seed")) is int and 0 <= named["seed"] < _LARGEST_SEED:
        # The key that Keras makes of it, without programs that turn a list into one.
        named["seed"] = jax.device_put(np.array([named["seed"], 0], np.uint32))
    numbers = draw((length,), *arguments, **named)
    if isinstance(numbers, jax.core.Tracer):  # Where Keras looks for shapes alone.
        return numbers[:count].reshape(shape)
    # A copy, so that the rest of the numbers is not kept.
    return jax.device_put(np.asarray(numbers)[:count].reshape(shape), may_alias=False)


def _counts_places(seed: Any) -> bool:
    """Whether each number that is drawn from a seed depends on its place in the flat array alone.

    So it is with JAX's default generator, but for its older setting.
    """
    is_key = isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
    kind = jax.random.key_impl(seed) if is_key else jax.config.jax_default_prng_impl
    return str(kind) == "threefry2x32" and bool(jax.config.jax_threefry_partitionable)


def _filled(
    fill: Callable[..., np.ndarray],
    _: Callable[..., Any],
    shape: int | Sequence[int],
    dtype: Any = None,
) -> Any:
    """An array of this shape that NumPy fills, which compiles nothing."""
    return jax.device_put(fill(shape, jnp.dtype(dtype or keras.config.floatx())))
