"""Outputs of trained models are those of `keras.Model.predict`, from fewer programs."""

import keras
import numpy as np
import pytest

from kohort.engine.predicting import Predictor


def scaled(mean, units=3):
    scaling = keras.layers.Normalization(mean=mean, variance=4.0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            scaling,
            keras.layers.Dense(8, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def test_outputs_are_those_of_keras_and_alike_models_share_a_program():
    batches = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")
    predictor = Predictor()
    for mean in (0.0, 1.0, -2.0):  # a constant of the step, as what a layer has learned is
        model = scaled(mean)
        wanted = model.predict(batches.reshape(8, 5), verbose=0)
        found = np.concatenate(list(predictor.outputs(model, list(batches))))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert len(predictor.programs) == 1
    list(predictor.outputs(scaled(0.0, units=2), list(batches)))
    assert len(predictor.programs) == 2


def test_a_predict_step_of_the_user_is_used():
    class Doubled(keras.Sequential):
        def predict_step(self, state, data):
            outputs, rest = super().predict_step(state, data)
            return 2 * outputs, rest

    model = Doubled([keras.Input((5,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "mse")
    (outputs,) = Predictor().outputs(model, [np.ones((3, 5), "float32")])
    np.testing.assert_allclose(outputs.sum(axis=1), 2.0, rtol=1e-6)


@pytest.mark.parametrize("form", [dict, list])
def test_models_of_several_inputs_take_them_as_keras_does(form):
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([a, b], keras.layers.Dense(2)(keras.layers.concatenate([a, b])))
    model.compile("sgd", "mse")
    x = {"a": np.ones((4, 2), "float32"), "b": np.zeros((4, 3), "float32")}
    given = x if form is dict else list(x.values())
    (outputs,) = Predictor().outputs(model, [given])
    np.testing.assert_allclose(outputs, model.predict(given, verbose=0), rtol=1e-5)
