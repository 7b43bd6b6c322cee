"""The result of a study: what was measured, what follows from it, and the models."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from kohort.data.dataset import Dataset
from kohort.design.variants import Variant
from kohort.errors import DesignError
from kohort.evidence.readings import KeptReadings, Reading
from kohort.evidence.record import StudyRecord
from kohort.evidence.settings import Settings
from kohort.findings.choice import Optimism
from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding
from kohort.findings.next_steps import NextStep
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.learning_curve import LearningCurve
from kohort.findings.statistics.proportion import PairedProportions, paired_proportions
from kohort.member import Member
from kohort.report import words
from kohort.report.answers import additions, answer, score_table
from kohort.report.exports.export import export
from kohort.report.exports.study_export import of_record
from kohort.report.figures import curve_bands, curves_chart, plotted_metrics
from kohort.report.held_out import Candidate, HeldOut, TestSet
from kohort.report.page import Page, write_page


class Result:
    """What a study measured, and what follows from it.

    The score of a variant is the mean over replicates of its validation metric (the accuracy, or
    what the study names) at its best epoch. For each replicate that is the epoch of lowest mean
    validation loss of the others, so that no replicate is judged at an epoch that its luck chose.

    `Study.run` returns it, and `kohort.open` gives it again from a store.

    Example:
        >>> import kohort
        >>> result = kohort.open("kohort.db", "width", data)
        >>> result.winner
        'units=16'
        >>> result.table().index.to_list()  # best first
        ['units=16', 'units=1']
    """

    def __init__(
        self,
        record: StudyRecord,
        variants: tuple[Variant, ...],
        data: Dataset | None,
        members: Mapping[tuple[int, int], Member],
        readings: KeptReadings | None = None,
    ) -> None:
        self.record = record
        self._conclusions = Conclusions(record)
        self.variants = variants
        self._data, self._members, self._readings = data, members, readings

    @property
    def settings(self) -> Settings:
        """How the study was run.

        Example:
            >>> result.settings.study, result.settings.epochs
            ('width', {'units=1': 2, 'units=16': 2})
        """
        return self.record.settings

    @property
    def data(self) -> Dataset:
        """The data of the study.

        Raises:
            DesignError: It was opened without them.

        Example:
            >>> result.data
            Dataset('points', 240 train and 60 test samples of (5,) float32, 5 classes)
        """
        if self._data is None:
            raise _without_data()
        return self._data

    @property
    def members(self) -> Mapping[tuple[int, int], Member]:
        """The trained members, by the numbers of their variant and replicate.

        Raises:
            DesignError: As `data`.

        Example:
            >>> sorted(result.members)
            [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
            >>> result.members[1, 2].variant.name
            'units=16'
        """
        if self._data is None:
            raise _without_data()
        return self._members

    @cached_property
    def _test_set(self) -> TestSet:
        return TestSet(self.data, self.settings.confidence, self._readings)

    @property
    def metric(self) -> str:
        """The metric that scores, as it is logged for the training part.

        Example:
            >>> result.metric
            'accuracy'
        """
        return self.settings.metric

    def curves(self) -> pd.DataFrame:
        """One row per variant, replicate, epoch (from 1) and metric, with its value.

        Metrics have Keras's names: the running train metrics, "val_" for validation, and "eval_"
        for the training part in inference mode at the end of the epoch.

        Example:
            >>> curves = result.curves()
            >>> curves.columns.to_list()
            ['variant', 'replicate', 'epoch', 'metric', 'value']
            >>> loss = curves[curves.metric == "val_loss"]
            >>> loss.groupby("variant", observed=True).size().to_dict()  # 3 replicates, 2 epochs
            {'units=1': 6, 'units=16': 6}
        """
        return self.record.whole.tidy()

    def table(self) -> pd.DataFrame:
        """One row per variant, best score first; behind them those that lost a replicate.

        Columns: the validation score with its interval over replicates (`val_accuracy`, `low`,
        `high`), the same metric on the training part (`train_accuracy`) and the `gap` between
        them, all in inference mode at the best epoch; `best_epoch` (from 1), that of lowest mean
        validation loss; `parameters`; `seconds` of training, over all replicates, with compilation;
        and the `verdict` of the findings. Proportions are from 0 to 1.

        Example:
            >>> table = result.table()
            >>> table.columns.to_list()[:5]
            ['val_accuracy', 'low', 'high', 'train_accuracy', 'gap']
            >>> table["verdict"]["units=16"]
            'undertrained'
        """
        return score_table(self._conclusions)

    def findings(self) -> list[Finding]:
        """What the rules say: of the whole study, then of each variant, by variant and code.

        Example:
            >>> for finding in result.findings():
            ...     if finding.verdict == "found":
            ...         print(finding.code, finding.title, finding.variant)
            KH104 undertrained units=16
        """
        return self._conclusions.findings

    def compare(self, a: str, b: str) -> Comparison:
        """The paired difference of the scores of two variants, `b - a`, for itself alone.

        Its p-values are not corrected for what else is compared; those of `comparisons` are.

        Args:
            a: The name of a variant.
            b: The name of another.

        Raises:
            DesignError: There is no such variant.

        Example:
            >>> comparison = result.compare("units=1", "units=16")
            >>> comparison.better
            'units=16'
            >>> len(comparison.differences), comparison.difference.low > 0
            (3, True)
        """
        return self._conclusions.compare(self._number(a), self._number(b))

    def comparison_text(self, a: str, b: str) -> str:
        """`compare` in a sentence.

        Args:
            a: The name of a variant.
            b: The name of another.

        Raises:
            DesignError: There is no such variant.

        Example:
            >>> print(result.comparison_text("units=1", "units=16"))
            units=16 against units=1, validation accuracy at the best epoch: +... points ...
        """
        return words.compared(self.compare(a, b), self._conclusions.study.scale, self.settings.kind)

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

        Sources: Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure"; Nadeau and
        Bengio (2003), "Inference for the Generalization Error", for splits that overlap.

        Example:
            >>> families = result.comparisons()
            >>> list(families)
            ['baseline', 'winner', 'additions', 'rises']
            >>> [(one.a, one.b, one.better) for one in families["baseline"]]
            [('units=1', 'units=16', 'units=16')]
        """
        return self._conclusions.comparisons

    @property
    def winner(self) -> str | None:
        """Name of the variant with the best score; None where none trained to the end.

        Example:
            >>> result.winner
            'units=16'
        """
        return self._conclusions.winner_name

    def answer(self) -> str:
        """The result in a sentence or three: which wins, and which it cannot be told from.

        Example:
            >>> print(result.answer())
            units=16 does best on validation data: ... better than the baseline, units=1: ...
        """
        return answer(self._conclusions)

    def additions(self) -> list[str]:
        """What each addition to a variant does, a sentence each.

        Example:
            >>> result.additions()  # no variant is another one with an argument more
            []
        """
        return additions(self._conclusions)

    def optimism(self) -> Optimism | None:
        """How far the winner's score flatters it for being the best of several.

        None with fewer than three replicates or two variants that have them all.

        Example:
            >>> optimism = result.optimism()
            >>> optimism.replicates, optimism.estimate >= 0
            (3, True)
        """
        return self._conclusions.optimism

    def learning_curves(self) -> dict[str, LearningCurve]:
        """By variant name, error over training samples, where the study was given sizes.

        Example:
            >>> curve = result.learning_curves()["units=16"]
            >>> curve.samples.tolist(), curve.verdict  # five sizes would be enough to tell
            ([90, 180], 'cannot tell')
        """
        return self._conclusions.named_learning_curves

    def next_steps(self) -> list[NextStep]:
        """Whether more data, a bigger model, more regularisation or more epochs would help.

        Empty where there is no winner to be helped.

        Example:
            >>> for step in result.next_steps():
            ...     print(step.step, "->", step.verdict)
            more data -> cannot tell
            a bigger model -> cannot tell
            more regularisation -> cannot tell
            more epochs -> helps
        """
        return self._conclusions.next_steps

    def best(self) -> Member:
        """The winner: of the variant with the best score, the member of lowest validation loss.

        Raises:
            DesignError: No variant trained to the end, or the study was opened without its data.

        Example:
            >>> result.best().variant.name, result.best().epoch
            ('units=16', 2)
        """
        if self._conclusions.winner is None:
            raise DesignError(
                "a variant that trains to the end",
                "divergence in all replicates of all variants",
                "lower the learning rates",
            )
        return self._best_member(self._conclusions.winner)

    def plot(self) -> alt.Chart:
        """Curves of loss and of the score's metric, train and validation, bands over replicates.

        Raises:
            DesignError: No curve has a finite number.

        Example:
            >>> chart = result.plot()
            >>> chart.save("curves.html")
            >>> type(chart).__name__  # of Altair
            'FacetChart'
        """
        bands = curve_bands(self.curves(), plotted_metrics(self.metric))
        if bands.empty:
            raise DesignError(
                "curves to plot", "not a finite number in any", "lower the learning rates"
            )
        return curves_chart(bands)

    def report(self, path: str | Path, *, command: str = "") -> Path:
        """Write the report, one HTML file that needs nothing else.

        Args:
            path: The file to write; folders that are missing are made.
            command: The command that runs the study again, to be shown in the report.

        Returns:
            The path.

        Raises:
            DesignError: The study was opened without its data.
            OSError: The file cannot be written.

        Example:
            >>> result.report("report.html").name
            'report.html'
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
            The paths of what was written.

        Raises:
            StoreError: The path cannot be written, or is taken; there is no such format, or the
                package that writes it is not installed.

        Example:
            >>> [path.name for path in result.export("tables", to="csv")]
            ['curves.csv', 'members.csv', 'findings.csv']
        """
        return export(of_record(self.record, self.findings()), Path(path), to)

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
            DesignError: The targets are no class labels, the model gives no class scores, there is
                no such variant, it did not train to the end, or the study was opened without its
                data.

        Example:
            >>> winner, baseline = result.test()
            >>> winner.variant, baseline.variant
            ('units=16', 'units=1')
            >>> winner.accuracy.mean > baseline.accuracy.mean
            True
            >>> winner.confusion.shape  # true class, predicted class
            (5, 5)
        """
        numbers = [self._number(name) for name in variants]
        tested = self._read(numbers) if numbers else self._test
        if not tested and self._conclusions.winner is not None:
            raise DesignError(
                "class labels, and a model with a score for each class",
                f"{self.data!r} and models that give something else",
                "test the members' models yourself: result.best().model()",
            )
        return tested

    def test_difference(self) -> PairedProportions:
        """The winner (`b`) against the baseline (`a`), sample by sample of the test set.

        Raises:
            DesignError: As `test`; or the winner is the baseline, or the baseline did not train.

        Example:
            >>> paired = result.test_difference()
            >>> paired.difference.n, paired.difference.low > 0
            (60, True)
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
        """When the test set was read, and for which; of a study in a store, in all of its runs.

        Raises:
            DesignError: The study was opened without its data.

        Example:
            >>> tested = result.test()
            >>> [[member.variant for member in reading.members] for reading in result.readings()]
            [['units=16', 'units=1']]
        """
        return tuple(self._test_set.readings)

    @cached_property
    def _test(self) -> list[HeldOut]:
        if self._conclusions.winner is None:
            return []
        # A baseline that never trained to the end has no model to test.
        numbers = dict.fromkeys([self._conclusions.winner, 0])
        return self._read([n for n in numbers if len(self._conclusions.study.variants[n].sound)])

    def _read(self, numbers: Sequence[int]) -> list[HeldOut]:
        for number in numbers:
            if not len(self._conclusions.study.variants[number].sound):
                raise DesignError(
                    "variants of which a replicate trained to the end",
                    self.variants[number].name,
                    "test another one",
                )
        return self._test_set.read([_candidate(self._best_member(n)) for n in numbers])

    def _best_member(self, number: int) -> Member:
        return self.members[number, self._conclusions.best_replicate(number)]

    def _number(self, name: str) -> int:
        names = [variant.name for variant in self.variants]
        if name not in names:
            raise DesignError(f"a variant among {names}", repr(name), "check the spelling")
        return names.index(name)

    def _page(self, command: str) -> Page:
        tests = self._test
        return Page(
            conclusions=self._conclusions,
            data=self.data,
            tests=tests,
            paired=self.test_difference() if len(tests) > 1 else None,
            readings=self.readings(),
            shipped="" if self.winner is None else _shipped(self.best()),
            command=command,
        )


def _shipped(best: Member) -> str:
    return (
        f"{best.variant.name}, replicate {best.replicate.number}, with the weights of its "
        f"epoch of lowest validation loss, {best.epoch}"
    )


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
