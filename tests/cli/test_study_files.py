"""Functions of study files that need no data, and such as have their own."""

import numpy as np
import pytest

import kohort
from kohort.cli.study_files import read_study
from kohort.cli.training.search_files import read_search
from kohort.errors import DataError

FILE = """
import keras, kohort, numpy as np

def build(units=2):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

KEPT = kohort.Dataset(np.zeros((40, 3), "float32"), np.arange(40) % 2, name="kept")

def made(data):
    return kohort.Study("s", kohort.grid(build, units=[2, 3]), data,
                        replicates=kohort.Holdout(0.2, 2), epochs=1)

def searched(data):
    return kohort.Search("s", build, {"units": [2, 3, 4]}, data, trials=2, epochs=1)

def study(): return made(KEPT)
def with_default(data=KEPT): return made(data)
def with_any(*data): return made(data[0] if data else KEPT)
def with_option(*, data=KEPT): return made(data)
def with_data(data): return made(data)

def search(): return searched(KEPT)
def search_with_default(d=KEPT): return searched(d)
def search_with_data(data): return searched(data)
"""
GIVEN = kohort.Dataset(np.ones((50, 3), "float32"), np.arange(50) % 2, name="given")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "file.py").write_text(FILE)
    return str(tmp_path / "file.py")


@pytest.mark.parametrize("name", ["study", "with_default", "with_any", "with_option"])
def test_a_study_is_made_without_data_where_its_function_needs_none(place, name):
    assert read_study(f"{place}::{name}", None).data.name == "kept"
    assert read_study(f"{place}::{name}", GIVEN).data.name == "given"


@pytest.mark.parametrize("name", ["search", "search_with_default"])
def test_so_is_a_search(place, name):
    how = {"trials": None, "epochs": None}
    assert read_search(f"{place}::{name}", None, **how).spec.data.name == "kept"
    found = read_search(f"{place}::{name}", GIVEN, trials=3, epochs=None)
    assert (found.spec.data.name, found.spec.trials) == ("given", 3)


def test_a_function_that_needs_data_is_not_made_without(place):
    with pytest.raises(DataError, match=r"data for 'with_data' of .*pass --data SRC"):
        read_study(f"{place}::with_data", None)
    with pytest.raises(DataError, match=r"data for 'search_with_data' of .*pass --data SRC"):
        read_search(f"{place}::search_with_data", None, trials=None, epochs=None)
