"""Followed numbers take the course of their values, and what a trail cannot show is an escape."""

import math
import operator
import pickle
import random
import struct

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.tracing.followed import Followed, Trail, evaluated

FINITE = st.floats(-1e6, 1e6)
COMPUTED = {
    "sum": lambda x, y: x + y - 3 + 2 * y,
    "ratio": lambda x, y: (1.0 - x) / (abs(y) + 1),
    "power": lambda x, y: abs(x) ** 0.5 + 2.0 ** (y / 1e6),
    "sign": lambda x, y: -x if y < x else +y,
    "least": lambda x, y: min(x, y, 0.25),
    "in a list": lambda x, y: sorted([x, y, 0.5])[1],
    "drawn": lambda x, y: random.Random(1).uniform(x, y),
    "chosen": lambda x, y: x if y else 1 - x,
}


@pytest.mark.long
@pytest.mark.parametrize("compute", COMPUTED.values(), ids=COMPUTED)
@given(x=FINITE, y=FINITE, other_x=FINITE, other_y=FINITE)
def test_what_is_computed_is_the_same_for_all_numbers_that_take_the_course(
    compute, x, y, other_x, other_y
):
    trail = Trail({"x": x, "y": y})
    with trail.open():
        found = compute(**trail.followed)
    assert type(found) is Followed or found in (0.25, 0.5)
    others = {"x": other_x, "y": other_y}
    expression = found._expression if type(found) is Followed else found
    assert evaluated(expression, {"x": x, "y": y}) == compute(x, y)
    if trail.holds(others):
        assert repr(float(evaluated(expression, others))) == repr(float(compute(**others)))


def test_another_course_is_seen():
    trail = Trail({"x": 0.3})
    with trail.open():
        assert trail.followed["x"] > 0.25
    assert trail.holds({"x": 0.26})
    assert not trail.holds({"x": 0.25})


ESCAPES = {
    "float": float,
    "int": int,
    "round": round,
    "floor": math.floor,
    "floor division": lambda x: x // 1,
    "modulo": lambda x: 5 % x,
    "logarithm": math.log,
    "of NumPy": np.log,
    "array": np.asarray,
    "in an array": lambda x: np.array([1.0, x]),
    "times an array": lambda x: np.ones(2) * x,
    "scalar": np.float32,
    "text": str,
    "format": lambda x: f"{x:.2f}",
    "percent": lambda x: "%.2f" % x,  # noqa: UP031
    "bytes": lambda x: struct.pack("d", x),
    "key": lambda x: {x: 1},
    "method": lambda x: x.is_integer(),
    "part": lambda x: x.real,
    "random": lambda x: np.random.default_rng(0).normal(0, x),
    "of JAX": jnp.sqrt,
    "array of JAX": jnp.asarray,
    "of Keras": keras.ops.sqrt,
    "tensor of Keras": keras.ops.convert_to_tensor,
    "times an array of JAX": lambda x: jnp.ones(2) * x,
    "complex": lambda x: (x - 1) ** 0.5,
}


BINARY = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv")},
    **{name: getattr(operator, name) for name in ("mod", "pow", "lt", "eq")},
    "divmod": divmod,
    "max": max,
    "min": min,
    "reflected": lambda x, y: 3 - x * y,
    "pickled": lambda x, y: pickle.loads(pickle.dumps((x, y))),
}


@pytest.mark.parametrize("use", ESCAPES.values(), ids=ESCAPES)
def test_a_use_that_cannot_be_followed_escapes_even_where_errors_are_caught(use):
    trail = Trail({"x": 0.3})
    with trail.open(), pytest.raises(Exception):  # noqa: B017, PT011 (of whatever kind)
        use(trail.followed["x"])
    assert trail.has_escaped
    assert not trail.holds({"x": 0.3})


@pytest.mark.parametrize("use", [*ESCAPES.values(), *BINARY.values()], ids=[*ESCAPES, *BINARY])
def test_a_number_that_was_kept_is_like_any_other(use):
    trail = Trail({"x": 0.3, "y": 2.0})
    arguments = (0.3, 2.0) if use in BINARY.values() else (0.3,)
    followed = [trail.followed[name] for name, _ in zip("xy", arguments, strict=False)]
    expected, found = use(*arguments), use(*followed)
    expected, found = ((x,) if not isinstance(x, tuple) else x for x in (expected, found))
    assert np.array_equal(
        [(type(x) is Followed and x._value) or x for x in found if not isinstance(x, dict)],
        [x for x in expected if not isinstance(x, dict)],
    )
    assert not trail.conditions
    assert not trail.taken
    assert not trail.has_escaped


def test_a_number_is_taken_for_a_float():
    number = Trail({"x": 0.3}).followed["x"]
    assert isinstance(number, float)
    assert not hasattr(number, "shape")
    assert number != "auto"
    assert number is not None
