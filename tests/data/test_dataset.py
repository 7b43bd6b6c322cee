"""`Dataset`: what it accepts, what it makes of it, and what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.data.checking import CENTRED, PixelScale
from kohort.data.dataset import Dataset
from kohort.errors import DataError, InputError


def arrays(**changes):
    """Six train and two test samples of three features, two classes."""
    made = {
        "x_train": np.arange(18, dtype=np.float32).reshape(6, 3),
        "y_train": np.array([0, 1, 0, 1, 0, 1]),
        "x_test": np.arange(6, dtype=np.float32).reshape(2, 3),
        "y_test": np.array([1, 0]),
    }
    return made | changes


def dataset(**changes):
    return Dataset(**arrays(**changes))


def test_tells_its_shape_classes_and_name():
    data = dataset(class_names=["cat", "dog"], name="pets")

    assert data.input_shape == (3,)
    assert data.classes == 2
    assert data.class_names == ("cat", "dog")
    assert repr(data) == ("Dataset('pets', 6 train and 2 test samples of (3,) float32, 2 classes)")


def test_names_are_made_up_where_there_are_none():
    data = dataset(y_test=np.array([1, 3]))

    assert data.name == "data"
    assert data.class_names == ("0", "1", "2", "3")


def test_a_class_may_have_a_name_and_no_samples():
    assert dataset(class_names=["a", "b", "c"]).classes == 3


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([10, 20], ("of 21 classes, 0 to 20, 19 have no sample: 0, 1, 2, 3, 4, ...",)),
        ([0, 2], ("of 3 classes, 0 to 2, 1 has no sample: 1",)),
        ([0.0, 2.0], ()),
        ([0, 1], ()),
    ],
)
def test_classes_without_a_sample_are_told_where_nobody_named_them(labels, told):
    data = Dataset(np.zeros((40, 2)), np.resize(labels, 40))
    assert data.notes == told
    assert Dataset(data.x_train, data.y_train, class_names=data.class_names or None).notes == ()


def strayed(label, rows=(17,), samples=520):
    """Labels 0 and 1, of some rows another."""
    y = np.arange(samples) % 2
    y[list(rows)] = label
    return y


def test_a_label_far_apart_from_all_others_is_told_with_its_row_before_the_classes_without_one():
    x = np.zeros((520, 2))
    assert Dataset(x, strayed(7)).notes == (
        "label 7 in row 17 (from 0), all others 0 to 1: see whether that is a mistake",
        "of 8 classes, 0 to 7, 5 have no sample: 2, 3, 4, 5, 6",
    )
    told = "labels 7 in row 17 (from 0), 7 in row 80 (from 0) of y_test, all others 0 to 1: "
    both = Dataset(x[:400], strayed(7)[:400], x[:120], strayed(7, [480])[400:])
    assert both.notes[0].startswith(told)
    table = pd.DataFrame({"kg": np.arange(520.0), "ill": strayed(7)})
    told = "0, 1, 7; label 7 in row 17 (from 0), all others 0 to 1: see whether that is a mistake; "
    assert told in Dataset.from_frame(table, target="ill", test=0.2).notes[0]


@pytest.mark.parametrize(
    "labels",
    [
        strayed(7, range(6)),
        strayed(7, samples=99),
        strayed(2),
        np.where(np.arange(520) == 17, 12, np.arange(520) % 10),
    ],
    ids=["six rows", "1 in 99", "the next label", "no further apart than the others are"],
)
def test_rare_classes_are_no_stray_labels(labels):
    notes = Dataset(np.zeros((len(labels), 2)), labels).notes
    assert not any(note.startswith("label") for note in notes)


@pytest.mark.parametrize(
    ("label", "names", "told"),
    [
        (
            -99,
            None,
            r"labels from 0, got label -99 in row 17 \(from 0\), all others 0 to 1; mend or",
        ),
        (
            2**21,
            None,
            r"fewer than 1,048,576 classes, got label 2097152 in row 17 .*; mend or drop",
        ),
        (
            7,
            ["a", "b"],
            r"labels from 0 to 1, .*, got label 7 in row 17 .*; mend or drop such rows",
        ),
    ],
)
def test_a_stray_label_that_is_no_class_is_refused_with_its_row(label, names, told):
    with pytest.raises(DataError, match=told):
        Dataset(np.zeros((520, 2)), strayed(label), class_names=names)


@pytest.mark.parametrize(
    ("given_dtype", "kept"),
    [("uint8", "uint8"), ("float32", "float32"), ("float64", "float32"), ("float16", "float32"),
     ("int64", "float32"), (">f4", "float32"), ("bool", "float32")],
)  # fmt: skip
def test_inputs_are_pixels_or_float32(given_dtype, kept):
    x = np.array([[0, 1], [1, 2]]).astype(given_dtype)
    data = Dataset(x, [0, 1], x, [0, 1])

    assert data.x_train.dtype == data.x_test.dtype == np.dtype(kept)
    assert data.x_train.tolist() == x.tolist()


FLAT = np.random.default_rng(0).integers(0, 256, (8, 784)).astype(np.uint8)
BITS = FLAT[:, :8] % 2
Y = np.arange(8) % 2


def test_flattened_images_are_scaled_and_say_so():
    data = Dataset(FLAT[:6], Y[:6], FLAT[6:], Y[6:])
    (told,) = data.notes
    assert "bytes (uint8), which are read as pixels and scaled from 0 .. 255 to -0.5 .." in told
    assert "another type, x.astype('float32')" in told
    assert told in str(data)
    assert data.stores_pixels
    assert data.inputs(FLAT).min() == -0.5
    assert replace(data, x_train=FLAT[:5], y_train=Y[:5]).notes == data.notes
    for silent in (FLAT.reshape(8, 28, 28), FLAT.astype(np.int64)):
        assert Dataset(silent, Y).notes == ()
    assert Dataset(FLAT, Y, pixels=CENTRED).notes == (), "who says how to scale them knows"


def test_rows_of_bytes_that_are_0_or_1_are_numbers_and_no_pixels():
    data = Dataset(BITS[:6], Y[:6], BITS[6:], Y[6:])
    assert data.notes == (
        "the inputs are bytes (uint8), all 0 or 1: they are taken as these numbers, not as pixels",
    )
    assert data.pixels is None
    assert not data.stores_pixels
    np.testing.assert_array_equal(data.inputs(data.x_train), BITS[:6])
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert Dataset(BITS, Y).x_train.dtype == np.float32, "without a test set too"
    # A 2 on either side, images, and what somebody calls pixels are scaled.
    with_two = BITS + (np.arange(8) == 7)[:, None]
    assert Dataset(with_two[:6], Y[:6], with_two[6:], Y[6:]).stores_pixels
    assert Dataset(BITS.reshape(8, 2, 4), Y).stores_pixels
    assert Dataset(BITS, Y, pixels=CENTRED).stores_pixels


@pytest.mark.parametrize(
    ("given_dtype", "kept", "classes"),
    [("uint8", "int32", 2), ("int64", "int32", 2), ("bool", "int32", 2), (">i2", "int32", 2),
     ("float64", "int32", 2), ("float32", "int32", 2)],
)  # fmt: skip
def test_labels_are_int32(given_dtype, kept, classes):
    y = np.array([0, 1, 0, 1, 0, 1]).astype(given_dtype)
    data = dataset(y_train=y, y_test=y[:2])

    assert data.y_train.dtype == data.y_test.dtype == np.dtype(kept)
    assert data.y_train.tolist() == y.tolist()
    assert data.classes == classes


WHOLE = [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("changes", "classes"),
    [
        ({"y_train": WHOLE, "y_test": [2.0, 0.0]}, 3),
        ({"y_train": WHOLE, "y_test": [2, 0]}, 3),
        ({"y_test": [1.0, 0.0]}, 2),
        # With names of classes they are labels, whichever are there.
        ({"y_train": [0.0, 2.0] * 3, "y_test": [0.0, 2.0], "class_names": "abc"}, 3),
        # Numbers that are no classes: prices, differences, one value alone, parts.
        ({"y_train": [0.0, 2.0] * 3, "y_test": [0.0, 2.0]}, None),
        ({"y_train": [-1.0, 1.0] * 3, "y_test": [-1.0, 1.0]}, None),
        ({"y_train": [2.0, 3.0] * 3, "y_test": [2.0, 3.0]}, None),
        ({"y_train": [1.0, 3.0] * 3, "y_test": [1.0, 3.0]}, None),
        ({"y_train": [1.0, 2.0, 3.0, 4.0, 5.0, 5.0], "y_test": [4.0, 3.0]}, None),
        ({"y_train": np.reshape([1.0, 2.0] * 3, (6, 1)), "y_test": [[2.0], [1.0]]}, None),
        ({"y_train": [0.0] * 6, "y_test": [0.0, 0.0]}, None),
        ({"y_train": WHOLE, "y_test": [0.5, 1.0]}, None),
        ({"y_train": [0.0, 0.5] * 3, "y_test": [0.0, 1.0]}, None),
        ({"y_train": np.eye(6), "y_test": np.eye(6)[:2]}, None),
        # A column, as F1Score needs it.
        ({"y_train": np.reshape(WHOLE, (6, 1)), "y_test": [[2.0], [0.0]]}, None),
        (
            {"y_train": np.reshape(WHOLE, (6, 1)), "y_test": [[2.0], [0.0]], "class_names": "abc"},
            None,
        ),
    ],
)
def test_floats_are_labels_where_they_are_whole_and_from_0_on(changes, classes):
    data = dataset(**changes)

    assert data.classes == classes
    assert data.y_train.dtype == (np.float32 if classes is None else np.int32)
    assert data.y_train.ravel().tolist() == np.ravel(arrays(**changes)["y_train"]).tolist()


@pytest.mark.parametrize(
    ("train", "test", "names", "shown"),
    [
        ([1, 2, 3] * 2, [3, 1], None, ("1", "2", "3")),
        ([1.0, 2.0, 3.0] * 2, [3, 1], None, ("1", "2", "3")),
        ([[1], [2], [1]] * 2, [[3], [3]], None, ("1", "2", "3")),
        ([1.0, 2.0] * 3, None, None, ("1", "2")),
        ([1, 2, 2] * 2, [2, 1], "abc"[:2], ("a", "b")),
        # With a name for each, whichever are there.
        ([1.0, 3.0] * 3, [3.0, 1.0], "abc", ("a", "b", "c")),
    ],
)
def test_labels_from_1_are_numbered_from_0_and_keep_their_names(train, test, names, shown):
    x = arrays()
    test_side = () if test is None else (x["x_test"], np.array(test))
    data = Dataset(x["x_train"], np.array(train), *test_side, class_names=names)

    assert data.class_names == shown
    assert data.y_train.dtype == np.int32
    assert data.y_train.tolist() == (np.ravel(train) - 1).tolist()
    assert test is None or data.y_test.tolist() == (np.ravel(test) - 1).tolist()
    assert data.notes == (f"targets 1 to {len(shown)} are classes of these names, numbered from 0",)
    # A part of them stays what it is.
    part = replace(data, x_train=data.x_train[1:], y_train=data.y_train[1:])
    assert (part.class_names, part.y_train.tolist()) == (shown, data.y_train[1:].tolist())
    assert part.notes == data.notes


def test_of_many_numbers_from_1_only_integers_are_labels():
    numbers = np.arange(60) % 30 + 1
    assert Dataset(np.zeros((60, 2)), numbers).y_train.tolist() == (numbers - 1).tolist()
    assert Dataset(np.zeros((60, 2)), numbers * 1.0).y_train.tolist() == numbers.tolist()


@pytest.mark.parametrize(
    "tests", [{}, {"x_test": None, "y_test": None}, {"x_test": np.zeros((0, 3)), "y_test": []}]
)
def test_a_test_set_may_be_missing(tests):
    data = Dataset(**{key: arrays()[key] for key in ("x_train", "y_train")}, **tests)

    assert data.x_test.shape == (0, 3)
    assert data.y_test.shape == (0,)
    assert repr(data) == "Dataset('data', 6 train and no test samples of (3,) float32, 2 classes)"
    copied = Dataset(data.x_train, data.y_train, data.x_test, data.y_test)
    assert copied.fingerprint == data.fingerprint != dataset().fingerprint


@pytest.mark.parametrize("missing", ["x_test", "y_test"])
def test_refuses_half_a_test_set(missing):
    with pytest.raises(DataError, match=r"x_test and y_test, or neither, got [xy]_test alone"):
        dataset(**{missing: None})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x_train": [["1", "2"]] * 6}, r"of <U1; convert them by \.astype\('float32'\)"),
        (
            {"x_train": pd.DataFrame({"size": [1.0] * 6, "colour": ["red"] * 6})},
            r"\(6, 2\) of object, such as 'red' in column 'colour'; make numbers of text",
        ),
        ({"x_train": [["a", "2"]] * 6}, r"such as .*'a'.* in column 0; make numbers of text"),
        ({"y_train": ["a", 1] * 3}, r"such as .*'a'.*; number the classes: class_names, y = "),
        ({"x_train": pd.DataFrame({"day": pd.date_range("2020-01-01", periods=6)})}, "days since"),
    ],
)
def test_what_is_no_number_is_told_with_the_way_to_numbers(changes, told):
    with pytest.raises(DataError, match=told):
        dataset(**changes)


def test_one_hot_targets_are_no_class_labels():
    data = dataset(y_train=np.eye(2)[[0, 1, 0, 1, 0, 1]], y_test=np.eye(2))

    assert data.classes is None
    assert data.class_names is None
    assert "no classes" in repr(data)


def test_lists_are_taken_as_arrays():
    data = Dataset([[1.0], [2.0]], [0, 1], [[3.0]], [1])
    assert data.x_train.tolist() == [[1.0], [2.0]]


def test_arrays_of_the_right_dtype_are_not_copied():
    made = arrays()
    assert Dataset(**made).x_train is made["x_train"]


def test_is_frozen():
    with pytest.raises(AttributeError, match="name"):
        dataset().name = "other"


@pytest.mark.parametrize("side", ["train", "test"])
@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_refuses_what_is_not_finite(side, axis, bad):
    key = f"{axis}_{side}"
    values = arrays()[key].astype(float)
    values.flat[-1] = bad
    with pytest.raises(DataError, match=f"expected finite numbers in {key}, got NaN or infinity"):
        dataset(**{key: values})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x_train": [[1, 2]] * 3 + [[0, np.inf], [np.nan, 0], [0, 0]]}, "2 of 6 .* 3 .*column 1;"),
        (
            {"x_train": pd.DataFrame({"kg": [1.0] * 6, "age": [3, np.nan] * 3})},
            "3 of 6 samples, the first in row 1 (from 0) in column 'age'; drop",
        ),
        ({"y_train": [0, 1, 0, np.nan, 1, 0]}, "1 of 6 samples, the first in row 3 (from 0); drop"),
        ({"x_train": np.full((6, 2, 2), np.nan)}, "6 of 6 samples, the first in row 0 (from 0);"),
    ],
    ids=["columns by number", "columns by name", "targets", "no table"],
)
def test_what_is_not_finite_is_told_with_its_place(changes, told):
    with pytest.raises(DataError, match=told.replace("(", r"\(").replace(")", r"\)")):
        dataset(**changes)


@pytest.mark.parametrize("side", ["train", "test"])
@pytest.mark.parametrize("dtype", ["U1", "S1", "O", "complex64", "datetime64[s]"])
def test_refuses_what_is_no_number(side, dtype):
    key = f"x_{side}"
    with pytest.raises(DataError, match=f"expected {key} as an array of numbers, got shape"):
        dataset(**{key: np.zeros((2, 3)).astype(dtype)})


@pytest.mark.parametrize("none", [None, np.nan, pd.NA])
@pytest.mark.parametrize("kind", [list, lambda labels: np.array(labels, object), pd.Series])
def test_labels_that_are_missing_are_named_by_their_row(none, kind):
    labels = kind(["a", "b", "a", none, "b", none])
    told = r"with no label in row 3 \(from 0\) and 1 more; give every sample its label, or drop"
    with pytest.raises(DataError, match=told):
        dataset(y_train=labels, y_test=["a", "b"])


def test_nothing_is_said_of_names_where_none_were_given():
    with pytest.raises(DataError, match=r"labels from 0, got labels from -1 to 1; .* by y \+ 1;"):
        dataset(y_train=[-1, 0, 1, -1, 0, 1], y_test=[0, 1])


def test_refuses_a_single_number():
    with pytest.raises(DataError, match="x_train as an array of numbers"):
        dataset(x_train=3.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": [0, 1]}, "x_train and y_train of equal length.*6 inputs and 2 targets"),
        ({"y_test": [0]}, "x_test and y_test of equal length.*2 inputs and 1 targets"),
        ({"x_test": np.zeros((0, 3))}, "one sample at least.*0 inputs and 2 targets"),
        ({"x_train": np.zeros((0, 3)), "y_train": np.zeros(0, int)}, "one sample at least"),
    ],
)
def test_refuses_sides_of_unequal_length_or_none(changes, message):
    with pytest.raises(DataError, match=message):
        dataset(**changes)


def test_refuses_test_samples_of_another_shape():
    with pytest.raises(
        DataError, match=r"test inputs like the training inputs, \(3,\).*got \(4,\)"
    ):
        dataset(x_test=np.zeros((2, 4)))


def test_refuses_raw_pixels_beside_floats():
    with pytest.raises(DataError, match=r"float32, got .* uint8; prepare both in the same way"):
        dataset(x_test=np.zeros((2, 3), np.uint8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": [0, -1]}, "labels from 0, got labels from -1 to 1"),
        (
            {"y_test": [0, 2], "class_names": ["a", "b"]},
            "labels from 0 to 1, one for each class name, got labels from 0 to 2",
        ),
    ],
)
def test_refuses_labels_out_of_range(changes, message):
    with pytest.raises(DataError, match=message):
        dataset(**changes)


def test_refuses_groups_of_another_length():
    with pytest.raises(
        DataError,
        match=r"a group for each of the 6 training samples, got groups of shape \(2,\)",
    ):
        dataset(groups=np.array([0, 1]))


def test_groups_of_test_samples_are_numbered_with_those_of_training_samples():
    data = dataset(groups=list("ccabbb"), test_groups=("a", "d"))
    assert (data.groups.tolist(), data.test_groups.tolist()) == ([0, 0, 1, 2, 2, 2], [1, 3])
    numbers = dataset(groups=np.array([7, 7, 3, 3, 3, 9]), test_groups=np.array([3, 1]))
    assert (numbers.groups.tolist(), numbers.test_groups.tolist()) == ([7, 7, 3, 3, 3, 9], [3, 1])
    assert dataset(groups=list("ccabbb")).test_groups is None


def test_keeps_groups():
    groups = np.array([7, 7, 3, 3, 3, 9])

    assert dataset(groups=groups).groups.tolist() == [7, 7, 3, 3, 3, 9]
    assert dataset().groups is None


GROUPS = {
    "text": [*"bbaaac"],
    "pairs": [("b", 1), ("b", 1), ("a", 1), ("a", 1), ("a", 1), ("c", 2)],
    "mixed": ["b", "b", 7, 7, 7, ("c",)],
    "floats": np.array([2.5, 2.5, 1, 1, 1, 0]),
    "negative floats": np.array([-1.0, -1, 1, 1, 1, 0]),
    "moments": pd.to_datetime(["2020", "2020", "2019", "2019", "2019", "2018"]),
    "a column": pd.Series([*"bbaaac"], index=range(7, 13)),
    "categories": pd.Categorical([*"bbaaac"]),
}


@pytest.mark.parametrize("kind", GROUPS)
def test_groups_of_any_kind_are_numbered_as_they_are_met(kind):
    assert dataset(groups=GROUPS[kind]).groups.tolist() == [0, 0, 1, 1, 1, 2]


NAMED = {
    "text": (list("bababc"), list("ca"), None, ("a", "b", "c"), [1, 0, 1, 0, 1, 2], [2, 0]),
    "an order": (list("bababc"), list("ca"), "cab", ("c", "a", "b"), [2, 1, 2, 1, 2, 0], [0, 1]),
    "a class of test samples alone": (
        list("bababa"), list("ca"), None, ("a", "b", "c"), [1, 0, 1, 0, 1, 0], [2, 0],
    ),
    "a column": (
        pd.Series(list("bababa")), pd.Series(list("ab")), None, ("a", "b"), [1, 0] * 3, [0, 1],
    ),
    "truth": ([True, False] * 3, [True, True], None, ("False", "True"), [1, 0] * 3, [1, 1]),
    "one truth": ([True] * 6, [True] * 2, None, ("False", "True"), [1] * 6, [1] * 2),
    "named truth": (
        [True, False] * 3, [True] * 2, ["no", "yes"], ("no", "yes"), [1, 0] * 3, [1, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED)
def test_classes_by_name_are_numbered(kind):
    train, test, given_names, names, train_labels, test_labels = NAMED[kind]
    data = dataset(y_train=train, y_test=test, class_names=given_names)
    assert data.class_names == names
    assert data.y_train.tolist() == train_labels
    assert data.y_test.tolist() == test_labels
    assert data.y_train.dtype == np.int32
    without = dataset(y_train=train, x_test=None, y_test=None, class_names=names)
    assert without.y_train.tolist() == train_labels


def test_refuses_a_class_without_a_name():
    with pytest.raises(DataError, match=r"among class_names, \['a', 'b'\], got 'c'; name every"):
        dataset(y_train=list("ababac"), y_test=list("ab"), class_names=["a", "b"])


def test_an_error_is_the_users_and_says_how_to_mend_it():
    with pytest.raises(InputError) as caught:
        dataset(groups=np.array([0, 1]))
    assert isinstance(caught.value, ValueError)
    assert caught.value.mend == "give as many as x_train has samples"


def test_fingerprint_is_that_of_its_numbers_only():
    once = dataset().fingerprint

    assert len(once) == 64
    assert dataset().fingerprint == once
    assert dataset(name="other", class_names=["a", "b"]).fingerprint == once
    # The same numbers, held otherwise.
    made = arrays()
    held = made | {
        "x_train": np.asfortranarray(made["x_train"]),
        "x_test": made["x_test"].astype(np.float64),
        "y_train": made["y_train"].astype(np.uint8),
        "y_test": np.repeat(made["y_test"], 2)[::2],
    }
    assert Dataset(**held).fingerprint == once


@pytest.mark.parametrize("part", ["train", "test"])
@settings(derandomize=True)
@given(number=st.integers(0, 5), bit=st.integers(0, 7))
def test_fingerprint_changes_with_any_bit_and_any_label(part, number, bit):
    made = arrays(x_train=np.zeros((6, 3), np.uint8), x_test=np.zeros((2, 3), np.uint8))
    x, y = made[f"x_{part}"].copy(), made[f"y_{part}"].copy()
    x.flat[number] ^= 1 << bit
    y[number % len(y)] += 1

    once = Dataset(**made).fingerprint
    assert Dataset(**(made | {f"x_{part}": x})).fingerprint != once
    assert Dataset(**(made | {f"y_{part}": y})).fingerprint != once


def test_fingerprint_tells_shapes_and_dtypes_apart():
    square = np.zeros((2, 4, 4), np.uint8)
    y = [0, 1]
    variants = [
        Dataset(x, y, x, y)
        for x in (square, square.reshape(2, 2, 8), square.reshape(2, 16), square.astype(np.float32))
    ]
    # A sample that moves from train to test.
    x, y = np.zeros((6, 3), np.uint8), np.zeros(6, int)
    variants += [Dataset(x[:n], y[:n], x[n:], y[n:]) for n in (2, 4)]

    assert len({data.fingerprint for data in variants}) == len(variants)


def test_raw_pixels_become_inputs_from_minus_to_plus_a_half():
    x = np.array([[0], [51], [255]], np.uint8)
    data = Dataset(x, [0, 1, 1], x, [0, 1, 1])
    inputs = data.inputs(data.x_train)

    assert data.pixels == CENTRED
    assert data.stores_pixels
    assert inputs.dtype == np.float32
    # 51 is a fifth of 255.
    assert inputs.ravel() == pytest.approx([-0.5, -0.3, 0.5], abs=1e-7)


def test_raw_pixels_are_scaled_as_was_asked():
    x = np.array([[0], [255]], np.uint8)
    data = Dataset(x, [0, 1], x, [0, 1], pixels=PixelScale(2 / 255, -1.0))

    assert data.inputs(x).ravel() == pytest.approx([-1.0, 1.0], abs=1e-6)


def test_floats_are_inputs_already():
    known = dataset(pixels=CENTRED)

    assert known.inputs(known.x_train) is known.x_train
    # Yet raw pixels for the same model are scaled.
    assert known.inputs(np.array([255], np.uint8)) == pytest.approx([0.5])
    assert dataset().pixels is None


def test_pixels_that_nothing_is_known_of_stay_as_they_are():
    raw = np.array([255], np.uint8)
    assert dataset().inputs(raw) is raw


def test_refuses_targets_of_two_shapes():
    try:
        dataset(y_test=np.eye(2))
    except DataError:
        return


def test_refuses_labels_that_int32_cannot_hold():
    with pytest.raises(DataError):
        dataset(y_train=np.array([0, 1, 0, 1, 0, 2**32]))
