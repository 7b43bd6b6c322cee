"""scikit-learn's own checks of estimators."""

import keras
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from kohort.design.variants import Variant
from kohort.sklearn import KohortClassifier, KohortRegressor

pytestmark = pytest.mark.long


def linear(data):
    scaled = keras.layers.Normalization()
    scaled.adapt(data.x)
    layers = [keras.Input(data.input_shape), scaled, keras.layers.Flatten()]
    if data.classes is None:
        layers.append(keras.layers.Dense(data.y.shape[1]))
        layers.append(keras.layers.Rescaling(data.y.std(axis=0) + 1e-6, data.y.mean(axis=0)))
    else:
        layers.append(keras.layers.Dense(data.classes, "softmax"))
    model = keras.Sequential(layers)
    optimizer = keras.optimizers.Adam(0.02)
    if data.classes is None:
        model.compile(optimizer, "mean_squared_error")
    else:
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# Of a list, since the name of a test must not have the address of a function.
LINEAR = [Variant("linear", linear)]
GIVEN = {"variants": LINEAR, "replicates": 2, "epochs": 20, "random_state": 0}
NOT_KEPT = {
    "check_sample_weight_equivalence_on_dense_data": (
        "samples are split and put into batches at random, so one of weight 2 is not the same as "
        "two of weight 1, nor one of weight 0 as none"
    ),
    "check_class_weight_classifiers": (
        "epochs are chosen by a validation loss without weights of classes, so that of weights of "
        "1000 and 0.0001 an early epoch is best"
    ),
}


@parametrize_with_checks(
    [KohortClassifier(**GIVEN), KohortRegressor(**GIVEN)],
    expected_failed_checks=lambda estimator: NOT_KEPT,
)
def test_estimators_keep_scikit_learns_rules(estimator, check):
    check(estimator)
