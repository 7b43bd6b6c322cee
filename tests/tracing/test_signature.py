"""The signature: equal for equal programs, unequal for anything that computes something else."""

import keras
import numpy as np
import pytest

from kohort.keras_api.models import prepare
from kohort.tracing.signature import first_batch, group, signature
from tests.models import build_mlp, seeded

BATCH = first_batch((np.zeros((99, 5), np.float32), np.zeros(99, np.int64)), 16)


def sign(model):
    prepare(model, BATCH)
    return signature(model, BATCH)


def compiled(layers, optimizer="adam", loss="sparse_categorical_crossentropy", metrics=()):
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def test_seeds_weights_and_learning_rates_are_state():
    models = [
        seeded(0, dropout=0.5),
        seeded(1, dropout=0.5),
        seeded(2, dropout=0.5, learning_rate=0.3),
    ]
    models[0].set_weights([w + 1 for w in models[0].get_weights()])
    assert len({sign(model) for model in models}) == 1


def times(array):
    return keras.layers.Lambda(lambda x: x * array.astype("float32"))


SOFTMAX = lambda: keras.layers.Dense(3, "softmax")  # noqa: E731
DIFFERENT = {
    "plain": lambda: compiled([SOFTMAX()]),
    "wider": lambda: compiled([keras.layers.Dense(4, "relu"), SOFTMAX()]),
    "wider still": lambda: compiled([keras.layers.Dense(5, "relu"), SOFTMAX()]),
    "activation": lambda: compiled([keras.layers.Dense(4, "tanh"), SOFTMAX()]),
    "dropout": lambda: compiled([keras.layers.Dropout(0.2), SOFTMAX()]),
    "more dropout": lambda: compiled([keras.layers.Dropout(0.5), SOFTMAX()]),
    "penalty": lambda: compiled([keras.layers.Dense(3, "softmax", kernel_regularizer="l2")]),
    "loss": lambda: compiled([keras.layers.Dense(1)], loss="mse"),
    "optimizer": lambda: compiled([SOFTMAX()], optimizer="sgd"),
    "beta": lambda: compiled([SOFTMAX()], optimizer=keras.optimizers.Adam(beta_1=0.8)),
    "metric": lambda: compiled([SOFTMAX()], metrics=["accuracy"]),
    "frozen": lambda: compiled(
        [keras.layers.Dense(5, trainable=False), SOFTMAX()]
    ),
    "not frozen": lambda: compiled([keras.layers.Dense(5), SOFTMAX()]),
    "captured array": lambda: compiled([times(np.arange(5.0)), SOFTMAX()]),
    "other array": lambda: compiled([times(np.arange(5.0)[::-1]), SOFTMAX()]),
}  # fmt: skip


@pytest.mark.long
def test_whatever_computes_something_else_has_a_signature_of_its_own():
    signatures = {name: sign(build()) for name, build in DIFFERENT.items()}
    same = group(list(signatures), list(signatures.values()))
    assert [names for names in same if len(names) > 1] == []


@pytest.mark.parametrize("name", [n for n in DIFFERENT if "array" not in n])
def test_the_same_build_has_the_same_signature(name):
    assert sign(DIFFERENT[name]()) == sign(DIFFERENT[name]())


def test_what_computes_nothing_makes_no_difference():
    idle = compiled([keras.layers.Dropout(0.0), SOFTMAX()])
    assert sign(idle) == sign(DIFFERENT["plain"]())


class FromOne(keras.metrics.MeanMetricWrapper):
    """A metric whose fresh state is not zero."""

    start = 1.0

    def __init__(self):
        super().__init__(keras.losses.sparse_categorical_crossentropy, name="own")

    def reset_state(self):
        super().reset_state()
        self.total.assign(self.start)


class FromTwo(FromOne):
    start = 2.0


def test_a_metric_that_starts_elsewhere_is_something_else():
    assert sign(compiled([SOFTMAX()], metrics=[FromOne()])) != sign(
        compiled([SOFTMAX()], metrics=[FromTwo()])
    )


def test_groups_keep_the_order_of_appearance():
    assert group("abcdef", [2, 1, 2, 3, 1, 2]) == [["a", "c", "f"], ["b", "e"], ["d"]]


def test_build_is_needed_no_more_than_once():
    model = build_mlp()
    assert sign(model) == sign(model)
