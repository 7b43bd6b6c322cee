"""The comparisons of a study as tables, the largest differences first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.comparison import Comparison
from kohort.report import words
from kohort.report.factorial.addition_words import NO_RISE, without_rise
from kohort.report.race.race_notes import cell


@dataclass(frozen=True)
class TableRow:
    """One comparison.

    Args:
        comparison: The comparison, `b` against `a`.
        difference: With its interval, as text; all of a table have as many digits.
        verdict: In words.
        variant: The variant that the row is about.
        parameters: The number of its weights.
        weights_megabytes: Of its weights; NaN where they are not known.
    """

    comparison: Comparison
    difference: str
    verdict: str
    variant: str
    parameters: int
    weights_megabytes: float


@dataclass(frozen=True)
class ComparisonTable:
    """A table of comparisons that are corrected together.

    Args:
        name: "baseline", "winner", "additions" or "rises".
        title: What it compares.
        one: The side that is the same in all rows, and is named once: "a", "b", or "" for none.
        rows: Its comparisons.
    """

    name: str
    title: str
    one: str
    rows: Sequence[TableRow]

    @property
    def comparisons(self) -> Sequence[Comparison]:
        """Its comparisons."""
        return [row.comparison for row in self.rows]


def comparison_tables(conclusions: Conclusions) -> list[ComparisonTable]:
    """The tables of a study, those without a comparison left out."""
    settings, found = conclusions.record.settings, conclusions.comparisons
    flat = without_rise(conclusions)
    facts = {variant.name: variant for variant in conclusions.record.variants}
    best, first = conclusions.winner_name, conclusions.record.variant_names[0]
    titles = {
        "baseline": (f"Each variant against {settings.baseline}, {first}", "a"),
        "winner": (f"{best}, the winner, against the others", "b"),
        "additions": ("What each addition does to the score", ""),
        "rises": ("What each addition does against late overfitting", ""),
    }
    families = []
    for name, (title, one) in titles.items():
        compared = sorted(found[name], key=_rank)
        if not compared:
            continue
        scale = None if name == "rises" else conclusions.study.scale
        digits = max(_decimals(cell(c, scale)) for c in compared)
        rows = [
            TableRow(
                c,
                cell(c, scale, digits=digits),
                NO_RISE if c in flat else _verdict(c, settings.kind),
                of := c.a if one == "b" else c.b,
                facts[of].parameters,
                facts[of].weights_megabytes,
            )
            for c in compared
        ]
        families.append(ComparisonTable(name, title, one, rows))
    return families


def _verdict(comparison: Comparison, kind: str) -> str:
    """The verdict in words, beside that of the pair by itself where correction alone undoes it."""
    told = words.verdict_of(comparison, kind)
    if comparison.is_conclusive or not comparison.alone.is_conclusive:
        return told
    return f"{told} (without correction: {words.verdict_word(comparison.alone)})"


def _rank(comparison: Comparison) -> tuple[bool, float]:
    """The best first, and last those of which nothing is known."""
    mean = comparison.difference.mean
    unknown = not comparison.difference.n
    return unknown, 0.0 if unknown else -mean if comparison.higher_is_better else mean


def _decimals(text: str) -> int:
    """The most digits behind a decimal point in a text; 1 at least."""
    return max([1, *(len(part) for part in re.findall(r"\.(\d+)", text.partition(", ")[0]))])
