"""The noise of training curves: how it is measured, and what it was in two real studies."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Part:
    """The noise of one measured quantity, relative to its mean over replicates.

    Args:
        shared: Standard deviation of what a replicate does to all variants alike.
        own: Of what it does to one variant.
        epoch: Of what differs from epoch to epoch.
        autocorrelation: Of the latter, from one epoch to the next.
    """

    shared: float
    own: float
    epoch: float
    autocorrelation: float


@dataclass(frozen=True)
class Noise:
    """The noise of the four curves that rules see."""

    train_loss: Part
    valid_loss: Part
    train_error: Part
    valid_error: Part


_METRICS = {
    "train_loss": "eval_data_loss",
    "valid_loss": "val_data_loss",
    "train_error": "eval_accuracy",
    "valid_error": "val_accuracy",
}


def measure(curves: pd.DataFrame) -> Noise:
    """The noise of a classification study that has an accuracy.

    Values are taken relative to their mean over replicates, variant by variant and epoch by
    epoch, from the second quarter of the epochs on: before, curves fall too steeply to be alike.
    Epoch noise is told from what lasts by differences over one epoch and over two. Of variants
    the median counts, since of an error near zero any change is relatively large.

    Args:
        curves: Tidy, as `Result.curves()` gives them, of variants that all trained to the end.
    """
    parts = {}
    for name, metric in _METRICS.items():
        values = _array(curves[curves["metric"] == metric])
        parts[name] = _part(1 - values if name.endswith("error") else values)
    return Noise(**parts)


def _array(rows: pd.DataFrame) -> np.ndarray:
    """`[variant, replicate, epoch]`."""
    keys = ["variant", "replicate", "epoch"]
    values = rows.sort_values(keys)["value"].to_numpy(float)
    return values.reshape([rows[key].nunique() for key in keys])


def _part(values: np.ndarray) -> Part:
    later = values[:, :, values.shape[2] // 4 :]
    replicates, epochs = later.shape[1:]
    mean = later.mean(axis=1, keepdims=True)
    # What is taken from its own mean over n replicates has lost a part 1 / n of its variance.
    off = (later / mean - 1) * np.sqrt(replicates / (replicates - 1))
    once, twice = (_median_variance(off[..., lag:] - off[..., :-lag]) for lag in (1, 2))
    autocorrelation = float(np.clip(twice / once - 1, 0.0, 0.95))
    epoch = once / (2 * (1 - autocorrelation))
    lasting = off.mean(axis=2)
    shared = lasting.mean(axis=0)
    own = _median_variance(lasting - shared) * len(off) / (len(off) - 1)
    own -= epoch * _share_of_a_mean(epochs, autocorrelation)
    return Part(
        _deviation(float(np.mean(shared**2))),
        _deviation(own),
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


LETTERS = Noise(
    train_loss=Part(0.02, 0.03, 0.05, 0.3),
    valid_loss=Part(0.03, 0.03, 0.03, 0.3),
    train_error=Part(0.03, 0.05, 0.1, 0.3),
    valid_error=Part(0.04, 0.03, 0.04, 0.3),
)
NOTMNIST = LETTERS
