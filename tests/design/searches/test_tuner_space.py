import keras
import optuna
import pytest

from kohort import DesignError
from kohort.design.searches.sampling import Asking
from kohort.design.searches.tuner_space import (
    HyperParameters,
    TunedSpace,
    build_function,
    with_values,
)
from tests.design.searches.drawing import drawn


def build(hp):
    """As of KerasTuner's guide, with all that it knows."""
    model = keras.Sequential([keras.Input((5,))])
    for layer in range(hp.Int("layers", 1, 2)):
        with hp.name_scope(f"layer {layer}"):
            units = hp.Int("units", min_value=4, max_value=8, step=4)
            model.add(keras.layers.Dense(units, hp.Choice("activation", ["relu", "tanh"])))
    if hp.Boolean("dropout"):
        model.add(keras.layers.Dropout(hp.Float("rate", 0.1, 0.5, step=0.2)))
    model.add(keras.layers.Dense(3, "softmax"))
    rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
    kind = hp.Choice("optimizer", ["sgd", "adam"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        momentum = hp.Float("momentum", 0.0, 0.9)
    assert (momentum is None) == (kind == "adam")
    if kind == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=momentum)
    else:
        optimizer = keras.optimizers.Adam(rate)
    assert hp.get("lr") == hp["lr"] == rate
    assert "lr" in hp
    assert hp.Fixed("batch", 32) == 32
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_build_function_of_keras_tuner_writes_its_space_while_it_builds():
    trials = drawn(TunedSpace(build), 40)
    assert {trial["layers"] for trial in trials} == {1, 2}
    assert {trial["layer 0/units"] for trial in trials} == {4, 8}
    assert all(("layer 1/units" in trial) == (trial["layers"] == 2) for trial in trials)
    assert all(("rate" in trial) == trial["dropout"] for trial in trials)
    assert all(("momentum" in trial) == (trial["optimizer"] == "sgd") for trial in trials)
    assert {round(trial["rate"], 1) for trial in trials if "rate" in trial} == {0.1, 0.3, 0.5}


def test_the_values_that_were_drawn_build_the_same_model():
    for values in drawn(TunedSpace(build), 10):
        model = with_values(build)(**values)
        dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        assert len(dense) == values["layers"] + 1
        assert dense[0].units == values["layer 0/units"]
        assert float(model.optimizer.learning_rate) == pytest.approx(values["lr"])


def asked(*questions):
    hp = HyperParameters(
        lambda _name, axis, _within: axis[0] if isinstance(axis, list) else axis.low
    )
    return [question(hp) for question in questions]


def test_a_name_that_is_asked_for_again_has_one_value():
    first, second = asked(lambda hp: hp.Int("n", 1, 5), lambda hp: hp.Int("n", 1, 5))
    assert first == second


def test_a_name_of_two_meanings_is_refused():
    with pytest.raises(DesignError, match="one meaning of the hyperparameter 'n'"):
        asked(lambda hp: hp.Int("n", 1, 5), lambda hp: hp.Int("n", 1, 6))


def test_what_has_a_condition_that_is_not_met_is_none_whatever_its_default():
    def of_parent(hp):
        hp.Choice("kind", ["a", "b"])
        return hp.Int("n", 5, 9, default=7, parent_name="kind", parent_values="b")

    def of_scope(hp):
        with hp.conditional_scope("kind", "b"):
            flag = hp.Boolean("flag", default=True)
            with hp.conditional_scope("flag", [True, None]):  # It has no value, not the value None.
                return flag, hp.Fixed("of flag", 3), "flag" in hp

    def of_met(hp):
        with hp.conditional_scope("kind", ["a", "c"]):
            return hp.Choice("m", ["x", "y"], default="y")

    assert asked(of_parent, of_scope, of_met) == [None, (None, None, False), "x"]


def test_the_value_of_a_name_without_one_is_refused():
    def inactive(hp):
        hp.Choice("kind", ["a", "b"])
        hp.Int("n", 5, 9, parent_name="kind", parent_values="b")
        return hp["n"]

    with pytest.raises(DesignError, match=r"for hp\['n'\], got one whose conditions are not met"):
        asked(inactive)
    with pytest.raises(KeyError):
        asked(lambda hp: hp["other"])


def test_a_condition_on_what_was_not_asked_for_is_refused():
    def scoped(hp):
        hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("knd", ["a"]):
            pass

    def outside(hp):
        hp.Choice("kind", ["a", "b"])
        with hp.name_scope("layer"):
            hp.Int("n", 5, 9, parent_name="kind", parent_values="b")

    with pytest.raises(DesignError, match="got one on 'knd', which was not; mend its name"):
        asked(scoped)
    with pytest.raises(DesignError, match="got one on 'layer/kind', which was not"):
        asked(outside)


def test_one_name_may_have_other_values_under_other_conditions():
    def build(hp):
        kind = hp.Choice("kind", ["few", "many", "most"])
        with hp.conditional_scope("kind", ["few"]):
            few = hp.Choice("units", [2, 4])
        with hp.conditional_scope("kind", ["many", "most"]):
            many = hp.Int("units", 30, 31)
        assert (few is None) == (kind != "few")
        assert (many is None) == (kind == "few")
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(few or many)])
        model.compile("sgd", "mse")
        return model

    asking = Asking(TunedSpace(build), "random", 0)
    draws = [draw for _ in range(6) if (draw := asking.ask())]
    assert not any(draw.failure for draw in draws)
    assert {(d.arguments["kind"], d.arguments["units"]) for d in draws} == {
        *(("few", units) for units in (2, 4)),
        *((kind, units) for kind in ("many", "most") for units in (30, 31)),
    }
    assert {name for draw in draws for name in draw.asked.params} == {
        "kind", "kind=few: units", "kind=many or most: units",
    }  # fmt: skip
    for draw in draws:
        assert with_values(build)(**draw.arguments).layers[0].units == draw.arguments["units"]


