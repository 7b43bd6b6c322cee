import functools
import math

import keras
import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kohort import DesignError, Range
from kohort.design.searches.space import WrittenSpace, labels_of
from tests.design.searches.drawing import drawn

WIDTHS = [(), (200,), (400, 200)]


def test_all_kinds_of_axes_are_drawn_as_they_are_written():
    axes = {
        "width": WIDTHS,
        "rate": Range(1e-4, 1e-1, log=True),
        "units": Range(16, 64, step=16),
        "bias": [True, False],
        "title": "fixed",
        "tuple": (1, 2),
    }
    trials = drawn(WrittenSpace(axes), 200)
    assert {trial["width"] for trial in trials} == set(WIDTHS)
    assert {trial["units"] for trial in trials} == {16, 32, 48, 64}
    assert {type(trial["units"]) for trial in trials} == {int}
    assert {trial["bias"] for trial in trials} == {True, False}
    assert {(trial["title"], trial["tuple"]) for trial in trials} == {("fixed", (1, 2))}
    rates = [math.log10(trial["rate"]) for trial in trials]
    assert -4 <= min(rates) < -3.8
    assert -1.2 < max(rates) <= -1
    below = sum(rate < -2.5 for rate in rates)
    assert 70 < below < 130, "the logarithm is not even"


def test_arguments_that_go_with_a_choice_come_with_it_alone():
    space = WrittenSpace(
        {"optimizer": {"sgd": {"momentum": Range(0.0, 0.9), "rate": [0.1, 1.0]}, "adam": {}}}
    )
    trials = drawn(space, 50)
    assert {tuple(sorted(t)) for t in trials if t["optimizer"] == "sgd"} == {
        ("momentum", "optimizer", "rate")
    }
    assert {tuple(t) for t in trials if t["optimizer"] == "adam"} == {("optimizer",)}


def test_one_argument_may_have_other_values_in_each_choice():
    space = WrittenSpace(
        {"kind": {"a": {"rate": Range(1.0, 2.0)}, "b": {"rate": Range(10.0, 20.0)}}}
    )
    for trial in drawn(space, 50):
        assert (trial["rate"] < 5) == (trial["kind"] == "a")


def test_the_trials_of_a_space_are_counted():
    assert WrittenSpace({"a": [1, 2], "b": Range(1, 3), "c": 5}).count == 6
    assert WrittenSpace({"k": {"a": {"x": [1, 2, 3]}, "b": {}}, "c": [1, 2]}).count == 8
    assert math.isinf(WrittenSpace({"a": [1], "b": Range(0.0, 1.0)}).count)


def test_distributions_of_optuna_are_axes():
    space = WrittenSpace(
        {
            "rate": FloatDistribution(1e-4, 1e-1, log=True),
            "units": IntDistribution(16, 64, step=16),
            "kind": CategoricalDistribution(["a", "b"]),
            "same": IntDistribution(3, 3),
        }
    )
    trials = drawn(space, 100)
    assert {trial["units"] for trial in trials} == {16, 32, 48, 64}
    assert {trial["kind"] for trial in trials} == {"a", "b"}
    assert {trial["same"] for trial in trials} == {3}
    assert space.told()["rate"] == repr(Range(1e-4, 1e-1, log=True))


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ({}, "a space with an axis at least"),
        ({"a": 1, "b": (2, 3)}, "a space with an axis at least"),
        ({"a": [0.1]}, "a space of two trials or more, got {'a': [0.1]}, which has one; give"),
        ({"k": {"x": {"a": [1]}}, "b": 2}, "a space of two trials or more"),
        ({"a": []}, "something to choose for 'a'"),
        ({"a": {}}, "something to choose for 'a'"),
        ({1: [2, 3]}, "names of arguments as text"),
        ({"a": {"x": 5}}, "for each choice a mapping"),
        (
            {"a": np.array([4, 8]), "b": [1, 2]},
            "the choices of 'a' as a list, got ndarray: array([4, 8]); write list(...) around it",
        ),
        ({"a": range(4, 8), "b": [1, 2]}, "as a list, got range: range(4, 8)"),
        ({"a": {4, 8}, "b": [1, 2]}, "as a list, got set: {4, 8}"),
        ({"a": iter([4, 8]), "b": [1, 2]}, "the choices of 'a' as a list"),
        ({"k": {"x": {"a": range(3)}, "y": {}}}, "the choices of 'a' as a list"),
        (
            {"a": [Range(1e-3, 1e-2), 0.1]},
            "of 'a', got Range(low=0.001, high=0.01, log=False, step=None) among them; give",
        ),
        ({"k": {"x": {"a": [FloatDistribution(0, 1), 2]}}}, "values as the choices of 'a', got Fl"),
        ({"k": {Range(1, 2): {}, 3: {}}}, "values as the choices of 'k', got Range(low=1"),
        ({"a": [1, 2], "k": {"x": {"a": [3, 4]}}}, "'a' inside and outside of a choice"),
    ],
)
def test_what_is_no_space_is_refused_in_one_line(axes, told):
    with pytest.raises(DesignError) as caught:
        WrittenSpace(axes)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_list_is_one_value_that_all_trials_have():
    space = WrittenSpace({"kernel": (3, 3), "rate": np.float32(0.5), "units": [4, 8]})
    assert space.constants == {"kernel": (3, 3), "rate": 0.5}
    assert all(trial["kernel"] == (3, 3) for trial in drawn(space, 4))


