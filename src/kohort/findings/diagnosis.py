"""The diagnosis: every rule over every variant, and over the data."""

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
"""Those that look at one variant in its study."""
STUDY_RULES = (leak.RULE,)
"""Those that look at the study as a whole."""


def diagnose(study: StudyCurves) -> list[Finding]:
    """The findings of a study: those about all of it, then by variant and by code."""
    return [
        *(rule.judge(study) for rule in STUDY_RULES),
        *(rule.judge(curves, study) for curves in study.variants for rule in RULES),
    ]


def verdict(findings: Sequence[Finding]) -> str:
    """What the findings about one variant's curves come to, in a few words.

    What was found, by title; else "inconclusive" where a rule is undecided; else "sound", or
    "nothing found" where some rule did not apply. Whether its replicates are many and alike
    enough (KH106, KH202) is told elsewhere.
    """
    of_curves = [f for f in findings if f.code not in (unstable.RULE.code, too_few.RULE.code)]
    found = [finding.title for finding in of_curves if finding.verdict == "found"]
    if found:
        return ", ".join(found)
    undecided = [finding.title for finding in of_curves if finding.verdict == "inconclusive"]
    if undecided:
        return f"inconclusive ({', '.join(undecided)})"
    return "sound" if all(f.verdict == "not found" for f in of_curves) else "nothing found"
