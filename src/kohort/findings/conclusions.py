"""All conclusions from the record of a study, each computed when it is first used."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from kohort.errors import DesignError
from kohort.evidence.record import StudyRecord
from kohort.findings.cheapest import cheapest
from kohort.findings.choice import Optimism, choose, lost_some, optimism, passed_over
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.classes.label_answers import LabelAnswers
from kohort.findings.classes.recalls import Recalls, recalls_of
from kohort.findings.diagnosis import of_study, of_variants
from kohort.findings.factorial.axes import axes_of
from kohort.findings.factorial.effects import Effects, effects_of
from kohort.findings.families import corrected_comparison, families
from kohort.findings.finding import Finding
from kohort.findings.from_record import learning_curves, study_curves
from kohort.findings.judged import StudyCurves
from kohort.findings.next_steps import NextStep, next_steps, undertrained_of
from kohort.findings.numbers.errors_on_test import ErrorsOnTest
from kohort.findings.paired.fixed import Families
from kohort.findings.race import RaceState, replay
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.learning_curve import LearningCurve


class Conclusions:
    """The conclusions from a study's record.

    Args:
        record: The record.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.record = record

    @cached_property
    def study(self) -> StudyCurves:
        """The curves of all variants, as the rules use them."""
        return study_curves(self.record)

    @cached_property
    def findings(self) -> list[Finding]:
        """The findings without the test set: of the whole study, then by variant and code."""
        return self.findings_with((), (), ())

    def findings_with(
        self,
        tested: Sequence[Answers],
        errors: Sequence[ErrorsOnTest],
        labels: Sequence[LabelAnswers],
    ) -> list[Finding]:
        """The findings where the test set was read; the arguments are those of `diagnose`."""
        return [*of_study(self.study, tested, errors, labels), *self._of_variants]

    @cached_property
    def _of_variants(self) -> list[Finding]:
        return of_variants(self.study)

    @property
    def families(self) -> Families:
        """The families of comparisons, each corrected for multiplicity."""
        return families(self.study)

    @property
    def comparisons(self) -> dict[str, list[Comparison]]:
        """The comparisons by the name of their family."""
        found = self.families
        return {
            "baseline": found.baseline,
            "winner": found.winner,
            "additions": found.additions,
            "rises": found.rises,
        }

    def compare(self, a: int, b: int) -> Comparison:
        """The paired difference of two variants' scores, `b - a`, corrected by the study."""
        return corrected_comparison(self.study, a, b)

    @cached_property
    def winner(self) -> int | None:
        """The number of the variant with the best score; None where none trained to the end."""
        return choose(self.study)

    @property
    def winner_name(self) -> str | None:
        """The name of the winner."""
        return None if self.winner is None else self.record.variant_names[self.winner]

    @cached_property
    def passed_over(self) -> list[Comparison]:
        """The winner against those that scored better, and were not chosen: they lost replicates.

        As `findings.choice.passed_over`; empty without a winner.
        """
        return [] if self.winner is None else passed_over(self.study, self.winner)

    @cached_property
    def race(self) -> RaceState | None:
        """What the looks of the race decided; None where all replicates were trained."""
        looks = self.record.settings.looks
        return replay(self.study, looks) if looks else None

    @cached_property
    def cheapest(self) -> int | None:
        """The number of the smallest variant that is as good as the winner; None without one."""
        spent = [0.0] * len(self.record.variants)
        for (variant, _), seconds in self.record.seconds.items():
            spent[variant] += seconds
        return cheapest(self.study, spent)

    def shipped(self, *, cheapest: bool) -> int:
        """The number of the winner, or of the cheapest variant that is as good, if there is one.

        Raises:
            DesignError: No variant trained to the end.
        """
        if self.winner is None:
            raise DesignError(
                "a variant that trains to the end",
                "divergence in all replicates of all variants",
                "lower the learning rates",
            )
        number = self.cheapest if cheapest else None
        return self.winner if number is None else number

    @cached_property
    def effects(self) -> Effects:
        """What each axis of the study does; in a race, in the replicates that all variants trained.

        Raises:
            DesignError: As `axes_of`.
        """
        return effects_of(self.study, axes_of(self.record))

    @property
    def known_effects(self) -> Effects | None:
        """The same; None where the variants do not differ along axes."""
        try:
            return self.effects
        except DesignError:
            return None

    @cached_property
    def learning_curves(self) -> dict[int, LearningCurve]:
        """The learning curves by variant number, where the study has sizes."""
        return learning_curves(self.record, self.study)

    @property
    def named_learning_curves(self) -> dict[str, LearningCurve]:
        """The learning curves by variant name."""
        return {self.record.variant_names[n]: curve for n, curve in self.learning_curves.items()}

    @property
    def next_steps(self) -> list[NextStep]:
        """Whether more data, a bigger model and the like would help; empty without a winner."""
        if self.winner is None:
            return []
        return next_steps(self.study, self.winner, self.findings, self.learning_curves)

    @property
    def undertrained(self) -> list[str]:
        """Which of the winner and the baseline are found undertrained; none without a winner."""
        if self.winner is None:
            return []
        return undertrained_of(self.study, self.winner, self.findings)

    @property
    def optimism(self) -> Optimism | None:
        """How optimistic the winner's score is, because it is the best of several."""
        return optimism(self.study)

    @cached_property
    def ranking(self) -> list[int]:
        """The numbers of all variants, best first.

        Means over only the replicates that have a score come after complete ones, and in a race
        means over fewer replicates come after those over more.
        """
        order: list[int] = np.lexsort(
            (self.mean_errors, -self.record.whole.trained, lost_some(self.study))
        ).tolist()
        return order

    @property
    def mean_errors(self) -> np.ndarray:
        """Mean validation errors at the best epoch, `[variant]`; NaN where nothing trained."""
        return self.study.means

    @property
    def diverged(self) -> list[tuple[str, int, int]]:
        """Variants that diverged: the name, in how many replicates, and of how many."""
        return [
            (curves.name, int(curves.diverged.sum()), curves.trained)
            for curves in self.study.variants
            if curves.diverged.any()
        ]

    @property
    def without_score(self) -> list[tuple[str, int, int]]:
        """Variants whose score is no number though they trained: as `diverged`."""
        of_each = zip(self.study.variants, self.study.errors, strict=True)
        lost = [(c, int((~np.isfinite(errors[c.sound])).sum())) for c, errors in of_each]
        return [(curves.name, count, curves.trained) for curves, count in lost if count]

    @cached_property
    def recalls(self) -> list[Recalls] | None:
        """The recalls of the variants, by number; None where it is not known who finds what."""
        counts = self.record.classes
        if counts is None:
            return None
        return [recalls_of(counts, self.study, n) for n in range(len(self.study.variants))]

    def score(self, variant: int, side: str = "val_") -> Interval:
        """The score of a variant at its best epoch, with its interval over replicates.

        The bounds are NaN where it is the same in all of them.

        Args:
            variant: The number of the variant.
            side: "val_", or "eval_" for the training part.
        """
        found = self.study.interval(self.scores(variant, side))
        return self.study.scale.possible(found.of_a_score)

    def scores(self, variant: int, side: str = "val_") -> np.ndarray:
        """Those whose mean it is, `[replicate]`; NaN for replicates that are not sound.

        Args:
            variant: The number of the variant.
            side: As of `score`.
        """
        values = self.record.whole.of(side + self.record.settings.metric)[variant]
        return self.study.variants[variant].at_best(values)

    def best_replicate(self, variant: int) -> int:
        """The replicate of lowest validation loss, for a variant that trained to the end."""
        curves = self.study.variants[variant]
        lowest = np.nanmin(curves.valid_loss[curves.sound], axis=1)
        return int(curves.sound[np.argmin(lowest)])