def test_other_distributions_are_refused():
    class Strange(optuna.distributions.BaseDistribution):
        def to_internal_repr(self, value):
            return 0.0

        def single(self):
            return False

        def _contains(self, value):
            return True

    with pytest.raises(DesignError, match="a float, integer or categorical distribution"):
        WrittenSpace({"a": Strange()})


def test_one_argument_may_have_other_choices_in_each_choice():
    space = WrittenSpace({"kind": {"a": {"units": [1, 2]}, "b": {"units": [3, 4]}}})
    # Optuna refuses one name with two sets of choices.
    found = {(trial["kind"], trial["units"]) for trial in drawn(space, 40)}
    assert found == {("a", 1), ("a", 2), ("b", 3), ("b", 4)}


@pytest.mark.filterwarnings("error")
def test_whole_steps_that_do_not_reach_the_end_are_drawn_without_a_warning():
    trials = drawn(WrittenSpace({"n": Range(1, 10, step=4)}), 20)
    assert {trial["n"] for trial in trials} == {1, 5, 9}


def test_choices_of_numpys_are_pythons_numbers():
    space = WrittenSpace({"units": list(np.array([8, 16])), "rate": list(np.linspace(0.1, 0.2, 2))})
    for arguments in drawn(space, 4):
        assert {name: type(value) for name, value in arguments.items()} == {
            "units": int,
            "rate": float,
        }


def test_choices_that_are_equal_but_differ_in_type_are_all_drawn():
    drew = [trial["x"] for trial in drawn(WrittenSpace({"x": [1, 1.0, True]}), 40)]
    assert {type(value) for value in drew} == {int, float, bool}


def made_function(slope):
    def leaky(x):
        return keras.activations.relu(x, negative_slope=slope)

    return leaky


def test_values_are_told_alike_in_each_process():
    choices = {
        "act": [keras.activations.relu, made_function(0.1)],
        "penalty": [None, keras.regularizers.L2(1e-3)],
        "optimizer": {keras.optimizers.SGD: {"part": [functools.partial(keras.ops.relu)]}},
        "start": [keras.initializers.GlorotUniform(seed=1)],
    }
    space = WrittenSpace(choices)
    space.check_kept()
    told = space.told()
    assert told["act"].startswith("[<function keras.activations.relu>, <function tests.")
    assert told["penalty"] == "[None, keras.regularizers.L2(l2=0.001)]"
    assert " at 0x" not in "".join(told.values())
    assert labels_of(choices["penalty"]) == [None, "keras.regularizers.L2(l2=0.001)"]


@pytest.mark.parametrize(
    ("axes", "got"),
    [
        ({"act": [lambda x: x, "relu"]}, "<function tests."),
        ({"k": {"a": {"act": [object(), 1]}, "b": {}}}, "<object object"),
        ({"same": object(), "units": [4, 8]}, "<object object"),
        ({"act": [made_function(0.1), made_function(0.2)]}, "<function tests."),
        ({"start": [keras.initializers.GlorotUniform(), "zeros"]}, "keras.initializers.Glorot"),
    ],
)
def test_values_without_such_a_text_are_refused_for_a_store_in_one_line(axes, got):
    with pytest.raises(DesignError, match="written alike in each process, and differ") as caught:
        WrittenSpace(axes).check_kept()
    assert f", got {got}" in str(caught.value)
    assert "\n" not in str(caught.value)
