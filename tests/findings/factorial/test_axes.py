"""The axes along which the variants of a study differ."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.errors import DesignError
from kohort.findings.factorial.axes import axes_of
from tests.findings.factorial.records import grid_of, record_of


def axes_in(arguments, **more):
    return axes_of(record_of(arguments, np.full((len(arguments), 2), 0.5), **more))


def shown(found):
    return [(axis.name, axis.levels) for axis in found.axes]


def test_a_grid_has_its_axes_with_levels_in_order():
    found = axes_in(grid_of(units=[(), (16, 8)], rate=[0.5, 0.0, 0.1]))
    assert shown(found) == [("units", ("()", "(16, 8)")), ("rate", ("0.5", "0.0", "0.1"))]
    assert found.levels.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert found.axes[1].numbers == (0.5, 0.0, 0.1)
    assert np.isnan(found.axes[0].numbers).all()


def test_what_all_share_is_no_axis():
    found = axes_in([{"units": "1", "layers": "2"}, {"units": "4", "layers": "2"}])
    assert shown(found) == [("units", ("1", "4"))]


def test_one_number_written_in_two_ways_is_one_level():
    found = axes_in(
        [{"l2": "0", "u": "1"}, {"l2": "0.0", "u": "2"}, {"l2": "np.float64(0.1)", "u": "2"}]
    )
    assert shown(found) == [("l2", ("0", "0.1")), ("u", ("1", "2"))]
    assert found.axes[0].numbers == (0.0, 0.1)


def test_true_is_not_the_number_one():
    found = axes_in([{"a": "True", "u": "1"}, {"a": "1", "u": "1"}])
    assert shown(found) == [("a", ("True", "1"))]


def test_an_argument_that_is_not_given_has_the_default_of_the_function():
    found = axes_in([{}, {"rate": "0.5"}], defaults=[{"rate": "0.0"}, {}])
    assert shown(found) == [("rate", ("0.0", "0.5"))]
    assert found.axes[0].numbers == (0.0, 0.5)


def test_axes_stand_in_the_order_in_which_arguments_are_given():
    found = axes_in(
        [{"units": "1"}, {"units": "2"}, {"units": "2", "rate": "0.5"}],
        defaults=[{"rate": "0.0"}, {"rate": "0.0"}, {}],
    )
    assert [axis.name for axis in found.axes] == ["units", "rate"]


def test_class_weights_are_an_axis_where_variants_differ_in_them():
    record = record_of([{"units": "1"}, {"units": "1"}, {"units": "2"}], np.full((3, 2), 0.5))
    weighted = replace(record.settings, class_weights={"v1": "balanced"})
    found = axes_of(replace(record, settings=weighted))
    assert shown(found) == [("class weight", ("none", "balanced")), ("units", ("1", "2"))]
    alike = replace(record.settings, class_weights=dict.fromkeys(["v0", "v1", "v2"], "balanced"))
    assert shown(axes_of(replace(record, settings=alike))) == [("units", ("1", "2"))]


def test_without_a_known_default_it_is_not_given():
    assert shown(axes_in([{}, {"rate": "0.5"}])) == [("rate", ("not given", "0.5"))]


def test_the_build_function_and_epochs_are_axes_where_they_differ():
    found = axes_in([{}] * 3, builds=["mlp", "cnn", "cnn"], epochs=[1, 1, 2])
    assert shown(found) == [("build function", ("mlp", "cnn")), ("epochs to train", ("1", "2"))]


def test_objects_are_shown_by_short_texts_that_differ():
    found = axes_in(
        [
            {"optimizer": "<keras.src.optimizers.adam.Adam object at 0x7f00>"},
            {"optimizer": "<keras.src.optimizers.adam.Adam object at 0x7f01>"},
            {"optimizer": "<class 'keras.src.optimizers.sgd.SGD'>"},
            {"optimizer": "<function relu at 0x7f02>"},
            {"optimizer": "<function build.<locals>.<lambda> at 0x7f03>"},
            {"optimizer": repr("x" * 100)},
        ]
    )
    expected = ("Adam 1", "Adam 2", "SGD", "relu", "<lambda>", "x" * 37 + "...")
    assert shown(found) == [("optimizer", expected)]


def test_variants_that_agree_in_all_else_are_beside_each_other():
    found = axes_in(grid_of(a=[1, 2], b=[1, 2, 3])[:-1])
    assert found.beside(0) == [{(0,): 0, (1,): 3}, {(0,): 1, (1,): 4}, {(0,): 2}]
    assert found.beside(0, 1) == [{(0, 0): 0, (0, 1): 1, (0, 2): 2, (1, 0): 3, (1, 1): 4}]


def test_the_reference_is_the_first_level_that_can_be_compared():
    arguments = [
        {"a": "1", "b": "1"}, {"a": "2", "b": "2"}, {"a": "3", "b": "2"}, {"a": "3", "b": "3"},
    ]  # fmt: skip
    found = axes_in(arguments)
    assert shown(found) == [("a", ("2", "1", "3")), ("b", ("2", "1", "3"))]
    assert found.axes[0].numbers == (2.0, 1.0, 3.0)
    assert found.levels.tolist() == [[1, 1], [0, 0], [2, 0], [2, 2]]


def test_of_variants_that_agree_in_everything_the_first_counts():
    assert axes_in([{"a": "1"}, {"a": "2"}, {"a": "2"}]).beside(0) == [{(0,): 0, (1,): 1}]


@pytest.mark.parametrize(
    "arguments",
    [[{}, {}], [{"a": "1"}], [{"a": "1", "b": "1"}, {"a": "2", "b": "2"}]],
    ids=["no arguments", "one variant", "never one alone"],
)
def test_without_a_common_axis_it_says_what_was_expected(arguments):
    with pytest.raises(
        DesignError, match=r"differ in one named argument, .*'v0'.*; vary arguments"
    ):
        axes_in(arguments)


def test_studies_that_were_kept_before_build_functions_were_are_refused():
    with pytest.raises(DesignError, match=r"kept before.*; run it again"):
        axes_in([{"a": "1"}, {"a": "2"}], builds=[None, None])
