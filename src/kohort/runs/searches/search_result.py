"""The result of a search: that of the race of its finalists, with the search beside it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pandas as pd

from kohort.evidence.trials import SearchRecord
from kohort.report.exports.export import export
from kohort.report.exports.frame_view import ExportFormat
from kohort.report.exports.study_export import of_search
from kohort.report.searches.optuna_study import Storage, as_optuna, importance
from kohort.report.searches.search_words import Flattery, flatteries, search_text
from kohort.result import Result

if TYPE_CHECKING:
    from kohort.report.study_page.page import Page


class SearchResult(Result):
    """What the race of a search's finalists measured, and what the search tried before.

    `Search.run` returns it, and `kohort.open` gives it again. The winner, the table and the
    findings are those of the race.
    """

    def __init__(self, proved: Result, searched: SearchRecord) -> None:
        settings = replace(proved.settings, baseline="the search's own best")
        super().__init__(
            replace(proved.record, settings=settings),
            proved.variants,
            proved._data,
            proved._members,
            proved._readings,
            proved._refits,
        )
        self.pending = proved.pending
        self.searched = searched
        """The record of the search."""

    def trials(self) -> pd.DataFrame:
        """One row for each trial: its arguments, how far it came, and its score.

        Example:
            >>> # proved: what `Search.run` returned
            >>> proved.trials()["state"].isin(["finished", "left"]).all()
            np.True_
        """
        return self.searched.frame()

    def search_text(self) -> list[str]:
        """What the search tried and saved, and how far it flattered its finalists, in sentences.

        Example:
            >>> for sentence in proved.search_text():
            ...     print(sentence)
            trial ... is units=..., learning_rate=...
            It tried 6 trials (sampler tpe): ...
            On its own split the search gave trial ...
        """
        return search_text(self.searched, self._conclusions)

    def flattery(self) -> pd.DataFrame:
        """What each finalist scored in the search, and in its proof.

        Columns: `searched`, the score on the search's one split, by which it was picked, and the
        `epochs` after which it had it; `proved`,
        its mean score on splits and seeds that the search has not seen, with its interval `low` to
        `high`, over so many `replicates` without divergence (in a race some finalists leave before
        others); and `more`, by how much the search's number is better.

        Example:
            >>> list(proved.flattery().columns)
            ['searched', 'epochs', 'proved', 'low', 'high', 'replicates', 'more']
        """
        rows = flatteries(self.searched, self._conclusions)
        return pd.DataFrame(rows, columns=list(Flattery._fields)).set_index("variant")

    def importance(self) -> pd.DataFrame:
        """How much each argument matters among the better trials, with intervals.

        PED-ANOVA (Watanabe et al. 2023) over the ranks of the trials; columns importance, low and
        high. Arguments that not all trials have, or that they drew from different values (one
        inside of several choices, say), are left out. Empty where fewer than ten trials have a
        score, all score the same, or fewer than two arguments are left; `search_text` says which.

        Example:
            >>> list(proved.importance().columns)
            ['importance', 'low', 'high']
        """
        return importance(self.searched, self.settings.confidence)

    def to_optuna(self, storage: Storage = None) -> optuna.Study:
        """The search as a study of Optuna's, for its dashboard and plots.

        Args:
            storage: As in `Result.to_optuna`.

        Raises:
            StoreError: As there.

        Example:
            >>> len(proved.to_optuna().trials)
            6
        """
        return as_optuna(self.searched, storage)

    def export_trials(
        self,
        path: str | Path,
        to: ExportFormat | None = None,
    ) -> list[Path]:
        """Write what the trials measured for other programs; `export` writes the race's.

        For TensorBoard a trial's arguments are its hyperparameters; its score after each rung is
        the metric "val_score"; for Optuna trials are those of `to_optuna`. `kohort export "NAME
        (search)"` does the same of a store.

        Args:
            path: As in `Result.export`.
            to: As in `Result.export`.

        Raises:
            StoreError: As in `Result.export`.

        Example:
            >>> [path.name for path in proved.export_trials("trials.csv")]
            ['trials.csv']
        """
        return export(of_search(self.searched), Path(path), to)

    def _page(self, command: str) -> "Page":
        from kohort.report.searches.search_view import search_view

        view = search_view(self.searched, self._conclusions)
        return replace(super()._page(command), search=view)
