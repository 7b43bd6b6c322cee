"""The result of a study: what was measured, what follows from it, and the models."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from kohort.data.dataset import Dataset
from kohort.design.variant import Variant
from kohort.errors import DesignError
from kohort.evidence.curves import Curves
from kohort.evidence.readings import KeptReadings, Reading
from kohort.evidence.settings import Settings
from kohort.findings.choice import Optimism, choose, optimism
from kohort.findings.comparison import Comparison
from kohort.findings.curves import Overlap, StudyCurves
from kohort.findings.diagnosis import diagnose, verdict
from kohort.findings.families import Families, families, score_comparison
from kohort.findings.finding import Finding
from kohort.findings.interval import Interval
from kohort.findings.learning_curve import LearningCurve
from kohort.findings.next_steps import NextStep, next_steps
from kohort.findings.proportion import PairedProportions, paired_proportions
from kohort.judged import learning_curves, study_curves
from kohort.member import Member
from kohort.report import figures, words
from kohort.report.export import export
from kohort.report.exported import Exported, of_result
from kohort.report.flattery import flattery
from kohort.report.held_out import Candidate, HeldOut, TestSet
from kohort.report.page import Page, write_page


class Result:
    """What a study measured, and what follows from it.

    The score of a variant is the mean over replicates of its validation metric (the accuracy, or
    what the study names) at its best epoch. For each replicate that is the epoch of lowest mean
    validation loss of the others, so that no replicate's luck chooses its own epoch.
    """

    def __init__(
        self,
        settings: Settings,
        variants: tuple[Variant, ...],
        data: Dataset | None,
        curves: Curves,
        partial_curves: dict[float, Curves],
        untrained_losses: list[float],
        overlap: Overlap | None,
        members: dict[tuple[int, int], Member],
        parameters: list[int],
        restraints: list[int],
        seconds: dict[tuple[int, int], float],
        arguments: dict[str, dict[str, str]],
        losses: list[str],
        pairs: list[tuple[int, int]],
        readings: KeptReadings | None = None,
    ) -> None:
        self.settings = settings
        self.variants = variants
        self._data = data
        self._members = members
        self._curves = curves
        self._partial_curves = partial_curves
        self._untrained_losses = untrained_losses
        self._overlap = overlap
        self._parameters = parameters
        self._restraints = restraints
        self._seconds = seconds
        self._arguments = arguments
        self._losses = losses
        self._pairs = pairs
        self._readings = readings

    @property
    def data(self) -> Dataset:
        """The data of the study.

        Raises:
            DesignError: It was opened without them.
        """
        if self._data is None:
            raise _without_data()
        return self._data

    @property
    def members(self) -> dict[tuple[int, int], Member]:
        """The trained members, by the numbers of their variant and replicate.

        Raises:
            DesignError: As `data`.
        """
        if self._data is None:
            raise _without_data()
        return self._members

    @cached_property
    def _test_set(self) -> TestSet:
        return TestSet(self.data, self.settings.confidence, self._readings)

    @property
    def metric(self) -> str:
        """The metric that scores, as it is logged for the training part."""
        return self.settings.metric

    def curves(self) -> pd.DataFrame:
        """One row per variant, replicate, epoch (from 1) and metric, with its value.

        Metrics have Keras's names: the running train metrics, "val_" for validation, and "eval_"
        for the training part in inference mode at the end of the epoch.
        """
        return self._curves.tidy()

    def table(self) -> pd.DataFrame:
        """One row per variant, best score first; behind them those that lost a replicate.

        Columns: the validation score with its interval over replicates (`val_accuracy`, `low`,
        `high`), the same metric on the training part (`train_accuracy`) and the `gap` between
        them, all in inference mode at the best epoch; `best_epoch`, that of lowest mean validation
        loss; `parameters`; `seconds` of training, over all replicates, with compilation; and the
        `verdict` of the findings.
        """
        rows = [self._row(number) for number in range(len(self.variants))]
        table = pd.DataFrame(rows).set_index("variant")
        # A mean over the replicates that happened to survive comes after whole ones.
        partial = np.isnan(self._judged.errors).any(axis=1)
        order = np.lexsort((self._mean_errors, partial))
        return table.iloc[order]

    def findings(self) -> list[Finding]:
        """What the rules say: of the whole study, then of each variant, by variant and code."""
        return self._findings

    def compare(self, a: str, b: str) -> Comparison:
        """The paired difference of the scores of two variants, `b - a`, for itself alone.

        Its p-values are not corrected for what else is compared; those of `comparisons` are.

        Raises:
            DesignError: There is no such variant.
        """
        return score_comparison(self._judged, self._number(a), self._number(b))

    def told(self, a: str, b: str) -> str:
        """`compare` in a sentence.

        Raises:
            DesignError: There is no such variant.
        """
        return words.compared(self.compare(a, b), self._judged.scale, self.settings.kind)

    def comparisons(self) -> dict[str, list[Comparison]]:
        """The study's comparisons, by family; each family is corrected by Holm's method.

        "baseline": every variant's score against that of the first. "winner": the winner's against
        that of every other variant but the baseline; corrected over all pairs of these, since the
        winner was picked by the same scores. Where the baseline wins it is against all others.

        "additions": where a variant is another one with an argument more (a regulariser, say), or
        with one that is off there (0, None, False) switched on, its score against
        that one's. "rises": those of these pairs that have one loss and the same
        epochs, by how far validation loss, without penalties, rises after the best epoch, in
        percent; it tells what an addition does against late overfitting.

        No difference is decided in any of them unless the study as a whole shows one. A pair that
        is in several has one verdict, that of the strictest correction.
        """
        own = self._families
        return {
            "baseline": own.baseline,
            "winner": own.winner,
            "additions": own.additions,
            "rises": own.rises,
        }

    @property
    def winner(self) -> str | None:
        """Name of the variant with the best score; None where none trained to the end."""
        return None if self._winner is None else self.variants[self._winner].name

    def answer(self) -> str:
        """The result in a sentence or three: who wins, and whom it cannot be told from."""
        winner = self._winner
        if winner is None:
            return words.no_winner(self._diverged())
        return words.answer(
            self.variants[winner].name,
            self._score(winner),
            self._judged.scale,
            self._families.winner,
            self._families.baseline,
            self._diverged(),
        )

    def additions(self) -> list[str]:
        """What each addition to a variant does, a sentence each."""
        rises = {(c.a, c.b): c for c in self._families.rises}
        return [
            words.what_it_does(c, rises.get((c.a, c.b)), self._judged.scale)
            for c in self._families.additions
        ]

    def optimism(self) -> Optimism | None:
        """How far the winner's score flatters it for being the best of several.

        None with fewer than three replicates or two variants that have them all.
        """
        return optimism(self._judged)

    def learning_curves(self) -> dict[str, LearningCurve]:
        """By variant name, error over training samples, where the study was given sizes."""
        return {self.variants[n].name: curve for n, curve in self._learning_curves.items()}

    def next_steps(self) -> list[NextStep]:
        """Whether more data, a bigger model, more regularisation or more epochs would help.

        Empty where there is no winner to be helped.
        """
        if self._winner is None:
            return []
        return next_steps(self._judged, self._winner, self._findings, self._learning_curves)

    def best(self) -> Member:
        """The winner: of the variant with the best score, the member of lowest validation loss.

        Raises:
            DesignError: No variant trained to the end.
        """
        if self._winner is None:
            raise DesignError(
                "a variant that trains to the end",
                "divergence in all replicates of all variants",
                "lower the learning rates",
            )
        return self._best_member(self._winner)

    def plot(self) -> alt.Chart:
        """Curves of loss and of the score's metric, train and validation, bands over replicates."""
        bands = figures.curve_bands(self.curves(), self._metrics())
        if bands.empty:
            raise DesignError(
                "curves to plot", "not a finite number in any", "lower the learning rates"
            )
        return figures.curves_chart(bands)

    def report(self, path: str | Path, *, command: str = "") -> Path:
        """Write the report, one HTML file that needs nothing else.

        Args:
            path: Where to.
            command: The command that runs the study again, to be shown in it.
        """
        return write_page(Path(path), self._page(command))

    def export(
        self,
        path: str | Path,
        to: Literal["csv", "parquet", "tensorboard", "mlflow"] | None = None,
    ) -> list[Path]:
        """Write what was measured and found for other programs, as `kohort export` does.

        Args:
            path: The folder to write to. "tensorboard" and "mlflow" take one that is not there yet.
            to: "csv" or "parquet": tables of curves, members and findings, in the place of those
                that are there. "tensorboard": event files, named as those of Keras's callback.
                "mlflow": a database of runs. None writes the curves alone, as one file, where
                `path` ends in ".csv" or ".parquet", and else all tables as "csv".

        Returns:
            What was written.

        Raises:
            StoreError: The path cannot be written, or is taken; the format is none, or what
                writes it is not installed.

        Example:
            >>> result.export("logs", to="tensorboard")
        """
        return export(self._exported(), Path(path), to)

    def test(self, *variants: str) -> list[HeldOut]:
        """Accuracy on the test set, of the winner and of the baseline (the first variant).

        The test set is read once for these two, after the winner was chosen, and nothing is
        chosen by it. Naming other variants reads it again: that is recorded in `readings`, and
        the report shows it, since what is picked by such a number is flattered by it. Where there
        is no winner it is not read. In a store readings are kept, with what was found: a member
        with the same weights is not tested again, and who wins after a study went on is another
        reading.

        Args:
            *variants: Names; none for the winner and the baseline.

        Raises:
            DesignError: The targets are no class labels, the model gives no class scores, or
                there is no such variant.
        """
        numbers = [self._number(name) for name in variants]
        tested = self._read(numbers) if numbers else self._test
        if not tested and self._winner is not None:
            raise DesignError(
                "class labels, and a model with a score for each class",
                f"{self.data!r} and models that give something else",
                "test the members' models in your own way: result.best().model()",
            )
        return tested

    def test_difference(self) -> PairedProportions:
        """The winner (`b`) against the baseline (`a`), sample by sample of the test set.

        Raises:
            DesignError: As `test`; or the winner is the baseline, or the baseline did not train.
        """
        tested = self.test()
        if len(tested) < 2:
            raise DesignError(
                "a winner and a baseline",
                f"{tested[0].variant} alone" if tested else "no winner",
                "compare other variants",
            )
        winner, baseline = tested
        return paired_proportions(baseline.right, winner.right, self.settings.confidence)

    def readings(self) -> tuple[Reading, ...]:
        """When the test set was read, and for whom; of a study in a store, in all of its runs."""
        return tuple(self._test_set.readings)

    @cached_property
    def _test(self) -> list[HeldOut]:
        if self._winner is None:
            return []
        # A baseline that never trained to the end has no model to test.
        numbers = dict.fromkeys([self._winner, 0])
        return self._read([n for n in numbers if len(self._judged.variants[n].sound)])

    def _read(self, numbers: Sequence[int]) -> list[HeldOut]:
        for number in numbers:
            if not len(self._judged.variants[number].sound):
                raise DesignError(
                    "variants of which a replicate trained to the end",
                    self.variants[number].name,
                    "test another one",
                )
        return self._test_set.read([_candidate(self._best_member(n)) for n in numbers])

    @cached_property
    def _judged(self) -> StudyCurves:
        pairs = self._pairs
        return study_curves(
            self.settings,
            self._curves,
            pairs=pairs,
            one_loss=[pair for pair in pairs if self._have_one_loss(*pair)],
            restraints=self._restraints,
            parameters=self._parameters,
            untrained_losses=self._untrained_losses,
            overlap=self._overlap,
        )

    @cached_property
    def _findings(self) -> list[Finding]:
        return diagnose(self._judged)

    @cached_property
    def _learning_curves(self) -> dict[int, LearningCurve]:
        return learning_curves(self.settings, self._judged, self._partial_curves)

    def _have_one_loss(self, a: int, b: int) -> bool:
        """Whether the losses of two variants can be compared, after as many epochs."""
        lengths, epochs = self._curves.lengths, self.settings.epochs
        planned = [epochs[self.variants[number].name] for number in (a, b)]
        was_stopped = (lengths[[a, b]].max(axis=1) < planned).any()
        return self._losses[a] == self._losses[b] and len(set(planned)) == 1 and not was_stopped

    def _exported(self) -> Exported:
        curves = {1.0: self._curves, **self._partial_curves}
        return of_result(self.settings, self._arguments, curves, self._seconds, self.findings())

    @property
    def _families(self) -> Families:
        return families(self._judged)

    @cached_property
    def _winner(self) -> int | None:
        return choose(self._judged)

    @property
    def _mean_errors(self) -> np.ndarray:
        """`[variant]`, mean validation error at the best epoch; NaN where nothing trained."""
        return np.array([self._judged.interval(errors).mean for errors in self._judged.errors])

    def _best_member(self, number: int) -> Member:
        curves = self._judged.variants[number]
        lowest = np.nanmin(curves.valid_loss[curves.sound], axis=1)
        return self.members[number, int(curves.sound[np.argmin(lowest)])]

    def _score(self, number: int, side: str = "val_") -> Interval:
        """The metric at the best epoch, `val_` or, on the training part, `eval_`."""
        values = self._curves.of(side + self.metric)[number]
        judged = self._judged
        interval = judged.interval(judged.variants[number].at_best(values))
        return interval.within(0.0, 1.0) if judged.scale.is_proportion else interval

    def _number(self, name: str) -> int:
        names = [variant.name for variant in self.variants]
        if name not in names:
            raise DesignError(f"a variant among {names}", repr(name), "check the spelling")
        return names.index(name)

    def _row(self, number: int) -> dict[str, Any]:
        metric, variant, curves = self.metric, self.variants[number], self._judged.variants[number]
        valid, train = self._score(number), self._score(number, "eval_")
        worse = train.mean - valid.mean
        return {
            "variant": variant.name,
            f"val_{metric}": valid.mean,
            "low": valid.low,
            "high": valid.high,
            f"train_{metric}": train.mean,
            "gap": worse if self._judged.scale.higher_is_better else -worse,
            "best_epoch": curves.best + 1 if len(curves.sound) else pd.NA,
            "parameters": self._parameters[number],
            "seconds": sum(spent for (own, _), spent in self._seconds.items() if own == number),
            "verdict": verdict([f for f in self._findings if f.variant == variant.name]),
        }

    def _metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(["data_loss", self.metric]))

    def _page(self, command: str) -> Page:
        settings, tests = self.settings, self._test
        readings = self.readings()
        return Page(
            title=settings.study,
            metric=self.metric,
            scale=self._judged.scale,
            margin=self._judged.margin,
            table=self.table(),
            bands=figures.curve_bands(self.curves(), self._metrics()),
            findings=self.findings(),
            comparisons=self.comparisons(),
            answer=self.answer(),
            additions=self.additions(),
            flattery=self._flattery(),
            winner=self.winner,
            tests=tests,
            paired=self.test_difference() if len(tests) > 1 else None,
            next_steps=self.next_steps(),
            sizes=figures.learning_points(self.learning_curves(), self._judged.scale),
            readings=readings,
            data=self.data,
            facts=settings.facts()
            + self._data_facts()
            + [("test set read", words.readings(readings))],
            confidence=settings.confidence,
            kind=settings.kind,
            train_share=f"{settings.samples[0] / len(self.data.x_train):.0%}",
            command=command,
        )

    def _flattery(self) -> str:
        names = [variant.name for variant in self.variants]
        scored = int(np.isfinite(self._mean_errors).sum())
        judged = self._judged
        return flattery(self.optimism(), judged.scale, names, scored, judged.kind)

    def _diverged(self) -> list[tuple[str, int, int]]:
        """Variants that diverged: the name, in how many replicates, and of how many."""
        return [
            (curves.name, int(curves.diverged.sum()), len(curves.lengths))
            for curves in self._judged.variants
            if curves.diverged.any()
        ]

    def _data_facts(self) -> list[tuple[str, str]]:
        facts = [("data", f"{self.data!r}, SHA-256 {self.data.fingerprint}")]
        if self._winner is not None:
            best = self.best()
            shipped = (
                f"{best.variant.name}, replicate {best.replicate.number}, with the weights of its "
                f"epoch of lowest validation loss, {best.epoch}"
            )
            facts.append(("model to ship", shipped))
        if self.data.unreadable:
            facts.append(("files that could not be read", ", ".join(self.data.unreadable)))
        return facts


def _candidate(member: Member) -> Candidate:
    def predict(inputs: np.ndarray) -> np.ndarray:
        given: np.ndarray = member.model().predict(inputs, batch_size=1024, verbose=0)
        return given

    return Candidate(
        member.variant.name, member.replicate.number, member.epoch, member.fingerprint, predict
    )


def _without_data() -> DesignError:
    return DesignError(
        "the data of the study",
        "none, since it was opened without them",
        "open it with them, kohort.open(store, name, data)",
    )
