"""The part of a result that is about the raw data that its data were cleaned from."""

import pandas as pd

from kohort.errors import DesignError, legible
from kohort.findings.cleaned.turning import Turning, turning
from kohort.report.cleaned.pairs import Side, check_pair
from kohort.report.cleaned.turn_words import ShownTurns, TurnRow, turn_rows, turn_sentences
from kohort.report.tested.tested_view import TestedView


class CleanedView(TestedView):
    """What a study says of data, and whether it says the same of the raw data."""

    def turns(self, raw: TestedView) -> pd.DataFrame:
        """Whether verdicts turn between the raw data and these, which were cleaned from them.

        A verdict turns where both are decided and contradict each other. Where one is decided and
        the other is not, that shows no difference; `change` tells whether the difference of two
        variants changes, paired over replicates (the same splits, without what was left out),
        corrected over all rows.

        Args:
            raw: The result of the same study on the raw data.

        Returns:
            A row for each pair: every variant against the baseline, and against the winners; with
            the differences on both, their verdicts, the change, and the outcome.

        Raises:
            DesignError: The data were not cleaned from those, it is not the same study, or it is a
                race.

        Example:
            >>> table = clean.turns(result)  # of the same study on clean data, and on the raw ones
            >>> table[["variant", "against", "outcome"]].to_numpy().tolist()
            [['units=16', 'units=1', 'the same']]
        """
        found = self._turning(raw)
        rows = turn_rows(found, self._conclusions.study.scale)
        return pd.DataFrame(rows, columns=list(TurnRow._fields))

    def turns_text(self, raw: TestedView) -> list[str]:
        """`turns` in sentences, the first of which says whether a verdict turns.

        Findings that are found on one and not found on the other are named as well.

        Args:
            raw: The result of the same study on the raw data.

        Raises:
            DesignError: As `turns`.

        Example:
            >>> print(clean.turns_text(result)[0])
            No verdict turns where the data are cleaned: of 1 comparison 1 is decided on both, ...
        """
        return turn_sentences(self._turning(raw), self._conclusions.study.scale)

    def _turns_shown(self, raw: TestedView) -> ShownTurns:
        found, scale = self._turning(raw), self._conclusions.study.scale
        return ShownTurns(turn_sentences(found, scale), turn_rows(found, scale))

    def _turning(self, raw: TestedView) -> Turning:
        self._check_same(raw)
        return turning(raw._conclusions, self._conclusions)

    def _check_same(self, raw: TestedView) -> None:
        check_pair(_side(raw), _side(self))
        for what, before, now in zip(_TOLD, _settings(raw), _settings(self), strict=True):
            if before != now:
                raise DesignError(
                    "the same study on raw and clean data",
                    f"{what} {before} on the raw data, and {now} on the clean ones",
                    "run one study on both: kohort run STUDY.py --data RAW --clean CLEAN.h5",
                )


_TOLD = (
    "variants", "replicates", "seed", "epochs", "batch size", "class weights", "metric", "margin",
    "confidence",
)  # fmt: skip


def _side(result: TestedView) -> Side:
    of = result.settings
    told = legible(f"the data of {of.study!r}")
    return Side(told, of.data, of.raw_data, is_race=bool(of.looks))


def _settings(result: TestedView) -> tuple[object, ...]:
    of = result.settings
    variants = [(v.name, v.arguments) for v in result.record.variants]
    return (
        variants, of.replicates, of.seed, of.epochs, of.batch_size, of.class_weights, of.metric,
        of.margin, of.confidence,
    )  # fmt: skip
