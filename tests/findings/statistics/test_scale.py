"""Numbers as text: one number has one text, however it was computed."""

import numpy as np
import pytest

from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import POINTS, fixed, percent, significant


@pytest.mark.parametrize(
    ("number", "told"),
    [
        *((3.75, "3.8"), (3.7499999999999996, "3.8"), (3.7500000000000036, "3.8")),
        *((2.65, "2.7"), (-2.65, "-2.7"), (2.65 + 1e-6, "2.7"), (2.6499, "2.6")),
        *((100 * float(np.float32(0.0375)), "3.8"), (-0.04, "0.0"), (0.0, "0.0")),
        *((1e20, "100000000000000000000.0"), (np.inf, "inf"), (np.nan, "nan")),
    ],
)
def test_halves_go_away_from_zero_whatever_the_rounding_of_floats(number, told):
    assert fixed(number) == told


def test_a_difference_of_accuracies_in_float32_is_that_of_the_accuracies():
    """Of 86.75 and 73 %, each the mean of four that Keras has measured in float32."""
    high, low = (np.float32(n) / np.float32(100) for n in ([95, 89, 85, 78], [79, 71, 72, 70]))
    apart = 100 * float((high.astype(float) - low.astype(float)).mean())
    assert apart < 13.749999
    assert fixed(apart) == "13.8"


def test_numbers_have_the_digits_and_the_sign_that_are_asked_for():
    assert (fixed(0.125, 2), fixed(12.5, 0), fixed(3.75, 1, "+")) == ("0.13", "13", "+3.8")
    assert fixed(-1e-9, 1, "+") == "+0.0"


def test_significant_digits_are_those_of_one_number_too():
    numbers = (1.125, np.nextafter(1.125, 0), np.nextafter(1.125, 2))
    assert len({significant(number, 3) for number in numbers}) == 1


def test_intervals_are_told_alike_in_points_and_in_percent():
    gap = Interval(0.0375 - 1e-16, 0.0125 - 1e-16, 0.0625 + 1e-16, 5, 0.01)
    assert POINTS.text(gap) == "3.8 points (1.3 to 6.3)"
    assert percent(gap) == "3.8 % (1.3 to 6.3)"
