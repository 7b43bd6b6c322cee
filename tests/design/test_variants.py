import functools
import itertools
import random

import keras
import numpy as np
import pytest

import kohort
from kohort.design.variants import addition_pairs, build_names, defaults
from tests.models import build_mlp, numbers


def test_a_seed_gives_the_same_model_again_and_leaves_the_generators_alone():
    variant = kohort.Variant("small", build_mlp, units=(4,))
    random.seed(1)
    np.random.seed(1)
    first, second, other = variant.model(5), variant.model(5), variant.model(6)
    assert random.random() == random.Random(1).random()
    assert np.random.random() == np.random.RandomState(1).random()
    np.testing.assert_array_equal(numbers(first)[0], numbers(second)[0])
    assert (numbers(first)[0] != numbers(other)[0]).any()


def test_variants_of_a_replicate_start_from_the_same_numbers():
    plain = kohort.Variant("plain", build_mlp).model(3)
    dropped = kohort.Variant("dropped", build_mlp, dropout=0.5).model(3)
    np.testing.assert_array_equal(plain.get_weights()[0], dropped.get_weights()[0])


def test_numpy_numbers_are_named_as_pythons():
    rates = list(np.array([0.5, 0.25]))
    assert [v.name for v in kohort.grid(build_mlp, dropout=rates)] == [
        "dropout=0.5",
        "dropout=0.25",
    ]
    tuples = kohort.grid(build_mlp, units=[(np.int64(8),), (np.int64(16), 8)])
    assert [variant.name for variant in tuples] == ["units=(8,)", "units=(16, 8)"]
    rates = kohort.grid(build_mlp, l2=list(np.float32([0.1, 0.2])))
    assert [variant.name for variant in rates] == ["l2=0.1", "l2=0.2"]


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: None, r"compiled keras\.Model.*'bad', got NoneType"),
        (lambda: keras.Sequential([keras.layers.Dense(1)]), "Sequential, not compiled"),
        (lambda width: None, "TypeError: .*width"),
        (lambda: keras.layers.Dense(-1), "ValueError"),
    ],
)
def test_build_functions_that_do_not_build(build, match):
    with pytest.raises(kohort.DesignError, match=match):
        kohort.Variant("bad", build).model(0)


def test_a_model_in_the_place_of_a_function_is_refused_at_once():
    model = build_mlp()
    told = f"builds the model of variant 'a', got the model '{model.name}'; write a function that"
    for make in (lambda: kohort.Variant("a", model), lambda: kohort.grid(model, units=[1])):
        with pytest.raises(kohort.DesignError, match="write a function that makes, compiles"):
            make()
    with pytest.raises(kohort.DesignError, match=told):
        kohort.Variant("a", model)
    with pytest.raises(kohort.DesignError, match="variant 'a', got 5;"):
        kohort.Variant("a", 5)


def test_a_grid_is_the_product_of_its_lists_named_after_what_varies():
    variants = kohort.grid(build_mlp, units=[(4,), (8, 4)], l2=[0.0, 1e-4], classes=7)
    assert [variant.name for variant in variants] == [
        "units=(4,), l2=0.0",
        "units=(4,), l2=0.0001",
        "units=(8, 4), l2=0.0",
        "units=(8, 4), l2=0.0001",
    ]
    assert variants[3].kwargs == {"classes": 7, "units": (8, 4), "l2": 1e-4}


@pytest.mark.parametrize("axes", [{}, {"units": (4,)}, {"units": []}])
def test_a_grid_without_an_axis_is_refused(axes):
    with pytest.raises(kohort.DesignError, match="an axis at least"):
        kohort.grid(build_mlp, **axes)


def test_additions_are_pairs_with_one_argument_more():
    variants = [
        kohort.Variant("a", build_mlp, units=(4,)),
        kohort.Variant("a + l2", build_mlp, units=(4,), l2=0.1),
        kohort.Variant("b + l2", build_mlp, units=(5,), l2=0.1),
        kohort.Variant("a + l2 + dropout", build_mlp, units=(4,), l2=0.1, dropout=0.5),
        kohort.Variant("other", lambda units, l2: None, units=(4,), l2=0.1),
    ]
    assert addition_pairs(variants) == [(0, 1), (1, 3)]


