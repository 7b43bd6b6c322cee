"""The result of a study: what was measured, what follows from it, and the models."""

from collections.abc import Mapping
from pathlib import Path

from kohort.data.dataset import Dataset
from kohort.design.variants import Variant
from kohort.errors import DesignError
from kohort.evidence.readings import KeptReadings
from kohort.evidence.record import StudyRecord
from kohort.member import Member, candidate, shipped
from kohort.report.held_out import Candidate
from kohort.report.page import Page, write_page
from kohort.report.tested.tested_view import TestedView, without_data


class Result(TestedView):
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
        >>> result.table().index.to_list()  # best first; then what is no variant
        ['units=16', 'units=1', 'always class e']
    """

    def __init__(
        self,
        record: StudyRecord,
        variants: tuple[Variant, ...],
        data: Dataset | None,
        members: Mapping[tuple[int, int], Member],
        readings: KeptReadings | None = None,
    ) -> None:
        super().__init__(record, data, readings, self._candidate)
        self.variants, self._members = variants, members

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
            raise without_data()
        return self._members

    def best(self, *, cheapest: bool = False) -> Member:
        """The winner: of the variant with the best score, the member of lowest validation loss.

        Args:
            cheapest: Take the variant of fewest parameters (then seconds) that is decided to be as
                good within the margin, if one is smaller than the winner.

        Raises:
            DesignError: No variant trained to the end, or the study was opened without its data.

        Example:
            >>> result.best().variant.name, result.best().epoch
            ('units=16', 2)
            >>> result.best(cheapest=True).variant.name  # one unit is not as good
            'units=16'
        """
        if self._conclusions.winner is None:
            raise DesignError(
                "a variant that trains to the end",
                "divergence in all replicates of all variants",
                "lower the learning rates",
            )
        number = self._conclusions.cheapest if cheapest else None
        return self._best_member(self._conclusions.winner if number is None else number)

    def report(self, path: str | Path, *, command: str = "") -> Path:
        """Write the report, one HTML file that needs nothing else.

        Of a study that was opened without its data it tells nothing of the test set.

        Args:
            path: The file to write; folders that are missing are made.
            command: The command that runs the study again, to be shown in the report.

        Returns:
            The path.

        Raises:
            OSError: The file cannot be written.

        Example:
            >>> result.report("report.html").name
            'report.html'
        """
        return write_page(Path(path), self._page(command))

    def _candidate(self, number: int) -> Candidate:
        return candidate(self._best_member(number), self.metric)

    def _best_member(self, number: int) -> Member:
        return self.members[number, self._conclusions.best_replicate(number)]

    def _page(self, command: str) -> Page:
        if self._data is None:
            readings = [] if self._readings is None else self._readings.all()
            found = self.findings()
            return Page(self._conclusions, None, [], [], None, found, readings, "", command)
        tests = self._test
        return Page(
            conclusions=self._conclusions,
            data=self._data,
            tests=tests,
            test_scores=[] if tests else self._test_scores,
            paired=self.test_difference() if len(tests) > 1 else None,
            findings=self.findings(),
            readings=self.readings(),
            shipped="" if self.winner is None else shipped(self.best()),
            command=command,
        )
