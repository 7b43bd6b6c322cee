"""The part of a record's view that is about its race."""

import pandas as pd

from kohort.evidence.record import StudyRecord
from kohort.findings.conclusions import Conclusions
from kohort.report.race.race_table import race_table
from kohort.report.race.race_words import race_text


class RaceView:
    """What the record of a study says of its race.

    Args:
        record: The record.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.record = record
        self._conclusions = Conclusions(record)

    @property
    def conclusions(self) -> Conclusions:
        """What follows from the record: scores, comparisons, choices and findings, as objects.

        Example:
            >>> result.conclusions.winner_name
            'units=16'
        """
        return self._conclusions

    def race(self) -> pd.DataFrame:
        """Who left the race at which look, and why: a row for each variant, the leader first.

        Columns: `replicates` that the variant trained, and the number of the `look` that saw the
        last of them; its `verdict` there: "leader", "worse" than it, "equivalent" to it within the
        margin, "undecidable" if no number of repeats is likely to tell, "unlikely" if the looks to
        come are not, "diverged", or "open" where the race ended first; the leader that it was held
        `against`, with the p-values of the two verdicts, corrected over variants and looks
        (`p_worse`, `p_equivalent`); and the `member_epochs` that it trained.

        Raises:
            DesignError: The study is no race: all of its replicates were trained.

        Example:
            >>> # raced: of a study whose replicates are a kohort.Race
            >>> table = raced.race()
            >>> table.index[0], table["verdict"]["units=16"], table["against"]["units=1"]
            ('units=16', 'leader', 'units=16')
        """
        return race_table(self._conclusions)

    def race_text(self) -> list[str]:
        """`race` in sentences: how it ended, what each look decided, and how much was trained.

        Empty where the study is no race.

        Example:
            >>> for sentence in raced.race_text():
            ...     print(sentence)
            The race ...
            Look 1 of 2, after 3 replicates: units=16 leads; ...
            It trained ... of at most 8 members, ...
            >>> result.race_text()  # all of its replicates were trained
            []
        """
        return race_text(self._conclusions)
