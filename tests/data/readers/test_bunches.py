"""What scikit-learn's loaders return, of which nothing but the attributes is used."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from kohort import load
from kohort.errors import DataError

X = np.random.default_rng(6).normal(size=(60, 2))
Y = np.arange(60) % 3


class Bunch(dict):
    """A dict with its keys as attributes, as scikit-learn's."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


def bunch(**changes):
    names = {"feature_names": ["length", "width"], "target_names": np.array(["a", "b", "c"])}
    return Bunch({"data": X, "target": Y, **names} | changes)


def test_names_of_features_and_classes_are_kept():
    data = load(bunch(), test=0)
    assert data.feature_names == ("length", "width")
    assert data.class_names == ("a", "b", "c")
    assert np.array_equal(data.x_train, X.astype(np.float32))
    assert data.y_train.tolist() == Y.tolist()
    assert len(load(bunch()).x_test) == 12


def test_a_frame_is_read_as_one():
    frame = pd.DataFrame(X, columns=["u", "v"]).assign(colour=["red", "blue"] * 30)
    names = list(frame)
    data = load(bunch(data=frame, target=pd.Series(Y), feature_names=names), test=0)
    assert data.feature_names == ("u", "v", "colour=blue", "colour=red")
    assert data.class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("target", "names", "classes", "first"),
    [
        (np.linspace(1, 2, 60), None, None, 1.0),
        (np.linspace(1, 2, 60), ["price"], None, 1.0),
        (pd.Series(["x", "y"] * 30, dtype="category"), ["class"], ("x", "y"), 0),
        (Y + 1, ["class"], ("1", "2", "3"), 0),
        (Y, None, ("0", "1", "2"), 0),
        (X, ["one", "two"], None, list(X[0].astype(np.float32))),
    ],
)
def test_targets_of_every_kind_are_read(target, names, classes, first):
    data = load(bunch(target=target, target_names=names), test=0)
    assert data.class_names == classes
    assert data.y_train[0].tolist() == first


def test_features_without_names_are_numbered():
    assert load(bunch(feature_names=None), test=0).feature_names == ("x0", "x1")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target": None}, "a bunch with data of rows and columns, and their target"),
        ({"data": ["a text"] * 60}, "got data of list"),
        ({"data": X[:, :, None]}, "got data of ndarray"),
        ({"data": csr_array(X)}, "got data of csr_array, target of ndarray; make a dense array"),
    ],
)
def test_refuses_what_is_no_table(changes, told):
    with pytest.raises(DataError, match=told):
        load(bunch(**changes))


def test_refuses_options_of_other_sources():
    with pytest.raises(DataError, match="no target= for a bunch, got 'a'"):
        load(bunch(), target="a")
