"""What a rule sees, and what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from kohort.findings.interval import Interval, mean_interval

type Evidence = Mapping[str, float | Interval]
type Verdict = Literal["found", "not found", "inconclusive", "not applicable"]


@dataclass(frozen=True)
class Finding:
    """One stated conclusion about a variant.

    Args:
        code: Stable, such as "KH101".
        title: The code in a word.
        variant: Whom it is about.
        verdict: "found", "not found", "inconclusive" or "not applicable".
        evidence: The numbers that the verdict stands on, by name.
        sentence: The conclusion in words.
        advice: What follows from it; empty where nothing does.
    """

    code: str
    title: str
    variant: str
    verdict: Verdict
    evidence: Evidence
    sentence: str
    advice: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule, as the diagnosis applies it and as its documentation tells it.

    Args:
        code: Stable, such as "KH101".
        title: The code in a word.
        rule: The rule in words, its thresholds filled in.
        why: Why it matters.
        judge: The rule itself, over one variant in its study.
        source: Where the rule comes from.
    """

    code: str
    title: str
    rule: str
    why: str
    judge: Callable[["VariantCurves", "StudyCurves"], Finding]
    source: str = "the project's own rule"

    def finding(
        self,
        variant: str,
        verdict: Verdict,
        sentence: str,
        evidence: Evidence | None = None,
        advice: str = "",
    ) -> Finding:
        """A finding of this rule."""
        return Finding(self.code, self.title, variant, verdict, evidence or {}, sentence, advice)


WORSE_THRESHOLD = 0.1
"""How far above its first value, relative to it, a train loss must end to count as diverged."""


@dataclass(frozen=True, eq=False)
class VariantCurves:
    """The curves of one variant, each `[replicate, epoch]`; NaN after a replicate's last epoch.

    Train and validation are both measured in inference mode at the end of the epoch.

    Args:
        name: The variant's name.
        train_loss: Loss on the training part.
        valid_loss: Loss on the validation part.
        train_error: 1 - accuracy, or None where no accuracy is measured.
        valid_error: Likewise.
        lengths: `[replicate]`, the epochs that each trained.
        planned_epochs: The epochs that each was to train; None where that is `lengths`.
    """

    name: str
    train_loss: np.ndarray
    valid_loss: np.ndarray
    train_error: np.ndarray | None
    valid_error: np.ndarray | None
    lengths: np.ndarray
    planned_epochs: int | None = None

    @cached_property
    def diverged(self) -> np.ndarray:
        """`[replicate]`, whether a loss became NaN or infinite, or ended well above its start."""
        trained = np.arange(self.train_loss.shape[1]) < self.lengths[:, None]
        broken = ~(np.isfinite(self.train_loss) & np.isfinite(self.valid_loss)) & trained
        last = self.train_loss[np.arange(len(self.lengths)), self.lengths - 1]
        first = self.train_loss[:, 0]
        with np.errstate(invalid="ignore"):  # infinities, which are broken anyway
            worse = last > first + WORSE_THRESHOLD * np.abs(first)
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

    @property
    def last(self) -> int:
        """T, the last epoch (from 0) that all sound replicates trained."""
        return self.epochs - 1

    def at(self, curve: np.ndarray, epoch: int) -> np.ndarray:
        """`[sound replicate]`, a curve at one epoch."""
        values: np.ndarray = curve[self.sound, epoch]
        return values


@dataclass(frozen=True, eq=False)
class StudyCurves:
    """All variants of a study, and what its intervals need.

    Args:
        variants: The curves of each; replicate r of one is paired with replicate r of another.
        confidence: Of all intervals.
        test_to_train: As in `mean_interval`.
    """

    variants: tuple[VariantCurves, ...]
    confidence: float = 0.95
    test_to_train: float = 0.0

    def interval(self, values: np.ndarray) -> Interval:
        """The interval of a mean over replicates."""
        return mean_interval(values, confidence=self.confidence, test_to_train=self.test_to_train)


def too_few(rule: Rule, curves: VariantCurves) -> Finding | None:
    """The finding where fewer than two sound replicates leave nothing to form an interval from."""
    if len(curves.sound) >= 2:
        return None
    if len(curves.sound) == 0:
        return rule.finding(
            curves.name, "not applicable", f"{curves.name}: no replicate trained to the end."
        )
    return rule.finding(
        curves.name,
        "inconclusive",
        f"{curves.name}: one sound replicate gives no interval.",
        advice="Run at least 3 replicates.",
    )


def shown(interval: Interval, unit: str, scale: float = 1.0, digits: int = 1) -> str:
    """An interval in words: `3.1 points (95 % ...)` without the percentage, which stands above."""
    mean, low, high = (
        f"{scale * bound:z.{digits}f}" for bound in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} {unit} ({low} to {high})"
