"""Members that differ in what their programs compute with, and not in seeds alone."""

import keras
import numpy as np
import pytest
from keras import layers, losses, metrics, regularizers

from tests.parity.zoo import VALIDATE, assert_parity, cases, draws, integers

X, Y, LABELS = draws(6), draws(1, seed=1), integers(3, seed=1)


def compiled(own_layers, optimizer=None, loss="mse", shape=(6,), **compiling):
    model = keras.Sequential([keras.Input(shape), *own_layers, layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9), loss, **compiling)
    return model


def build_rates(rate, l2, noise):
    return compiled(
        [
            layers.GaussianNoise(noise),
            layers.Dense(6, "relu", kernel_regularizer=regularizers.L1L2(l2 / 2, l2)),
            layers.BatchNormalization(momentum=1 - rate, epsilon=l2),
            layers.Dropout(rate),
            layers.ActivityRegularization(l1=l2),
        ]
    )


def build_steps(rate, momentum, norm, decay):
    optimizer = keras.optimizers.SGD(rate, momentum, clipnorm=norm, weight_decay=decay)
    return compiled([layers.Dense(4, "tanh")], optimizer)


def build_adam(rate, beta, ema):
    schedule = keras.optimizers.schedules.CosineDecay(rate, 5, warmup_target=2 * rate)
    optimizer = keras.optimizers.Adam(schedule, beta, use_ema=True, ema_momentum=ema)
    return compiled([layers.Dense(4, "tanh")], optimizer)


def build_losses(delta, weight):
    return compiled([layers.Dense(4)], loss=[losses.Huber(delta)], loss_weights=[weight])


def build_constraints(norm):
    return compiled([layers.Dense(4, kernel_constraint=keras.constraints.MaxNorm(norm))])


def build_schedules(steps):
    """An integer differs."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, steps, 0.5)
    return compiled([layers.Dense(4)], keras.optimizers.SGD(schedule))


def build_cycles(steps):
    """A quotient that is rounded up, at a step where XLA's reciprocal of the constant shows."""
    schedule = keras.optimizers.schedules.PolynomialDecay(0.2, steps, 0.01, 2.0, cycle=True)
    model = compiled([layers.Dense(4)], keras.optimizers.SGD(schedule))
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(20)
    return model


def build_recurrent(rate):
    """The constant is in the body of a loop."""
    return compiled([layers.Reshape((3, 2)), layers.SimpleRNN(3, recurrent_dropout=rate)])


class Scaled(layers.Layer):
    """Computes with arrays, numbers and functions of its own."""

    def __init__(self, array, power):
        super().__init__()
        self.array, self.power = np.asarray(array, "float32"), power

    def call(self, x):
        return keras.ops.abs(x * self.array) ** self.power


def build_arrays(array, power):
    return compiled([Scaled(array, power), layers.Dense(3)])


def build_adapted(shift):
    """Preprocessing that has learnt from other data."""
    normalization = layers.Normalization()
    normalization.adapt(X * (1 + shift) + shift)
    return compiled([normalization, layers.Dense(4)])


def build_activations(activation):
    return compiled([layers.Dense(4, activation)])


def build_frozen(trainable):
    return compiled([layers.Dense(4, trainable=trainable), layers.Dense(4)])


def build_thresholds(threshold):
    return compiled([layers.Dense(4)], metrics=[metrics.BinaryAccuracy(threshold=threshold)])


MEMBERS = {
    "rates_and_penalties": (
        build_rates,
        [{"rate": 0.2, "l2": 0.01, "noise": 0.1}, {"rate": 0.5, "l2": 0.1, "noise": 0.4}],
    ),
    "steps": (
        build_steps,
        [
            {"rate": 0.1, "momentum": 0.9, "norm": 0.2, "decay": 0.01},
            {"rate": 0.02, "momentum": 0.5, "norm": 1.0, "decay": 0.1},
            {"rate": 0.5, "momentum": 0.9, "norm": 0.5, "decay": 0.02},
        ],
    ),
    "adam_and_schedule": (
        build_adam,
        [{"rate": 0.01, "beta": 0.9, "ema": 0.5}, {"rate": 0.03, "beta": 0.5, "ema": 0.9}],
    ),
    "loss": (build_losses, [{"delta": 0.5, "weight": 1.0}, {"delta": 1.5, "weight": 0.3}]),
    "constraints": (build_constraints, [{"norm": 0.5}, {"norm": 1.0}]),
    "integers": (build_schedules, [{"steps": 2}, {"steps": 5}]),
    "cycles": (build_cycles, [{"steps": 7}, {"steps": 3}, {"steps": 9}]),
    "loops": (build_recurrent, [{"rate": 0.2}, {"rate": 0.5}]),
    "arrays": (
        build_arrays,
        [
            {"array": np.arange(6) / 6, "power": 1.5},
            {"array": np.arange(6) / 6, "power": 2.5},
            {"array": np.ones(6), "power": 2.0},
        ],
    ),
    "adapted": (build_adapted, [{"shift": 0.0}, {"shift": 2.0}]),
    "activations": (
        build_activations,
        [{"activation": "relu"}, {"activation": "tanh"}, {"activation": "relu"}],
    ),
    "trainable": (build_frozen, [{"trainable": True}, {"trainable": False}]),
    "thresholds": (build_thresholds, [{"threshold": 0.1}, {"threshold": 0.7}]),
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("build", "points"),
    cases(
        MEMBERS,
        quick=["rates_and_penalties", "adapted", "loss", "integers", "constraints", "cycles"],
    ),
)
def test_members_keep_their_own_constants(build, points):
    members = [{"seed": seed, **point} for seed, point in enumerate(points)]
    # Dropout, noise and penalties are others in validation; the rest is not.
    validation = {"validation_split": VALIDATE} if build is build_rates else {}
    assert_parity(build, X, Y, members, **validation)
