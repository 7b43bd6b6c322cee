"""What outputs tell of classes: by the last layer, the loss, or their values."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.keras_api.class_outputs import (
    class_probabilities,
    label_probabilities,
    leaning,
    output_kind,
    tell_probabilities,
)


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
    kind = "logits" if loss.__name__.startswith("Binary") else "softmax logits"
    return pytest.param(loss(from_logits=True), None, kind, id=loss.__name__)


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
        (None, None, "other"),
    ],
)
def test_crossentropies_and_last_layers_tell(loss, activation, kind):
    assert output_kind(compiled(loss, activation)) == kind


def own_loss(y, predicted):
    return keras.ops.mean(keras.ops.square(y - predicted), axis=-1)


CUT_AT_0 = keras.metrics.BinaryAccuracy(threshold=0)


@pytest.mark.parametrize(
    ("loss", "activation", "metric", "units", "kind"),
    [
        ("mse", None, "accuracy", 1, "numbers"),
        (own_loss, None, "acc", 1, "numbers"),
        (own_loss, None, keras.metrics.BinaryAccuracy(), 1, "numbers"),
        (own_loss, None, keras.metrics.binary_accuracy, 1, "numbers"),
        (own_loss, "tanh", "accuracy", 1, "halved"),
        ("binary_crossentropy", None, "accuracy", 1, "halved"),
        (own_loss, "sigmoid", "accuracy", 1, "probabilities"),
        (keras.losses.BinaryCrossentropy(from_logits=True), None, "accuracy", 1, "logits"),
        ("hinge", None, "accuracy", 1, "margins"),
        (own_loss, None, CUT_AT_0, 1, "unknown"),
        (own_loss, None, "mae", 1, "other"),
        (own_loss, None, "accuracy", 2, "unknown"),
    ],
)
@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics"])
def test_a_metric_tells_where_one_output_is_cut(loss, activation, metric, units, kind, argument):
    model = compiled(loss, activation, units)
    model.compile("sgd", loss, **{argument: ["mae", metric]})
    assert output_kind(model) == kind


def test_numbers_are_cut_at_a_half_and_are_no_probabilities():
    few = np.array([[0.28], [0.5], [np.nextafter(np.float32(0.5), 1)], [0.9]], np.float32)
    many = np.concatenate([few, [[-3.0], [2.0]]]).astype(np.float32)
    for kind in ("numbers", "halved"):
        assert class_probabilities(few, kind).argmax(axis=1).tolist() == [0, 0, 1, 1]
        assert class_probabilities(many, kind).argmax(axis=1).tolist() == [0, 0, 1, 1, 0, 1]
        assert not tell_probabilities(many, kind)
    assert not tell_probabilities(few, "numbers")
    assert tell_probabilities(few, "halved")
    np.testing.assert_allclose(class_probabilities(few, "halved")[:, 1], few[:, 0], rtol=1e-6)


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


def test_sigmoids_of_several_classes_are_parts_of_their_sum_as_kerass_loss_takes_them():
    model = compiled("sparse_categorical_crossentropy", "sigmoid", 3)
    x, y = (
        np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32),
        (np.arange(20) % 3).astype("int32"),
    )
    outputs = model.predict(x, verbose=0)
    found = class_probabilities(outputs, output_kind(model))
    assert -np.log(found[np.arange(20), y]).mean() == pytest.approx(
        model.evaluate(x, y, verbose=0), rel=1e-5
    )
    nothing = class_probabilities(np.array([[0.0, 0.0], [0.2, 0.6]]), "probabilities")
    np.testing.assert_allclose(nothing, [[0.5, 0.5], [0.25, 0.75]])


def test_one_row_that_does_not_add_up_changes_no_other():
    scores = np.array([[0.3, 0.7], [0.9, 0.6]])
    np.testing.assert_array_equal(class_probabilities(scores, "probabilities")[0], scores[0])


def test_models_lean_by_their_probabilities_or_by_how_far_logits_differ():
    outputs = np.array([[0.2, 0.1], [0.8, 0.6]], np.float32)
    np.testing.assert_allclose(leaning(outputs, "probabilities"), [1 / 3, 3 / 7], 1e-6)
    np.testing.assert_allclose(leaning(outputs, "logits"), [-0.1, -0.2], 1e-6)


class TestHalfPrecision:
    """What a last layer gives in bfloat16, which NumPy adds up with three digits."""

    def model(self):
        keras.utils.set_random_seed(0)  # by which sums in bfloat16 are 4e-4 off
        last = keras.layers.Dense(200, "softmax", dtype="mixed_bfloat16")
        model = keras.Sequential([keras.Input((3,)), last])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    def test_its_loss_is_the_one_that_keras_measures(self):
        model = self.model()
        x = 3 * np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
        y = (np.arange(500) % 200).astype("int32")
        outputs = model.predict(x, verbose=0)
        assert str(outputs.dtype) == "bfloat16"
        found = class_probabilities(outputs, output_kind(model))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.sum(axis=1, dtype=np.float64), 1, rtol=1e-6)
        measured = model.evaluate(x, y, batch_size=500, verbose=0)
        assert -np.log(found[np.arange(500), y]).mean() == pytest.approx(measured, rel=1e-4)

    @pytest.mark.parametrize("kind", ["probabilities", "logits"])
    def test_of_two_classes_and_of_labels_too(self, kind):
        half = keras.ops.convert_to_numpy(keras.ops.cast([[0.3, 0.75], [0.01, 0.99]], "bfloat16"))
        exact = half.astype(np.float64)
        for outputs, expected in ((half, exact), (half[:, 1:], exact[:, 1:])):
            found = class_probabilities(outputs, kind)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, class_probabilities(expected, kind), rtol=1e-6)
            np.testing.assert_allclose(leaning(outputs, kind), leaning(expected, kind), rtol=1e-6)
        labels = label_probabilities(half, kind)
        assert labels.dtype == np.float32
        np.testing.assert_allclose(labels, label_probabilities(exact, kind), rtol=1e-6)
