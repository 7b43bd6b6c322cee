"""Graphs of layers, inputs and outputs of every structure, and preprocessing, trained both ways."""

import keras
import numpy as np
import pytest
from keras import layers

import kohort
from tests.marks import long
from tests.models import seeded
from tests.parity.zoo import (
    BATCH,
    SAMPLES,
    VALIDATE,
    WHOLE,
    assert_parity,
    assert_same,
    cases,
    draws,
    integers,
)

LEFT, RIGHT = draws(3), draws(2, seed=1)
KIND, SIZE = integers(3, seed=2), draws(1, seed=3)
WEIGHT = np.linspace(0.2, 2, SAMPLES, dtype="float32")


def compiled(model, loss="mse", **compiling):
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, **compiling)
    return model


def build_two_headed(structure, **compiling):
    """A model of two inputs and two outputs; `structure` arranges a pair."""
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    both = layers.Concatenate()([left, right])
    kind = layers.Dense(3, "softmax", name="kind")(both)
    size = layers.Dense(1, name="size")(layers.Dense(3, "relu")(both))
    return compiled(keras.Model(structure(left, right), structure(kind, size)), **compiling)


CROSSENTROPY = "sparse_categorical_crossentropy"


def as_list(a, b):
    return [a, b]


def as_tuple(a, b):
    return (a, b)


def by_name(a, b):
    return {"left": a, "right": b}


def nested(a, b):
    return {"outer": {"a": a}, "others": [b]}


STRUCTURES = {
    "list": (
        as_list,
        {
            "loss": [CROSSENTROPY, "mse"],
            "loss_weights": [1.0, 0.3],
            "metrics": [["accuracy"], ["mae"]],
        },
    ),
    "tuple": (as_tuple, {"loss": (CROSSENTROPY, "huber")}),
    "nested": (nested, {"loss": {"outer": {"a": CROSSENTROPY}, "others": ["mse"]}}),
}


@pytest.mark.long
@pytest.mark.parametrize(("structure", "compiling"), cases(STRUCTURES, quick=["tuple"]))
def test_structures_of_inputs_and_outputs(structure, compiling):
    assert_parity(
        lambda: build_two_headed(structure, **compiling),
        structure(LEFT, RIGHT),
        structure(KIND, SIZE),
    )


@pytest.mark.long
def test_named_outputs_with_weights_of_their_own():
    def build():
        left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
        both = layers.Concatenate()([left, right])
        outputs = {"kind": layers.Dense(3, "softmax")(both), "size": layers.Dense(1)(both)}
        return compiled(
            keras.Model({"left": left, "right": right}, outputs),
            {"kind": CROSSENTROPY, "size": "mse"},
            loss_weights={"kind": 0.5, "size": 2.0},
            metrics={"kind": ["accuracy"]},
            weighted_metrics={"kind": ["accuracy"], "size": ["mae"]},
        )

    assert_parity(
        build,
        by_name(LEFT, RIGHT),
        {"kind": KIND, "size": SIZE},
        sample_weight={"kind": WEIGHT, "size": WEIGHT[::-1].copy()},
        validation_split=VALIDATE,
    )


def test_an_output_without_loss():
    assert_parity(
        lambda: build_two_headed(as_list, loss=[CROSSENTROPY, None]),
        [LEFT, RIGHT],
        [KIND, SIZE],
    )


def build_residual():
    x = inputs = keras.Input((6,))
    for _ in range(2):
        hidden = layers.BatchNormalization()(layers.Dense(6, "relu")(x))
        x = layers.Add()([x, layers.Dropout(0.2)(hidden)])
    gate = layers.Dense(6, "sigmoid")(inputs)
    merged = layers.Concatenate()(
        [layers.Multiply()([x, gate]), layers.Maximum()([x, inputs]), layers.Dot(1)([x, gate])]
    )
    return compiled(keras.Model(inputs, layers.Dense(1)(merged)))


def build_shared():
    """One layer used twice, and one model used twice, within a model."""
    inputs = keras.Input((6,))
    dense = layers.Dense(6, "tanh", kernel_regularizer="l2")
    tower = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.BatchNormalization()])
    once = dense(inputs)
    twice = dense(once)
    both = layers.Average()([tower(once), tower(twice)])
    return compiled(keras.Model(inputs, layers.Dense(1)(both)))


