"""What outputs tell of classes: by the last layer, the loss, or their values."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.keras_api.class_outputs import class_probabilities, output_kind


def compiled(loss, activation=None, units=1):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)])
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize(
    "loss",
    ["hinge", keras.losses.SquaredHinge(), keras.losses.categorical_hinge, "categorical_hinge"],
)
def test_a_hinge_loss_gives_margins(loss):
    assert output_kind(compiled(loss, "tanh")) == "margins"
    assert output_kind(compiled(loss)) == "margins"
    assert output_kind(compiled(loss, "softmax", 3)) == "probabilities"


def of_logits(loss):
    return pytest.param(loss(from_logits=True), None, "logits", id=loss.__name__)


@pytest.mark.parametrize(
    ("loss", "activation", "kind"),
    [
        of_logits(keras.losses.BinaryCrossentropy),
        of_logits(keras.losses.SparseCategoricalCrossentropy),
        of_logits(keras.losses.BinaryFocalCrossentropy),
        ("binary_crossentropy", "sigmoid", "probabilities"),
        ("mse", "sigmoid", "probabilities"),
        ("binary_crossentropy", None, "unknown"),
        ("mse", "tanh", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_crossentropies_and_last_layers_tell(loss, activation, kind):
    assert output_kind(compiled(loss, activation)) == kind


def test_a_model_in_a_model_tells_by_its_own_last_layer():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    inputs = keras.Input((3,))
    assert output_kind(keras.Model(inputs, inner(inputs))) == "probabilities"


@given(st.floats(-5, 5, width=32))
def test_one_logit_alone_is_what_it_is_among_others(logit):
    alone = class_probabilities(np.array([[logit]], np.float32), "logits")
    among = class_probabilities(np.array([[logit], [-9], [9]], np.float32))
    np.testing.assert_array_equal(alone[0], among[0])
    assert (alone[0, 1] > alone[0, 0]) <= (logit > 0)


def test_logits_that_look_like_probabilities_are_logits_where_it_is_known():
    scores = np.array([[0.4, 0.6]])
    np.testing.assert_array_equal(class_probabilities(scores), scores)
    np.testing.assert_allclose(class_probabilities(scores, "logits"), [[0.450166, 0.549834]], 1e-6)
