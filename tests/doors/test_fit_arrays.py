"""Arrays that are no data: `kohort.fit(...)`."""

import h5py
import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from tests.doors.refusals import assert_refused

X, Y = np.arange(60, dtype=np.float32).reshape(20, 3), np.arange(20) % 2
ONE_HOT = np.eye(2)[Y]


def build(loss="sparse_categorical_crossentropy", kind=keras.Sequential):
    inputs = keras.Input((3,))
    if kind is keras.Sequential:
        model = kind([inputs, keras.layers.Dense(2, "softmax")])
    else:
        model = kind(inputs, keras.layers.Dense(2, "softmax")(inputs))
    model.compile("sgd", loss)
    return model


def table(x, **columns):
    return pd.DataFrame(x).assign(**columns)


SINGLE = r"as an array \[sample, ...\]"
NUMBERS = "as an array of numbers"
LABELS = "of rank 1, class numbers for the loss sparse_categorical_crossentropy"
WRONG = {
    # Not the rank.
    "x a number": ({"x": 3.0}, f"x {SINGLE}, got the number 3.0"),
    "x a number of NumPy": ({"x": np.float32(3)}, f"x {SINGLE}, got the number 3"),
    "x of rank 0": ({"x": np.array(3.0)}, rf"x {SINGLE}, got shape \(\).*a row for each"),
    "x of rank 0 on the device": ({"x": jnp.array(3.0)}, rf"x {SINGLE}, got shape \(\)"),
    "x a list of numbers": ({"x": X.tolist()}, f"x {SINGLE}, got a list with the number 0"),
    "x ragged": ({"x": [[1.0], [1.0, 2.0]]}, f"x {SINGLE}.*numpy.asarray"),
    "an input of rank 0": ({"x": {"a": X, "b": np.array(1)}}, r"got a dict with shape \(\)"),
    "y a number": ({"y": 1}, f"y {SINGLE}, got the number 1"),
    "y truth": ({"y": True}, f"y {SINGLE}, got the number True"),
    "y of rank 0": ({"y": np.array(1)}, rf"y {SINGLE}, got shape \(\)"),
    "y a list of numbers": ({"y": Y.tolist()}, f"y {SINGLE}, got a list with the number 0"),
    "weights of rank 0": ({"sample_weight": np.array(1.0)}, rf"sample_weight {SINGLE}"),
    "one weight": ({"sample_weight": 2.0}, f"sample_weight {SINGLE}, got the number 2.0"),
    "one-hot rows for class numbers": ({"y": ONE_HOT}, rf"y {LABELS}, got shape \(20, 2\).*argmax"),
    "images for class numbers": ({"y": ONE_HOT[:, :, None]}, rf"{LABELS}, got shape \(20, 2, 1\)"),
    # Not the length.
    "no samples": ({"x": X[:0], "y": Y[:0]}, r"one sample at least in x, got shape \(0, 3\)"),
    "no targets": ({"y": Y[:0]}, r"one sample at least in y, got shape \(0,\)"),
    "x none": ({"x": None}, "expected x, inputs or what yields batches, got none"),
    "x a list of no arrays": ({"x": []}, "one array at least in x, got an empty list"),
    "x no arrays by name": ({"x": {}}, "one array at least in x, got an empty dict"),
    "y none": ({"y": None}, "expected y, which the loss sparse_categorical_crossentropy compares"),
    # Not numbers.
    "x objects": ({"x": X.astype(object)}, rf"x {NUMBERS}, got shape \(20, 3\) of object"),
    "x text": ({"x": X.astype(str)}, f"x {NUMBERS}, got .*<U.*astype"),
    "x bytes": ({"x": X.astype("S4")}, f"x {NUMBERS}, got .*S4"),
    "x text of any length": (
        {"x": X.astype(np.dtypes.StringDType())},
        f"x {NUMBERS}, got .*StringDType",
    ),
    "x dates": ({"x": X.astype("M8[s]")}, f"x {NUMBERS}, got .*datetime64"),
    "x durations": ({"x": X.astype("m8[s]")}, f"x {NUMBERS}, got .*timedelta64"),
    "x raw bytes": ({"x": X.view("V4")}, f"x {NUMBERS}, got .*V4"),
    "x structured": ({"x": np.zeros(20, [("a", "f4")])}, f"x {NUMBERS}, got .*'a'"),
    "x a table with text": ({"x": table(X, name="a")}, f"x {NUMBERS}, got .*(str|object)"),
    "y objects": ({"y": Y.astype(object)}, f"y {NUMBERS}, got .*object"),
    "y text": ({"y": np.array(list("ab" * 10))}, f"y {NUMBERS}, got .*<U1.*numpy.unique.y, ret"),
    "y text and none": (
        {"y": np.array([*"abc" * 6, None, "a"], object)},
        rf"y {NUMBERS}, got .*object, with no label in row 18 \(from 0\); .* or drop",
    ),
    "x words": ({"x": np.full((20, 3), "a")}, f"x {NUMBERS}, .*make numbers of text"),
    "y a series of text": ({"y": pd.Series(list("ab" * 10))}, f"y {NUMBERS}"),
    "y categories": ({"y": pd.Series(list("ab" * 10), dtype="category")}, "got .*category"),
    "weights as text": ({"sample_weight": Y.astype(str)}, f"sample_weight {NUMBERS}"),
    # The same where they validate.
    "validation of rank 0": (
        {"validation_data": (np.array(1.0), np.array(1))},
        f"x of validation_data {SINGLE}",
    ),
    "validation objects": (
        {"validation_data": (X, np.array(list("ab" * 10), object))},
        f"y of validation_data {NUMBERS}.*numpy.unique",
    ),
    "validation one-hot": ({"validation_data": (X, ONE_HOT)}, f"y of validation_data {LABELS}"),
    "validation weights of rank 0": (
        {"validation_data": (X, Y, np.array(1.0))},
        f"sample_weight of validation_data {SINGLE}",
    ),
    "validation without targets": ({"validation_data": X}, "expected y of validation_data, which"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("how", [{}, {"validation_split": 0.25}, {"engine": "keras"}], ids=str)
def test_refuses(case, how):
    changes, told = WRONG[case]
    arguments = {"x": X, "y": Y} | changes | how
    model = build()
    before = model.get_weights()
    assert_refused(lambda: kohort.fit(model, verbose=0, **arguments), told)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.sparse_categorical_crossentropy,
    ],
    ids=type,
)
def test_refuses_one_hot_rows_for_class_numbers_however_the_loss_is_named(loss):
    assert_refused(lambda: kohort.fit(build(loss), X, ONE_HOT, verbose=0), LABELS)


