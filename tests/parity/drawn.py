"""What the random comparison with Keras draws: models, data, arguments of `fit`, and callbacks."""

import math
from typing import NamedTuple

import keras
import numpy as np
from hypothesis import strategies as st
from keras import layers

from tests.parity.zoo import CLOSE

FEATURES, CLASSES, TOKENS, STEPS = 4, 3, 6, 5


class OwnStep(keras.Model):
    """A functional model with a step of its own, which also reports something of its own."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "twice": 2 * logs["loss"]}, state


def _head(x, kind):
    if kind == "regression":
        return layers.Dense(1)(x)
    return layers.Dense(CLASSES, "softmax")(x)


def _dense(kind):
    x = keras.Input((FEATURES,))
    return keras.Model(x, _head(layers.Dense(5, "relu", kernel_regularizer="l2")(x), kind))


def _dropped(kind):
    x = keras.Input((FEATURES,))
    inner = layers.Dropout(0.4, seed=3)(layers.BatchNormalization()(layers.Dense(5, "tanh")(x)))
    return keras.Model(x, _head(inner, kind))


def _sequential(kind):
    return keras.Sequential(
        [keras.Input((FEATURES,)), layers.Dense(4, "selu"), layers.LayerNormalization(),
         layers.Dense(1) if kind == "regression" else layers.Dense(CLASSES, "softmax")]
    )  # fmt: skip


def _convolution(kind):
    x = keras.Input((FEATURES,))
    inner = layers.Conv1D(3, 2, activation="relu")(layers.Reshape((FEATURES, 1))(x))
    return keras.Model(x, _head(layers.GlobalMaxPooling1D()(inner), kind))


def _recurrent(kind):
    x = keras.Input((FEATURES,))
    return keras.Model(x, _head(layers.GRU(3)(layers.Reshape((FEATURES, 1))(x)), kind))


def _own_step(kind):
    x = keras.Input((FEATURES,))
    return OwnStep(x, _head(layers.Dense(4, "relu")(x), kind))


def _frozen(kind):
    x = keras.Input((FEATURES,))
    return keras.Model(x, _head(layers.Dense(4, "relu", trainable=False)(x), kind))


ARCHITECTURES = {
    build.__name__[1:]: build
    for build in (_dense, _dropped, _sequential, _convolution, _recurrent, _own_step, _frozen)
}
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01, clipnorm=1.0),
    "scheduled": lambda: keras.optimizers.RMSprop(
        keras.optimizers.schedules.ExponentialDecay(0.02, 3, 0.5)
    ),
    "averaged": lambda: keras.optimizers.SGD(
        0.05, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=None
    ),
    "accumulating": lambda: keras.optimizers.Adam(0.02, gradient_accumulation_steps=2),
}
LOSSES = {
    "regression": ("mse", ["mae"], None),
    "classes": ("sparse_categorical_crossentropy", ["accuracy"], ["accuracy"]),
    "one hot": ("categorical_crossentropy", ["accuracy", "auc"], None),
}


class Design(NamedTuple):
    """How a model is built and compiled; one of few, so that programs are used many times."""

    architecture: str
    optimizer: str
    kind: str
    steps_per_execution: int

    def build(self, seed: int) -> keras.Model:
        """A compiled model."""
        keras.utils.set_random_seed(seed)
        model = ARCHITECTURES[self.architecture](self.kind)
        loss, metrics, weighted = LOSSES[self.kind]
        model.compile(
            OPTIMIZERS[self.optimizer](),
            loss,
            metrics=[keras.metrics.AUC(name=m) if m == "auc" else m for m in metrics],
            weighted_metrics=weighted,
            steps_per_execution=self.steps_per_execution,
        )
        return model


DESIGNS = st.sampled_from(
    [
        # Few: compiling is what takes time, and `make test` has the zoo of layers and optimizers.
        Design("dense", "sgd", "classes", 1),
        Design("dropped", "averaged", "one hot", 1),
        Design("sequential", "adam", "regression", 2),
        Design("convolution", "scheduled", "classes", 1),
        Design("recurrent", "adam", "classes", 1),
        Design("own_step", "accumulating", "regression", 1),
        Design("frozen", "scheduled", "one hot", 1),
    ]
)


class Data(NamedTuple):
    """Samples, and how they are handed over."""

    samples: int
    seed: int
    form: str
    weights: str

    def arrays(self, kind: str, samples: int | None = None, seed: int = 0) -> tuple:
        """Inputs `[sample, feature]`, targets, and weights `[sample]` or None."""
        count = self.samples if samples is None else samples
        random = np.random.default_rng([self.seed, seed])
        x = random.normal(size=(count, FEATURES)).astype("float32")
        labels = random.integers(0, CLASSES, count)
        y = {
            "regression": x.sum(axis=1, keepdims=True),
            "classes": labels,
            "one hot": np.eye(CLASSES, dtype="float32")[labels],
        }[kind]
        return x, y, random.uniform(0.5, 2, count) if self.weights == "samples" else None


class Batches(keras.utils.PyDataset):
    """Batches of arrays, which a curriculum reverses at the end of each epoch."""

    def __init__(self, x, y, weight, size):
        super().__init__()
        self.parts, self.size = [part for part in (x, y, weight) if part is not None], size

    def __len__(self):
        return math.ceil(len(self.parts[0]) / self.size)

    def __getitem__(self, number):
        rows = slice(number * self.size, (number + 1) * self.size)
        return tuple(part[rows] for part in self.parts)

    def on_epoch_end(self):
        self.parts = [part[::-1] for part in self.parts]


def batches(x, y, weight, size):
    """The same batches, over and over."""
    whole = Batches(x, y, weight, size)
    while True:
        for number in range(len(whole)):
            yield whole[number]


DATA = st.builds(
    Data,
    st.sampled_from([11] * 15 + [1]),
    st.integers(0, 3),
    st.sampled_from(["arrays"] * 5 + ["float64", "lists of one", "dataset", "generator"]),
    st.sampled_from(["", "", "samples", "classes"]),
)


class Stops(keras.callbacks.Callback):
    """Asks training to stop at one of the hooks."""

    def __init__(self, where, epoch):
        super().__init__()
        self.where, self.epoch = where, epoch

    def on_train_begin(self, logs=None):
        self.model.stop_training = self.where == "train"

    def on_epoch_begin(self, epoch, logs=None):
        self.model.stop_training |= self.where == "begin" and epoch == self.epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training |= self.where == "end" and epoch == self.epoch


class Changes(keras.callbacks.Callback):
    """Changes weights and the learning rate between epochs."""

    def on_epoch_begin(self, epoch, logs=None):
        kernel = self.model.trainable_variables[0]
        kernel.assign(kernel * 0.9)

    def on_epoch_end(self, epoch, logs=None):
        rate = self.model.optimizer._learning_rate
        if hasattr(rate, "assign"):
            rate.assign(rate * 0.5)


class Inside(keras.callbacks.Callback):
    """Acts at batches."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            self.model.stop_training = True


