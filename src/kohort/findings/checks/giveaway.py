"""KD107: one column alone tells the target."""

from collections.abc import Sequence

import numpy as np

from kohort.data.inspection.column_facts import ColumnFacts
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import shortlist
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import mean_of_proportions, proportion_interval
from kohort.findings.statistics.scale import fixed, shown

TOLD = 0.95
"""The balanced accuracy of one column above which it gives the class away."""
EXPLAINED = 0.98
"""The part of the variance of a number that one column explains, to give it away."""
_CLEARLY = 0.5
"""What a column leaves untold must be less than this part of what the row before does."""
RANKED = 0.999
"""Spearman's correlation, without its sign, of a column that gives a number away."""


def judge(data: CheckedData) -> Finding:
    """Whether a column's balanced accuracy, or the variance that it explains, is too good."""
    columns = data.columns
    if columns is None:
        return RULE.finding(None, "not applicable", "The samples are no rows of a table.")
    if columns.right is not None:
        return _of_classes(columns, data.confidence)
    if columns.explained is not None:
        return _of_numbers(columns, columns.explained, in_time=bool(data.times))
    return RULE.finding(None, "not applicable", "A target has several numbers.")


def _of_classes(columns: ColumnFacts, confidence: float) -> Finding:
    assert columns.right is not None
    assert columns.of_class is not None
    there = np.flatnonzero(columns.of_class)
    if len(there) < 2:
        return RULE.finding(None, "not applicable", "There is one class only.")
    level = 1 - (1 - confidence) / len(columns.alone)
    counts = columns.of_class
    recalls = np.mean(columns.right[:, there] / counts[there], axis=1)
    ranked = np.argsort(-recalls, kind="stable")
    # An interval of each of thousands of columns takes seconds.
    high = [int(number) for number in ranked if recalls[number] > TOLD] or [int(ranked[0])]
    told = {number: _recall(columns.right[number, there], counts[there], level) for number in high}
    best = high[0]
    part = told[best]
    evidence: Evidence = {"columns": len(recalls), "balanced accuracy of the best one": part}
    above = [columns.alone[number] for number in high if told[number].lies_above(TOLD)]
    reach = f"reaches a balanced accuracy of {shown(part, '%', 100.0, thresholds=(TOLD,))}"
    if above:
        sentence = f"By itself {shortlist(above)} {'tell' if len(above) > 1 else 'tells'} the class"
        return RULE.finding(
            None, "found", f"{sentence}: {columns.alone[best]} {reach}.", evidence, RULE.mend
        )
    sentence = f"The column that tells most by itself, {columns.alone[best]}, {reach}."
    if part.mean > TOLD:
        sentence = (
            f"By itself {columns.alone[best]} may give the class away: it {reach}. The rows of a "
            f"class are too few to show that it lies above {100 * TOLD:g} %."
        )
    if part.high > TOLD:
        return RULE.finding(None, "inconclusive", sentence, evidence, RULE.mend)
    return RULE.finding(None, "not found", sentence, evidence)


def _recall(right: np.ndarray, counts: np.ndarray, confidence: float) -> Interval:
    """The mean of the recalls of classes, with its interval."""
    pairs = zip(right, counts, strict=True)
    return mean_of_proportions([proportion_interval(int(r), int(n), confidence) for r, n in pairs])


