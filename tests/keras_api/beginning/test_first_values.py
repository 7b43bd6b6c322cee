"""First values of variables: Keras's own, bit for bit, by programs that all shapes share."""

import threading

import jax
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src import backend

from kohort import building

DRAWS = [
    keras.initializers.GlorotUniform,
    keras.initializers.HeNormal,
    keras.initializers.RandomNormal,
]
SHAPES = st.lists(st.integers(0, 40), min_size=0, max_size=3)


def bits(array):
    array = np.asarray(array)
    return array.dtype, array.shape, array.tobytes()


def compiled_in(caplog, run):
    """How many programs JAX compiles while it runs."""
    caplog.clear()
    with jax.log_compiles():
        run()
    return sum("Finished XLA compilation" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", DRAWS, ids=lambda kind: kind.__name__)
@settings(derandomize=True, max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), shape=SHAPES)
def test_weights_of_any_shape_are_those_that_keras_draws(kind, seed, shape):
    with building():
        shared = kind(seed=seed)(tuple(shape))
    assert bits(shared) == bits(kind(seed=seed)(tuple(shape)))


@pytest.mark.parametrize(
    "shape",
    [(4, 5), (2, 4, 7), (32, 4, 8), (4, 1, 8), (4, 8, 1), (3, 3, 4, 8), (3, 3, 1, 8), (12, 5)],
)
@pytest.mark.parametrize("kind", DRAWS, ids=lambda kind: kind.__name__)
def test_so_are_those_whose_last_axes_xla_unrolls(kind, shape):
    # Heads of attention have such kernels. Uniform draws of a half of these shapes differ in the
    # last bit from the flat ones.
    with building():
        shared = kind(seed=3)(shape)
    assert bits(shared) == bits(kind(seed=3)(shape))


@pytest.mark.parametrize("gain", [1.0, 0.7])
@pytest.mark.parametrize(
    "shape", [(64, 256), (16, 16), (40, 7), (1, 5), (5, 1), (3, 3, 8, 32), (100, 400)]
)
def test_orthogonal_weights_are_those_of_keras_and_compile_no_program_of_their_shape(
    caplog, shape, gain
):
    kind = keras.initializers.Orthogonal
    found = []
    with building():
        kind(seed=4)((9, 9))  # has compiled the draw
        programs = compiled_in(caplog, lambda: found.append(kind(gain, seed=5)(shape)))
    assert bits(found[0]) == bits(kind(gain, seed=5)(shape))
    assert programs == 0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_orthogonal_weights_of_another_dtype_are_left_to_keras(dtype):
    def values():
        try:
            return bits(keras.initializers.Orthogonal(seed=5)((4, 8), dtype=dtype))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is Keras's)
            return type(error), str(error)

    with building():
        shared = values()
    assert shared == values()


def test_orthogonal_weights_of_few_numbers_are_those_of_keras():
    with building():
        shared = bits(keras.initializers.Orthogonal(seed=5)((2, 3)))
    assert shared == bits(keras.initializers.Orthogonal(seed=5)((2, 3)))


def test_orthogonal_weights_of_a_number_as_seed_can_be_drawn_in_a_trace():
    kind = keras.initializers.Orthogonal
    with building():
        traced = jax.jit(lambda: kind(seed=1)((40, 8)))()
    np.testing.assert_allclose(traced, kind(seed=1)((40, 8)), atol=1e-6)


def test_orthogonal_weights_have_two_axes_at_least():
    with building(), pytest.raises(ValueError, match="at least two-dimensional"):
        keras.initializers.Orthogonal(seed=1)((4,))


def test_orthogonal_weights_take_a_generator_as_seed():
    shared, alone = keras.random.SeedGenerator(7), keras.random.SeedGenerator(7)
    with building():
        first = [bits(keras.initializers.Orthogonal(seed=shared)((6, 8))) for _ in range(2)]
    assert first == [bits(keras.initializers.Orthogonal(seed=alone)((6, 8))) for _ in range(2)]
    assert bits(shared.state.value) == bits(alone.state.value)


