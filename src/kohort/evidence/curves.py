"""Curves: the measurements by variant, replicate, epoch and metric."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Curves:
    """All numbers that were measured in training; NaN where there is none.

    Args:
        variants: Names, in the order of the first axis.
        metrics: Names as Keras logs them, in the order of the last axis.
        values: float64 `[variant, replicate, epoch, metric]`.
        lengths: int64 `[variant, replicate]`, the epochs that each member trained.
        logged: bool, in the shape of `values`: which of them members told, also where that is NaN;
            None where they told all metrics in each epoch that they trained.
    """

    variants: tuple[str, ...]
    metrics: tuple[str, ...]
    values: np.ndarray
    lengths: np.ndarray
    logged: np.ndarray | None = None

    def of(self, metric: str) -> np.ndarray:
        """One metric, float64 `[variant, replicate, epoch]`."""
        return self.values[..., self.metrics.index(metric)]

    @property
    def trained(self) -> np.ndarray:
        """How many replicates of each variant were trained, int64 `[variant]`."""
        counts: np.ndarray = (self.lengths > 0).sum(axis=1)
        return counts

    def first(self, replicates: int) -> "Curves":
        """The curves of the first replicates."""
        values, lengths = self.values[:, :replicates], self.lengths[:, :replicates]
        logged = None if self.logged is None else self.logged[:, :replicates]
        return Curves(self.variants, self.metrics, values, lengths, logged)

    @cached_property
    def told(self) -> np.ndarray:
        """Which of the values members told, bool `[variant, replicate, epoch, metric]`."""
        trained = np.arange(self.values.shape[2]) < self.lengths[..., None]
        every = np.broadcast_to(trained[..., None], self.values.shape)
        return every if self.logged is None else every & self.logged

    def tidy(self) -> pd.DataFrame:
        """One row per variant, replicate, epoch (from 1) and metric, with its value.

        Epochs that a member did not train have no rows, and neither have metrics that its model
        does not have.
        """
        variant, replicate, epoch, metric = np.nonzero(self.told)
        return pd.DataFrame(
            {
                "variant": pd.Categorical.from_codes(variant, categories=pd.Index(self.variants)),
                "replicate": replicate,
                "epoch": epoch + 1,
                "metric": pd.Categorical.from_codes(metric, categories=pd.Index(self.metrics)),
                "value": self.values[variant, replicate, epoch, metric],
            }
        )


class SharedRecorder:
    """Collects curves, separately for each part of the samples that members train on.

    Args:
        variants: Names of the variants.
        replicates: Number of replicates.
        epochs: The largest number of epochs.
        shares: The parts.
    """

    def __init__(
        self, variants: tuple[str, ...], replicates: int, epochs: int, shares: Iterable[float]
    ) -> None:
        self._recorders = {
            share: CurvesRecorder(variants, replicates, epochs) for share in sorted(set(shares))
        }

    def record(
        self, share: float, variant: int, replicate: int, epoch: int, logs: dict[str, float]
    ) -> None:
        """Record the logs of one member after one epoch (from 0)."""
        self._recorders[share].record(variant, replicate, epoch, logs)

    def curves(self) -> dict[float, Curves]:
        """The curves so far, by the part of the samples."""
        return {share: recorder.curves() for share, recorder in self._recorders.items()}


class CurvesRecorder:
    """Collects curves while members train.

    Args:
        variants: Names of the variants.
        replicates: Number of replicates.
        epochs: The largest number of epochs.
    """

    def __init__(self, variants: tuple[str, ...], replicates: int, epochs: int) -> None:
        self._variants = variants
        self._shape = (len(variants), replicates, epochs)
        self._values: dict[str, np.ndarray] = {}
        self._logged: dict[str, np.ndarray] = {}
        self._lengths = np.zeros((len(variants), replicates), int)

    def record(self, variant: int, replicate: int, epoch: int, logs: dict[str, float]) -> None:
        """Record the logs of one member after one epoch (from 0)."""
        self._lengths[variant, replicate] = epoch + 1
        for metric, value in logs.items():
            if metric not in self._values:
                self._values[metric] = np.full(self._shape, np.nan)
                self._logged[metric] = np.zeros(self._shape, bool)
            self._logged[metric][variant, replicate, epoch] = True
            # Keras's F1Score of one output gives an array of one number.
            self._values[metric][variant, replicate, epoch] = np.reshape(value, ())

    def curves(self) -> Curves:
        """The curves so far."""
        metrics = tuple(sorted(self._values))
        if not metrics:
            return Curves(self._variants, (), np.zeros((*self._shape, 0)), self._lengths.copy())
        values, logged = (
            np.stack([kept[metric] for metric in metrics], axis=-1)
            for kept in (self._values, self._logged)
        )
        return Curves(self._variants, metrics, values, self._lengths.copy(), logged)
