"""Applies every rule to every variant and to the study."""

from collections.abc import Sequence

from kohort.findings.finding import Finding
from kohort.findings.judged import StudyCurves
from kohort.findings.rules import (
    diverged,
    gap,
    leak,
    overfit,
    too_few,
    underfit,
    undertrained,
    unstable,
)

RULES = (
    overfit.RULE,
    gap.RULE,
    underfit.RULE,
    undertrained.RULE,
    diverged.RULE,
    unstable.RULE,
    too_few.RULE,
)
"""Rules about one variant of a study."""
STUDY_RULES = (leak.RULE,)
"""Rules about the study as a whole."""


def diagnose(study: StudyCurves) -> list[Finding]:
    """The findings of a study: those about all of it first, then by variant and code."""
    return [
        *(rule.judge(study) for rule in STUDY_RULES),
        *(rule.judge(curves, study) for curves in study.variants for rule in RULES),
    ]


def verdict(findings: Sequence[Finding]) -> str:
    """Summarises the findings about one variant's curves in a few words.

    The titles of what was found; otherwise "inconclusive" if a rule is undecided; otherwise
    "sound", or "nothing found" if some rule did not apply. KH106 and KH202, about its replicates,
    are reported elsewhere.
    """
    of_curves = [f for f in findings if f.code not in (unstable.RULE.code, too_few.RULE.code)]
    found = [finding.title for finding in of_curves if finding.verdict == "found"]
    if found:
        return ", ".join(found)
    undecided = [finding.title for finding in of_curves if finding.verdict == "inconclusive"]
    if undecided:
        return f"inconclusive ({', '.join(undecided)})"
    return "sound" if all(f.verdict == "not found" for f in of_curves) else "nothing found"