@pytest.mark.parametrize("dtype", [None, "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("bounds", [(), (-0.25,), (-1.5, 1.25)])
def test_an_unrolled_draw_takes_its_bounds_and_dtype(bounds, dtype):
    with building():
        shared = backend.random.uniform((3, 4, 7), *bounds, dtype=dtype, seed=6)
    assert bits(shared) == bits(backend.random.uniform((3, 4, 7), *bounds, dtype=dtype, seed=6))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape", [(65536,), (257, 255), (513, 511), (1030, 1020), (2050, 2050)])
def test_so_are_those_at_the_ends_of_lengths_and_of_any_dtype(shape, dtype):
    kind = keras.initializers.HeNormal
    with building():
        shared = kind(seed=1)(shape, dtype=dtype)
    assert bits(shared) == bits(kind(seed=1)(shape, dtype=dtype))


@pytest.mark.parametrize("name", ["zeros", "ones"])
@pytest.mark.parametrize("dtype", [None, "float32", "bfloat16", "int32", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 4), 5], ids=str)
def test_variables_are_filled_as_keras_fills_them(name, shape, dtype):
    fill = getattr(keras.ops, name)
    with building():
        shared = fill(shape, dtype=dtype)
    assert bits(shared) == bits(fill(shape, dtype=dtype))
    assert shared.weak_type == fill(shape, dtype=dtype).weak_type


def test_models_of_other_shapes_compile_nothing_anew(caplog):
    def build(units):
        model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(units)])
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)

    with building():
        build(11)
        assert compiled_in(caplog, lambda: build(13)) == 0
    alone = compiled_in(caplog, lambda: build(17))
    assert alone >= 3, "Keras compiles less for each shape now, and may need no help"


def test_the_generator_goes_on_as_keras_lets_it(caplog):
    def drawn():
        generator = keras.random.SeedGenerator(4)
        return [bits(keras.random.uniform((3,), seed=generator)) for _ in range(2)]

    with building():
        shared = drawn()
    assert shared == drawn()


def test_the_older_way_to_count_is_left_as_it_is():
    draw = keras.initializers.RandomUniform(seed=2)
    new = draw((5, 17))
    with jax.threefry_partitionable(False):
        with building():
            shared = draw((5, 17))
        assert bits(shared) == bits(draw((5, 17)))
    assert bits(shared) != bits(new)


@pytest.fixture
def drawn(monkeypatch):
    """The shapes of uniform draws, as Keras's backend is asked for them."""
    shapes, draw = [], backend.random.uniform

    def spy(shape, *arguments, **named):
        shapes.append(shape)
        return draw(shape, *arguments, **named)

    monkeypatch.setattr(backend.random, "uniform", spy)
    return shapes


@pytest.mark.parametrize(("generator", "shape"), [("threefry2x32", (65536,)), ("rbg", (5, 17))])
def test_of_other_generators_nothing_is_taken_for_granted(generator, shape, drawn):
    with building():
        keras.random.uniform((5, 17), seed=jax.random.key(2, impl=generator))
    assert drawn == [shape]


def test_shapes_are_found_where_nothing_is_drawn():
    with building():
        spec = jax.eval_shape(lambda key: keras.random.normal((3, 5), seed=key), jax.random.key(0))
    assert spec.shape == (3, 5)


def test_what_trains_in_the_block_draws_no_more_than_it_needs(drawn):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(40), keras.layers.AlphaDropout(0.5)]
    )
    with building():
        model.compile("sgd", "mse")
        model.fit(np.ones((8, 3)), np.ones((8, 40)), batch_size=8, verbose=0)
    assert set(drawn) == {(3, 40), (8, 40)}
    with building():
        jax.eval_shape(lambda key: keras.random.uniform((5, 17), seed=key), jax.random.key(0))
    assert drawn[-1] == (5, 17)


def test_a_number_as_seed_can_be_drawn_from_in_a_trace():
    draw = keras.initializers.GlorotUniform(seed=1)
    with building():
        traced = jax.jit(lambda: draw((5, 17)))()
    np.testing.assert_allclose(traced, draw((5, 17)), rtol=1e-6)


def test_keras_is_as_it_was_after_the_last_block_and_in_other_threads(drawn):
    before = backend.random.uniform, backend.numpy.zeros
    ran = []
    entered, left = threading.Event(), threading.Event()

    def other():
        with building():
            entered.set()
            left.wait(10)
        ran.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait(10)
    with pytest.raises(ValueError, match="of the block"), building():
        raise ValueError("of the block")
    assert backend.random.uniform is not before[0]  # The other thread is in its block.
    keras.random.uniform((5, 17))
    assert drawn == [(5, 17)]
    left.set()
    thread.join()
    assert ran
    assert (backend.random.uniform, backend.numpy.zeros) == before
