import functools

import pytest

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
