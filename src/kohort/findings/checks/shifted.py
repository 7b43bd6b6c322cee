"""KD109: test samples can be told from training samples."""

import numpy as np

from kohort.data.inspection.group_facts import GroupFacts
from kohort.errors import count
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import listing

SHIFT_AUC = 0.6
"""The AUC above which test samples are told from training samples."""
NAMED = 3
"""The most columns of a table that are named."""
LIKE = 0.5
"""Columns are named that differ by more than this part of the largest difference."""

FEWEST_OF_A_SIDE = 10
"""The fewest groups of training, and of test samples, for a shift to be found: two for each fold.

Of five, 2 to 7 % of data without a shift had such an interval (400 data sets of each kind, with
scores of which groups make 30 % or all of the variance); of ten, 1 % at most.
"""


def judge(data: CheckedData) -> Finding:
    """Whether the interval of the AUC lies above the threshold."""
    if not data.test:
        return RULE.finding(None, "not applicable", "There is no test set.")
    shift = data.shift
    if shift is None or not shift.is_formed:
        return RULE.finding(None, "not applicable", data.untrained)
    evidence: Evidence = {"AUC of telling test from training samples": shift, "samples": shift.n}
    sentence = (
        "A model that was not trained on them ranks test samples above training samples with an "
        f"AUC of {shift.mean:.3f} ({shift.low:.3f} to {shift.high:.3f}); 0.5 is chance."
    )
    if shift.lies_below(SHIFT_AUC):
        return RULE.finding(None, "not found", sentence, evidence)
    sentence += _columns(data)
    lacking = _lacking_groups(data.groups)
    is_later = any(column.test_is_later for column in data.times)
    sentence += LATER if is_later else ""
    if shift.lies_above(SHIFT_AUC) and not lacking:
        advice = RECENT if is_later else RULE.mend
        return RULE.finding(None, "found", sentence, evidence, advice)
    sentence += lacking
    return RULE.finding(None, "inconclusive", sentence, evidence, LOOK)


def _lacking_groups(groups: GroupFacts) -> str:
    """Why groups leave it open whether there is a shift, a sentence; else empty."""
    if not groups.given:
        return ""
    if groups.fewer is None:
        return UNKNOWN_GROUPS
    if groups.fewer >= FEWEST_OF_A_SIDE:
        return ""
    return (
        f" Of train and test, one side has {count(groups.fewer, 'group')}: "
        "samples of one group are alike, and so few groups may differ by chance; it takes "
        f"{FEWEST_OF_A_SIDE}."
    )


def _columns(data: CheckedData) -> str:
    """The columns of a table that differ most by themselves, a sentence; else empty."""
    if data.columns is None or data.columns.apart is None:
        return ""
    apart, names = data.columns.apart, data.columns.names
    most = [n for n in np.argsort(-apart, kind="stable")[:NAMED] if apart[n] > LIKE * apart.max()]
    if not most:
        return ""
    told = listing([f"{names[n]} ({apart[n]:.2f})" for n in most])
    return f" Of single columns, by Kolmogorov and Smirnov's statistic, most apart: {told}."


UNKNOWN_GROUPS = (
    " These data have groups, and those of test samples are not known: samples of one group are "
    "alike, so that a model may know the test set by its groups, with no other difference."
)
LATER = (
    " Every test sample is later than all training samples: what differs is what time changes, or "
    "goes with it."
)
RECENT = (
    "A test set of later samples is there to show this. Expect scores to fall again as time goes "
    "on: see which columns change, and train anew when there are recent samples."
)
LOOK = "See where the test set comes from: from other places or times than the training set?"

RULE = Rule(
    "KD109",
    "shift between train and test",
    "The nets of KD104, trained to tell test samples from training samples, rank samples that they "
    "were not trained on: the interval of the AUC, the mean over five folds, lies above "
    f"{SHIFT_AUC:g}. Where it holds {SHIFT_AUC:g} it is inconclusive; it is at most that where "
    "data have groups, and those of test samples are not known or one side has fewer than "
    f"{FEWEST_OF_A_SIDE}. Copies and groups stay in one fold, and their influences are added up. "
    "At most 5,000 samples of each side are used, and 50 are needed. Labels are not looked at. Of "
    "tables the columns whose values differ most by themselves are named, which are not all that "
    "may differ together.",
    "Where the test set looks different it measures another task than validation does: a score on "
    "it is not what validation promises, and a model may be chosen for the wrong samples.",
    "Find out what differs (a device, a place, a time). If the model is to work on samples like "
    "those of the test set, train on such; else split anew at random, by groups.",
    judge,
    "an AUC over folds with the variance of LeDell, Petersen and van der Laan (2015), Electronic "
    "Journal of Statistics 9; the idea is that of a two-sample test by a classifier, Lopez-Paz and "
    "Oquab (2017)",
)