def test_what_fails_has_the_values_that_it_was_given():
    def build(hp):
        hp.Choice("kind", ["a"])
        hp.Choice("shape", [(1, 2)], parent_name="kind", parent_values="a")
        raise RuntimeError("never")

    assert Asking(TunedSpace(build), "random", 0).ask().arguments == {"kind": "a", "shape": (1, 2)}


def test_a_step_multiplies_where_the_logarithm_is_sampled():
    seen = []
    hp = HyperParameters(lambda _name, axis, _within: seen.append(axis) or axis[0])
    hp.Int("n", 1, 64, step=2, sampling="log")
    assert seen == [[1, 2, 4, 8, 16, 32, 64]]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (lambda hp: hp.Float("n", 1.0, 0.5), "the lower one"),
        (lambda hp: hp.Float("n", 0.0, 1.0, sampling="log"), "a range above 0"),
        (lambda hp: hp.Float("n", 0.1, 1.0, sampling="reverse_log"), "'linear' or 'log'"),
        (lambda hp: hp.Int("n", 1, 8, step=1, sampling="log"), "a step above 1"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(question, told):
    with pytest.raises(DesignError, match=told):
        asked(question)


def test_the_adapter_answers_as_keras_tuner_does_where_nothing_varies():
    assert asked(lambda hp: hp.Int("n", 3, 3), lambda hp: hp.Float("x", 2.0, 2.0)) == [3, 2.0]


class KerasTuners:
    """As KerasTuner's `HyperModel` is: it wraps the method of who inherits from it."""

    def __init__(self):
        self._build = self.build
        self.build = self._wrapper

    def build(self, hp):
        raise NotImplementedError

    def _wrapper(self, hp):
        return self._build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)


for method in (KerasTuners.build, KerasTuners.fit):
    method.__module__ = "keras_tuner.engine.hypermodel"


class Hyper(KerasTuners):
    def build(self, hp):
        return build(hp)


class Plain:
    def build(self, hp):
        return build(hp)


class Fits(Hyper):
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)


def test_other_choices_of_a_name_than_before_are_told_by_its_name():
    def build(hp):
        wide = hp.Choice("kind", ["narrow", "wide"]) == "wide"
        hp.Choice("units", [64, 128] if wide else [4, 8])

    asking = Asking(TunedSpace(build), "random", 0)
    told = " ".join(draw.failure for _ in range(6) if (draw := asking.ask()))
    assert "the same choices, or kind of numbers, of the hyperparameter 'units'" in told


@pytest.mark.parametrize("kind", [Hyper, Plain])
def test_the_method_of_a_hyper_model_builds(kind):
    function = build_function(kind())
    assert function.__func__ is kind.build
    first, second = (drawn(TunedSpace(of), 3) for of in (function, build))
    assert first == second


def test_a_function_that_a_hyper_model_was_given_builds():
    given = KerasTuners()
    given.build = build
    assert build_function(given) is build


def test_what_is_no_hyper_model_stays_as_it_is():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    for other in (build, model, keras.Sequential, 5, Plain().build):
        assert build_function(other) == other


def test_a_hyper_model_that_fits_in_its_own_way_or_is_a_class_is_refused():
    with pytest.raises(DesignError, match=r"Fits, which has a fit of its own; give its method"):
        build_function(Fits())
    with pytest.raises(DesignError, match=r"as Plain\(\) is, got the class Plain; call it"):
        build_function(Plain)


def test_what_a_sampler_cannot_draw_is_told_as_that():
    sampler = optuna.samplers.GridSampler({"kind": ["a", "b"]}, seed=0)
    asking = Asking(
        TunedSpace(lambda hp: hp.Choice("kind", ["a", "b"]) + hp.Choice("units", "12")), sampler, 0
    )
    told = asking.ask().failure
    assert "units, is not found in the given grid" in told
