"""The result of a study: what was measured, what follows from it, and the models."""

import itertools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kohort.data.dataset import Dataset
from kohort.design.variant import Variant, addition_pairs
from kohort.errors import DesignError
from kohort.evidence.curves import Curves
from kohort.evidence.settings import Settings
from kohort.findings.comparison import Comparison, compare, correct
from kohort.findings.diagnosis import diagnose, verdict
from kohort.findings.finding import Finding, StudyCurves, VariantCurves
from kohort.findings.interval import Interval, mean_interval
from kohort.member import Member
from kohort.report import figures, words
from kohort.report.held_out import HeldOut, class_probabilities, score
from kohort.report.page import Page, write_page


class Result:
    """What a study measured, and what follows from it.

    The score of a variant is its validation accuracy (where no accuracy is measured, its negative
    validation loss) at its best epoch: the one of lowest validation loss, averaged over
    replicates.
    """

    def __init__(
        self,
        settings: Settings,
        variants: tuple[Variant, ...],
        data: Dataset,
        curves: Curves,
        members: dict[tuple[int, int], Member],
        parameters: list[int],
        seconds: list[float],
        losses: list[str],
    ) -> None:
        self.settings = settings
        self.variants = variants
        self.data = data
        self.members = members
        self._curves = curves
        self._parameters = parameters
        self._seconds = seconds
        self._losses = losses

    def curves(self) -> pd.DataFrame:
        """One row per variant, replicate, epoch (from 1) and metric, with its value.

        Metrics have Keras's names: the running train metrics, "val_" for validation, and "eval_"
        for the training part in inference mode at the end of the epoch.
        """
        return self._curves.tidy()

    def table(self) -> pd.DataFrame:
        """One row per variant, best score first.

        Columns: the validation score with its interval over replicates (`val_accuracy`, `low`,
        `high`), the same metric on the training part (`train_accuracy`) and the `gap` between
        them, all in inference mode at `best_epoch`; `parameters`; `seconds` of training, over all
        replicates, with compilation; and the `verdict` of the findings.
        """
        rows = [self._row(number) for number in range(len(self.variants))]
        table = pd.DataFrame(rows).set_index("variant")
        order = np.argsort(
            [-self._score(number).mean for number in range(len(rows))], kind="stable"
        )
        return table.iloc[order]

    def findings(self) -> list[Finding]:
        """What the rules say of each variant, by variant and code."""
        return self._findings

    def compare(self, a: str, b: str) -> Comparison:
        """The paired difference of the scores of two variants, `b - a`.

        Raises:
            DesignError: There is no such variant.
        """
        return self._compare(self._number(a), self._number(b))

    def comparisons(self) -> dict[str, list[Comparison]]:
        """The study's comparisons, by family; each family is corrected by Holm's method.

        "baseline": every variant's score against that of the first. "winner": the winner's against
        that of every other variant but the baseline; corrected over all pairs of these, since the
        winner was picked by the same scores. Where the baseline wins it is against all others.

        "additions": where a variant is another one with an argument more (a regulariser, say), its
        score against that one's. "additions at the end": those of these pairs that have one loss,
        by validation loss after the last epoch, without penalties; it tells what an addition does
        against overfitting.
        """
        return self._comparisons

    @cached_property
    def _comparisons(self) -> dict[str, list[Comparison]]:
        numbers, pairs = range(len(self.variants)), addition_pairs(self.variants)
        return {
            "baseline": correct([self._compare(0, number) for number in numbers[1:]]),
            "winner": self._against_winner(),
            "additions": correct([self._compare(*pair) for pair in pairs]),
            "additions at the end": correct(
                [
                    self._compare_last_loss(a, b)
                    for a, b in pairs
                    if self._losses[a] == self._losses[b]
                ]
            ),
        }

    def _against_winner(self) -> list[Comparison]:
        winner, numbers = self._winner, range(len(self.variants))
        if winner == 0:
            return correct([self._compare(other, 0) for other in numbers[1:]])
        rivals = [number for number in numbers[1:] if number != winner]
        pairs = [*((rival, winner) for rival in rivals), *itertools.combinations(rivals, 2)]
        return correct([self._compare(*pair) for pair in pairs])[: len(rivals)]

    def answer(self) -> str:
        """The result in a sentence or three: who wins, and whom it cannot be told from."""
        winner, families = self._winner, self._comparisons
        return words.answer(
            self.variants[winner].name,
            self._score(winner),
            self.metric,
            families["winner"],
            families["baseline"],
        )

    def additions(self) -> list[str]:
        """What each addition to a variant does, a sentence each."""
        families = self._comparisons
        ends = {(c.a, c.b): c for c in families["additions at the end"]}
        return [words.what_it_does(c, ends.get((c.a, c.b))) for c in families["additions"]]

    def best(self) -> Member:
        """The winner: of the variant with the best score, the member of lowest validation loss."""
        return self._best_member(self._winner)

    def plot(self) -> alt.Chart:
        """Curves of loss and of the score's metric, train and validation, bands over replicates."""
        return figures.curves_chart(figures.curve_bands(self.curves(), self._metrics()))

    def report(self, path: str | Path, *, command: str = "") -> Path:
        """Write the report, one HTML file that needs nothing else.

        Args:
            path: Where to.
            command: The command that runs the study again, to be shown in it.
        """
        return write_page(Path(path), self._page(command))

    def test(self) -> list[HeldOut]:
        """Accuracy on the test set, of the winner and of the baseline (the first variant).

        The test set is read at the first call and not again; nothing is chosen by it.

        Raises:
            DesignError: The targets are no class labels, or the model gives no class scores.
        """
        if self._test is None:
            raise DesignError(
                "class labels, and a model with a score for each class",
                f"{self.data!r} and models that give something else",
                "test the members' models in your own way: result.best().model()",
            )
        return self._test

    @cached_property
    def _test(self) -> list[HeldOut] | None:
        if self.data.classes is None:
            return None
        tested = dict.fromkeys([self._winner, 0])
        # A baseline that never trained to the end has no model to test.
        sound = [n for n in tested if len(self._study_curves.variants[n].sound)]
        scores = [self._test_score(self._best_member(number)) for number in sound]
        return None if None in scores else [held for held in scores if held is not None]

    def _test_score(self, member: Member) -> HeldOut | None:
        data = self.data
        inputs = data.inputs(data.x_test)
        given = np.asarray(member.model().predict(inputs, batch_size=1024, verbose=0))
        if given.ndim != 2:
            return None
        predicted = class_probabilities(given)
        if predicted.shape != (len(inputs), data.classes):
            return None
        return score(member.variant.name, data, predicted, self.settings.confidence)

    @property
    def metric(self) -> str:
        """The metric that scores: accuracy, else the loss without penalties.

        Where none is called "accuracy" or "acc" it is the first by name that holds "acc" and is no
        top-k accuracy.
        """
        logged = [m.removeprefix("val_") for m in self._curves.metrics if m.startswith("val_")]
        named = [metric for metric in ("accuracy", "acc") if metric in logged]
        alike = [metric for metric in logged if "acc" in metric and "top" not in metric]
        return next(iter(named + alike), "data_loss")

    @cached_property
    def _findings(self) -> list[Finding]:
        return diagnose(self._study_curves)

    @cached_property
    def _study_curves(self) -> StudyCurves:
        return StudyCurves(
            tuple(self._variant_curves(number) for number in range(len(self.variants))),
            self.settings.confidence,
            self.settings.test_to_train,
        )

    def _variant_curves(self, number: int) -> VariantCurves:
        def error(side: str) -> np.ndarray | None:
            accuracy = self.metric
            return None if accuracy == "data_loss" else 1 - self._curves.of(side + accuracy)[number]

        return VariantCurves(
            name=self.variants[number].name,
            train_loss=self._curves.of("eval_data_loss")[number],
            valid_loss=self._curves.of("val_data_loss")[number],
            train_error=error("eval_"),
            valid_error=error("val_"),
            lengths=self._curves.lengths[number],
            planned_epochs=self.settings.epochs[self.variants[number].name],
        )

    @cached_property
    def _winner(self) -> int:
        scores = np.array([self._score(number).mean for number in range(len(self.variants))])
        # A mean over the replicates that happened to survive is not compared with whole ones.
        whole = [not curves.diverged.any() for curves in self._study_curves.variants]
        if any(whole):
            scores[~np.array(whole)] = np.nan
        if np.isnan(scores).all():
            raise DesignError(
                "a variant that trains to the end",
                "divergence in all replicates of all variants",
                "lower the learning rates",
            )
        return int(np.nanargmax(scores))

    def _best_member(self, number: int) -> Member:
        curves = self._study_curves.variants[number]
        lowest = np.nanmin(curves.valid_loss[curves.sound], axis=1)
        return self.members[number, int(curves.sound[np.argmin(lowest)])]

    def _at_best(self, number: int, metric: str) -> np.ndarray:
        """`[replicate]`, a metric at the variant's best epoch; NaN for replicates that diverged."""
        curves = self._study_curves.variants[number]
        values = np.full(len(curves.lengths), np.nan)
        if len(curves.sound):
            values[curves.sound] = self._curves.of(metric)[number][curves.sound, curves.best]
        return values

    def _scores(self, number: int) -> np.ndarray:
        values = self._at_best(number, f"val_{self.metric}")
        return -values if self.metric == "data_loss" else values

    def _score(self, number: int) -> Interval:
        return self._interval(self._scores(number))

    def _interval(self, values: np.ndarray) -> Interval:
        interval = mean_interval(
            values,
            confidence=self.settings.confidence,
            test_to_train=self.settings.test_to_train,
        )
        return interval if self.metric == "data_loss" else interval.within(0.0, 1.0)

    def _compare(self, a: int, b: int) -> Comparison:
        metric = "loss (negated)" if self.metric == "data_loss" else self.metric
        return self._paired(a, b, self._scores, f"validation {metric} at the best epoch")

    def _compare_last_loss(self, a: int, b: int) -> Comparison:
        return self._paired(a, b, self._last_losses, "validation loss at the last epoch")

    def _paired(
        self, a: int, b: int, values: Callable[[int], np.ndarray], measure: str
    ) -> Comparison:
        return compare(
            self.variants[a].name,
            self.variants[b].name,
            values(a),
            values(b),
            measure=measure,
            confidence=self.settings.confidence,
            test_to_train=self.settings.test_to_train,
        )

    def _last_losses(self, number: int) -> np.ndarray:
        """`[replicate]`, validation loss after the replicate's last epoch, without penalties."""
        curves = self._study_curves.variants[number]
        values = np.full(len(curves.lengths), np.nan)
        values[curves.sound] = curves.valid_loss[curves.sound, curves.lengths[curves.sound] - 1]
        return values

    def _number(self, name: str) -> int:
        names = [variant.name for variant in self.variants]
        if name not in names:
            raise DesignError(f"a variant among {names}", repr(name), "check the spelling")
        return names.index(name)

    def _row(self, number: int) -> dict[str, Any]:
        metric, variant = self.metric, self.variants[number]
        valid = self._interval(self._at_best(number, f"val_{metric}"))
        train = self._interval(self._at_best(number, f"eval_{metric}"))
        curves = self._study_curves.variants[number]
        return {
            "variant": variant.name,
            f"val_{metric}": valid.mean,
            "low": valid.low,
            "high": valid.high,
            f"train_{metric}": train.mean,
            "gap": (valid.mean - train.mean) * (1 if metric == "data_loss" else -1),
            "best_epoch": curves.best + 1 if len(curves.sound) else pd.NA,
            "parameters": self._parameters[number],
            "seconds": self._seconds[number],
            "verdict": verdict([f for f in self._findings if f.variant == variant.name]),
        }

    def _metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(["data_loss", self.metric]))

    def _page(self, command: str) -> Page:
        winner, settings = self._winner, self.settings
        return Page(
            title=settings.study,
            metric=self.metric,
            table=self.table(),
            bands=figures.curve_bands(self.curves(), self._metrics()),
            findings=self.findings(),
            comparisons=self._comparisons,
            answer=self.answer(),
            additions=self.additions(),
            winner=self.variants[winner].name,
            tests=self._test or [],
            data=self.data,
            facts=settings.facts() + self._data_facts(),
            confidence=settings.confidence,
            kind=settings.kind,
            train_share=f"{settings.samples[0] / len(self.data.x_train):.0%}",
            command=command,
        )

    def _data_facts(self) -> list[tuple[str, str]]:
        best, unreadable = self.best(), self.data.unreadable
        shipped = (
            f"{best.variant.name}, replicate {best.replicate.number}, with the weights of its "
            f"epoch of lowest validation loss, {best.epoch}"
        )
        facts = [
            ("data", f"{self.data!r}, SHA-256 {self.data.fingerprint}"),
            ("model to ship", shipped),
        ]
        if unreadable:
            facts.append(("files that could not be read", ", ".join(unreadable)))
        return facts
