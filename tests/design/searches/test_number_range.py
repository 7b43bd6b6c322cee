import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kohort import DesignError, Range
from kohort.design.searches.number_range import DIGITS, as_kept

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("bounds", "options", "told"),
    [
        ((2, 1), {}, "the lower one, got Range(2, 1); give Range(1, 2)"),
        ((1, 1), {}, "write a number that does not vary without Range"),
        ((0.0, 1.0), {"log": True}, "a range above 0 where log=True"),
        ((-1.0, 1.0), {"log": True}, "a range above 0 where log=True"),
        ((0, float("inf")), {}, "two numbers as the bounds"),
        ((float("nan"), 1), {}, "two numbers as the bounds"),
        (("a", "b"), {}, "two numbers as the bounds"),
        ((0, 10), {"step": 0}, "a step above 0 and up to 10"),
        ((0, 10), {"step": 11}, "a step above 0 and up to 10"),
        ((1, 10), {"step": 2, "log": True}, "log=True or a step, got both"),
    ],
)
def test_a_range_that_cannot_be_is_refused_in_one_line(bounds, options, told):
    with pytest.raises(DesignError) as caught:
        Range(*bounds, **options)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@given(NUMBERS, NUMBERS, st.floats(0, 1))
def test_a_number_stays_within_the_bounds_and_near_what_was_drawn(low, high, part):
    assume(high - low > 1e-3)
    drawn = low + part * (high - low)
    kept = as_kept(drawn, Range(low, high))
    assert low <= kept <= high
    assert kept == pytest.approx(drawn, rel=10.0 ** (1 - DIGITS))


@given(st.integers(-50, 50), st.integers(1, 100), st.integers(1, 20))
def test_a_range_of_whole_numbers_counts_them(low, span, step):
    assume(step <= span)
    axis = Range(low, low + span, step=step)
    assert axis.is_whole
    assert axis.count == len(range(low, low + span + 1, step))
    assert axis.last == range(low, low + span + 1, step)[-1]


def test_steps_do_not_add_up_to_rounding_errors():
    axis = Range(0.0, 1.0, step=0.1)
    assert (axis.count, axis.last) == (11, 1.0)
    assert as_kept(0.1 + 0.2, axis) == 0.3
    assert math.isinf(Range(0.0, 1.0).count)


def test_the_upper_bound_is_among_the_steps_whatever_the_rounding():
    # In floats 0.3 is 2.9999999999999996 steps of 0.1.
    assert (Range(0.0, 0.3, step=0.1).count, Range(0.0, 0.3, step=0.1).last) == (4, 0.3)
    assert (Range(0.0, 1.0, step=0.3).count, Range(0.0, 1.0, step=0.3).last) == (4, 0.9)
