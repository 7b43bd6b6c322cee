import functools

import numpy as np
import pytest

import kohort
from kohort import DesignError
from kohort.design.searches.taken_arguments import check_arguments


def build(units, rate=0.1):
    return units, rate


def takes_all(units, **others):
    return units, others


def learning(units, data):
    return units, data


def positional(units, /):
    return units


@functools.wraps(build)
def decorated(*arguments, width=None, **others):
    return build(*arguments, units=width, **others)


class Callable:
    def __call__(self, units, rate=0.1):
        return units, rate


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (build, ["units"]),
        (build, ["rate", "units"]),
        (takes_all, ["units", "anything"]),
        (learning, ["units"]),
        (learning, ["units", "data"]),
        (decorated, ["width", "rate"]),
        (functools.partial(build, units=4), ["rate"]),
        (Callable(), ["units", "rate"]),
        (type, ["units"]),
    ],
)
def test_what_a_function_takes_is_let_through(function, names):
    check_arguments(function, names)


@pytest.mark.parametrize(
    ("function", "names", "told"),
    [
        (build, ["units", "lrr"], "takes (units, rate), got 'lrr' in the space; mend the name"),
        (build, ["rate"], "for 'units', which the build function needs, got none; add it"),
        (takes_all, ["anything"], "for 'units', which the build function needs"),
        (positional, ["units"], "takes (none), got 'units'"),
        (lambda: None, ["units"], "takes (none), got 'units'"),
        (functools.partial(build, 4), ["units"], "takes (rate), got 'units'"),
    ],
)
def test_what_it_does_not_take_or_needs_is_refused_in_one_line(function, names, told):
    with pytest.raises(DesignError) as caught:
        check_arguments(function, names)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def small(*variants):
    data = kohort.Dataset(np.zeros((20, 2)), np.arange(20) % 2, np.zeros((4, 2)), np.arange(4) % 2)
    return kohort.Study("s", variants, data, replicates=kohort.Holdout(0.2, 2), epochs=1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"units": 4, "rte": 0.1},
            (
                "expected arguments that the build function takes (units, rate), got 'rte' in "
                "variant 'v'; mend the name in variant 'v', or add it to the function"
            ),
        ),
        (
            {"rate": 0.1},
            (
                "expected a value in variant 'v' for 'units', which the build function needs, got "
                "none; add it to variant 'v', or give it a default in the function"
            ),
        ),
    ],
)
def test_a_study_refuses_at_once_what_a_build_function_does_not_take(given, told):
    with pytest.raises(DesignError) as caught:
        small(kohort.Variant("fine", build, units=1), kohort.Variant("v", build, **given))
    assert str(caught.value) == told


def test_a_grid_is_refused_as_well():
    with pytest.raises(DesignError, match="got 'unit' in variant 'unit=1'"):
        small(*kohort.grid(build, unit=[1, 2]))


def test_a_study_lets_through_what_functions_take():
    small(
        kohort.Variant("a", takes_all, units=1, anything=2),
        kohort.Variant("b", learning, units=1),
        kohort.Variant("c", decorated, width=1),
        kohort.Variant("d", functools.partial(build, units=4)),
        kohort.Variant("e", Callable(), units=2),
        kohort.Variant("f", lambda: None),
    )
