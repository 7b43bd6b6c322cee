"""A search that goes on has the models with which it began, whatever they depend on."""

import functools
import json
import re
from types import SimpleNamespace

import keras
import pytest

import kohort
from kohort import DesignError, Interrupted, StoreError
from kohort.evidence.store import VariantRecord, open_store
from kohort.evidence.trials import Facts, facts_of, kept_name
from kohort.keras_api.models import config_text
from kohort.runs.searches.keeping import SearchKeeper
from kohort.runs.searches.trial_facts import _compared, _difference
from scripts.kills import build_small
from tests.runs.searches.searched import small

SPACE = {"act": ["relu", "tanh"], "rate": kohort.Range(1e-3, 0.1, log=True)}
OUTSIDE = SimpleNamespace(units=16)


def made(units, act, rate, l2=0.0):
    penalty = keras.regularizers.L2(l2)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(units, act, kernel_regularizer=penalty),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    adam = keras.optimizers.Adam(rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def by_global(act, rate):
    return made(OUTSIDE.units, act, rate)


def by_closure(units):
    def build(act, rate):
        return made(units, act, rate)

    return build


def by_partial(units):
    return functools.partial(made, units)


class Hyper:
    def __init__(self, units):
        self.units = units

    def build(self, hp):
        rate = hp.Float("rate", 1e-3, 0.1, sampling="log")
        return made(self.units, hp.Choice("act", ["relu", "tanh"]), rate)


KINDS = {"closure": by_closure, "partial": by_partial, "attribute": Hyper}


def searched(data, build, **options):
    space = None if isinstance(build, Hyper) else SPACE
    return small(data, build=build, space=space, **{"trials": 4, "epochs": 2} | options)


@pytest.fixture
def trained(monkeypatch):
    """The numbers of trials, as their epochs come."""
    real, numbers = SearchKeeper.measured, []

    def measured(keeper, number, epoch, logs):
        numbers.append(number)
        real(keeper, number, epoch, logs)

    monkeypatch.setattr(SearchKeeper, "measured", measured)
    return numbers


@pytest.mark.parametrize("kind", KINDS)
def test_another_model_is_refused_before_anything_trains(blobs, tmp_path, trained, kind):
    searched(blobs, KINDS[kind](16)).run(tmp_path / "k.db", verbose=0, confirm=2)
    count = len(trained)
    with pytest.raises(StoreError) as caught:
        searched(blobs, KINDS[kind](32), trials=6).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert len(trained) == count
    assert "the model that trial 0 of 'small' had" in str(caught.value)
    assert "(units of Dense: 16 before, 32 now; 147 parameters before, 291" in str(caught.value)
    assert "\n" not in str(caught.value)
    again = searched(blobs, KINDS[kind](16), trials=6).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert set(again.trials()["parameters"]) == {147}


@pytest.mark.long
def test_so_it_is_before_the_race_has_begun(blobs, tmp_path, trained, monkeypatch):
    def ends(*_):
        raise Interrupted

    with monkeypatch.context() as inside:
        inside.setattr(kohort.Search, "_proof", ends)
        inside.setattr(OUTSIDE, "units", 8)
        with pytest.raises(Interrupted):
            searched(blobs, by_global).run(tmp_path / "k.db", verbose=0)
    count = len(trained)
    for trials in (4, 6):
        with pytest.raises(StoreError, match="units of Dense: 8 before, 16 now"):
            searched(blobs, by_global, trials=trials).run(tmp_path / "k.db", verbose=0)
    assert len(trained) == count


@pytest.mark.long
def test_a_number_that_changes_no_shape_is_another_model_too(blobs, tmp_path):
    def penalised(l2):
        return functools.partial(made, 8, l2=l2)

    searched(blobs, penalised(0.1)).run(tmp_path / "k.db", verbose=0, confirm=2)
    with pytest.raises(StoreError, match=r"l2 of L2: 0\.1 before, 0\.2 now"):
        searched(blobs, penalised(0.2)).run(tmp_path / "k.db", verbose=0, confirm=2)


@pytest.mark.long
def test_of_a_store_without_models_the_parameters_are_compared(blobs, tmp_path, monkeypatch):
    """Earlier versions kept the number of parameters alone."""
    place = tmp_path / "k.db"
    with monkeypatch.context() as inside:
        inside.setattr(Facts, "kept", lambda facts, whole: f'[{facts.parameters}, ""]')
        searched(blobs, by_closure(16)).run(place, verbose=0, confirm=2)
    with open_store(place) as store:
        known = store.study(kept_name("small")).variants()
        assert {facts_of(variant) for variant in known} == {Facts(147, "")}
    with pytest.raises(StoreError, match=r"arguments \(147 parameters before, 291 now\)"):
        searched(blobs, by_closure(32)).run(place, verbose=0, confirm=2)
    searched(blobs, by_closure(16), trials=5).run(place, verbose=0, confirm=2)


@pytest.mark.long
def test_one_model_is_built_to_compare_a_search_that_has_ended(blobs, tmp_path, monkeypatch):
    searched(blobs, by_closure(16)).run(tmp_path / "k.db", verbose=0, confirm=2)
    built = []

    @functools.wraps(by_closure(16))
    def counting(**arguments):
        built.append(arguments)
        return made(16, **arguments)

    monkeypatch.setattr(kohort.Search, "_proof", lambda *_: (_ for _ in ()).throw(Interrupted))
    with pytest.raises(Interrupted):
        searched(blobs, counting).run(tmp_path / "k.db", verbose=0)
    assert len(built) == 1


def test_of_one_trial_the_whole_configuration_is_kept_and_of_others_a_digest(blobs, tmp_path):
    small(blobs, build=build_small, trials=4, epochs=1).run(tmp_path / "k.db", verbose=0, confirm=2)
    with open_store(tmp_path / "k.db") as store:
        kept = [facts_of(each).model for each in store.study(kept_name("small")).variants()]
    assert kept[0].startswith("{")
    assert {len(text) for text in kept[1:]} <= {0, 64}


def test_what_names_and_compiled_lambdas_say_is_not_compared():
    kind = '{"class_name": "Adam", "config": {"beta_1": 0.9, "name": "adam%s"}}'
    assert _compared(kind % "_12") == _compared(kind % "")
    code = '{"class_name": "__lambda__", "config": {"closure": [%d], "value": "%s"}}'
    assert _compared(code % (1, "4wEA")) == _compared(code % (1, "8wEA"))
    assert _compared(code % (1, "4wEA")) != _compared(code % (2, "4wEA"))


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (made(4, "relu", 0.1), made(4, "tanh", 0.1), "activation of Dense: 'relu' before, 'tanh'"),
        (made(4, "relu", 0.1), made(4, "relu", 0.2), "learning_rate of Adam: 0.1"),
        ({"class_name": "A"}, {"class_name": "B"}, "kind of the model: A before, B now"),
        ({"class_name": "A", "layers": [{}]}, {"class_name": "A", "layers": []},
         "number of layers of A: 1 before, 0 now"),
    ],
)  # fmt: skip
def test_the_first_difference_is_told(before, now, told):
    if isinstance(before, keras.Model):
        before, now = (json.loads(_compared(config_text(model))) for model in (before, now))
    assert _difference(before, now).startswith(told)