def build_nested():
    """Models in a model, one of them frozen."""
    base = keras.Sequential([keras.Input((6,)), layers.Dense(4, "relu"), layers.Dropout(0.3)])
    frozen = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.BatchNormalization()])
    frozen.trainable = False
    inputs = keras.Input((6,))
    both = keras.layers.Concatenate()([base(inputs), frozen(inputs, training=False)])
    return compiled(keras.Model(inputs, keras.Sequential([layers.Dense(1)])(both)))


class Subclassed(keras.Model):
    """Layers in attributes, a list and a dict, some made in `build`."""

    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(4, "relu"), layers.Dropout(0.3)]
        self.heads = {"out": layers.Dense(1)}

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")

    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x, training=training)
        return self.heads["out"](x * self.scale)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`build\\(\\)` was called on layer")
def test_subclassed():
    assert_parity(lambda: compiled(Subclassed()), draws(6), SIZE, validation_split=VALIDATE)


@pytest.mark.parametrize(
    "build",
    [
        build_nested,
        *long(build_residual, build_shared),
    ],
)
def test_graphs(build):
    assert_parity(build, draws(6), SIZE, validation_split=VALIDATE)


def adapted():
    normalization = layers.Normalization()
    normalization.adapt(3 * draws(6) + 1)
    return normalization


PREPROCESSING = {
    "Normalization": (lambda: [adapted(), layers.Dense(3)], 3 * draws(6) + 1),
    "Rescaling_of_pixels": (
        lambda: [layers.Rescaling(1 / 255, -0.5), layers.Flatten()],
        integers(256, 4, 4, 1).astype("uint8"),
    ),
    "CategoryEncoding": (
        lambda: [layers.CategoryEncoding(5, "multi_hot"), layers.Dense(3)],
        integers(5, 3),
    ),
    "Discretization": (
        lambda: [
            layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0]),
            layers.Embedding(4, 2),
            layers.Flatten(),
        ],
        draws(4),
    ),
    "Random_flip_and_contrast": (
        lambda: [layers.RandomFlip(), layers.RandomContrast(0.3), layers.Flatten()],
        np.abs(draws(4, 4, 1)),
    ),
    "RandomRotation": (
        lambda: [layers.RandomRotation(0.2), layers.Flatten()],
        draws(4, 4, 1),
    ),
    "Random_translation_and_brightness": (
        lambda: [
            layers.RandomTranslation(0.3, 0.3),
            layers.RandomBrightness(0.2, (0, 1)),
            layers.Flatten(),
        ],
        np.abs(draws(4, 4, 1)),
    ),
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("own_layers", "x"),
    cases(
        PREPROCESSING,
        quick=["Normalization", "Discretization", "CategoryEncoding", "Random_flip_and_contrast"],
    ),
)
def test_preprocessing(own_layers, x):
    def build():
        inputs = keras.Input(x.shape[1:], dtype=str(x.dtype))
        return compiled(keras.Sequential([inputs, *own_layers(), layers.Dense(1)]))

    assert_parity(build, x, SIZE, batch_size=WHOLE)


@pytest.mark.long
@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_shuffled_samples_with_weights(shuffle):
    """Both engines of kohort: `keras.Model.fit` alone draws its order from a global generator."""

    def build():
        model = keras.Sequential([keras.Input((3,)), layers.Dense(3, "softmax")])
        return compiled(model, CROSSENTROPY, weighted_metrics=["accuracy"])

    ours, theirs = ([seeded(seed, build) for seed in (0, 1)] for _ in range(2))
    arguments = {
        "batch_size": BATCH, "epochs": 3, "seed": 4, "shuffle": shuffle, "sample_weight": WEIGHT,
        "verbose": 0,
    }  # fmt: skip
    histories = kohort.fit(ours, LEFT, KIND, **arguments)
    references = kohort.fit(theirs, LEFT, KIND, engine="keras", **arguments)
    for pair in zip(ours, theirs, histories, references, strict=True):
        assert_same(*pair)