def test_refuses_them_for_one_of_several_models():
    models = [build("categorical_crossentropy"), build()]
    assert_refused(lambda: kohort.fit(models, X, ONE_HOT, verbose=0), LABELS)


@pytest.mark.parametrize("name", ["x", "y"])
def test_refuses_hdf5_datasets_of_rank_0(name, tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"], file["number"] = X, Y, 3.0
        given = {"x": file["x"], "y": file["y"]} | {name: file["number"]}
        assert_refused(lambda: kohort.fit(build(), **given, verbose=0), rf"{name} {SINGLE}")


class FromInputs(keras.Model):
    """Has its targets from the inputs, and no use for those that it is given."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        labels = keras.ops.cast(x[:, 0] > 9, "int32")
        return super().compute_loss(x, labels, y_pred, sample_weight, training)


@pytest.mark.parametrize("y", [None, ONE_HOT], ids=["none", "one-hot"])
def test_a_model_that_makes_its_targets_by_itself_may_do_without(y):
    history = kohort.fit(build(kind=FromInputs), X, y, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


RIGHT = {
    "a column": (X, Y[:, None]),
    "truth": (X, Y == 1),
    "floats": (X, Y.astype(np.float32)),
    "bfloat16": (jnp.asarray(X, "bfloat16"), Y),
    "a table": (pd.DataFrame(X), pd.Series(Y)),
}


@pytest.mark.parametrize("form", RIGHT)
def test_takes_what_keras_takes(form):
    history = kohort.fit(build(), *RIGHT[form], verbose=0)
    assert np.isfinite(history.history["loss"]).all()


class Batches(keras.utils.PyDataset):
    """So many batches, which tell their number by `len`."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return X[:10], Y[:10]


class Counted(Batches):
    """Tells its number of batches as newer datasets do."""

    __len__ = None

    @property
    def num_batches(self):
        return self.count


BATCH = r"expected one batch at least in {}, got a {} of length 0; see what it is made of"


@pytest.mark.parametrize("kind", [Batches, Counted])
@pytest.mark.parametrize("engine", ["auto", "fused", "keras"])
def test_refuses_a_dataset_without_batches(kind, engine):
    def fit(**given):
        kohort.fit(build(), verbose=0, engine=engine, **given)

    assert_refused(lambda: fit(x=kind(0)), BATCH.format("x", kind.__name__))
    told = BATCH.format("x of validation_data", kind.__name__)
    assert_refused(lambda: fit(x=kind(1), validation_data=kind(0)), told)
    fit(x=kind(2), validation_data=kind(1))


@pytest.mark.parametrize("engine", ["auto", "fused", "keras"])
def test_a_generator_without_batches_is_keras_s_error(engine):
    none = (batch for batch in ())
    with pytest.raises(ValueError, match=r"must yield at least one batch\. Received an empty"):
        kohort.fit(build(), none, shuffle=False, verbose=0, engine=engine)
