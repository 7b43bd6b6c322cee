"""Models that do not take the data of their study, and what to change."""

import keras
import numpy as np

import kohort
from tests.doors.refusals import assert_refused

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


def build(outputs, loss, metrics, features=4):
    activation = "softmax" if outputs > 1 else "sigmoid"
    model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(outputs, activation)])
    model.compile("sgd", loss, metrics=metrics)
    return model


def planned(y, outputs=10, loss="sparse_categorical_crossentropy", metrics=(), features=4):
    variant = kohort.Variant(
        "a", build, outputs=outputs, loss=loss, metrics=list(metrics), features=features
    )
    data = kohort.Dataset(X, y)
    study = kohort.Study("s", [variant], data, replicates=kohort.Holdout(0.25, 2), epochs=1)
    return study.plan()


FROM_1 = np.arange(40) % 10 + 1


def test_labels_from_1_are_told_apart_from_an_output_too_few():
    told = "labels from 0 to 9, for the 10 outputs of variant 'a', got labels from 1 to 10; .*y - 1"
    assert_refused(lambda: planned(FROM_1), told)
    assert_refused(lambda: planned(FROM_1 - 1, 9), "'a' to have an output for each of 10 classes")
    assert_refused(lambda: planned(FROM_1, 9), "'a' to have an output for each of 11 classes")
    assert len(planned(FROM_1, 11).every_member) == 2


def test_the_way_to_an_f1_score_is_told():
    score = keras.metrics.F1Score("macro")
    told = "FBetaScore take a column for each class: give one-hot targets, keras.utils.to_categor"
    assert_refused(lambda: planned(FROM_1 - 1, metrics=[score]), told)
    # What is told works.
    one_hot = keras.utils.to_categorical(FROM_1 - 1)
    assert planned(one_hot, loss="categorical_crossentropy", metrics=[score])
    binary = (FROM_1 > 5).astype("float32")[:, None]
    assert planned(binary, 1, "binary_crossentropy", [keras.metrics.F1Score(threshold=0.5)])


def test_a_loss_that_does_not_take_the_targets_is_not_blamed_on_the_inputs():
    told = r"takes the inputs, and gives outputs \(10,\): compile it with a loss .*such as sparse_"
    assert_refused(lambda: planned(FROM_1 - 1, loss="categorical_crossentropy"), told)


def test_inputs_that_the_model_does_not_take_are_blamed_on_them():
    told = r"inputs \(4,\) .*; give the model keras.Input\(data.input_shape\)$"
    assert_refused(lambda: planned(FROM_1 - 1, features=5), told)
