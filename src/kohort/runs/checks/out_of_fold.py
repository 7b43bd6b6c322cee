"""Predicts each sample by a model that was not trained on it: all folds train as one program."""

from collections.abc import Callable
from math import ceil
from typing import Any

import keras
import numpy as np
from keras import ops

from kohort.data.splits import deal
from kohort.engine.feed.arguments import FitArguments
from kohort.report.progress import Progress
from kohort.runs.fitting import FitSettings, Fitting

FOLDS = 5
UNITS = (256, 128)
"""The widths of the hidden layers."""
DROPOUT = 0.2
BATCH = 128
EPOCHS = 10
STEPS = 400
"""Of few samples, as many epochs as make so many steps."""
MOST_EPOCHS = 200
SEED = 0


def folds(together: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The fold of each sample, int64 `[sample]`.

    Args:
        together: `[sample]`, equal for samples that no fold may part.
        labels: `[sample]`, the class; each class is dealt to the folds by itself, but for samples
            that are kept together with those of another class.
    """
    fold = np.zeros(len(labels), np.int64)
    _, first, number = np.unique(together, return_index=True, return_inverse=True)
    of_set = labels[first][number]  # the class of the first sample of each set
    random = np.random.default_rng(SEED)
    for label in np.unique(of_set):
        samples = np.flatnonzero(of_set == label)
        turn = random.permutation(FOLDS)  # so that the remainders do not all fall to one fold
        for place, part in enumerate(deal(random, number[samples], FOLDS)):
            fold[samples[part]] = turn[place]
    return fold


def probabilities(
    x: np.ndarray, labels: np.ndarray, classes: int, fold: np.ndarray, *, told: str = ""
) -> np.ndarray:
    """The probabilities of classes, by the model that was not trained on the sample.

    The models are nets of two hidden layers with dropout, one for each fold. All read the same
    batches, and the loss of a model is zero for samples of its fold, so that all of them are one
    program.

    Args:
        x: Inputs `[sample, ...]`, scaled.
        labels: `[sample]`, the class of each.
        classes: The number of classes.
        fold: `[sample]`, the fold that holds the sample out.
        told: What the models are for, to be shown on stderr while they train; "" shows nothing.

    Returns:
        float64 `[sample, class]`.
    """
    models = [_model(x.shape[1:], classes, number) for number in range(FOLDS)]
    batch = min(BATCH, max(16, len(x) // 20))
    epochs = min(MOST_EPOCHS, max(EPOCHS, ceil(STEPS / ceil(len(x) / batch))))
    targets = np.stack([labels, fold], axis=1).astype(np.float32)
    given = FitArguments(
        x, targets, None, None, None, batch, batch, None, None, shuffle=True, seed=SEED
    )
    settings = FitSettings(epochs, 0, 1, evaluated=False, chunk_size=None, memory=None)
    with Progress(visible=bool(told), purpose=told) as progress:
        Fitting(models, given, settings, [[] for _ in models], progress).run("auto")
    predicted = np.empty((len(x), classes))
    for number, model in enumerate(models):
        rows = np.flatnonzero(fold == number)
        predicted[rows] = model.predict(x[rows], batch_size=1024, verbose=0)
    return predicted


def _loss_without(fold: int) -> Callable[[Any, Any], Any]:
    """Cross-entropy that is zero for the samples of a fold.

    Targets are `[sample, 2]`: the class, and the fold.
    """

    def held_out_loss(y_true: Any, y_pred: Any) -> Any:
        loss = keras.losses.sparse_categorical_crossentropy(y_true[:, 0], y_pred)
        return loss * ops.cast(ops.not_equal(y_true[:, 1], float(fold)), loss.dtype)

    return held_out_loss


def _model(shape: tuple[int, ...], classes: int, fold: int) -> keras.Model:
    def start(layer: int) -> keras.initializers.Initializer:
        # Seeds of their own, so that no state of the process is touched.
        return keras.initializers.GlorotUniform(seed=100 * fold + layer)

    layers: list[keras.layers.Layer] = [keras.Input(shape), keras.layers.Flatten()]
    for place, width in enumerate(UNITS):
        layers.append(keras.layers.Dense(width, "relu", kernel_initializer=start(place)))
        layers.append(keras.layers.Dropout(DROPOUT, seed=100 * fold + 50 + place))
    layers.append(keras.layers.Dense(classes, "softmax", kernel_initializer=start(len(UNITS))))
    model = keras.Sequential(layers)
    model.compile("adam", _loss_without(fold))
    return model
