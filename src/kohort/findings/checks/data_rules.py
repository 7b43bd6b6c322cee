"""All rules about data, and which of them are serious."""

from collections.abc import Sequence

from kohort.findings.checks import (
    across_copies,
    belonging,
    disputes,
    doubtful_labels,
    giveaway,
    idle_columns,
    imbalance,
    mixed_classes,
    odd_samples,
    shifted,
)
from kohort.findings.checks.checked import CheckedData
from kohort.findings.checks.order import over_time
from kohort.findings.finding import Finding, Rule

DATA_RULES: tuple[Rule[[CheckedData]], ...] = (
    across_copies.RULE,
    belonging.RULE,
    disputes.RULE,
    doubtful_labels.RULE,
    mixed_classes.RULE,
    imbalance.RULE,
    giveaway.RULE,
    idle_columns.RULE,
    shifted.RULE,
    odd_samples.RULE,
    over_time.RULE,
)
"""The rules, by code."""
SERIOUS = ("KD101", "KD102", "KD103", "KD104", "KD107", "KD109")
"""The codes that make scores wrong where they are found: the command ends with code 1."""


def check(data: CheckedData) -> list[Finding]:
    """The findings about data, by code."""
    return [rule.judge(data) for rule in DATA_RULES]


def serious(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that make scores wrong."""
    return [f for f in findings if f.code in SERIOUS and f.verdict == "found"]


def in_doubt(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that would make scores wrong, and that the data cannot decide."""
    return [f for f in findings if f.code in SERIOUS and f.verdict == "inconclusive"]
