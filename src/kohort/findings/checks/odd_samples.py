"""KD110: samples without content, and values that outweigh all others."""

from kohort.data.inspection.column_facts import FEWEST_TO_OUTWEIGH, outlying
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import shortlist

BLANK_PERCENT = 0.1
"""Percent of all samples whose numbers are all the same."""


def judge(data: CheckedData) -> Finding:
    """Whether samples are blank, or few rows of a table make up the variance of a column."""
    if data.columns is not None:
        names = [data.columns.names[n] for n in data.columns.outweighed]
        evidence: Evidence = {"columns": len(data.columns.names), "outweighed": len(names)}
        if not names:
            sentence = "In no column do a few values outweigh all others."
            return RULE.finding(None, "not found", sentence, evidence)
        few = outlying(data.train)
        rows = "One of" if few == 1 else f"{few:,} of"
        makes = "makes" if few == 1 else "make"
        sentence = (
            f"{rows} {data.train:,} training rows {makes} up half of the variance of "
            f"{shortlist(names)}, or more."
        )
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    blank, samples = len(data.blank), data.train + data.test
    percent = 100 * blank / samples
    evidence = {"samples": samples, "blank samples": blank, "blank samples, %": percent}
    if not blank:
        return RULE.finding(None, "not found", "No sample is blank.", evidence)
    sentence = (
        f"{blank:,} of {samples:,} samples ({percent:.3g} %) {'is' if blank == 1 else 'are'} blank."
    )
    if percent >= BLANK_PERCENT:
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    return RULE.finding(None, "not found", f"Few: {sentence}", evidence, RULE.mend)


RULE = Rule(
    "KD110",
    "blank samples and outliers",
    f"Of samples that are no rows of a table {BLANK_PERCENT:g} % or more are blank: all their "
    "numbers are the same. In a table, one row in a thousand (one at least) makes up half or more "
    "of a column's sum of squares around its median; columns of two values are left out, and "
    f"tables of fewer than {FEWEST_TO_OUTWEIGH} training rows.",
    "A blank image has no class to tell. A value that outweighs all others, such as -999 for a gap "
    "or a slip of the unit, decides how its column is scaled, and squeezes the rest together.",
    "Look at them. Leave blank samples out; read codes for gaps as gaps, or scale by the logarithm "
    "or by ranks where such values are real.",
    judge,
)
