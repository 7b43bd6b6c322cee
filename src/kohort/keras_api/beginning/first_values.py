"""Gives the variables of new models their first values without a program for each shape.

On JAX, Keras draws weights and fills variables by operations that XLA compiles for each shape: 0.1
s for a draw, 15 ms for zeros, which is most of the time in which a small model is built. JAX's
default generator computes each number from its place in the flat array alone. So the first numbers
of a longer flat draw are those of a shorter one, in any shape, and a few lengths serve all shapes.
"""

import functools
import inspect
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import scipy
from keras.src import backend
from keras.src.backend.common.stateless_scope import in_stateless_scope

from kohort.keras_api.beginning.patches import Patches, Replacement
from kohort.keras_api.beginning.watched import current

_LENGTHS = [1 << bits for bits in range(16, 23, 2)]
"""Lengths of flat draws. The shortest takes half a millisecond; a draw of the longest takes about
as long as the compilation that it saves."""

_UNROLLED = 64
"""So few numbers along the last two axes XLA unrolls, and may then round the product and the sum of
a uniform draw at once or not: of shapes that end with 4 and 5, 7 or 8 by the last bit otherwise
than in the flat array. Draws of such shapes are left to Keras."""

_LARGEST_SEED = 1 << 31

_DRAWS = ("uniform", "normal", "truncated_normal")
_FILLS = {"zeros": np.zeros, "ones": np.ones}


@contextmanager
def building() -> Iterator[None]:
    """Let Keras build models in this block without compiling a program for each shape of weights.

    On JAX that is most of what it takes to build a model for the first time: 12 s of a small U-Net,
    where it takes half a second in this block. Weights have the bits that Keras gives them, whose
    seeds are set as ever. It holds for this thread; on other backends nothing is different.
    Studies and searches build their models so by themselves.

    Example:
        >>> import keras
        >>> import kohort
        >>> keras.utils.set_random_seed(1)
        >>> with kohort.building():
        ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> [weights.shape for weights in model.get_weights()]
        [(4, 3), (3,)]
    """
    if keras.backend.backend() != "jax":
        yield
        return
    with _PATCHES.active():
        _THIS_THREAD.depth += 1
        try:
            yield
        finally:
            _THIS_THREAD.depth -= 1


class _Depth(threading.local):
    depth = 0


_THIS_THREAD = _Depth()


def _replaced() -> Iterator[Replacement]:
    for name in _DRAWS:
        yield backend.random, name, functools.partial(_wrapped, _drawn)
    for name, fill in _FILLS.items():
        yield backend.numpy, name, functools.partial(_wrapped, functools.partial(_filled, fill))
    yield keras.initializers.Orthogonal, "__call__", functools.partial(_wrapped, _orthogonal)


_PATCHES = Patches(_replaced)


