"""Studies as estimators, beside what scikit-learn does with them."""

import pickle
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort
from kohort.sklearn import KohortClassifier, KohortRegressor


def build(units, data, ending="softmax"):
    outputs = {"softmax": 3, "softmax logits": 3, "sigmoid": 1, "sigmoid logits": 1}[ending]
    activation = None if "logits" in ending else ending
    hidden = [keras.layers.Dense(units, "tanh")] if units else []
    model = keras.Sequential(
        [keras.Input(data.input_shape), *hidden, keras.layers.Dense(outputs, activation)]
    )
    losses = keras.losses
    loss = losses.BinaryCrossentropy if outputs == 1 else losses.SparseCategoricalCrossentropy
    cuts_at_0 = keras.metrics.BinaryAccuracy("accuracy", threshold=0)
    metric = cuts_at_0 if ending == "sigmoid logits" else "accuracy"
    model.compile(
        keras.optimizers.Adam(0.05), loss(from_logits=activation is None), metrics=[metric]
    )
    return model


def deep_or_not():
    return kohort.grid(build, units=[0, 8])


def classifier(**changed):
    given = {"replicates": 2, "epochs": 3, "random_state": 0}
    return KohortClassifier(deep_or_not(), **(given | changed))


@pytest.fixture(scope="module")
def fitted(blobs):
    return classifier().fit(blobs.x_train, np.array(["a", "b", "c"])[blobs.y_train])


def test_the_winner_predicts(fitted, blobs):
    best = fitted.result_.best()
    expected = best.model().predict(blobs.x_test, verbose=0)
    np.testing.assert_allclose(fitted.predict_proba(blobs.x_test), expected, rtol=1e-5)
    assert fitted.predict(blobs.x_test).tolist() == [*np.array(["a", "b", "c"])[expected.argmax(1)]]
    assert fitted.result_.winner in ("units=0", "units=8")
    assert fitted.model_.get_weights()[0].tolist() == best.weights[0].tolist()


@pytest.mark.long
def test_the_result_is_that_of_a_study(fitted, blobs):
    data = kohort.Dataset(blobs.x_train, blobs.y_train, class_names="abc")
    study = kohort.Study(
        "same", deep_or_not(), data,
        replicates=kohort.Holdout(0.2, repeats=2), epochs=3, batch_size=32, seed=0,
    )  # fmt: skip
    same = study.run(verbose=0)
    assert fitted.result_.table()["val_accuracy"].equals(same.table()["val_accuracy"])
    assert fitted.result_.best().fingerprint == same.best().fingerprint


def test_a_fitted_estimator_is_pickled_with_its_result(fitted, blobs):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.predict_proba(blobs.x_test), fitted.predict_proba(blobs.x_test)
    )
    assert again.result_.answer() == fitted.result_.answer()


@pytest.mark.long
@pytest.mark.parametrize("ending", ["sigmoid", "sigmoid logits", "softmax logits"])
def test_probabilities_are_made_of_what_models_give(ending, blobs):
    y = blobs.y_train > 0 if "sigmoid" in ending else blobs.y_train
    variants = kohort.grid(build, units=[4], ending=ending)
    found = classifier().set_params(variants=variants).fit(blobs.x_train, y)
    probabilities = found.predict_proba(blobs.x_test)
    assert probabilities.shape == (100, len(found.classes_))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    given = keras.ops.convert_to_numpy(found.model_(blobs.x_test))
    link = {
        "sigmoid": lambda p: p,
        "sigmoid logits": lambda z: 1 / (1 + np.exp(-z)),
        "softmax logits": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    }[ending]
    np.testing.assert_allclose(probabilities[:, -1], link(given)[:, -1], rtol=1e-4)
    assert set(found.predict(blobs.x_test)) <= set(found.classes_)


@pytest.mark.long
@pytest.mark.parametrize("ships", ["refit", "ensemble"])
def test_what_is_shipped_can_be_chosen(ships, blobs):
    found = classifier(ships=ships).fit(blobs.x_train, blobs.y_train)
    shipped = getattr(found.result_, ships)().model()
    expected = shipped.predict(blobs.x_test, verbose=0)
    np.testing.assert_allclose(found.predict_proba(blobs.x_test), expected, rtol=1e-5)


