"""A search as a study of Optuna's."""

import json

import keras
import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, distribution_to_json

from kohort import StoreError
from kohort.design.searches.draws import Suggestion
from kohort.evidence.trials import SearchRecord, Trial
from kohort.report.searches.optuna_study import as_optuna, importance

DISTRIBUTIONS = {
    "rate": FloatDistribution(1e-4, 1e-2, log=True),
    "dropout": FloatDistribution(0.1, 0.5, step=0.1),
    "opt": CategoricalDistribution(["sgd", "adam"]),
    "opt=sgd: momentum": FloatDistribution(0.0, 0.9),
    "units": CategoricalDistribution(["(8,)", "(8, 4)"]),
}
DRAWN = {
    "rate": 0.006508896624682729,
    "dropout": 0.30000000000000004,
    "opt": "sgd",
    "opt=sgd: momentum": 0.123456,
    "units": "(8, 4)",
}
TRAINED = {"rate": 0.006509, "dropout": 0.3, "opt": "sgd", "momentum": 0.1235, "units": (8, 4)}


def record(**arguments):
    """A search of one trial."""
    asked = Suggestion(
        DRAWN, {name: distribution_to_json(each) for name, each in DISTRIBUTIONS.items()}
    )
    trial = Trial(0, TRAINED | arguments, 0, 0, "finished", {4: 0.5}, 1.0, 4, 9, 1.0, asked=asked)
    return SearchRecord("small", "accuracy", True, (4,), 3, "tpe", (trial,), (0,), 1.0)


def test_params_are_what_was_trained_with_where_optuna_takes_it():
    study = as_optuna(record())
    assert study.best_params == {
        "rate": 0.006509, "dropout": 0.3, "opt": "sgd", "opt=sgd: momentum": 0.1235,
        "units": "(8, 4)",
    }  # fmt: skip


@pytest.mark.parametrize("other", [{"rate": 0.5}, {"dropout": 0.35}, {"rate": "code"}])
def test_what_optuna_does_not_take_stays_as_it_was_drawn(other):
    (name,) = other
    assert as_optuna(record(**other)).best_params[name] == DRAWN[name]


def test_arguments_are_what_the_build_function_was_given():
    study = as_optuna(record(act=keras.activations.relu, clip=None))
    found = study.best_trial.user_attrs["arguments"]
    assert json.loads(json.dumps(found)) == found
    assert found == TRAINED | {
        "units": [8, 4], "act": "<function keras.activations.relu>", "clip": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        ("optuna.db", """got 'optuna.db'; give "sqlite:///optuna.db\""""),
        ("sqlite:////no/such/folder/optuna.db", "unable to open database file; mend it"),
        ("strange://user:secret@host/database", "sqlalchemy.dialects:strange; mend it"),
    ],
)
def test_an_address_that_optuna_cannot_open_is_refused_in_one_line(storage, told):
    with pytest.raises(StoreError, match="address of a storage that Optuna can open") as caught:
        as_optuna(record(), storage)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


UNIT = distribution_to_json(FloatDistribution(0.0, 1.0))


def unlike(seed):
    """A search of few trials, of whose arguments none matters."""
    drawn = np.random.default_rng(seed).random((12, 3))
    params = [dict(zip("abc", map(float, row), strict=True)) for row in drawn]
    trials = tuple(
        Trial(
            number, of_trial, 0, 0, "finished", {1: number / 100},
            asked=Suggestion(of_trial, dict.fromkeys(of_trial, UNIT)),
        )
        for number, of_trial in enumerate(params)
    )  # fmt: skip
    return SearchRecord("small", "accuracy", True, (1,), 3, "tpe", trials, (0,), 1.0)


@pytest.mark.parametrize("seed", [3, 26, 29])
def test_an_interval_holds_its_importance(seed):
    """Of the trials drawn anew few or none may tell an argument as far as all of them do."""
    found = importance(unlike(seed), 0.95)
    assert (found["low"] <= found["importance"]).all()
    assert (found["importance"] <= found["high"]).all()
