"""Every kind of loss and metric, and every kind of weight on them, trained both ways."""

import keras
import numpy as np
import pytest
from keras import layers, losses, metrics, ops

from tests.parity.zoo import SAMPLES, VALIDATE, WHOLE, assert_parity, cases, draws, integers

LABELS = integers(3, seed=1)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
BITS = integers(2, 1, seed=1).astype("float32")
NUMBERS = draws(3, seed=1)


def build_classifier(loss, activation=None, units=3, optimizer=None, **compiling):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(units, activation)])
    model.compile(optimizer or keras.optimizers.SGD(0.1, momentum=0.9), loss, **compiling)
    return model


def pinball(y_true, y_pred):
    """A function as loss: of the 0.8 quantile."""
    error = y_true - y_pred
    return ops.mean(ops.maximum(0.8 * error, -0.2 * error), axis=-1)


class Quartic(losses.Loss):
    """A loss of the user's own."""

    def call(self, y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 4, axis=-1)


# (loss, activation, targets); the losses of a row are those of one model's outputs.
LOSSES = {
    "categorical": {
        "sparse": (
            lambda: losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2),
            None,
            LABELS,
        ),
        "smooth": (
            lambda: losses.CategoricalCrossentropy(label_smoothing=0.1),
            "softmax",
            ONE_HOT,
        ),
        "focal": (losses.CategoricalFocalCrossentropy, "softmax", ONE_HOT),
        "divergence": (losses.KLDivergence, "softmax", ONE_HOT),
        "by_name": (lambda: "sparse_categorical_crossentropy", "softmax", LABELS),
    },
    "binary": {
        "logits": (
            lambda: losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
            None,
            ONE_HOT,
        ),
        "focal": (
            lambda: losses.BinaryFocalCrossentropy(apply_class_balancing=True),
            "sigmoid",
            ONE_HOT,
        ),
        "dice": (losses.Dice, "sigmoid", ONE_HOT),
        "tversky": (lambda: losses.Tversky(0.3, 0.7), "sigmoid", ONE_HOT),
    },
    "hinge": {
        "hinge": (losses.Hinge, "tanh", ONE_HOT),
        "squared": (losses.SquaredHinge, "tanh", ONE_HOT),
        "categorical": (losses.CategoricalHinge, None, ONE_HOT),
    },
    "errors": {
        "huber": (lambda: losses.Huber(delta=0.7), None, NUMBERS),
        "log_cosh": (losses.LogCosh, None, NUMBERS),
        "summed": (lambda: losses.MeanAbsoluteError(reduction="sum"), None, NUMBERS),
        "cosine": (losses.CosineSimilarity, None, NUMBERS),
    },
    "of_positive_numbers": {
        "percentage": (losses.MeanAbsolutePercentageError, None, 1 + np.abs(NUMBERS)),
        "logarithmic": (losses.MeanSquaredLogarithmicError, "softplus", np.abs(NUMBERS)),
        "poisson": (losses.Poisson, "softplus", np.abs(NUMBERS)),
    },
    "own": {"function": (lambda: pinball, None, NUMBERS), "class": (Quartic, None, NUMBERS)},
}


@pytest.mark.parametrize("row", cases(LOSSES, quick=["categorical", "errors", "own"]))
def test_losses(row):
    def build():
        inputs = keras.Input((6,))
        outputs = {name: layers.Dense(3, act)(inputs) for name, (_, act, _) in row.items()}
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.SGD(0.02), {name: own() for name, (own, *_) in row.items()})
        return model

    assert_parity(build, draws(6), {name: y for name, (*_, y) in row.items()})


@pytest.mark.parametrize("loss", [losses.Dice, losses.Tversky])
@pytest.mark.parametrize("axis", [None, (1,)])
def test_losses_over_axes_as_the_only_one(loss, axis):
    """Keras's default of these is `axis=None`, all; a tuple names some."""
    assert_parity(
        lambda: build_classifier(loss(axis=axis), "sigmoid"), draws(6), ONE_HOT, batch_size=WHOLE
    )