def _wrapped(wrapper: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def chosen(*arguments: Any, **named: Any) -> Any:
        if not _THIS_THREAD.depth:
            return original(*arguments, **named)
        return wrapper(original, *arguments, **named)

    return chosen


def _drawn(draw: Callable[..., Any], shape: Sequence[int], *arguments: Any, **named: Any) -> Any:
    """What `draw` draws of this shape."""
    watch = current()
    if watch is not None:
        watch.draws(named.get("seed"))
    if _is_traced(named.get("seed")):
        return draw(shape, *arguments, **named)
    count = math.prod(shape)
    length = next((length for length in _LENGTHS if length >= count), None)
    if length is None or not _counts_places(named.get("seed")):
        return draw(shape, *arguments, **named)
    if type(named.get("seed")) is int and 0 <= named["seed"] < _LARGEST_SEED:
        # The key that Keras makes of it, without programs that turn a list into one.
        named["seed"] = jax.device_put(np.array([named["seed"], 0], np.uint32))
    if _is_unrolled(shape):
        return _drawn_unrolled(draw, shape, *arguments, **named)
    numbers = draw((length,), *arguments, **named)
    if isinstance(numbers, jax.core.Tracer):  # of a seed that is a number, in a user's own trace
        return numbers[:count].reshape(shape)
    # A copy, so that the rest of the numbers is not kept.
    return jax.device_put(np.asarray(numbers)[:count].reshape(shape), may_alias=False)


def _drawn_unrolled(
    draw: Callable[..., Any], shape: Sequence[int], *arguments: Any, **named: Any
) -> Any:
    """What `draw` draws of a shape that XLA unrolls, by a program that compiles fast."""
    key = named.get("seed")
    is_uniform = draw.__name__ == "uniform"  # Others multiply and add by programs of their own.
    if not is_uniform or not isinstance(key, jax.Array) or jax.default_backend() != "cpu":
        return draw(shape, *arguments, **named)
    bound = _UNIFORM.bind(shape, *arguments, **named)
    bound.apply_defaults()
    low, high, dtype = (bound.arguments[name] for name in ("minval", "maxval", "dtype"))
    program = _unrolled_program(draw, tuple(shape), jnp.dtype(dtype or keras.config.floatx()))
    return program(key, low, high)


_UNIFORM = inspect.signature(backend.random.uniform)


@functools.lru_cache(maxsize=32)
def _unrolled_program(draw: Callable[..., Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """A program of a key and two bounds that draws numbers of this shape.

    LLVM takes 0.7 s for the 432 kernel weights of a first convolution, unrolled; at its first
    level of optimisation, which changes no bit of them, 0.1 s.
    """
    return jax.jit(
        lambda key, low, high: draw(shape, low, high, dtype, key),
        compiler_options={"xla_backend_optimization_level": 1},
    )


def _orthogonal(
    original: Callable[..., Any],
    initializer: keras.initializers.Orthogonal,
    shape: Sequence[int],
    dtype: Any = None,
) -> Any:
    """What `Orthogonal` gives, as recurrent layers begin: Keras compiles seven programs for it.

    JAX factors matrices on a CPU by the LAPACK of SciPy, whose own function gives the same bits;
    what follows multiplies by signs and by the gain.
    """
    is_other = jnp.dtype(dtype or keras.config.floatx()) != np.float32 or len(shape) < 2
    if is_other or jax.default_backend() != "cpu" or _is_traced(initializer.seed):
        return original(initializer, shape, dtype=dtype)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    drawn = keras.random.normal(
        (max(rows, columns), min(rows, columns)), seed=initializer.seed, dtype=dtype
    )
    if isinstance(drawn, jax.core.Tracer):  # of a seed that is a number, in a user's own trace
        return original(initializer, shape, dtype=dtype)
    q, r = scipy.linalg.qr(np.asarray(drawn), mode="economic")
    q *= np.sign(np.diag(r))
    values = (q.T if rows < columns else q).reshape(shape)
    return jax.device_put(np.float32(initializer.gain) * values)


def _is_traced(seed: Any) -> bool:
    """Whether JAX traces, as where a model trains in the block: such draws have programs anyway."""
    return in_stateless_scope() or isinstance(seed, jax.core.Tracer)


def _is_unrolled(shape: Sequence[int]) -> bool:
    axes = [size for size in shape if size != 1]
    return len(axes) > 1 and math.prod(axes[-2:]) <= _UNROLLED


def _counts_places(seed: Any) -> bool:
    """Whether each number that is drawn from a seed depends on its place in the flat array alone.

    So it is with JAX's default generator, but for its older setting.
    """
    is_key = isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
    kind = jax.random.key_impl(seed) if is_key else jax.config.jax_default_prng_impl
    return str(kind) == "threefry2x32" and bool(jax.config.jax_threefry_partitionable)


def _filled(
    fill: Callable[..., np.ndarray],
    original: Callable[..., Any],
    shape: int | Sequence[int],
    dtype: Any = None,
) -> Any:
    """An array of this shape that NumPy fills, which compiles nothing."""
    if in_stateless_scope():
        return original(shape, dtype)
    return jax.device_put(fill(shape, jnp.dtype(dtype or keras.config.floatx())))
