"""Two models on the same test samples: how right and how sure they are, and what they cost."""

from dataclasses import dataclass

import pandas as pd

from kohort.findings.probabilities.calibration import Calibration
from kohort.findings.statistics.interval import Interval, mean_interval
from kohort.findings.statistics.proportion import PairedProportions, paired_proportions
from kohort.findings.statistics.scale import Scale, percent
from kohort.keras_api.cost import Cost
from kohort.report import words
from kohort.report.held_out import HeldOut
from kohort.report.tested_scores import TestScore


@dataclass(frozen=True, eq=False)
class TestedModel:
    """A model on the test set.

    Args:
        name: What it is called.
        found: Its answers where targets are classes; else its score.
        cost: What it costs.
    """

    name: str
    found: HeldOut | TestScore
    cost: Cost


@dataclass(frozen=True, eq=False)
class SideBySide:
    """A model beside the winner's single member, on the same test samples. `print` tells it.

    Intervals are over test samples, and hold for these two trained models: not for another
    training of either. The test set chose neither.

    Args:
        single: The winner's member of lowest validation loss.
        other: The other model.
        scale: The scale of the metric that scores.
        confidence: Of intervals.
        note: What else to know of the other model, in a sentence.
    """

    single: TestedModel
    other: TestedModel
    scale: Scale
    confidence: float
    note: str

    @property
    def accuracies(self) -> PairedProportions | None:
        """The other's accuracy (`b`) less the single one's (`a`), paired over samples.

        None where targets are no classes.
        """
        if (held := self._held) is None:
            return None
        return paired_proportions(held[0].right, held[1].right, self.confidence)

    @property
    def losses(self) -> Interval | None:
        """The other's log loss less the single one's, paired over samples: Student's t.

        None where targets are no classes.
        """
        if (held := self._held) is None:
            return None
        return mean_interval(
            held[1].known_losses - held[0].known_losses, confidence=self.confidence
        )

    @property
    def scores(self) -> Interval | None:
        """The other's score less the single one's, paired over samples; None for classes."""
        single, other = self.single.found, self.other.found
        if isinstance(single, HeldOut) or isinstance(other, HeldOut):
            return None
        return other.less(single, self.confidence)

    @property
    def _held(self) -> tuple[HeldOut, HeldOut] | None:
        single, other = self.single.found, self.other.found
        if isinstance(single, HeldOut) and isinstance(other, HeldOut):
            return single, other
        return None

    def table(self) -> pd.DataFrame:
        """A row for each of the two models.

        Columns: the score on the test set with its interval (`test_accuracy`, `low`, `high`); of
        classes also `balanced_accuracy`, `log_loss`, the calibration error `ece` and what chance
        makes of it, `ece_by_chance` (exceeded in 5 % of cases by a calibrated model); `parameters`;
        `milliseconds` of a prediction for a batch of 1,000 rows, and `megabytes` of the file.
        """
        rows = [_row(model) for model in (self.single, self.other)]
        return pd.DataFrame(rows).set_index("model")

    def __str__(self) -> str:
        found = self._on_scores() if self._held is None else self._on_classes(*self._held)
        return " ".join([found, self._costs(), self.note])

    def _on_classes(self, single: HeldOut, other: HeldOut) -> str:
        paired, losses = self.accuracies, self.losses
        assert paired is not None
        assert losses is not None
        points = [100 * bound for bound in _bounds(paired.difference)]
        return (
            f"Of {paired.difference.n:,} test samples {self.other.name} is right for "
            f"{percent(other.accuracy)}, the single model, {self.single.name}, for "
            f"{percent(single.accuracy)}: {points[0]:+z.1f} points ({points[1]:+z.1f} to "
            f"{points[2]:+z.1f}). It is right about {paired.only_b:,} of which the single model is "
            f"not, and wrong about {paired.only_a:,} of which that is right; McNemar's exact p "
            f"{words.p_value(paired.difference.p_value)}. Its log loss is "
            f"{other.known_losses.mean():.4f} against {single.known_losses.mean():.4f}: "
            f"{_change(losses)}. Its calibration error is {_calibrated(other.calibration)} against "
            f"{_calibrated(single.calibration)}."
        )

    def _on_scores(self) -> str:
        single, other, difference = self.single.found, self.other.found, self.scores
        assert isinstance(single, TestScore)
        assert isinstance(other, TestScore)
        assert difference is not None
        write = self.scale.score
        return (
            f"On {other.score.n:,} test samples {self.other.name} scores {write(other.score)} by "
            f"{self.scale.metric}, the single model, {self.single.name}, {write(single.score)}: "
            f"{_change(difference)}."
        )

    def _costs(self) -> str:
        one, two = self.single.cost, self.other.cost
        return (
            f"It has {two.parameters:,} parameters against {one.parameters:,}, takes "
            f"{two.milliseconds:.3g} ms for 1,000 rows against {one.milliseconds:.3g} ms here, and "
            f"its file has {two.megabytes:.3g} MB against {one.megabytes:.3g} MB."
        )


def _row(model: TestedModel) -> dict[str, object]:
    found = model.found
    if isinstance(found, HeldOut):
        metric, score, calibrated = "accuracy", found.accuracy, found.calibration
        more = {
            "balanced_accuracy": found.balanced_accuracy.mean,
            "log_loss": float(found.known_losses.mean()),
            "ece": calibrated.error,
            "ece_by_chance": calibrated.by_chance,
        }
    else:
        metric, score, more = found.metric, found.score, {}
    scored = {f"test_{metric}": score.mean, "low": score.low, "high": score.high}
    return {"model": model.name, **scored, **more, **model.cost._asdict()}


def _calibrated(found: Calibration) -> str:
    """A calibration error, and whether it is more than chance."""
    told = "more than" if found.is_shown else "within"
    return f"{100 * found.error:.1f} % ({told} the {100 * found.by_chance:.1f} % of chance)"


def _change(difference: Interval) -> str:
    """A difference with its sign and interval, in the unit of what differs."""
    mean, low, high = (f"{bound:+z.3g}" for bound in _bounds(difference))
    return f"{mean} ({low} to {high})" if difference.is_formed else mean


def _bounds(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
