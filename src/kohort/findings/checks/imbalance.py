"""KD106: classes differ much in size, or are missing on a side."""

import numpy as np

from kohort.data.strata import IMBALANCED
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import shortlist

EVEN = 1.05
"""Below this ratio classes are said to be of one size."""


def judge(data: CheckedData) -> Finding:
    """Whether the largest class is many times the smallest, or a class is missing on a side."""
    if data.labels is None:
        return RULE.finding(None, "not applicable", "The targets are no classes.")
    names, (train, test) = np.array(data.labels.names), data.labels.counts
    if len(names) < 2:
        return RULE.finding(None, "not applicable", "There is one class only.")
    largest, smallest = int(train.argmax()), int(np.where(train, train, train.max()).argmin())
    ratio = float(train[largest] / train[smallest])
    missing = {
        "training": names[train == 0].tolist(),
        "test": names[test == 0].tolist() if data.test else [],
    }
    evidence: Evidence = {
        "classes": len(names),
        "training samples of the largest class": int(train[largest]),
        "training samples of the smallest class": int(train[smallest]),
        "largest over smallest": ratio,
        "classes without training samples": len(missing["training"]),
        "classes without test samples": len(missing["test"]),
    }
    sizes = (
        f"the largest class, {names[largest]}, has {train[largest]:,} training samples, "
        f"{ratio:.3g} times as many as the smallest, {names[smallest]}, with {train[smallest]:,}"
    )
    lacks = [
        f"there is no {side} sample of {shortlist(lacking)}"
        for side, lacking in missing.items()
        if lacking
    ]
    if ratio < EVEN:
        sizes = f"the {len(names):,} classes have about as many training samples each"
    told = "; ".join([*lacks, sizes])
    sentence = f"{told[0].upper()}{told[1:]}."
    is_found = bool(lacks) or ratio >= IMBALANCED
    if is_found:
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    return RULE.finding(None, "not found", sentence, evidence)


RULE = Rule(
    "KD106",
    "imbalance",
    f"The largest class has {IMBALANCED:g} times as many training samples as the smallest or more, "
    "or a class has no training samples or no test samples.",
    "A model that never says a rare class is right for most samples, so that an accuracy hides "
    "what the rare class costs; and few samples teach and prove little of it.",
    "Score by what counts rare classes (a recall, an AUC, the balanced accuracy), see what weights "
    "of the classes change (`class_weight` of a study), or collect more of the rare ones.",
    judge,
)
