"""What a rule is, and what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from kohort.findings.judged import VariantCurves
from kohort.findings.statistics.interval import Interval

type Evidence = Mapping[str, float | Interval]
type Verdict = Literal["found", "not found", "inconclusive", "not applicable"]


@dataclass(frozen=True)
class Finding:
    """One stated conclusion.

    Args:
        code: Stable, such as "KH101".
        title: The code in a word.
        variant: Whom it is about; None where it is about the data of the whole study.
        verdict: "found", "not found", "inconclusive" or "not applicable".
        evidence: The numbers that the verdict stands on, by name.
        sentence: The conclusion in words.
        advice: What follows from it; empty where nothing does.
    """

    code: str
    title: str
    variant: str | None
    verdict: Verdict
    evidence: Evidence
    sentence: str
    advice: str = ""


@dataclass(frozen=True)
class Rule[**Seen]:
    """One rule, as the diagnosis applies it and as its documentation tells it.

    Args:
        code: Stable, such as "KH101".
        title: The code in a word.
        rule: The rule in words, its thresholds filled in.
        why: Why it matters.
        mend: What to do where it is found.
        judge: The rule itself: over a variant in its study, or over a study.
        source: Where the rule comes from.
    """

    code: str
    title: str
    rule: str
    why: str
    mend: str
    judge: Callable[Seen, Finding]
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


def too_few[**Seen](rule: Rule[Seen], curves: VariantCurves) -> Finding | None:
    """The finding where fewer than two sound replicates leave nothing to form an interval from."""
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
        advice="Run at least 3 replicates.",
    )
