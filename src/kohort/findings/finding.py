"""The types of rules and of their findings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from kohort.findings.judged import VariantCurves
from kohort.findings.statistics.interval import Interval

type Evidence = Mapping[str, float | Interval]
"""The numbers of a finding, by name."""

type Verdict = Literal["found", "not found", "inconclusive", "not applicable"]

FEWEST = 3
"""The fewest replicates of which an interval finds anything, or finds that it is not there."""


@dataclass(frozen=True, repr=False)
class Finding:
    """One conclusion of a rule.

    Args:
        code: Stable, such as "KH101".
        title: The rule in a word.
        variant: The variant that it is about; None if it is about the data of the whole study.
        verdict: "found", "not found", "inconclusive" or "not applicable".
        evidence: The numbers behind the verdict, by name.
        sentence: The conclusion in words.
        advice: What to do; empty if nothing.
    """

    code: str
    title: str
    variant: str | None
    verdict: Verdict
    evidence: Evidence
    sentence: str
    advice: str = ""

    def __repr__(self) -> str:
        return f"Finding({self.code} {self.title}, {self.verdict}: {self.sentence!r})"

    def _repr_html_(self) -> str:
        told = f"<strong>{self.code} {self.title}: {self.verdict}.</strong> {escape(self.sentence)}"
        return f"<p>{told} {escape(self.advice)}</p>"


@dataclass(frozen=True)
class Rule[**Subject]:
    """One rule, with the text of its documentation.

    Args:
        code: Stable, such as "KH101".
        title: The rule in a word.
        rule: The rule in words, with its thresholds.
        why: Why it matters.
        mend: What to do if it is found.
        judge: Applies the rule to a variant in its study, or to a study.
        source: Where the rule comes from.
    """

    code: str
    title: str
    rule: str
    why: str
    mend: str
    judge: Callable[Subject, Finding]
    source: str = "the project's own rule"

    def finding(
        self,
        variant: str | None,
        verdict: Verdict,
        sentence: str,
        evidence: Evidence | None = None,
        advice: str = "",
    ) -> Finding:
        """A finding of this rule."""
        return Finding(self.code, self.title, variant, verdict, evidence or {}, sentence, advice)


def by_verdict(findings: Sequence[Finding]) -> list[Finding]:
    """Sort findings: found ones first, then inconclusive ones, then the others."""
    order = ("found", "inconclusive", "not found", "not applicable")
    return sorted(findings, key=lambda finding: order.index(finding.verdict))


def too_few[**Subject](rule: Rule[Subject], curves: VariantCurves) -> Finding | None:
    """The finding for fewer than two sound replicates, too few for an interval; or None."""
    if len(curves.sound) > 1:
        return None
    if len(curves.sound) == 0:
        return rule.finding(
            curves.name, "not applicable", f"{curves.name}: no replicate trained to the end."
        )
    return rule.finding(
        curves.name,
        "inconclusive",
        f"{curves.name}: one sound replicate gives no interval.",
        advice=more_replicates(curves.trained),
    )


def more_replicates(trained: int) -> str:
    """The advice where fewer than `FEWEST` of the replicates that a variant trained are of use."""
    if trained < FEWEST:
        return f"Run at least {FEWEST} replicates, better 5 or more."
    return "Replicates that diverged are what is missing: lower the learning rate, or run more."