def _of_numbers(columns: ColumnFacts, explained: np.ndarray, *, in_time: bool) -> Finding:
    ranked = np.zeros(len(explained)) if columns.ranked is None else columns.ranked
    order = np.lexsort((-ranked, -explained))
    above = [n for n in order if explained[n] >= EXPLAINED or ranked[n] >= RANKED]
    of_series = [n for n in above if columns.alone[n] in columns.earlier]
    above = [n for n in above if n not in of_series]
    # Of a smooth series the row before tells nearly all, and so does whatever is near it in time.
    untold, unranked = (_CLEARLY * (1 - before) for before in columns.before)
    more = [n for n in above if 1 - explained[n] < untold or 1 - ranked[n] < unranked]
    best = int((more or of_series or above or order)[0])
    part, rank = float(explained[best]), float(ranked[best])
    evidence: Evidence = {
        "columns": len(explained),
        "variance explained by the best one": part,
        "its rank correlation with the target": rank,
    }
    share = f"{fixed(100 * max(0.0, part))} % of the target's variance"
    told = f"the means in bins of {columns.alone[best]} explain {share}"
    if more:
        ranks = f", and its rank correlation with the target is {rank:.4g}"
        by_rank = ranks if rank >= RANKED else ""
        verb = "give" if len(more) > 1 else "gives"
        names = shortlist([columns.alone[n] for n in more])
        sentence = f"By itself {names} {verb} the target away: {told}{by_rank}."
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    if of_series or above:
        lags, others = ([columns.alone[n] for n in some] for some in (of_series, above))
        sentence = _known_before(lags, others, told, in_time=in_time)
        if in_time and not others:
            return RULE.finding(None, "not found", sentence, evidence)
        return RULE.finding(None, "inconclusive", sentence, evidence, RULE.mend)
    sentence = f"Of columns by themselves, {told}, and those of others less."
    return RULE.finding(None, "not found", sentence, evidence)


def _known_before(lags: Sequence[str], others: Sequence[str], told: str, *, in_time: bool) -> str:
    """Of columns that tell most of the target, that they may be known before it.

    Args:
        lags: Those that hold earlier targets.
        others: Those that tell no more than the target of the row before.
        told: What the best of them tells.
        in_time: Whether moments tell the order of the rows.
    """
    sentences = []
    if lags:
        where = "earlier rows" if in_time else "rows further up"
        sentences.append(f"Targets of {where} are in {shortlist(lags)}: {told}.")
    if lags and not in_time:
        sentences.append(
            "If rows are in order of time they are known before, else they give the target away."
        )
    if others:
        verb = "tell" if len(others) > 1 else "tells"
        how = "" if lags else f": {told}"
        sentences.append(
            f"By itself {shortlist(others)} {verb} about as much as the target of the row before, "
            f"and may be known before as well{how}."
        )
    return " ".join(sentences)


RULE = Rule(
    "KD107",
    "a column gives the target away",
    "A rule of one column alone tells the class of rows that it was not learned from: the interval "
    f"of its balanced accuracy lies above {100 * TOLD:g} %, at a level for all columns at once "
    "(Bonferroni). The rule cuts the values where the class changes, and answers in each bin with "
    "the class that it has most of, in parts of the class's rows; a column of categories is asked "
    "as a whole, and each category is a bin; five folds hold rows out, and do "
    f"not part groups and copies. Where the interval holds {100 * TOLD:g} % it is inconclusive. Of "
    f"numbers it is found where the means of bins explain {100 * EXPLAINED:g} % of the variance or "
    f"more, or Spearman's rank correlation with the column is {RANKED:g} or more, whatever "
    "its sign (so is that of a copy, a line, or any monotonic function). Ranks are compared where "
    "they are no chance, and without the target's most common value too where it has half of the "
    "rows. A column that holds the target of a row before, as lags of a series do (of up to 1,000 "
    "rows before), gives nothing away where a column of moments has that order, and is "
    "inconclusive where none tells the order; so is a column that leaves half as much untold as "
    "the target of the row before, or more, by both measures. The rule is asked of tables. Of more "
    "than 20,000 rows a random part is looked at.",
    "Such a column is often made from the target, or known only after it (the day of discharge, a "
    "code of the diagnosis). A model that reads it scores well and is of no use.",
    "Find out when and from what the column is made. Leave it out if it is not known when the "
    "model is to predict. If it is, the question may need no model.",
    judge,
    "a rule of one column after Holte (1993), Machine Learning 11; Wilson's intervals of the "
    "recalls, combined by Zou and Donner's method (2008)",
)
