"""The curves of the variants of a study, and the settings of its intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.data.inspection.learned import LearnedLayer
from kohort.data.inspection.overlap import Overlap
from kohort.data.labels import Majority
from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.curves.ends import carried, lowest_by_others, means_at_end, rise_after
from kohort.findings.statistics.interval import Interval, mean_interval
from kohort.findings.statistics.scale import POINTS, Scale
from kohort.findings.statistics.spreads import Spreads, spreads

WORSE_THRESHOLD = 0.25
"""A train loss that ends above its start by more than this, relative to the start, has diverged."""


@dataclass(frozen=True, eq=False)
class VariantCurves:
    """The curves of one variant, float64 `[replicate, epoch]`; NaN after a replicate's last epoch.

    Train and validation are both measured in inference mode at the end of the epoch. An error is
    the metric that scores, turned so that lower is better: for example 1 - accuracy, or a loss.

    Args:
        name: The variant's name.
        train_loss: Loss on the training part.
        valid_loss: Loss on the validation part.
        train_error: Error on the training part.
        valid_error: Error on the validation part.
        lengths: `[replicate]`, the epochs that each trained.
        planned_epochs: The epochs that each was to train; None where that is `lengths`.
        untrained_loss: Train loss of the model before its first step; NaN if unknown.
        parameters: The number of the model's weights; 0 if unknown.
        regularizer_count: Regularisers in the model: dropout, noise, penalties.
        untrained_in: By replicate's number, that of its own model, where it was measured.
        weighting: The weights of classes that it trains with, as text; "" without. Train errors of
            other weightings say nothing of what it can fit.
        running_loss: What training lowers: train loss in training mode, the mean over each epoch,
            with penalties and with the weights of classes; None where it is not known.
        only_right: `[replicate, 2]`, the parts of the validation samples that only its member gets
            right, and that only always answering the majority class does, by the weights that are
            kept; NaN in replicates, and None, where that is not known.
        lowest_loss: The lowest value that its losses can have; -infinity where none is known.
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
    untrained_in: Mapping[int, float] = field(default_factory=dict)
    weighting: str = ""
    running_loss: np.ndarray | None = field(default=None, repr=False)
    only_right: np.ndarray | None = field(default=None, repr=False)
    lowest_loss: float = -np.inf

    @cached_property
    def diverged(self) -> np.ndarray:
        """Whether a loss became NaN or infinite, or ended well above its start, `[replicate]`.

        The end is the mean of the last quarter of the epochs that the replicate trained. The start
        is the loss before training if it is known, or else that after the first epoch.
        """
        trained = np.arange(self.train_loss.shape[1]) < self.lengths[:, None]
        broken = ~(np.isfinite(self.train_loss) & np.isfinite(self.valid_loss)) & trained
        return np.asarray((broken.any(axis=1) | self._ended_above[0]) & (self.lengths > 0))

    @cached_property
    def misled(self) -> np.ndarray:
        """Whether it ended so, sound, in inference mode alone: training lowered it."""
        return np.asarray(self._ended_above[1] & ~self.diverged & (self.lengths > 0))

    @cached_property
    def _ended_above(self) -> tuple[np.ndarray, np.ndarray]:
        """Whether train loss ended well above its start: in both modes, in inference mode alone."""
        running = self.train_loss if self.running_loss is None else self.running_loss
        loss = running if self.weighting else self.train_loss
        epochs = np.arange(loss.shape[1])
        since = self.lengths - np.maximum(1, self.lengths // 4)
        ends = (epochs < self.lengths[:, None]) & (epochs >= since[:, None])
        first = loss[:, 0].copy()
        if loss is self.train_loss:
            first[:] = np.where(np.isnan(self.untrained_loss), first, self.untrained_loss)
            for replicate, known in self.untrained_in.items():
                first[replicate] = known
        with np.errstate(invalid="ignore"):  # infinities, which count as broken anyway
            ending, fallen = (
                np.where(ends, each, 0.0).sum(axis=1) / np.maximum(1, ends.sum(axis=1))
                for each in (loss, running)
            )
            above = ending > first + WORSE_THRESHOLD * np.abs(first)
            return above & ~(fallen < first), above & (fallen < first)

    @property
    def trained(self) -> int:
        """How many replicates trained: all, but where the variant left a race."""
        return int((self.lengths > 0).sum())

    @cached_property
    def sound(self) -> np.ndarray:
        """The replicates that trained and did not diverge, `[sound replicate]`."""
        return np.flatnonzero(~self.diverged & (self.lengths > 0))

    @cached_property
    def epochs(self) -> int:
        """The number of epochs that all sound replicates trained; 0 if there is none."""
        return int(self.lengths[self.sound].min()) if len(self.sound) else 0

    @cached_property
    def longest(self) -> int:
        """The number of epochs that some sound replicate trained; 0 if there is none."""
        return int(self.lengths[self.sound].max()) if len(self.sound) else 0

    @cached_property
    def best(self) -> int:
        """e*, the epoch (from 0) of lowest validation loss, averaged over sound replicates.

        A replicate that stopped earlier goes on with the loss of its last epoch: what it came to
        by then is what it comes to.
        """
        return int(np.argmin(self._carried.mean(axis=0)))

    @property
    def _carried(self) -> np.ndarray:
        return carried(self.valid_loss, self.sound, self.lengths)

    @cached_property
    def best_by_others(self) -> np.ndarray:
        """For each sound replicate the e* (from 0) of its `choosers`, `[sound replicate]`.

        The minimum of noisy values is biased downwards; the epoch that others choose is free of
        this bias. A replicate that is alone gets its e*, one that stopped before that of its
        choosers its last epoch.
        """
        return lowest_by_others(self._carried, self.lengths[self.sound])

    @property
    def was_stopped(self) -> bool:
        """Whether a sound replicate ended before its planned epochs."""
        # Replicates that diverged do not count: TerminateOnNaN may have stopped them.
        lengths = self.lengths[self.sound]
        return self.planned_epochs is not None and bool((lengths < self.planned_epochs).any())

    @property
    def last(self) -> int:
        """T, the last epoch (from 0) that some sound replicate trained."""
        return self.longest - 1

    def first(self, replicates: int) -> "VariantCurves":
        """The same in its first replicates."""
        return replace(
            self,
            train_loss=self.train_loss[:replicates],
            valid_loss=self.valid_loss[:replicates],
            train_error=self.train_error[:replicates],
            valid_error=self.valid_error[:replicates],
            lengths=self.lengths[:replicates],
            untrained_in={r: loss for r, loss in self.untrained_in.items() if r < replicates},
            running_loss=None if self.running_loss is None else self.running_loss[:replicates],
            only_right=None if self.only_right is None else self.only_right[:replicates],
        )

    def at_best(self, curve: np.ndarray) -> np.ndarray:
        """A curve `[replicate, epoch]` at the e* of `best_by_others`, `[replicate]`.

        NaN for replicates that are not sound.
        """
        values = np.full(len(self.lengths), np.nan)
        if len(self.sound):
            values[self.sound] = curve[self.sound, self.best_by_others]
        return values

    @cached_property
    def loss_at_best(self) -> np.ndarray:
        """The validation loss at the e* of `best_by_others`, `[replicate]`; NaN if unsound."""
        return self.at_best(self.valid_loss)

    def rise(self) -> np.ndarray:
        """By how many percent validation loss ends above that at e*, `[replicate]`.

        As in `rise_after`, each to the end of its own epochs; NaN for replicates that are not
        sound.
        """
        values = np.full(len(self.lengths), np.nan)
        best_of = self.best_by_others if len(self.sound) else ()
        for replicate, best in zip(self.sound, best_of, strict=True):
            loss = self.valid_loss[replicate, : self.lengths[replicate]]
            values[replicate] = rise_after(loss, best)
        return values

    def at_epoch(self, curve: np.ndarray, epoch: int) -> np.ndarray:
        """A curve at one epoch (from 0), or the last one before it, `[sound replicate]`."""
        values: np.ndarray = curve[self.sound, np.minimum(epoch, self.lengths[self.sound] - 1)]
        return values

    def at_end(self, curve: np.ndarray, *, after: int = -1) -> np.ndarray:
        """The mean of a curve over its end, `[replicate]`; NaN if unsound.

        Args:
            curve: `[replicate, epoch]`.
            after: An epoch (from 0): the end is only what comes after it, the last one at least.
        """
        return means_at_end(curve, self.sound, self.lengths, after=after)


@dataclass(frozen=True, eq=False)
class StudyCurves:
    """The curves of all variants of a study, and the settings of its intervals.

    Args:
        variants: The curves of each; replicate r of one is paired with replicate r of another. The
            first is the baseline.
        confidence: Of all intervals.
        test_to_train: As in `mean_interval`.
        scale: The scale of the errors.
        margin: The smallest difference of practical interest, in the unit of the errors.
        additions: Pairs `(a, b)` of variant numbers where b is a with something added.
        one_loss: The pairs of these that have the same loss and the same epochs to train.
        overlap: Copies in the data; None if they were not searched.
        kind: What its replicates are: "seeds" on one split, "splits" with a seed each, or "folds".
        valid_samples: Validation samples of a replicate; None if unknown.
        majority: The majority class; None where the errors are no shares of wrong classes.
        constant: What one answer for all samples scores; None where that is not known.
        weighs_answers: Whether the errors are shares of wrong classes, but of weighted samples.
        group_size: Samples in the group of a sample, on average; 1 where samples are in no groups.
        looks: Of a race, the replicates that each look sees; empty for a study that is no race. A
            variant that left has length 0 in the replicates that it did not train.
        share: The part of the error rate that may be spent: less than 1 at a look of a race.
        learned: The layers of its models that learned from data; None if nobody looked.
        told: What single inputs tell of targets; empty if nobody looked.
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
    majority: Majority | None = None
    group_size: float = 1.0
    looks: tuple[int, ...] = ()
    share: float = 1.0
    learned: tuple[LearnedLayer, ...] | None = None
    told: tuple[ToldAlone, ...] = ()
    constant: ConstantAnswer | None = None
    weighs_answers: bool = False

    @property
    def draws_samples(self) -> bool:
        """Whether validation samples differ between replicates, as in splits and folds."""
        return self.kind != "seeds"

    @cached_property
    def errors(self) -> np.ndarray:
        """Validation errors at e*, float64 `[variant, replicate]`; NaN for replicates not sound."""
        return np.array([curves.at_best(curves.valid_error) for curves in self.variants])

    def finite_errors(self, name: str) -> np.ndarray:
        """Those of the variant of a name that are finite, `[replicate]`."""
        number = next(n for n, curves in enumerate(self.variants) if curves.name == name)
        errors: np.ndarray = self.errors[number]
        return errors[np.isfinite(errors)]

    @property
    def confidence_of_all(self) -> float:
        """Of each interval, for those of all variants that have errors to hold (Bonferroni)."""
        return 1 - (1 - self.confidence) / int(np.isfinite(self.errors).any(axis=1).sum())

    @cached_property
    def means(self) -> np.ndarray:
        """The means of these over sound replicates, `[variant]`; NaN where there is none."""
        return np.array([self.interval(errors).mean for errors in self.errors])

    @cached_property
    def train_ends(self) -> np.ndarray:
        """Train errors at the end, float64 `[variant, replicate]`; NaN for replicates not sound."""
        return np.array([curves.at_end(curves.train_error) for curves in self.variants])

    @cached_property
    def candidates(self) -> np.ndarray:
        """The numbers of the variants that may be the best, `[candidate]`.

        Those that lost no replicate to divergence, while there are any; else those that have one.
        """
        whole = np.isfinite(self.errors).all(axis=1)
        return np.flatnonzero(whole if whole.any() else np.isfinite(self.errors).any(axis=1))

    @cached_property
    def lowest(self) -> int | None:
        """The number of the candidate of lowest mean validation error at e*; None without any."""
        numbers = self.candidates
        if not len(numbers):
            return None
        return int(numbers[np.argmin(np.nanmean(self.errors[numbers], axis=1))])

    @property
    def at_first_look(self) -> "StudyCurves":
        """The replicates that all variants of a race were to train; the study, if it is no race."""
        if not self.looks:
            return self
        variants = tuple(curves.first(self.looks[0]) for curves in self.variants)
        return replace(self, variants=variants, looks=())

    def samples_behind(self, replicates: int, *, of_groups: bool = True) -> float:
        """How many independent samples tell as much as the mean over some replicates.

        Samples of one group may be right or wrong together: groups are counted, of the size that
        the group of a sample has on average, or, without `of_groups`, samples all the same.
        The variance of a proportion that is averaged over replicates comes from the samples that
        they hold out. On one split (seeds) these are the same each time. Folds hold out each
        sample once. Of several splits any two share samples by chance: of the pairs of draws that
        make the mean, one in `replicates * valid_samples` is of one sample with itself in one
        replicate, and one in all training samples of it in two.
        """
        held_out = (self.valid_samples or 0) / (self.group_size if of_groups else 1.0)
        if self.kind == "seeds" or not held_out or not self.test_to_train:
            return held_out
        everything = held_out + held_out / self.test_to_train
        if self.kind == "folds":
            return min(replicates * held_out, everything)
        again = (replicates - 1) / (replicates * everything)
        return 1 / (1 / (replicates * held_out) + again)

    def number(self, curves: VariantCurves) -> int:
        """The number of one of the variants."""
        return next(n for n, c in enumerate(self.variants) if c is curves)

    @cached_property
    def spreads(self) -> Spreads:
        """The spreads of the differences of these errors, with help from all variants."""
        return spreads(self.errors)

    def interval(self, values: np.ndarray) -> Interval:
        """The interval of the mean of values `[replicate]`."""
        return mean_interval(values, confidence=self.confidence, test_to_train=self.test_to_train)
