"""Arrays that are no data: `kohort.Dataset(...)`."""

import tracemalloc

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from kohort import Dataset, Holdout, KFold
from tests.doors.refusals import assert_refused

X, Y = np.arange(18, dtype=np.float32).reshape(6, 3), np.array([0, 1, 0, 1, 0, 1])


def dataset(**changes):
    """Six train and two test samples of three features, two classes, but for the changes."""
    return Dataset(**({"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2]} | changes))


def with_one(array, value, dtype=float):
    """The array with one number changed."""
    changed = array.astype(dtype)
    changed.flat[1] = value
    return changed


class Broken:
    """What fails as it is made an array, as tensors on another device do."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("bring it to the CPU first")


STRUCTURED = np.zeros(6, [("width", "f4"), ("height", "f4")])
NUMBERS = "as an array of numbers"
WRONG = {
    # Not numbers.
    "x NaN": ({"x_train": with_one(X, np.nan)}, "finite numbers in x_train, got NaN"),
    "x infinite": ({"x_test": with_one(X[:2], np.inf)}, "finite numbers in x_test"),
    "x infinite as float16": (
        {"x_train": with_one(X, np.inf, np.float16)},
        "finite numbers in x_train",
    ),
    "y NaN": ({"y_train": with_one(Y, np.nan)}, "finite numbers in y_train"),
    "y minus infinity": ({"y_test": [0.0, -np.inf]}, "finite numbers in y_test"),
    "x beyond float32": ({"x_train": with_one(X, 1e39)}, "x_train that float32 holds.*1e\\+39"),
    "y beyond float32": ({"y_train": with_one(Y, -1e300)}, "y_train that float32 holds"),
    "x of integers beyond any": ({"x_train": [[10**400] * 3] * 6}, f"x_train {NUMBERS}"),
    "x complex": ({"x_train": X.astype(complex)}, f"x_train {NUMBERS}, got .*complex128"),
    "x text": ({"x_train": X.astype(str)}, f"x_train {NUMBERS}, got .*<U"),
    "x bytes": ({"x_test": X[:2].astype("S4")}, f"x_test {NUMBERS}, got .*S4"),
    "x objects": ({"x_train": X.astype(object)}, f"x_train {NUMBERS}, got .*object"),
    "x dates": ({"x_train": X.astype("datetime64[s]")}, f"x_train {NUMBERS}, got .*datetime64"),
    "x durations": ({"x_train": X.astype("m8[s]")}, f"x_train {NUMBERS}, got .*timedelta64"),
    "x structured": ({"x_train": STRUCTURED}, f"x_train {NUMBERS}, got .*width"),
    "x raw bytes": ({"x_train": X.view("V4")}, f"x_train {NUMBERS}, got .*V4"),
    "x bfloat16": ({"x_train": jnp.asarray(X, "bfloat16")}, f"x_train {NUMBERS}, got .*bfloat16"),
    "y text": ({"y_train": ["cat", "dog"] * 3}, f"y_train {NUMBERS}"),
    "y with a gap": ({"y_train": [0, 1, None, 1, 0, 1]}, f"y_train {NUMBERS}, got .*object"),
    "y dates": ({"y_train": Y.astype("datetime64[D]")}, f"y_train {NUMBERS}"),
    "x masked": ({"x_train": np.ma.masked_less(X, 4)}, "x_train without gaps, got masked"),
    "y masked": ({"y_test": np.ma.masked_equal(Y[:2], 1)}, "y_test without gaps"),
    "x sparse": ({"x_train": sparse.csr_array(X)}, f"x_train {NUMBERS}"),
    "x a generator": ({"x_train": iter(X)}, f"x_train {NUMBERS}"),
    "x a set": ({"x_train": {1, 2}}, f"x_train {NUMBERS}"),
    "x a mapping": ({"x_train": {"a": X}}, "x_train as one array, got a dictionary of 1; join"),
    "x of two inputs": (
        {"x_train": (X, X[:, :1])},
        "x_train as one array, got a tuple of 2.*; join",
    ),
    "y of two outputs": ({"y_train": [Y, X]}, "y_train as one array, got a list of 2.*kohort.fit"),
    "x nothing": ({"x_train": None}, f"x_train {NUMBERS}"),
    "x text alone": ({"x_train": "x.npy"}, f"x_train {NUMBERS}"),
    "x that fails": ({"x_train": Broken()}, "Broken that is none .*bring it to the CPU"),
    "x a table with text": (
        {"x_train": pd.DataFrame({"a": Y, "b": list("abcdef")})},
        f"x_train {NUMBERS}, got .*object|str",
    ),
    "x a table with a gap": (
        {"x_train": pd.DataFrame({"a": pd.array([1, 2, None, 4, 5, 6], "Int64")})},
        f"x_train {NUMBERS}|finite numbers in x_train",
    ),
    "x a table of nullable numbers": (
        {"x_train": pd.DataFrame(X).astype("Float64")},
        f"x_train {NUMBERS}, got .*object.*astype",
    ),
    "y a series of categories": (
        {"y_train": pd.Series(list("ababab"), dtype="category")},
        f"y_train {NUMBERS}",
    ),
    # Not the shape.
    "x one number": ({"x_train": 3.0}, f"x_train {NUMBERS}, got shape \\(\\)"),
    "y one number": ({"y_train": 1}, f"y_train {NUMBERS}, got shape \\(\\)"),
    "x ragged": ({"x_train": [[1.0], [1.0, 2.0]]}, "list that is none .*inhomogeneous"),
    "y ragged": ({"y_train": [[0], [1, 2]]}, "y_train as an array.*samples of one shape"),
    "no training samples": ({"x_train": X[:0], "y_train": Y[:0]}, "one sample at least.*0 inputs"),
    "test labels without samples": ({"x_test": X[:0]}, "x_test and y_test of equal length"),
    "test samples without labels": ({"y_test": None}, "x_test and y_test, or neither"),
    "empty lists": ({"x_train": [], "y_train": []}, "one sample at least"),
    "fewer targets": ({"y_train": Y[:5]}, "equal length.*6 inputs and 5 targets"),
    "more targets": ({"y_test": Y}, "equal length.*2 inputs and 6 targets"),
    "samples without numbers": ({"x_train": X[:, :0], "x_test": X[:2, :0]}, "a number at least"),
    "targets without numbers": (
        {"y_train": np.zeros((6, 0)), "y_test": np.zeros((2, 0))},
        "y_train with a number at least in each sample, got shape \\(6, 0\\)",
    ),
    "test samples of another width": ({"x_test": X[:2, :2]}, "inputs like the training inputs"),
    "test samples of more axes": ({"x_test": X[:2, :, None]}, r"got \(3, 1\) float32"),
    "test targets of another shape": ({"y_test": np.eye(2)}, "targets like the training targets"),
    "pixels beside floats": ({"x_test": np.zeros((2, 3), np.uint8)}, "prepare both in the same"),
    "parts of labels": ({"y_test": [0.0, 1.5]}, r"\(\) int32, got \(\) float32"),
    # Not labels.
    "a negative label": (
        {"y_train": with_one(Y, -1, int)},
        "labels from 0, got labels from -1 to 1",
    ),
    "negative labels alone": (
        {"y_train": -1 - Y, "y_test": [-1, -2]},
        "labels from 0, got labels from -2 to -1; number the classes from 0",
    ),
    "labels -1 and 1": (
        {"y_train": 2 * Y - 1, "y_test": [-1, 1]},
        r"got labels from -1 to 1; .* by np.unique\(y, return_inverse=True\)\[1\]",
    ),
    "a label without a name": ({"class_names": ["a"]}, "labels from 0 to 0.*give every class"),
    "a test label without a name": (
        {"class_names": ["a", "b"], "y_test": [0, 7]},
        "labels from 0 to 1, .*got labels from 0 to 7",
    ),
    "labels numbered from 1 with names": (
        {"class_names": ["a", "b"], "y_train": Y + 1},
        "got labels from 0 to 2",
    ),
    "prices for labels": (
        {"y_train": Y * 2_000_000_000},
        "fewer than .*, got a label 2000",
    ),
    "labels beyond int32": ({"y_train": Y * 2**40}, "y_train that int32 holds.*1099511627776"),
    "labels beyond int64": ({"y_train": np.uint64(2**64 - 1) * Y.astype("u8")}, "int32 holds"),
    "labels beyond any integer": ({"y_train": [10**30] * 6}, f"y_train {NUMBERS}"),
    # Not names.
    "names twice": ({"class_names": ["a", "a"]}, r"each another, got \['a', 'a'\]"),
    "names as numbers": ({"class_names": [0, 1]}, r"class_names as text.*got \[0, 1\]"),
    "no names": ({"class_names": []}, r"class_names as text, each another, got \[\]"),
    "an empty name": ({"class_names": ["a", ""]}, "give every class another name"),
    "a missing name": ({"class_names": ["a", None]}, "class_names as text"),
    "names as a number": ({"class_names": 2}, "class_names as text, each another, got 2"),
    "names as bytes": ({"class_names": [b"a", b"b"]}, "class_names as text"),
    "a name of the data as a number": ({"name": 5}, "name as text, got 5"),
    "a scale as a number": ({"pixels": 255}, "pixels as a PixelScale, got 255"),
    # Not groups.
    "groups too few": ({"groups": [0, 1]}, r"a group for each of the 6.*shape \(2,\)"),
    "names of groups too few": ({"groups": ["a", "b"]}, r"a group for each of the 6.*\(2,\)"),
    "a group that is missing": (
        {"groups": [*"aabb", None, "c"]},
        "got 1 without one, .* row 4 .from",
    ),
    "a group that is NaN": ({"groups": [1.0, np.nan] * 3}, "got 3 without one, such as row 1 "),
    "groups in a column": ({"groups": Y[:, None]}, r"shape \(6, 1\)"),
    "groups that are no names": ({"groups": [[0], [1, 2]] * 3}, r"hashable.*got \[0\]"),
    "text for groups": ({"groups": "aabbcc"}, r"groups of shape \(\)"),
    "groups of test samples alone": ({"test_groups": [0, 1]}, "got none and 2; give one for each"),
    "too few groups of test samples": (
        {"groups": Y, "test_groups": [0]},
        "groups of the 6 training and test_groups of the 2 test samples, got 6 and 1",
    ),
    "a group of test samples that is missing": (
        {"groups": list("aabbcc"), "test_groups": ["a", None]},
        "a group for each sample, got 1 without one",
    ),
    "groups masked": ({"groups": np.ma.masked_equal(Y, 1)}, "groups without gaps"),
    "one group": ({"groups": 0}, r"groups of shape \(\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refuses(case):
    changes, told = WRONG[case]
    assert_refused(lambda: dataset(**changes), told)


RIGHT = {
    "lists": {"x_train": X.tolist(), "y_train": Y.tolist()},
    "tuples": {"x_train": tuple(map(tuple, X)), "y_train": tuple(Y)},
    "a table": {"x_train": pd.DataFrame(X), "y_train": pd.Series(Y)},
    "a JAX array": {"x_train": jnp.asarray(X), "y_train": jnp.asarray(Y)},
    "column order": {"x_train": np.asfortranarray(X)},
    "every second": {"x_train": np.repeat(X, 2, axis=0)[::2], "y_train": np.repeat(Y, 2)[::2]},
    "reversed twice": {"x_train": X[::-1].copy()[::-1]},
    "not to be written": {"x_train": np.frombuffer(X.tobytes(), "f4").reshape(6, 3)},
    "big-endian": {"x_train": X.astype(">f8"), "y_train": Y.astype(">i2")},
    "long doubles": {"x_train": X.astype(np.longdouble)},
    "a mask without gaps": {"x_train": np.ma.masked_invalid(X)},
    "labels in a column": {"y_train": Y[:, None]},
    "labels as truth": {"y_train": Y == 1},
    "names as an array": {"class_names": np.array(["a", "b"])},
    "names as letters of a text": {"class_names": "ab"},
}


@pytest.mark.parametrize("form", RIGHT)
def test_loses_nothing_of_what_is_given_in_another_form(form):
    assert dataset(**RIGHT[form]).fingerprint == dataset().fingerprint


def test_one_sample_on_each_side_is_enough_to_hold():
    assert len(Dataset([[1.0]], [0], [[2.0]], [0]).x_train) == 1


def test_one_sample_is_too_few_to_split():
    data = Dataset([[1.0]], [0], [[2.0]], [0])
    for split in (Holdout(0.5, 2), KFold(2)):
        assert_refused(lambda split=split: split.replicates(data, 0), "got 1")


@pytest.mark.parametrize("split", [Holdout(0.5, 2, stratify=True), KFold(2, stratify=True)])
def test_a_class_without_samples_does_not_hurt_a_split_by_classes(split):
    data = dataset(class_names=["a", "b", "never seen"])
    for replicate in split.replicates(data, 0):
        held = np.concatenate([replicate.train, replicate.valid])
        assert sorted(held) == list(range(6))


def test_a_label_out_of_all_reason_takes_no_memory():
    tracemalloc.start()
    assert_refused(lambda: dataset(y_test=[0, 2**31 - 1]), "fewer than")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
