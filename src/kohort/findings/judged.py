"""What a rule sees: the curves of the variants of a study, and what its intervals need."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kohort.data.copies import Overlap
from kohort.findings.statistics.interval import Interval, mean_interval
from kohort.findings.statistics.scale import POINTS, Scale

WORSE_THRESHOLD = 0.25
"""How far above where it began, relative to that, a train loss must end to count as diverged."""


@dataclass(frozen=True, eq=False)
class VariantCurves:
    """The curves of one variant, each `[replicate, epoch]`; NaN after a replicate's last epoch.

    Train and validation are both measured in inference mode at the end of the epoch. An error is
    what the variants are judged by, turned so that lower is better: 1 - accuracy, say, or a loss.

    Args:
        name: The variant's name.
        train_loss: Loss on the training part.
        valid_loss: Loss on the validation part.
        train_error: Error on the training part.
        valid_error: Error on the validation part.
        lengths: `[replicate]`, the epochs that each trained.
        planned_epochs: The epochs that each was to train; None where that is `lengths`.
        untrained_loss: Train loss of the model before its first step; NaN where nobody measured.
        parameters: Numbers in the model's weights; 0 where nobody counted.
        regularizer_count: Parts of the model that regularise it: dropout, noise, penalties.
    """

    name: str
    train_loss: np.ndarray = field(repr=False)
    valid_loss: np.ndarray = field(repr=False)
    train_error: np.ndarray = field(repr=False)
    valid_error: np.ndarray = field(repr=False)
    lengths: np.ndarray
    planned_epochs: int | None = None
    untrained_loss: float = float("nan")
    parameters: int = 0
    regularizer_count: int = 0

    @cached_property
    def diverged(self) -> np.ndarray:
        """`[replicate]`, whether a loss became NaN or infinite, or ended well above its start.

        The end is the mean of the last quarter of the replicate's own epochs; the start the loss
        before training, where it is known, else that after the first epoch.
        """
        trained = np.arange(self.train_loss.shape[1]) < self.lengths[:, None]
        broken = ~(np.isfinite(self.train_loss) & np.isfinite(self.valid_loss)) & trained
        start = self.lengths - np.maximum(1, self.lengths // 4)
        ends = trained & (np.arange(trained.shape[1]) >= start[:, None])
        first = self.train_loss[:, 0] if np.isnan(self.untrained_loss) else self.untrained_loss
        with np.errstate(invalid="ignore"):  # infinities, which are broken anyway
            ending = np.where(ends, self.train_loss, 0.0).sum(axis=1) / np.maximum(
                1, ends.sum(axis=1)
            )
            worse = ending > first + WORSE_THRESHOLD * np.abs(first)
        diverged: np.ndarray = broken.any(axis=1) | worse
        return diverged

    @cached_property
    def sound(self) -> np.ndarray:
        """`[sound replicate]`, the replicates that trained and did not diverge."""
        return np.flatnonzero(~self.diverged & (self.lengths > 0))

    @cached_property
    def epochs(self) -> int:
        """The epochs that all sound replicates trained; 0 where there is none."""
        return int(self.lengths[self.sound].min()) if len(self.sound) else 0

    @cached_property
    def best(self) -> int:
        """e*, the epoch (from 0) of lowest validation loss, averaged over sound replicates."""
        return int(np.argmin(self.valid_loss[self.sound, : self.epochs].mean(axis=0)))

    @cached_property
    def best_by_others(self) -> np.ndarray:
        """`[sound replicate]`, for each the e* (from 0) of all others; its own where it is alone.

        The lowest of several noisy values lies below what it measures. An epoch that the other
        replicates choose has no such luck in this one.
        """
        loss = self.valid_loss[self.sound, : self.epochs]
        others = loss.sum(axis=0) - loss if len(loss) > 1 else loss
        chosen: np.ndarray = np.argmin(others, axis=1)
        return chosen

    @property
    def was_stopped(self) -> bool:
        """Whether a sound replicate ended before its planned epochs."""
        # Of those that diverged, nothing is said; TerminateOnNaN may have stopped them.
        lengths = self.lengths[self.sound]
        return self.planned_epochs is not None and bool((lengths < self.planned_epochs).any())

    @property
    def last(self) -> int:
        """T, the last epoch (from 0) that all sound replicates trained."""
        return self.epochs - 1

    @property
    def end(self) -> slice:
        """The last quarter of the epochs, one at least: what is said of the end is a mean of it.

        A single epoch is chance: equal trainings that round differently part after some epochs.
        """
        return slice(self.epochs - max(1, self.epochs // 4), self.epochs)

    def at_best(self, curve: np.ndarray) -> np.ndarray:
        """`[replicate]`, a curve at the e* of the other replicates; NaN for those not sound."""
        values = np.full(len(self.lengths), np.nan)
        if len(self.sound):
            values[self.sound] = curve[self.sound, self.best_by_others]
        return values

    def rise(self) -> np.ndarray:
        """`[replicate]`, %, by which validation loss ends above that at e*; NaN for unsound ones.

        Prechelt's generalisation loss (1998, Early Stopping - But When?, section 2.1) between two
        strips of epochs. The end is the mean over the last quarter of the epochs, as far as it is
        after e*: before it losses still fall, and would pass for a rise. Where that quarter has
        several epochs, the loss at e* is the median of those at e* and the epochs next to it: the
        lowest of many noisy values lies below what it measures, and in all replicates at once
        where they agree on e*; the median does not tell by how much. 0 where e* is the last
        epoch; NaN too where the loss at e* is not above zero.
        """
        values = np.full(len(self.lengths), np.nan)
        best_of = self.best_by_others if len(self.sound) else ()
        near = 1 if self.end.stop - self.end.start > 1 else 0
        for replicate, best in zip(self.sound, best_of, strict=True):
            loss = self.valid_loss[replicate, : self.epochs]
            lowest = float(np.median(loss[max(best - near, 0) : best + near + 1]))
            if lowest > 0:
                ending = loss[max(best + 1, self.end.start) :] if best < self.last else lowest
                values[replicate] = 100 * (np.mean(ending) / lowest - 1)
        return values

    def at_end(self, curve: np.ndarray) -> np.ndarray:
        """`[replicate]`, the mean of a curve over the end; NaN for those not sound."""
        values = np.full(len(self.lengths), np.nan)
        if len(self.sound):
            values[self.sound] = curve[self.sound, self.end].mean(axis=1)
        return values


@dataclass(frozen=True, eq=False)
class StudyCurves:
    """All variants of a study, and what its intervals need.

    Args:
        variants: The curves of each; replicate r of one is paired with replicate r of another. The
            first is the baseline.
        confidence: Of all intervals.
        test_to_train: As in `mean_interval`.
        scale: How errors are told.
        margin: The smallest difference of practical interest, in the unit of the errors.
        additions: Pairs `(a, b)` of variant numbers where b is a with something added.
        one_loss: Those of these pairs that have the same loss and the same epochs to train.
        overlap: What was found of copies; None where nobody looked.
        kind: What its replicates are: "seeds" on one split, "splits" with a seed each, or "folds".
        valid_samples: Those that a replicate validates on; None where nobody told.
    """

    variants: tuple[VariantCurves, ...]
    confidence: float = 0.95
    test_to_train: float = 0.0
    scale: Scale = POINTS
    margin: float = 0.01
    additions: tuple[tuple[int, int], ...] = ()
    one_loss: tuple[tuple[int, int], ...] = ()
    overlap: Overlap | None = None
    kind: str = "seeds"
    valid_samples: int | None = None

    @property
    def draws_samples(self) -> bool:
        """Whether each replicate validates on samples drawn anew: splits and folds do."""
        return self.kind != "seeds"

    @cached_property
    def errors(self) -> np.ndarray:
        """`[variant, replicate]`, validation error at e*; NaN for replicates that are not sound."""
        return np.array([curves.at_best(curves.valid_error) for curves in self.variants])

    def interval(self, values: np.ndarray) -> Interval:
        """The interval of a mean over replicates."""
        return mean_interval(values, confidence=self.confidence, test_to_train=self.test_to_train)