def test_another_choice_is_refused(blobs):
    with pytest.raises(kohort.DesignError, match="ships"):
        classifier(ships="winner").fit(blobs.x_train, blobs.y_train)


def test_groups_are_never_split(blobs):
    groups = np.arange(500) // 10
    found = classifier().fit(blobs.x_train, blobs.y_train, groups=groups)
    replicate = found.result_.best().replicate
    assert not set(groups[replicate.train]) & set(groups[replicate.valid])


@pytest.mark.long
def test_sample_weights_are_those_of_the_study(blobs):
    weights = np.linspace(0, 2, 500)
    found = classifier().fit(blobs.x_train, blobs.y_train, sample_weight=weights)
    data = kohort.Dataset(blobs.x_train, blobs.y_train)
    same = kohort.Study(
        "same", deep_or_not(), data, sample_weight=weights,
        replicates=kohort.Holdout(0.2, repeats=2), epochs=3, batch_size=32, seed=0,
    ).run(verbose=0)  # fmt: skip
    assert found.result_.best().fingerprint == same.best().fingerprint
    with pytest.raises(kohort.DesignError, match="above zero of some sample"):
        classifier().fit(blobs.x_train, blobs.y_train, sample_weight=np.zeros(500))


@pytest.mark.long
def test_a_seed_decides(blobs):
    def prints(random_state):
        found = classifier(random_state=random_state).fit(blobs.x_train, blobs.y_train)
        return found.result_.best().fingerprint

    assert prints(np.random.RandomState(3)) == prints(np.random.RandomState(3))
    assert prints(1) != prints(2)


def in_half_precision(data, units=8):
    layers = keras.layers
    hidden = layers.Dense(units, "relu", dtype="mixed_bfloat16")
    last = layers.Dense(2, "softmax", dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input(data.input_shape), hidden, last])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_model_in_bfloat16_gives_float32(blobs):
    y = (blobs.y_train > 0).astype(int)
    found = KohortClassifier(in_half_precision, replicates=2, epochs=2).fit(blobs.x_train, y)
    given = found.predict_proba(blobs.x_train)
    assert given.dtype == found.predict_log_proba(blobs.x_train).dtype == np.float32
    np.testing.assert_allclose(given.sum(axis=1, dtype=np.float64), 1, rtol=1e-6)
    assert 0 <= roc_auc_score(y, given[:, 1]) <= 1  # scikit-learn takes no bfloat16


def test_the_logarithms_of_probabilities_are_those_of_scikit_learn(fitted, blobs):
    expected = np.log(fitted.predict_proba(blobs.x_test))
    np.testing.assert_allclose(fitted.predict_log_proba(blobs.x_test), expected)


def test_weights_are_of_the_classes_as_y_names_them(blobs):
    """By the numbers that a study gives to classes 2 would be the third, and not the first."""
    ratings = 2 + blobs.y_train
    found = classifier(epochs=1, class_weight={2: 3.0, 4: 0.5}).fit(blobs.x_train, ratings)
    data = kohort.Dataset(blobs.x_train, blobs.y_train, class_names="234")
    same = kohort.Study(
        "same", deep_or_not(), data, class_weight={"2": 3.0, "4": 0.5},
        replicates=kohort.Holdout(0.2, repeats=2), epochs=1, batch_size=32, seed=0,
    ).run(verbose=0)  # fmt: skip
    assert found.result_.best().fingerprint == same.best().fingerprint
    assert set(found.result_.settings.class_weights) == {"units=0", "units=8"}
    with pytest.raises(kohort.DesignError, match=r"among \[2, 3, 4\], got one for 0"):
        classifier(class_weight={0: 1.0}).fit(blobs.x_train, ratings)


def test_balanced_weights_are_those_of_the_study(blobs):
    found = classifier(epochs=1, class_weight="balanced").fit(blobs.x_train, blobs.y_train)
    assert set(found.result_.settings.class_weights.values()) == {"balanced"}


def test_unfitted_ones_say_so(blobs):
    for estimator in (KohortClassifier(), KohortRegressor()):
        with pytest.raises(NotFittedError):
            estimator.predict(blobs.x_test)


def test_one_class_is_refused(blobs):
    with pytest.raises(kohort.DataError, match="two classes or more"):
        classifier().fit(blobs.x_train, np.zeros(500, int))


