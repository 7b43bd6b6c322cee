"""KD107: one column alone tells the target."""

from kohort.data.inspection.inputs.told_alone import EXPLAINED, RANKED, TOLD
from kohort.data.inspection.inputs.told_targets import MOST_TARGETS
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Finding, Rule
from kohort.findings.rules.leaks.single_inputs import MEND, SOURCE, WHY, judged


def judge(data: CheckedData) -> Finding:
    """Whether an input's balanced accuracy, or the variance that it explains, is too good."""
    return judged(RULE, data.told, data.confidence)


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
    "the target of the row before, or more, by both measures, and of classes as their class. The "
    "rule is asked of tables, and of each place of windows `[sample, step, input]`: of the last "
    "512 places of those 64 that a line of the target, or its class, explains most of. Where an "
    "input differs between steps, only its rank gives a number away, where it leaves less than a "
    "quarter untold of what a step leaves of the one beside it, and a class is inconclusive at "
    "most: a series tells as much of itself. Where a target has several numbers, as of the next "
    f"steps of a series, it is asked of up to {MOST_TARGETS}, those to which an input is nearest "
    "in order; not where it has a number for each column of a table or each step of windows, as "
    "for an autoencoder. Of more than 20,000 rows, or a million numbers of windows, a random part "
    "is looked at.",
    WHY,
    MEND,
    judge,
    SOURCE,
)
