"""Writes the page of a check of data: one HTML file that loads nothing from elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.inspection.summary import Summary
from kohort.findings.checks.checked import CheckedData
from kohort.findings.checks.data_rules import in_doubt, serious
from kohort.findings.finding import Finding, by_verdict
from kohort.findings.names import listing
from kohort.report.checks.confusion_rows import ConfusionRow, confusion_rows
from kohort.report.checks.suspect_rows import SuspectRow, suspect_rows
from kohort.report.checks.thumbnails import Thumbnails, label_of, place_of
from kohort.report.templates.rendering import environment, write_html

SHOWN_SUSPECTS = 120
MOST_CLASSES = 40
"""With more classes than these no table of confusions is shown."""
SHOWN_SETS = 30
"""The most pairs or sets of copies that a page shows."""
SHOWN_COPIES = 6
"""The most samples that it shows of a set."""


class Shown(NamedTuple):
    """A sample on the page."""

    image: str
    place: str
    label: str


@dataclass(frozen=True, eq=False)
class CheckPage:
    """The contents of the page.

    Args:
        data: The data.
        summary: What they are.
        checked: What was seen of them.
        findings: What follows.
        command: The command that checks them again.
    """

    data: Dataset
    summary: Summary
    checked: CheckedData
    findings: Sequence[Finding]
    command: str

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Pictures of its samples."""
        return Thumbnails(self.data)

    @property
    def numbering(self) -> str:
        """What the numbers of samples mean, a sentence."""
        places = "are places in the training or the test part"
        if self.data.source_rows is not None:
            rows = "Table rows are counted from 0, without the header"
            return f"{rows}; numbers in brackets {places}."
        return f"Numbers{' in brackets' * (self.data.source_files is not None)} {places}, from 0."

    @property
    def sorted_findings(self) -> list[Finding]:
        """The findings: found ones first, then inconclusive ones, then the others."""
        return by_verdict(self.findings)

    def shown(self, sample: int) -> Shown:
        """A sample with its picture, where it is, and its class."""
        place = place_of(self.data, sample)
        return Shown(self.thumbnails.of(sample), place, self.label(sample))

    def label(self, sample: int) -> str:
        """The class of a sample; empty where there are none."""
        return label_of(self.data, self.checked.labels, sample)

    @cached_property
    def suspects(self) -> list[tuple[str, SuspectRow]]:
        """The most suspect labels, each with the picture of its sample."""
        rows = suspect_rows(self.data, self.checked, SHOWN_SUSPECTS)
        return [(self.thumbnails.of(row["sample"]), row) for row in rows]

    @cached_property
    def blank(self) -> list[Shown]:
        """Blank samples."""
        return [self.shown(int(n)) for n in self.checked.blank[:SHOWN_SETS]]

    @cached_property
    def confusion(self) -> list[ConfusionRow]:
        """Rows of what the out-of-fold predictions take for what."""
        predicted, labels = self.checked.predicted, self.checked.labels
        if predicted is None or labels is None or len(labels.names) > MOST_CLASSES:
            return []
        return confusion_rows(predicted.confusion, labels.names)

    @cached_property
    def across(self) -> list[list[Shown]]:
        """Copies across the sides, evenly chosen: a test sample and a training sample each."""
        return self._sets(_evenly(self.checked.copies.pairs, SHOWN_SETS))

    @cached_property
    def disputed(self) -> list[list[Shown]]:
        """Sets of exact copies with several labels."""
        return self._sets(rows for rows in self.checked.copies.disputed[:SHOWN_SETS])

    @cached_property
    def near_disputed(self) -> list[list[Shown]]:
        """Pairs of near copies with different labels."""
        return self._sets(self.checked.copies.near_disputed[:SHOWN_SETS])

    def _sets(self, sets: Iterable[np.ndarray]) -> list[list[Shown]]:
        return [[self.shown(int(n)) for n in _of_each_label(self, rows)] for rows in sets]


def answer(findings: Sequence[Finding], where: Literal["above", "below"] = "below") -> str:
    """The check in a sentence.

    Args:
        findings: What was found.
        where: Where they stand: below the sentence on the page, above it in the terminal.
    """
    grave, open_ones = serious(findings), in_doubt(findings)
    if grave:
        return f"Before anything is trained on these data, see to: {_named(grave)}."
    if open_ones:
        return f"Nothing serious is shown, but these data leave open: {_named(open_ones)}."
    if any(finding.verdict == "found" for finding in findings):
        return f"Nothing serious was found; what is worth a look stands {where}."
    # The terminal has no room for how.
    how = ", and how," * (where == "below")
    return f"Nothing serious was found. What was looked for{how} stands {where}."


def _named(findings: Sequence[Finding]) -> str:
    return listing([f"{finding.title} ({finding.code})" for finding in findings])


def write_check(path: Path, page: CheckPage) -> Path:
    """Write the page, whole or not at all."""
    return write_html(path, render_check(page))


def render_check(page: CheckPage) -> str:
    """The page as HTML text; every name in it is escaped."""
    return (
        environment()
        .get_template("check.html.j2")
        .render(page=page, answer=answer(page.findings), grave=serious(page.findings))
    )


def _evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly chosen."""
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    kept: np.ndarray = rows[chosen]
    return kept


def _of_each_label(page: CheckPage, rows: np.ndarray) -> list[int]:
    """A few of the samples, one of each label first."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(page.label(int(row)), int(row))
    chosen = list(first.values())
    return [*chosen, *(int(row) for row in rows if int(row) not in chosen)][:SHOWN_COPIES]
