"""KD108: columns that tell nothing, or what another one tells."""

from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import shortlist


def judge(data: CheckedData) -> Finding:
    """Whether columns of a table have one value, or are equal to another."""
    columns = data.columns
    if columns is None:
        return RULE.finding(None, "not applicable", "The samples are no rows of a table.")
    evidence: Evidence = {
        "columns": len(columns.names),
        "columns of one value": len(columns.constant),
        "columns equal to an earlier one": len(columns.copies),
    }
    told = []
    if columns.constant:
        names = shortlist([columns.names[n] for n in columns.constant])
        told.append(f"in all training rows {names} {_verb(len(columns.constant))} one value")
    if columns.copies:
        names = shortlist(
            [f"{columns.names[one]} (as {columns.names[other]})" for one, other in columns.copies]
        )
        told.append(f"equal to an earlier column: {names}")
    if not told:
        sentence = "Every column varies in the training rows, and no two are equal."
        return RULE.finding(None, "not found", sentence, evidence)
    sentence = "; ".join(told)
    return RULE.finding(None, "found", f"{sentence[0].upper()}{sentence[1:]}.", evidence, RULE.mend)


def _verb(count: int) -> str:
    return "has" if count == 1 else "have"


RULE = Rule(
    "KD108",
    "constant and repeated columns",
    "A column of a table has one value in all training rows, or equals an earlier column in every "
    "training row.",
    "Such a column teaches nothing. It costs weights, hides a mistake in how the table was made, "
    "and a repeated one counts twice where weights are penalised.",
    "Leave the column out, or find out why it does not vary.",
    judge,
)
