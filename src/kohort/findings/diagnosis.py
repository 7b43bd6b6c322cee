"""The diagnosis: every rule over every variant."""

from kohort.findings import diverged, gap, overfit, underfit, undertrained
from kohort.findings.finding import Finding, StudyCurves

RULES = (overfit.RULE, gap.RULE, underfit.RULE, undertrained.RULE, diverged.RULE)


def diagnose(study: StudyCurves) -> list[Finding]:
    """The findings of a study, by variant and then by code."""
    return [rule.judge(curves, study) for curves in study.variants for rule in RULES]


def verdict(findings: list[Finding]) -> str:
    """What the findings about one variant come to, in a few words.

    What was found, by title; else "inconclusive" where a rule is undecided; else "sound".
    """
    found = [finding.title for finding in findings if finding.verdict == "found"]
    if found:
        return ", ".join(found)
    undecided = [finding.title for finding in findings if finding.verdict == "inconclusive"]
    return f"inconclusive ({', '.join(undecided)})" if undecided else "sound"
