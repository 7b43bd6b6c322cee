"""KD111: targets of neighbours in time are alike, and splits are random."""

import math
from collections.abc import Sequence

from kohort.data.inspection.time_facts import FEWEST_ROWS, MOST_COLUMNS, SHUFFLES, OrderInTime
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import shortlist

ALIKE = 0.1
"""How alike the targets of neighbours in time are, from 0 by chance to 1, to matter."""
LEVEL = 0.01
"""The level of the test, for all columns of moments together."""
IN_ORDER = 0.9
"""Spearman's correlation of moments with the order of the rows in the table, without its sign,
from which on rows are said to stand in order of time."""


def judge(data: CheckedData) -> Finding:
    """Whether neighbours in time are alike, in a column by which the rows are in order."""
    measured = [column for column in data.times if not math.isnan(column.alike)]
    if not measured:
        return RULE.finding(None, "not applicable", _unmeasured(data.times))
    level = LEVEL / len(measured)
    alike = [column for column in measured if column.alike >= ALIKE and column.p <= level]
    timed = [each for each in alike if each.in_order >= IN_ORDER or each.test_is_later]
    first = max(timed or alike or measured, key=lambda column: column.alike)
    told = _told(first, are_classes=data.labels is not None)
    evidence: Evidence = {
        "columns of moments": len(measured),
        "groups in its order" if first.of_groups else "rows in its order": first.rows,
        "how alike neighbours are": first.alike,
        "99 % of random orders are below": first.by_chance,
        "p of so much in random orders": first.p,
        "rank correlation of moments with rows of the table": first.in_order,
    }
    if not alike:
        few = "beyond chance, but little" if first.p <= level else "not beyond chance"
        sentence = f"{told} That is {few}. Inputs were not looked at."
        return RULE.finding(None, "not found", sentence, evidence)
    others = [column.name for column in (timed or alike) if column is not first]
    told += f" So it is by {shortlist(others)}." if others else ""
    if timed:
        sentence = f"{told} {_split(first, data)}"
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    sentence = f"{told} {UNORDERED} {_split(first, data)}"
    return RULE.finding(None, "inconclusive", sentence, evidence, RULE.mend)


def _told(column: OrderInTime, *, are_classes: bool) -> str:
    """What was measured, a sentence."""
    what = "group" if column.of_groups else "row"
    measured = (
        f"the class of a {what} agrees with that of the next beyond chance by {column.alike:.2f} "
        "(a kappa: 0 by chance, 1 always)"
        if are_classes
        else f"the target has a serial rank correlation of {column.alike:.2f}"
    )
    return (
        f"Over {column.rows:,} {what}s in order of {column.name} {measured}; in 99 % of "
        f"{SHUFFLES:,} random orders it is {column.by_chance:.2f} at most (p = {column.p:.1g})."
    )


def _split(column: OrderInTime, data: CheckedData) -> str:
    """What follows for the sides of splits, two sentences."""
    what = "groups" if column.of_groups else "samples"
    sides = "validation" if column.test_is_later or not data.test else "validation and test"
    later = (
        "; the test score is not, since each test sample is later than all training samples"
        if column.test_is_later
        else ""
    )
    return (
        f"Splits are random: {sides} {what} lie between training {what} in time. For a model that "
        f"is to predict what comes later, {sides} scores are likely too good{later}."
    )


def _unmeasured(columns: Sequence[OrderInTime]) -> str:
    """Why nothing was measured, a sentence."""
    if not columns:
        return "There is no column of moments (dates, times), or a target has several numbers."
    most = max(columns, key=lambda column: column.rows)
    names, what = shortlist([column.name for column in columns]), "different rows"
    what = "groups" if most.of_groups else what
    if most.rows < FEWEST_ROWS:
        return (
            f"Whether the order by {names} matters cannot be seen: there are {most.rows:,} {what} "
            f"with moments to train on, and it takes {FEWEST_ROWS}. Splits are random."
        )
    return f"Whether the order by {names} matters cannot be seen: all have one moment, or target."


UNORDERED = (
    "But the rows of the table do not stand in this order: it may say something else than when a "
    "row came to be, as a date of birth does, and only you know. If it is the time, this follows."
)

RULE = Rule(
    "KD111",
    "order in time",
    "A table has a column of moments (dates and times; text or whole numbers that can be read as "
    "such in one way only, as 2024-01-31, 31.1.2024 or 20240131; or the column `time=`). In order "
    "of it, the targets of neighbours are alike beyond chance: the serial correlation of the ranks "
    "of numbers, or the agreement of the class with the next one's beyond chance (a kappa), is "
    f"{ALIKE:g} or more, and at most {100 * LEVEL:g} % of {SHUFFLES:,} random orders have as much "
    f"(Bonferroni over columns, of which the first {MOST_COLUMNS} are looked at). Rows of one "
    "moment are in random order; equal rows of one moment count once; where there are groups, the "
    "middle row of each stands for it. It is found where the rows of the table also stand in that "
    f"order, forwards or backwards (Spearman's correlation is {IN_ORDER:g} or more), or every test "
    "row is later than all training rows; else it is inconclusive, as a date of birth may go with "
    "the target too. The targets of training rows alone are looked at: that inputs change over "
    "time, or what they say of the target, is not seen. Of fewer than "
    f"{FEWEST_ROWS} rows or groups nothing is measured. It is not serious: only you know whether "
    "the model is to predict what comes later.",
    "Splits are random, and where neighbours in time are alike, a model that has trained on the "
    "day before and the day after knows the day between: of what comes later it knows less than "
    "its scores promise.",
    "Make the latest rows of a table the test set, `time=` of `kohort.load` (`--time COLUMN`), and "
    "take the test score for what is to come. Make periods, such as months, the groups (`group=`, "
    "`--group COLUMN`): whole periods validate then. They still lie between others: kohort has no "
    "replicates that train on the past alone.",
    judge,
    "a test by permutations of the serial correlation, Wald and Wolfowitz (1943), Annals of "
    "Mathematical Statistics 14, by `scipy.stats.permutation_test`",
)
