"""Applies every rule to every variant and to the study."""

from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from kohort.findings.classes.counted_answers import Answers
from kohort.findings.classes.label_answers import LabelAnswers
from kohort.findings.finding import FEWEST, Finding, more_replicates
from kohort.findings.judged import StudyCurves
from kohort.findings.numbers.errors_on_test import ErrorsOnTest
from kohort.findings.rules import (
    above_test,
    diverged,
    gap,
    leak,
    majority,
    never_found,
    overfit,
    slow,
    too_few,
    underfit,
    undertrained,
    unstable,
)
from kohort.findings.rules.leaks import given_away, learned_outside
from kohort.findings.rules.references import constant
from kohort.findings.statistics.interval import Interval

RULES = (
    overfit.RULE,
    gap.RULE,
    underfit.RULE,
    undertrained.RULE,
    diverged.RULE,
    unstable.RULE,
    slow.RULE,
    too_few.RULE,
)
"""Rules about one variant of a study."""
STUDY_RULES = (leak.RULE, majority.RULE, learned_outside.RULE, constant.RULE, given_away.RULE)
"""Rules about the study as a whole."""
TEST_RULES = (above_test.RULE, never_found.RULE)
"""Rules about what the winner and the baseline do on the test set."""


def diagnose(
    study: StudyCurves,
    tested: Sequence[Answers] = (),
    errors: Sequence[ErrorsOnTest] = (),
    labels: Sequence[LabelAnswers] = (),
) -> list[Finding]:
    """The findings of a study: those about all of it first, then by variant and code.

    Args:
        study: Its curves.
        tested: The answers of the winner, then of the baseline, to the test set; none where it
            has not been read, or its targets are no classes.
        errors: Their errors there; none where it has not been read, or what scores is no mean of
            such.
        labels: How often they find each label there, where samples may have several; else none.
    """
    return [*of_study(study, tested, errors, labels), *of_variants(study)]


def of_study(
    study: StudyCurves,
    tested: Sequence[Answers],
    errors: Sequence[ErrorsOnTest],
    labels: Sequence[LabelAnswers],
) -> list[Finding]:
    """The findings about the study as a whole, by code; the arguments are those of `diagnose`."""
    found = [rule.judge(study) for rule in STUDY_RULES]
    if tested or errors:
        found.append(above_test.RULE.judge(study, tested, errors))
    if tested or labels:
        found.append(never_found.RULE.judge(study, tested or labels))
    return sorted(found, key=lambda finding: finding.code)


def without_test(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that follow from a study's record alone, which a store and exports hold."""
    codes = {rule.code for rule in TEST_RULES}
    return [finding for finding in findings if finding.code not in codes]


def of_variants(
    study: StudyCurves, codes: Callable[[str], Set[str]] | None = None
) -> list[Finding]:
    """The findings about each variant, by variant and code.

    Args:
        study: Its curves.
        codes: By the name of a variant, the codes of the rules that judge it; None for all.
    """
    return [
        _undecided_by_two(rule.judge(curves, study), curves.trained)
        for curves in study.variants
        for rule in RULES
        if codes is None or rule.code in codes(curves.name)
    ]


def _undecided_by_two(finding: Finding, trained: int) -> Finding:
    """The same finding; inconclusive where it rests on an interval of two replicates.

    Such an interval reaches six times as far as the two differ. So it would find what it looks for
    in the variants whose two replicates happen to agree, and not in those where there is most.
    KH202 tells how many replicates there should be, and stays.
    """
    counts = [value.n for value in finding.evidence.values() if isinstance(value, Interval)]
    is_inconclusive = finding.verdict not in ("found", "not found")
    if (
        is_inconclusive
        or finding.code == too_few.RULE.code
        or min(counts, default=FEWEST) >= FEWEST
    ):
        return finding
    return replace(
        finding,
        verdict="inconclusive",
        sentence=f"{finding.variant}: how near two replicates are to each other is mostly luck, "
        "and so would be a verdict.",
        advice=more_replicates(trained),
    )


def verdict(findings: Sequence[Finding], trained: int) -> str:
    """Summarises the findings about one variant in a few words.

    The titles of what was found; otherwise, if a rule is undecided, "too few replicates" where
    fewer trained than any rule is decided by, and else "inconclusive"; otherwise "sound", or
    "nothing found" if some rule did not apply. How a variant compares with others (KH202) is
    reported elsewhere, and that nobody knows whether its replicates differ much (KH106).

    Args:
        findings: About the variant.
        trained: Its replicates.
    """
    of_curves = [f for f in findings if f.code not in (unstable.RULE.code, too_few.RULE.code)]
    told = [f for f in findings if f.code != too_few.RULE.code]
    found = [finding.title for finding in told if finding.verdict == "found"]
    if found:
        return ", ".join(found)
    undecided = [finding.title for finding in of_curves if finding.verdict == "inconclusive"]
    if undecided and trained < FEWEST:
        return too_few.RULE.title
    if undecided:
        return f"inconclusive ({', '.join(undecided)})"
    return "sound" if all(f.verdict == "not found" for f in of_curves) else "nothing found"