CALLBACKS = {
    "early": lambda: keras.callbacks.EarlyStopping("loss", patience=0, restore_best_weights=True),
    "early valid": lambda: keras.callbacks.EarlyStopping(
        "val_loss", patience=1, restore_best_weights=True, start_from_epoch=1
    ),
    "plateau": lambda: keras.callbacks.ReduceLROnPlateau("loss", 0.3, patience=0, min_delta=0.3),
    "scheduler": lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7),
    "nan": keras.callbacks.TerminateOnNaN,
    "stops at train": lambda: Stops("train", 0),
    "stops at begin": lambda: Stops("begin", 1),
    "stops at end": lambda: Stops("end", 1),
    "changes": Changes,
    "inside": Inside,
    "swaps": keras.callbacks.SwapEMAWeights,
}


class Case(NamedTuple):
    """One call of `fit`."""

    design: Design
    data: Data
    members: int
    validation: str
    callbacks: tuple[str, ...]
    arguments: dict
    chunk_size: int | None
    is_fresh: bool

    def fit_arguments(self) -> dict:
        """The arguments of `fit`, data included, made anew."""
        kind, given = self.design.kind, dict(self.arguments)
        x, y, weight = self.data.arrays(kind)
        size = given["batch_size"] or 32
        if self.data.form == "generator":  # which does not end
            given.setdefault("steps_per_epoch", 2)
        if self.data.form in ("dataset", "generator"):
            kinds = {"dataset": Batches, "generator": batches}
            x, y, weight = kinds[self.data.form](x, y, weight, size), None, None
            del given["batch_size"]
        elif self.data.form == "float64":
            x, y = np.float64(x), y if y.dtype.kind == "i" else np.float64(y)
        elif self.data.form == "lists of one":
            x, y = [x], [y]
        if self.data.weights == "classes" and kind == "classes":
            given["class_weight"] = {0: 1.0, 1: 2.0, 2: 0.5}
        if self.validation == "split":
            given["validation_split"] = 0.3
        elif self.validation:
            valid = self.data.arrays(kind, 5, seed=1)
            parts = valid[: 3 if valid[2] is not None else 2]
            given["validation_data"] = Batches(*valid, 3) if self.validation == "dataset" else parts
        return {"x": x, "y": y, "sample_weight": weight, "verbose": 0, **given}


def _is_defined(case: Case) -> bool:
    """Whether Keras's numbers are defined: by the order, and by what several models read."""
    if case.is_fresh and case.arguments["shuffle"]:
        return False  # To build a model Keras draws one order more (see `kohort.fit`, seed).
    # What changes between epochs must be read by all models at once.
    reads_once = case.data.form in ("dataset", "generator") or case.validation == "dataset"
    in_turn = case.chunk_size == 1 or {"inside", "swaps"} & set(case.callbacks)
    return not (case.members > 1 and reads_once and in_turn)


CASES = st.builds(
    Case,
    DESIGNS,
    DATA,
    st.sampled_from([1, 1, 2]),
    st.sampled_from(["", "split", "arrays", "arrays", "dataset"]),
    st.lists(st.sampled_from(sorted(CALLBACKS)), max_size=2, unique=True).map(tuple),
    st.fixed_dictionaries(
        {
            "batch_size": st.sampled_from([None, 4, 4, 4]),
            "epochs": st.sampled_from([0, 1, 2, 3]),
            "shuffle": st.sampled_from([True, False, "batch"]),
        },
        optional={
            "initial_epoch": st.sampled_from([0, 1]),
            "steps_per_epoch": st.sampled_from([1, 3]),
            "validation_steps": st.sampled_from([1, 2]),
            "validation_batch_size": st.just(3),
            "validation_freq": st.sampled_from([1, 2, [1, 3]]),
        },
    ),
    st.sampled_from([None, None, 1]),
    st.sampled_from([False] * 15 + [True]),
).filter(_is_defined)

TOLERANCE = {"rtol": 10 * CLOSE["rtol"], "atol": 10 * CLOSE["atol"]}
"""Several epochs of three samples: rounding grows faster than in the zoo."""
