"""KH208: an input tells the target of a study's samples by itself."""

from kohort.findings.finding import Finding, Rule
from kohort.findings.judged import StudyCurves
from kohort.findings.rules.leaks.single_inputs import MEND, NOT_ASKED, SOURCE, WHY, judged

MOST_NUMBERS, MOST_COLUMNS = 2**16, 1_000
"""How many numbers a study looks at, and of how many columns: `kohort data check` takes the time to
look at all."""


def judge(study: StudyCurves) -> Finding:
    """As KD107 judges the training samples."""
    if not study.told:
        return RULE.finding(None, "not applicable", _NOBODY)
    return judged(RULE, study.told, study.confidence)


_NOBODY = f"Nobody looked at what single inputs tell of the target, or {NOT_ASKED}."

RULE = Rule(
    "KH208",
    "an input gives the target away",
    "One column of a table, or one place of windows `[sample, step, input]`, tells the target by "
    "itself: as KD107 judges it, on the training samples of the study. A random part of them is "
    f"looked at where they hold more than {MOST_NUMBERS:,} numbers, but 1,000 at least. Tables of "
    f"more than {MOST_COLUMNS:,} columns are left to `kohort data check`, which looks at all.",
    WHY,
    MEND,
    judge,
    SOURCE,
)
