"""The noise of training curves: how it is measured, and what it was in two real studies."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Part:
    """The noise of one measured quantity, relative to its mean on validation data.

    Args:
        shared: Standard deviation of what a replicate does to all variants alike.
        individual: Of what it does to one variant.
        epoch: Of what differs from epoch to epoch.
        autocorrelation: Of the latter, from one epoch to the next.
    """

    shared: float
    individual: float
    epoch: float
    autocorrelation: float


@dataclass(frozen=True)
class Noise:
    """The noise of the four curves that rules see."""

    train_loss: Part
    valid_loss: Part
    train_error: Part
    valid_error: Part


def measure(curves: pd.DataFrame) -> Noise:
    """The noise of a classification study that has an accuracy.

    Deviations are from the mean over replicates, variant by variant and epoch by epoch, from the
    second quarter of the epochs on: before, curves fall too steeply to be alike. They are relative
    to that mean on validation data, for training data as well: of an error near zero any change is
    relatively large. Epoch noise is told from what lasts by differences over one epoch and over
    two. Of variants the median counts.

    Args:
        curves: Tidy, as `Result.curves()` gives them, of variants that all trained to the end.
    """
    metrics = ("eval_data_loss", "val_data_loss", "eval_accuracy", "val_accuracy")
    values = {metric: _array(curves[curves["metric"] == metric]) for metric in metrics}
    loss, error = values["val_data_loss"], 1 - values["val_accuracy"]
    return Noise(
        train_loss=_part(values["eval_data_loss"], loss),
        valid_loss=_part(loss, loss),
        train_error=_part(1 - values["eval_accuracy"], error),
        valid_error=_part(error, error),
    )


def _array(rows: pd.DataFrame) -> np.ndarray:
    """`[variant, replicate, epoch]`."""
    keys = ["variant", "replicate", "epoch"]
    values = rows.sort_values(keys)["value"].to_numpy(float)
    return values.reshape([rows[key].nunique() for key in keys])


def _part(values: np.ndarray, on_validation: np.ndarray) -> Part:
    off = (values - values.mean(axis=1, keepdims=True)) / on_validation.mean(axis=1, keepdims=True)
    replicates = off.shape[1]
    # What is taken from its own mean over n replicates has lost a part 1 / n of its variance.
    off = off[:, :, off.shape[2] // 4 :] * np.sqrt(replicates / (replicates - 1))
    once, twice = (_median_variance(off[..., lag:] - off[..., :-lag]) for lag in (1, 2))
    autocorrelation = float(np.clip(twice / once - 1, 0.0, 0.95))
    epoch = once / (2 * (1 - autocorrelation))
    level = off.mean(axis=2)
    shared = level.mean(axis=0)
    individual = _median_variance(level - shared) * len(off) / (len(off) - 1)
    individual -= epoch * _share_of_a_mean(off.shape[2], autocorrelation)
    return Part(
        _deviation(float(np.mean(shared**2))),
        _deviation(individual),
        _deviation(epoch),
        round(autocorrelation, 2),
    )


def _deviation(variance: float) -> float:
    return round(float(np.sqrt(max(0.0, variance))), 4)


def _median_variance(values: np.ndarray) -> float:
    """Over all axes but the first; then the median over the first."""
    return float(np.median((values**2).reshape(len(values), -1).mean(axis=1)))


def _share_of_a_mean(epochs: int, autocorrelation: float) -> float:
    """The variance of a mean of autocorrelated values, relative to that of one of them."""
    lags = np.abs(np.subtract.outer(np.arange(epochs), np.arange(epochs)))
    return float((autocorrelation**lags).mean())


# The built-in study on the letters: 8 variants, 6 replicates by Holdout(0.2), 12 epochs.
LETTERS = Noise(
    train_loss=Part(shared=0.027, individual=0.019, epoch=0.052, autocorrelation=0.02),
    valid_loss=Part(shared=0.108, individual=0.035, epoch=0.059, autocorrelation=0.0),
    train_error=Part(shared=0.029, individual=0.014, epoch=0.082, autocorrelation=0.0),
    valid_error=Part(shared=0.110, individual=0.016, epoch=0.078, autocorrelation=0.0),
)
# The same variants on notMNIST_small: 5 replicates by Holdout(0.2), 20 epochs.
NOTMNIST = Noise(
    train_loss=Part(shared=0.006, individual=0.007, epoch=0.013, autocorrelation=0.0),
    valid_loss=Part(shared=0.075, individual=0.026, epoch=0.032, autocorrelation=0.11),
    train_error=Part(shared=0.006, individual=0.008, epoch=0.022, autocorrelation=0.0),
    valid_error=Part(shared=0.028, individual=0.019, epoch=0.038, autocorrelation=0.2),
)
