"""What follows from the record of a study alone: without its data, and without its models."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from kohort.errors import DesignError
from kohort.evidence.settings import Settings
from kohort.findings.choice import Optimism
from kohort.findings.finding import Finding
from kohort.findings.next_steps import NextStep
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.learning_curve import LearningCurve
from kohort.report import words
from kohort.report.answers import answer, table_with_reference, what_axes_do
from kohort.report.classes.class_view import ClassView
from kohort.report.exports.frame_view import FrameView
from kohort.report.factorial.addition_words import additions, in_short
from kohort.report.factorial.effect_table import effect_table
from kohort.report.figures import curve_bands, plotted_metrics

if TYPE_CHECKING:
    from kohort.report.charts import OfflineChart


class RecordView(ClassView, FrameView):
    """What the record of a study says, as tables, figures, findings and sentences.

    Args:
        record: The record.
    """

    @property
    def settings(self) -> Settings:
        """How the study was run.

        Example:
            >>> result.settings.study, result.settings.epochs
            ('width', {'units=1': 2, 'units=16': 2})
        """
        return self.record.settings

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

        Metrics have Keras's names: the running train metrics, `val_...` for validation, `eval_...`
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
        them, all in inference mode at the best epoch; of classes the `balanced_accuracy` on
        validation with its interval (see `recalls`); `best_epoch` (from 1), that of lowest mean
        validation loss; `parameters`; the `weights_megabytes` (10^6 bytes), to which a
        `.keras` file adds some 20 kB; `seconds` of training, over all replicates, with compilation;
        the same as `seconds_per_epoch` of one model, which is what an augmentation costs, say; the
        `verdict` of the findings; in a race also the `replicates` that each trained, and how it
        `left` (see `race`); then the arguments that differ between the variants, with the default
        where one is not given. Proportions are from 0 to 1.
        Where it is known what one answer for all samples scores (see KH204 and KH207), a last row
        is no variant but that reference, on the same validation parts: always the most common
        class, say, or the mean. A variant that does not beat it is of no use.

        Example:
            >>> table = result.table()
            >>> table.columns.to_list()[:5]
            ['val_accuracy', 'low', 'high', 'train_accuracy', 'gap']
            >>> table["verdict"]["units=16"]
            'inconclusive (gap)'
            >>> table["units"].to_list()  # best first; the last row is no variant
            [16, 1, <NA>]
        """
        return table_with_reference(self._conclusions)

    def findings(self) -> list[Finding]:
        """What the rules say: of the whole study, then of each variant, by variant and code.

        Example:
            >>> for finding in result.findings():
            ...     if finding.code == "KH104":
            ...         print(finding.title, finding.variant, finding.verdict)
            undertrained units=1 inconclusive
            undertrained units=16 not found
        """
        return self._conclusions.findings

    def compare(self, a: str, b: str) -> Comparison:
        """How one variant does against another: the paired difference of their scores, `a - b`.

        Its verdict is that of the report: corrected as in the family of `comparisons` that has the
        pair or, where none has, over all pairs of variants. What the pair says by itself is its
        `alone`; that holds only for a pair that was chosen before any result was seen.

        Args:
            a: The name of a variant; `b` of what is returned, as what it names is `b - a`.
            b: The name of another, which it is held against.

        Raises:
            DesignError: There is no such variant.

        Example:
            >>> comparison = result.compare("units=16", "units=1")
            >>> comparison.better
            'units=16'
            >>> len(comparison.differences), comparison.difference.low > 0
            (3, True)
            >>> print(comparison)
            units=16 against units=1, validation accuracy at the best epoch: +... points ...
        """
        found = self._conclusions.compare(self._number(b), self._number(a))
        scale, kind = self._conclusions.study.scale, self.settings.kind
        return replace(found, text=words.compared(found, scale, kind))

    def comparison_text(self, a: str, b: str) -> str:
        """`compare` in sentences: the difference, its p-values by itself and corrected.

        Args:
            a: The name of a variant.
            b: The name of another, which it is held against.

        Raises:
            DesignError: There is no such variant.

        Example:
            >>> print(result.comparison_text("units=16", "units=1"))
            units=16 against units=1, validation accuracy at the best epoch: +... points ...
        """
        return self.compare(a, b).text

    def comparisons(self) -> dict[str, list[Comparison]]:
        """The study's comparisons, by family; each family is corrected for its number.

        "baseline": every variant's score against that of the first, corrected by Holm's method.
        "winner": the winner's against that of every other variant but the baseline; corrected for
        the winner's having been picked by the same scores. Where the baseline wins it is against
        all others.

        "additions": where a variant is another one with an argument more (a regulariser, say), or
        with one that is off there (0, None, False) switched on, its score against
        that one's. "rises": those of these pairs that have one loss and the same
        epochs, by how far validation loss, without penalties, rises after the best epoch, in
        percent; it tells what an addition does against late overfitting.

        The scores' p-values are corrected with spreads that all variants help to estimate; none is
        below the pair's own. No difference is decided in any of them unless the study as a whole
        shows one. A pair that is in several has one verdict, that of the strictest correction.

        Sources: Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure"; Hsu (1984),
        "Constrained Simultaneous Confidence Intervals for Multiple Comparisons with the Best";
        Gutmann and Maymin (1987), "Is the Selected Population the Best?"; Nadeau and Bengio (2003),
        "Inference for the Generalization Error", for splits that overlap; Smyth (2004), "Linear
        Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray
        Experiments", for the spreads.

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

    def additions(self, *, grouped: bool = False) -> list[str]:
        """What each addition to a variant does, a sentence each.

        Args:
            grouped: Whether additions of one effect, such as undecided ones, share a sentence where
                they are more than five.

        Example:
            >>> result.additions()  # no variant is another one with an argument more
            []
        """
        if grouped:
            return list(in_short(self._conclusions).sentences)
        return additions(self._conclusions)

    def effects(self) -> pd.DataFrame:
        """What each axis does: the named arguments in which variants differ, as those of a grid.

        One row per effect, with its interval over replicates. `kind` is "level": the mean
        difference between a `level` and the `reference`, the first one that can be compared with
        another, all else equal; "trend", where three levels at least are numbers: the change along
        the least-squares line from the lowest to the highest, over logarithms where the levels are
        above zero and span a factor of ten; "interaction": by how much the effect of the first axis
        differs between a level of the second and its first; and "range": how far the axis moves the
        score from its worst level to its best one, as other replicates choose them, since the
        best of several flatters itself. Proportions are from 0 to 1.

        An effect is a mean over `contexts`, the levels of all other axes, in which both levels
        are there and trained; replicates are paired, and each gives one estimate. `low` and `high`
        are the interval of each effect by itself, at the study's confidence (95 % by default). They
        are not corrected for the number of effects, so that one may exclude zero though nothing is
        decided. `p_adjusted`, and with it the verdict, is corrected by Holm's method for as many
        as `corrected_for` tells: all levels, trends and interactions of the study, so that where no
        axis does anything, some effect is decided in 5 % of studies at most. An effect that
        compares two variants alone has the correction of the study's comparison of them.

        One axis "matters most" where its range is decided to be wider than each other one.
        Variants of several build functions, or of several numbers of epochs, have an axis of that.
        A race has the effects of the replicates before its first look, which all variants trained;
        but an effect that compares two variants alone is the race's comparison of them, with the
        interval of its look.

        Sources: Kirk (2013), "Experimental Design"; Nadeau and Bengio (2003) for splits.

        Raises:
            DesignError: No two variants differ in one named argument alone.

        Example:
            >>> effects = result.effects()
            >>> effects[["kind", "axis", "level", "reference", "replicates", "contexts"]]
                kind   axis level reference  replicates contexts
            0  level  units    16         1           3        1
            1  range  units    16         1           3     <NA>
            >>> effects["verdict"][0]
            'differ'
        """
        return effect_table(self._conclusions.effects, self.settings.kind)

    def effects_text(self) -> list[str]:
        """`effects` in sentences: each axis, which matters most, and what depends on what.

        Empty where the variants do not differ along axes.

        Example:
            >>> for sentence in result.effects_text():
            ...     print(sentence)
            units 1 to 16: +... points ..., better.
        """
        return what_axes_do(self._conclusions)

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
            more epochs -> does not help
        """
        return self._conclusions.next_steps

    def plot(self) -> "OfflineChart":
        """Curves of loss and of the score's metric, train and validation, bands over replicates.

        Raises:
            DesignError: No curve has a finite number.

        Example:
            >>> chart = result.plot()
            >>> chart.save("curves.html")
            >>> type(chart).__name__  # Altair's, shown offline
            'OfflineChart'
        """
        from kohort.report.charts import curves_chart

        bands = curve_bands(self.curves(), plotted_metrics(self.metric))
        if bands.empty:
            raise DesignError(
                "curves to plot", "not a finite number in any", "lower the learning rates"
            )
        return curves_chart(bands)

    def _number(self, name: str) -> int:
        names = list(self.record.variant_names)
        if name not in names:
            raise DesignError(f"a variant among {names}", repr(name), "check the spelling")
        return names.index(name)