def test_additions_of_a_grid_switch_one_argument_on():
    variants = kohort.grid(build_mlp, l2=[0.0, 1e-4], dropout=[0.0, 0.5])
    # Numbered 0: neither, 1: dropout, 2: L2, 3: both. Of 0 and 3, and of 1 and 2, two differ.
    assert addition_pairs(variants) == [(0, 1), (0, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize("off", [0, 0.0, None, False, np.float32(0)])
def test_what_is_off_can_be_switched_on(off):
    one, other, third = kohort.grid(build_mlp, own=[off, 0.5, "on"])
    assert addition_pairs([one, other, third]) == [(0, 1), (0, 2)]


@pytest.mark.parametrize("values", [[1e-4, 1e-3], [0, 0.0], [(), (8,)], ["", "on"], [(4,), (8,)]])
def test_one_value_in_place_of_another_is_no_addition(values):
    assert addition_pairs(kohort.grid(build_mlp, own=values)) == []


def test_additions_are_those_of_all_pairs():
    """Against the definition, pair by pair, on variants of all combinations of some arguments."""
    values = {"a": [0, 0.0, 1, None], "b": [False, "on"], "c": ["left out", 2, 0]}
    variants = [
        kohort.Variant(str(given), build, **{k: v for k, v in given.items() if v != "left out"})
        for build in (build_mlp, build_other)
        for combination in itertools.product(*values.values())
        if (given := dict(zip(values, combination, strict=True)))
    ]

    def is_off(value):
        return value is None or (not isinstance(value, str) and value == 0)

    def adds_one(less, more):
        if less.build is not more.build or not less.kwargs.keys() <= more.kwargs.keys():
            return False
        added = more.kwargs.keys() - less.kwargs.keys()
        other = [n for n, v in less.kwargs.items() if repr(more.kwargs[n]) != repr(v)]
        switched = all(is_off(less.kwargs[n]) and not is_off(more.kwargs[n]) for n in other)
        return len(added) + len(other) == 1 and switched

    wanted = [
        (a, b)
        for a, b in itertools.permutations(range(len(variants)), 2)
        if adds_one(variants[a], variants[b])
    ]
    assert addition_pairs(variants) == wanted
    assert len(wanted) > 50


def build_other(**_):
    raise NotImplementedError


def test_one_argument_more_and_another_value_are_two_differences():
    variants = [
        kohort.Variant("a", build_mlp, l2=0.0),
        kohort.Variant("b", build_mlp, l2=0.1, dropout=0.5),
    ]
    assert addition_pairs(variants) == []


def test_every_build_names_its_parts_as_in_a_new_process():
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[keras.metrics.AUC()])
        return model

    outside = keras.layers.Dense(1).name
    models = [kohort.Variant("named", build).model(seed) for seed in range(2)]
    for model in models:
        model.evaluate(np.zeros((2, 2)), np.zeros(2), verbose=0)
    assert [sorted(model.get_metrics_result()) for model in models] == [["auc", "loss"]] * 2
    assert {model.layers[0].name for model in models} == {"dense"}
    assert keras.layers.Dense(1).name != outside, "names outside go on where they were"


def test_build_functions_have_names_that_differ():
    def other():
        return build_mlp()

    other.__name__ = "build_mlp"
    builds = [build_mlp, other, build_mlp, functools.partial(build_mlp)]
    variants = [kohort.Variant(str(n), build) for n, build in enumerate(builds)]
    assert build_names(variants) == ["build_mlp 1", "build_mlp 2", "build_mlp 1", "partial"]


def test_defaults_are_of_arguments_that_another_variant_gives():
    def build(units=4, rate=0.0, unused=1, *, needed):
        del units, rate, unused, needed

    variants = [
        kohort.Variant("a", build, needed=1),
        kohort.Variant("b", build, rate=0.5),
        kohort.Variant("c", lambda **given: given, units=2),
        kohort.Variant("d", functools.partial(build, rate=0.1)),
    ]
    assert defaults(variants) == [
        {"units": 4, "rate": 0.0},
        {"units": 4},
        {},
        {"units": 4, "rate": 0.1},
    ]


def test_a_function_without_a_signature_has_no_known_defaults():
    variants = [kohort.Variant("a", dict, units=1), kohort.Variant("b", dict)]
    assert defaults(variants) == [{}, {}]


def test_a_build_function_gets_data_where_it_takes_them():
    def taking(data, units=(4,)):
        assert data == "the part"
        return build_mlp(units)

    def with_default(units=(4,), *, data=None):
        return build_mlp(units if data is None else (9,))

    data_kwargs = kohort.Variant("own", taking, data="the part")
    bound = kohort.Variant("bound", functools.partial(taking, data="the part"))
    for variant in (data_kwargs, bound, kohort.Variant("none", build_mlp)):
        assert not variant.takes_data
        variant.model(0, "another part")
    for variant in (kohort.Variant("v", taking), *kohort.grid(taking, units=[(2,), (3,)])):
        assert variant.takes_data
        variant.model(0, "the part")
        with pytest.raises(kohort.DesignError, match=r"which takes `data`, got none; give them"):
            variant.model(0)

    def taking_any(**data):
        return build_mlp(**data)

    optional = kohort.Variant("v", with_default)
    assert [optional.model(0, data).layers[0].units for data in (None, 1)] == [4, 9]
    assert not kohort.Variant("v", taking_any).takes_data


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.StringLookup,
        keras.layers.IntegerLookup,
        keras.layers.TextVectorization,
        lambda: keras.layers.Discretization(num_bins=3).adapt(np.arange(9.0)),
        lambda: keras.layers.Normalization().adapt(iter([np.ones((3, 2))])),
    ],
    ids=["strings", "integers", "text", "boundaries", "batches"],
)
def test_layers_that_ask_for_tensorflow_are_refused_with_what_does_their_work(layer):
    told = r"ImportError: .*[Tt]ensor[Ff]low.*do not reach a step that JAX compiles: encode them"
    with pytest.raises(kohort.DesignError, match=told):
        kohort.Variant("text", layer).model(0)