def test_facts_of_an_earlier_version_are_read():
    assert facts_of(VariantRecord("trial 0", model='[5, ""]')) == Facts(5, "")


def penalties(l2):
    """As another process makes them: at other addresses."""

    def doubled(x):
        return 2 * x

    return {"act": ["relu", doubled], "l2": [None, keras.regularizers.L2(l2)]}


def penalised(act, l2):
    model = made(4, act, 0.01)
    model.layers[0].kernel_regularizer = l2
    return model


@pytest.mark.long
def test_functions_and_objects_of_keras_are_choices_of_a_search_that_goes_on(blobs, tmp_path):
    def of(space, trials):
        return small(blobs, build=penalised, space=space, trials=trials, epochs=1)

    first = of(penalties(0.1), 3).run(tmp_path / "k.db", verbose=0, confirm=2)
    again = of(penalties(0.1), 4).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert len(again.trials()) == 4
    assert set(first.flattery().index) <= set(again.flattery().index)
    told = re.escape("another one (l2 of the space: [None, keras.regularizers.L2(l2=0.1)] before, ")
    with pytest.raises(StoreError, match=told):
        of(penalties(0.2), 4).run(tmp_path / "k.db", verbose=0)


def test_choices_without_a_name_are_refused_before_a_store_is_written(blobs, tmp_path):
    search = small(blobs, build=penalised, space={"act": [lambda x: x, "relu"], "l2": None})
    with pytest.raises(DesignError, match="written alike in each process"):
        search.run(tmp_path / "k.db", verbose=0)
    assert not list(tmp_path.iterdir())


WIDEST = SimpleNamespace(units=8)


def up_to_widest(hp):
    return made(hp.Int("units", 4, WIDEST.units), "relu", hp.Float("rate", 1e-3, 0.1))


@pytest.mark.long
def test_a_space_that_has_changed_is_named_as_a_cause(blobs, tmp_path, monkeypatch):
    """What a `build(hp)` asks for is known while it builds, and the order decides what is drawn."""
    place, told = tmp_path / "k.db", "from another space (or one in another order) or by another"

    def of(build, space=None):
        return small(blobs, build=build, space=space, trials=3, epochs=1)

    of(up_to_widest).run(place, verbose=0, confirm=2)
    monkeypatch.setattr(WIDEST, "units", 32)
    with pytest.raises(StoreError, match=re.escape(told)):
        of(up_to_widest).run(place, verbose=0, confirm=2)
    of(by_closure(4), SPACE).run(tmp_path / "order.db", verbose=0, confirm=2)
    with pytest.raises(StoreError, match=re.escape(told)):
        of(by_closure(4), dict(reversed(SPACE.items()))).run(tmp_path / "order.db", verbose=0)