@pytest.mark.parametrize(
    ("strange", "match"),
    [
        (
            None,
            r"a class for each sample in y, got 1 of 600 samples without one, .* row 3 \(from 0",
        ),
        (float("nan"), "a class for each sample in y, got 1 of 600"),
        (7, "classes in y that are all text, or all numbers, got int and str"),
    ],
)
def test_classes_that_are_none_are_refused(strange, match):
    y = np.array(["one", "other"] * 300, dtype=object)
    y[3] = strange
    with pytest.raises(kohort.DataError, match=match):
        KohortClassifier(replicates=2, epochs=1).fit(np.zeros((600, 2)), y)


@pytest.mark.parametrize("dtype", [object, str])
def test_text_is_no_number_to_predict(dtype):
    y = np.array(["one", "other"] * 10, dtype=dtype)
    with pytest.raises(kohort.DataError, match=r"such as 'one'; .* classes to a KohortClassifier"):
        KohortRegressor(replicates=2, epochs=1).fit(np.zeros((20, 2)), y)


def test_numbers_that_float32_does_not_tell_apart_are_refused():
    with pytest.raises(kohort.DataError, match="20 different ones that become 1,"):
        KohortRegressor(replicates=2, epochs=1).fit(np.zeros((20, 2)), 1e9 + np.arange(20) / 7)


DAYS = 20240101 + np.arange(40) // 2
"""Numbers that float32 does not tell apart; every second one is left."""


@pytest.mark.parametrize("named", [False, True])
def test_features_that_float32_does_not_tell_apart_are_warned_of(named):
    x = np.column_stack([np.arange(40.0), DAYS, 1e9 + np.arange(40) / 7])
    places = ["column 1 of X", "column 2 of X"]
    if named:
        x, places = pd.DataFrame(x, columns=["n", "day", "seconds"]), ["day", "seconds"]
    told = rf"{places[0]} \(20 become 11\), {places[1]} \(40 become 1\); subtract the least first"
    with pytest.warns(DataConversionWarning, match=told) as warned:
        found = classifier(epochs=1).fit(x, np.arange(40) % 3)
    (warning,) = [each for each in warned if each.category is DataConversionWarning]
    assert warning.filename == __file__
    notes = [line for line in found.result_.data.notes if "float32" in line]
    assert notes == [str(warning.message)]


def test_numbers_to_predict_are_warned_of_by_their_name():
    x = np.zeros((40, 1))
    y = np.concatenate([16_777_216 + np.arange(20.0), np.arange(20) * 1e8])
    with pytest.warns(DataConversionWarning, match=r"equal: y \(40 become \d+\)"):
        KohortRegressor(replicates=2, epochs=1, random_state=0).fit(x, y)


@pytest.mark.filterwarnings("error::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, bool, object])
def test_features_of_other_dtypes_are_taken_as_they_are(dtype, blobs):
    x = (3 * np.abs(blobs.x_train[:50])).astype(np.uint8).astype(dtype)
    found = classifier(epochs=1).fit(x, blobs.y_train[:50])
    assert found.result_.best().replicate is not None
    np.testing.assert_array_equal(found.predict_proba(x), found.predict_proba(x.astype(float)))


def test_numbers_beyond_float32_are_scikit_learns_error(blobs):
    x = blobs.x_train.astype(np.float64)
    x[3, 0] = 1e300
    with pytest.raises(
        ValueError, match=r"Input X contains infinity or a value too large for dtype"
    ):
        classifier(epochs=1).fit(x, blobs.y_train)


def test_clones_have_the_parameters(fitted):
    cloned = clone(fitted)
    assert not hasattr(cloned, "result_")
    assert repr(cloned) == repr(fitted)
    assert [variant.name for variant in cloned.variants] == ["units=0", "units=8"]


@pytest.mark.long
def test_tables_of_scikit_learn_without_a_line_of_keras():
    x, y = load_breast_cancer(return_X_y=True)
    assert cross_val_score(KohortClassifier(random_state=0), x, y, cv=3).mean() > 0.95
    x, y = load_diabetes(return_X_y=True)
    # Ordinary least squares has 0.48 to 0.49 here.
    assert cross_val_score(KohortRegressor(random_state=0), x, y, cv=3).mean() > 0.4


@pytest.mark.long
def test_pipelines_and_grid_searches_take_them(blobs):
    pipeline = make_pipeline(StandardScaler(), classifier())
    names = np.array(["a", "b", "c"])[blobs.y_train]
    search = GridSearchCV(
        pipeline,
        {"kohortclassifier__epochs": [1, 6], "kohortclassifier__batch_size": [16, 32]},
        cv=2,
        error_score="raise",
    ).fit(blobs.x_train, names)
    assert search.best_params_["kohortclassifier__epochs"] == 6
    winner = search.best_estimator_[-1]
    assert winner.result_.settings.batch_size == search.best_params_["kohortclassifier__batch_size"]


@pytest.mark.long
def test_another_process_predicts_the_same(fitted, blobs, tmp_path):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted.model_))
    np.save(tmp_path / "x.npy", blobs.x_test)
    code = (
        "import kohort, pickle, numpy as np; from pathlib import Path\n"
        "model = pickle.loads(Path('model.pickle').read_bytes())\n"
        "np.save('p.npy', model.predict(np.load('x.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "p.npy"), fitted.predict_proba(blobs.x_test), rtol=1e-5
    )