@pytest.mark.long
def test_ctc():
    def build():
        model = keras.Sequential([keras.Input((6, 3)), layers.Dense(4)])
        model.compile(keras.optimizers.SGD(0.05), losses.CTC())
        return model

    assert_parity(build, draws(6, 3), integers(4, 2, low=1, seed=1), batch_size=WHOLE)


def root_mean_square(y_true, y_pred):
    return ops.sqrt(ops.mean(ops.square(y_true - y_pred), axis=-1))


class Largest(metrics.Metric):
    """A metric of the user's own, with a state that is no mean and does not start at zero."""

    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.seen = self.add_variable((), "zeros", name="seen")
        self.reset_state()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign(ops.maximum(self.seen, ops.max(y_pred)))

    def reset_state(self):
        self.seen.assign(-1e9)

    def result(self):
        return self.seen + 0


class Range(Largest):
    """A metric whose result has several numbers."""

    def result(self):
        return {"largest": self.seen + 0, "twice": 2 * self.seen}


BINARY = [
    lambda: metrics.AUC(num_thresholds=11),
    lambda: metrics.AUC(curve="PR", num_thresholds=11, name="pr"),
    lambda: metrics.Precision(thresholds=[0.3, 0.6]),
    metrics.Recall,
    metrics.BinaryAccuracy,
    lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=11),
]
CATEGORICAL = [
    lambda: "accuracy",
    lambda: metrics.F1Score(average="macro"),
    lambda: metrics.TopKCategoricalAccuracy(2),
    lambda: metrics.OneHotMeanIoU(3),
    metrics.CategoricalCrossentropy,
]
SPARSE = [
    lambda: "acc",
    lambda: metrics.SparseTopKCategoricalAccuracy(2),
    lambda: metrics.MeanIoU(3, sparse_y_pred=False),
]
REGRESSION = [
    metrics.R2Score,
    metrics.CosineSimilarity,
    metrics.RootMeanSquaredError,
    metrics.ConcordanceCorrelation,
    metrics.PearsonCorrelation,
    lambda: metrics.MeanMetricWrapper(root_mean_square, name="wrapped"),
    lambda: root_mean_square,
    lambda: "mae",
    Largest,
]
METRICS = {
    "binary": ("binary_crossentropy", "sigmoid", 1, BITS, BINARY),
    "categorical": ("categorical_crossentropy", "softmax", 3, ONE_HOT, CATEGORICAL),
    "sparse": ("sparse_categorical_crossentropy", "softmax", 3, LABELS, SPARSE),
    "regression": ("mse", None, 3, NUMBERS, REGRESSION),
}


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras's metrics
@pytest.mark.parametrize(
    ("loss", "activation", "units", "y", "kinds"), cases(METRICS, quick=["regression", "sparse"])
)
def test_metrics_and_weighted_metrics(loss, activation, units, y, kinds):
    """Unweighted and weighted; one row in validation too, where all of them start anew."""

    def build():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(units, activation)])
        model.compile(
            keras.optimizers.SGD(0.1),
            loss,
            metrics=[kind() for kind in kinds],
            weighted_metrics=["mae" if loss == "mse" else "accuracy"],
        )
        return model

    weight = np.linspace(0.2, 2, SAMPLES, dtype="float32")
    validation = {"validation_split": VALIDATE} if kinds is REGRESSION else {}
    assert_parity(build, draws(6), y, sample_weight=weight, **validation)


def test_metrics_with_several_results():
    assert_parity(lambda: build_classifier("mse", metrics=[Range()]), draws(6), NUMBERS)


def test_class_weights():
    assert_parity(
        lambda: build_classifier(
            "sparse_categorical_crossentropy", "softmax", weighted_metrics=["accuracy"]
        ),
        draws(6),
        LABELS,
        class_weight={0: 3.0, 2: 0.5},
        validation_split=VALIDATE,
    )


def test_weights_of_time_steps():
    def build():
        model = keras.Sequential([keras.Input((5, 6)), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        return model

    weight = np.abs(draws(5, seed=2))
    assert_parity(build, draws(5, 6), integers(3, 5, seed=1), sample_weight=weight)
