"""KD103: copies of one sample have different labels."""

from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule

DISPUTED_PERCENT = 0.1
"""Percent of all samples that are exact copies of a sample with another label."""


def judge(data: CheckedData) -> Finding:
    """Whether exact copies have several labels, or near copies different ones."""
    if data.labels is None:
        return RULE.finding(None, "not applicable", "The targets are no classes.")
    sets, pairs = data.copies.disputed, len(data.copies.near_disputed)
    samples = sum(map(len, sets))
    percent = 100 * samples / (data.train + data.test)
    evidence: Evidence = {
        "sets of exact copies with several labels": len(sets),
        "samples in them": samples,
        "samples in them, %": percent,
        "pairs of near copies with different labels": pairs,
    }
    near = f"{pairs:,} {'pairs' if pairs != 1 else 'pair'} of near copies"
    if sets:
        one = len(sets) == 1
        what = f"{'A set' if one else f'{len(sets):,} sets'} of exact copies"
        sentence = (
            f"{what}, {samples:,} samples ({percent:.3g} %), {'has' if one else 'have'} more than "
            "one label" + (f", and {near} different ones" if pairs else "") + "."
        )
        if not data.copies.means_much:
            more = " Rows of few different numbers may be equal by chance, and differ in the rest."
            return RULE.finding(None, "inconclusive", sentence + more, evidence, COLUMNS)
        if percent < DISPUTED_PERCENT:
            return RULE.finding(None, "not found", f"Few: {sentence}", evidence, RULE.mend)
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    if pairs:
        verb = "has" if pairs == 1 else "have"
        sentence = f"No exact copies, but {near} {verb} different labels."
        return RULE.finding(None, "inconclusive", sentence, evidence, LOOK_AT)
    return RULE.finding(None, "not found", "All copies that were found agree in label.", evidence)


LOOK_AT = "Look at them: a label may be wrong, or a small difference may make the class."
COLUMNS = "See whether a column is missing that would tell such rows apart."

RULE = Rule(
    "KD103",
    "copies with different labels",
    f"Of all samples, of train and test together, {DISPUTED_PERCENT:g} % or more are in sets of "
    "samples that are equal in every number and have different labels; fewer are told, and are "
    "not found. Where only near copies differ in label it is inconclusive, and in a table "
    "whose columns are too few or too coarse to rule out that rows are equal by chance.",
    "One of the labels is wrong, or the samples do not tell the class. No model can be right about "
    "both.",
    "Look at them and settle on a label, or leave them out on both sides.",
    judge,
)
