"""The findings as one matrix, variants by rules, each cell leading to its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kohort.findings.diagnosis import RULES
from kohort.findings.finding import Finding, Verdict

MARKS: Mapping[Verdict, str] = {
    "found": "●",
    "inconclusive": "?",
    "not found": "·",
    "not applicable": "-",
}
"""What a cell shows; its verdict stands beside it for those who have the page read to them."""


@dataclass(frozen=True)
class Cell:
    """What a rule says about a variant.

    Args:
        finding: The finding.
        mark: The sign of its verdict.
        anchor: The id of the place where its evidence is told.
    """

    finding: Finding
    mark: str
    anchor: str


@dataclass(frozen=True)
class Matrix:
    """All findings about variants.

    Args:
        rules: The code and the title of each rule, by column.
        rows: By variant, a cell for each rule.
    """

    rules: Sequence[tuple[str, str]]
    rows: Mapping[str, Sequence[Cell]]

    @property
    def anchors(self) -> dict[tuple[str, str | None], str]:
        """The anchors by code and variant."""
        cells = (cell for row in self.rows.values() for cell in row)
        return {(cell.finding.code, cell.finding.variant): cell.anchor for cell in cells}


def finding_matrix(findings: Sequence[Finding], variants: Sequence[str]) -> Matrix:
    """The findings about each variant.

    Args:
        findings: Of the study.
        variants: The names of the rows, in their order.
    """
    # A finding may have a title of its own; a column has that of its rule.
    of_rules = {rule.code: rule.title for rule in RULES}
    of_variants = (f for f in findings if f.variant is not None)
    rules = {f.code: of_rules.get(f.code, f.title) for f in of_variants}
    by_place = {(f.variant, f.code): f for f in findings}
    rows = {
        name: [
            Cell(found, MARKS[found.verdict], f"{code}-{number}")
            for code in rules
            if (found := by_place.get((name, code))) is not None
        ]
        for number, name in enumerate(variants)
    }
    return Matrix(list(rules.items()), rows)
