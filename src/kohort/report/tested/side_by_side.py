"""Two models on the same test samples: how right and how sure they are, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from kohort.findings.grouped.over_groups import mean_over, paired_over
from kohort.findings.names import listing
from kohort.findings.probabilities.calibration import Calibration
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import PairedProportions
from kohort.findings.statistics.scale import Scale, fixed, percent, significant
from kohort.keras_api.cost import Cost
from kohort.report import words
from kohort.report.held_out import HeldOut
from kohort.report.tested.group_words import over_groups_text, paired_text
from kohort.report.tested_scores import TestScore, are_accuracies, by_thresholds, without_intervals


@dataclass(frozen=True, eq=False)
class TestedModel:
    """A model on the test set.

    Args:
        name: What it is called.
        score: Its score by the metric of the study.
        held: Its answers where targets are classes; else None.
        cost: What it costs.
    """

    name: str
    score: TestScore
    held: HeldOut | None
    cost: Cost


@dataclass(frozen=True, eq=False, repr=False)
class SideBySide:
    """A model beside the winner's single member, on the same test samples. Its repr tells it.

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
        return paired_over(held[0].right, held[1].right, held[0].groups, self.confidence)

    @property
    def losses(self) -> Interval | None:
        """The other's log loss less the single one's, paired over samples: Student's t.

        None where targets are no classes. Of margins it means nothing.
        """
        if (held := self._held) is None:
            return None
        return mean_over(held[1].losses - held[0].losses, held[0].groups, self.confidence)

    @property
    def scores(self) -> Interval:
        """The other's score by the study's metric less the single one's, paired over samples.

        Without an interval where the metric is no mean over the same samples.
        """
        return self.other.score.less(self.single.score, self.confidence)

    @property
    def _held(self) -> tuple[HeldOut, HeldOut] | None:
        single, other = self.single.held, self.other.held
        return None if single is None or other is None else (single, other)

    @property
    def _are_accuracies(self) -> bool:
        return are_accuracies(self._held or (), (self.single.score, self.other.score))

    def table(self) -> pd.DataFrame:
        """A row for each of the two models.

        Columns: the score on the test set with its interval (`test_auc`, `low`, `high`, say); of
        classes also `test_accuracy`, `balanced_accuracy`, `log_loss`, the calibration error `ece`
        and what chance makes of it, `ece_by_chance` (exceeded in 5 % of cases by a calibrated
        model); `parameters`; `milliseconds` of a prediction for a batch of 1,000 rows, and
        `file_megabytes`. Of two classes there are `roc_auc` and `average_precision`, of a
        number to predict `rmse`, `mae` and `r2`.
        """
        names = ("accuracy",) if self._are_accuracies else ()
        rows = [_row(model, *names) for model in (self.single, self.other)]
        return pd.DataFrame(rows).set_index("model")

    def __repr__(self) -> str:
        found = [] if self._are_accuracies else [self._on_scores()]
        found += [] if self._held is None else [self._on_classes(*self._held)]
        found += [over_groups_text(self.single.score.groups)]
        return " ".join(filter(None, [*found, self._costs(), self.note]))

    def _on_classes(self, single: HeldOut, other: HeldOut) -> str:
        paired, losses = self.accuracies, self.losses
        assert paired is not None
        assert losses is not None
        return (
            f"Of {paired.difference.n:,} test samples {self.other.name} is right for "
            f"{percent(other.accuracy)}, the single model, {self.single.name}, for "
            f"{percent(single.accuracy)}: {paired_text(paired)}. It is right about "
            f"{paired.only_b:,} of which the single model is not, and wrong about "
            f"{paired.only_a:,} of which that is right. "
            f"{self._on_probabilities(single, other, losses)}"
        )

    def _on_probabilities(self, single: HeldOut, other: HeldOut, losses: Interval) -> str:
        if margins := [held.variant for held in (other, single) if not held.has_probabilities]:
            return no_probabilities(margins)
        return (
            f"Its log loss is {other.losses.mean():.4f} against {single.losses.mean():.4f}: "
            f"{_change(losses)}. Its calibration error is {calibrated(other.calibration)} against "
            f"{calibrated(single.calibration)}."
        )

    def _on_scores(self) -> str:
        single, other, difference = self.single.score, self.other.score, self.scores
        write, metric = self.scale.score, self.scale.in_a_sentence
        told = (
            f"On {len(other.values):,} test samples {self.other.name} scores "
            f"{write(other.score)} by {metric}, the single model, {self.single.name}, "
            f"{write(single.score)}: {self._change_of_score(difference)}."
        )
        lacks = without_intervals((other, single), metric)
        return " ".join(filter(None, [told, *lacks, by_thresholds((other, single))]))

    def _change_of_score(self, difference: Interval) -> str:
        if not self.scale.is_proportion:
            return _change(difference)
        return f"{_change(difference.times(100.0))} points"

    def _costs(self) -> str:
        one, two = self.single.cost, self.other.cost
        files = words.size(two.file_megabytes), words.size(one.file_megabytes)
        return (
            f"It has {two.parameters:,} parameters against {one.parameters:,}, takes "
            f"{two.milliseconds:.3g} ms for 1,000 rows against {one.milliseconds:.3g} ms here, and "
            f"its file has {' against '.join(files)}."
        )


def _row(model: TestedModel, metric: str = "") -> dict[str, object]:
    scored = model.score.score
    row = {
        f"test_{metric or model.score.metric}": scored.mean,
        "low": scored.low,
        "high": scored.high,
    }
    if (held := model.held) is not None:
        row |= {
            "test_accuracy": held.accuracy.mean,
            "balanced_accuracy": held.balanced_accuracy.mean,
        }
        if held.has_probabilities:
            row |= {
                "log_loss": float(held.losses.mean()),
                "ece": held.calibration.error,
                "ece_by_chance": held.calibration.by_chance,
            }
        if (areas := held.areas) is not None:
            row |= {"roc_auc": areas.roc.mean, "average_precision": areas.average_precision}
    if len(errors := model.score.errors) == 1:
        row |= {"rmse": errors[0].rmse.mean, "mae": errors[0].mae.mean, "r2": errors[0].r2.mean}
    return {"model": model.name, **row, **model.cost._asdict()}


def no_probabilities(variants: Sequence[str]) -> str:
    """That outputs are no probabilities, and do not tell how sure models are, in a sentence."""
    return (
        f"The outputs of {listing(variants)} are no probabilities, by the loss and the last layer: "
        "they rank samples, and do not tell how sure an answer is."
    )


def calibrated(found: Calibration) -> str:
    """A calibration error, and whether it is more than chance."""
    told = "more than" if found.is_shown else "within"
    error, by_chance = (fixed(100 * part) for part in (found.error, found.by_chance))
    if error == by_chance:  # rounded, one would be no more than the other
        error, by_chance = (fixed(100 * part, 2) for part in (found.error, found.by_chance))
    return f"{error} % ({told} the {by_chance} % of chance)"


def _change(difference: Interval) -> str:
    """A difference with its sign and interval, in the unit of what differs."""
    mean, low, high = (significant(bound, 3, "+") for bound in _bounds(difference))
    return f"{mean} ({low} to {high})" if difference.is_formed else mean


def _bounds(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