def test_without_scikit_learn_it_is_said_how_to_get_it(tmp_path):
    (tmp_path / "sklearn.py").write_text("raise ImportError('no module')")
    code = "import sys; sys.path.insert(0, '.'); import kohort.sklearn"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "pip install 'kohort[sklearn]'" in done.stderr.splitlines()[-1]


def one_output(data, loss="hinge"):
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), loss)
    return model


def test_models_of_margins_tell_the_side_of_a_sample_and_no_probability(blobs, fitted):
    """As scikit-learn's LinearSVC does, which is trained with a hinge, too."""
    names = np.array(["no", "yes"])
    found = classifier().set_params(variants=one_output)
    found.fit(blobs.x_train, names[(blobs.y_train > 0).astype(int)])
    margins = found.model_.predict(blobs.x_test, verbose=0)[:, 0]
    np.testing.assert_allclose(found.decision_function(blobs.x_test), margins, rtol=1e-5)
    assert found.predict(blobs.x_test).tolist() == names[(margins > 0).astype(int)].tolist()
    assert not any(hasattr(found, name) for name in ("predict_proba", "predict_log_proba"))
    truth = names[(blobs.y_test > 0).astype(int)]
    ranked = roc_auc_score(truth == "yes", margins)
    assert get_scorer("roc_auc")(found, blobs.x_test, truth) == pytest.approx(ranked)
    assert not hasattr(fitted, "decision_function")


def test_one_probability_of_each_class_adds_up_to_one(blobs):
    def two(data):
        layers = [keras.Input(data.input_shape), keras.layers.Dense(2, "sigmoid")]
        model = keras.Sequential(layers)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    found = classifier(epochs=1).set_params(variants=two).fit(blobs.x_train, blobs.y_train > 0)
    given = found.model_.predict(blobs.x_test, verbose=0)
    expected = given / given.sum(axis=1, keepdims=True)  # As Keras's loss takes them.
    np.testing.assert_allclose(found.predict_proba(blobs.x_test), expected, rtol=1e-5)


def mine(y, given):
    return keras.losses.sparse_categorical_crossentropy(y, given, from_logits=True)


def nobody_knows(data):
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Dense(3)])
    model.compile("adam", mine)
    return model


def too_many(data):
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Dense(7, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("variants", "options", "match"),
    [
        (nobody_knows, {}, "outputs of variant 'nobody_knows' that are known .* the loss mine"),
        (too_many, {}, "an output for each of the 3 classes in y, got 7 outputs; .* data.classes"),
        (nobody_knows, {"ships": "ensemble"}, "known to be probabilities or logits, to average"),
        (None, {"ships": "ensemble", "replicates": 1}, "two replicates or more, to average"),
    ],
)
def test_what_could_not_predict_is_refused_before_it_trains(blobs, variants, options, match):
    found = classifier(**options).set_params(variants=variants)
    with pytest.raises(kohort.InputError, match=match) as caught:
        found.fit(blobs.x_train, blobs.y_train)
    assert "\n" not in str(caught.value)
    assert not hasattr(found, "result_")
