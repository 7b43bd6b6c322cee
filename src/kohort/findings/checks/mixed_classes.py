"""KD105: samples of one class are often taken for another."""

from collections.abc import Sequence

from kohort.findings.checks import doubtful_labels
from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import proportion_interval

MIXED_PERCENT = 10.0
"""Percent of the samples of a class that are taken for one other class."""
NAMED = 3
"""The most pairs that a sentence names."""

MORE = (
    "Collect more samples of these classes; until then look at those that are taken for another "
    "one, if there are any."
)

type Mixed = tuple[str, str, Interval]
"""A class, the one that it is taken for, and the part of its samples that are."""


def judge(data: CheckedData) -> Finding:
    """Whether the samples of a class are taken for another one more often than the threshold."""
    if data.labels is None:
        return RULE.finding(None, "not applicable", "The targets are no classes.")
    if data.predicted is None:
        return RULE.finding(None, "not applicable", data.untrained)
    threshold, pairs = MIXED_PERCENT / 100, mixed(data)
    above = [pair for pair in pairs if pair[2].lies_above(threshold)]
    open_ones = sorted(
        (pair for pair in pairs if pair[2].high > threshold), key=lambda pair: -pair[2].high
    )
    one, other, part = pairs[0]
    evidence: Evidence = {
        "pairs of classes": len(pairs),
        "pairs that are mixed up": len(above),
        f"part of {one} taken for {other}": part,
    }
    if above:
        more = f", and {len(above) - NAMED:,} more pairs" if len(above) > NAMED else ""
        sentence = f"Models mix up {'; '.join(map(_told, above[:NAMED]))}{more}."
        if doubtful_labels.judge(data).verdict == "found":
            sentence += f" Wrong labels look the same: see to {doubtful_labels.RULE.code} first."
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    sentence = f"The most mixed up is {_told(pairs[0])}."
    if open_ones:
        one, other, part = open_ones[0]
        evidence = {
            **evidence,
            "pairs that may be mixed up": len(open_ones),
            f"part of {one} taken for {other}": part,
        }
        untold = _untold(data, open_ones)
        sentence = untold if open_ones[0] is pairs[0] else f"{sentence} {untold}"
        return RULE.finding(None, "inconclusive", sentence, evidence, MORE)
    return RULE.finding(None, "not found", sentence, evidence)


def mixed(data: CheckedData) -> list[Mixed]:
    """Every pair of a class and another that it may be taken for, those most mixed up first.

    The intervals hold for all pairs at once (Bonferroni).
    """
    assert data.predicted is not None
    assert data.labels is not None
    counts, names = data.predicted.confusion, data.labels.names
    there = [n for n, row in enumerate(counts) if row.any()]
    confidence = 1 - (1 - data.confidence) / (len(there) * (len(there) - 1))
    pairs = [
        (a, b, proportion_interval(int(counts[a, b]), int(counts[a].sum()), confidence))
        for a in there
        for b in there
        if a != b
    ]
    pairs.sort(key=lambda pair: -pair[2].low)
    return [(names[a], names[b], part) for a, b, part in pairs]


def _untold(data: CheckedData, pairs: Sequence[Mixed]) -> str:
    """The class whose samples leave most open, in words; and how many more leave some."""
    assert data.predicted is not None
    assert data.labels is not None
    one, other, part = pairs[0]
    samples = int(data.predicted.confusion[data.labels.names.index(one)].sum())
    more = len({pair[0] for pair in pairs}) - 1
    others = f" So do those of {more:,} more class{'es' * (more > 1)}." if more else ""
    return (
        f"The {samples:,} of class {one} leave open whether it is mixed up: {100 * part.mean:.1f} "
        f"% of them ({100 * part.low:.1f} to {100 * part.high:.1f}) are taken for {other}.{others}"
    )


def _told(pair: Mixed) -> str:
    one, other, part = pair
    return (
        f"class {one}, of which {100 * part.mean:.1f} % ({100 * part.low:.1f} to "
        f"{100 * part.high:.1f}) are taken for {other}"
    )


RULE = Rule(
    "KD105",
    "classes mixed up",
    f"Of the samples of a class more than {MIXED_PERCENT:g} % are taken for one other class by the "
    "nets of KD104 that were not trained on them: Wilson's interval lies above, at a level for all "
    "pairs of classes at once (Bonferroni). It is inconclusive where the interval of a pair holds "
    f"{MIXED_PERCENT:g} %. Samples are taken as independent.",
    "Where many samples of one class look like another, labels may have been given carelessly, the "
    "classes may be one, or the inputs may lack what tells them apart.",
    "Look at samples of both classes. Say what makes the difference, join the classes, or measure "
    "what tells them apart; a better model may tell them apart, too.",
    judge,
    "Wilson's interval (1927), with Bonferroni's correction over the pairs",
)
