"""Judges what single inputs, columns of a table or places of windows, tell of the target."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kohort.data.inspection.inputs.told_alone import EXPLAINED, RANKED, TOLD, ToldAlone
from kohort.findings.finding import Evidence, Finding, Rule, Verdict
from kohort.findings.names import listing, shortlist
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import mean_of_proportions, proportion_interval
from kohort.findings.statistics.scale import fixed, shown

_CLEARLY = 0.5
"""What a column leaves untold must be less than this part of what the row before does."""
_IN_ORDER = ", if rows are in order of time; else it gives the class away"
_CLEARLY_OF_STEPS = 0.25
"""So for a place of windows, of what a step tells of the one beside it."""


WHY = (
    "Such a column is often made from the target, or known only after it (the day of discharge, a "
    "code of the diagnosis). A model that reads it scores well and is of no use."
)
MEND = (
    "Find out when and from what the column is made. Leave it out if it is not known when the "
    "model is to predict. If it is, the question may need no model."
)
SOURCE = (
    "a rule of one column after Holte (1993), Machine Learning 11; Wilson's intervals of the "
    "recalls, combined by Zou and Donner's method (2008)"
)


_WORST_FIRST: tuple[Verdict, ...] = ("found", "inconclusive", "not found")
NOT_ASKED = (
    "samples are neither rows of a table nor windows, or a target has a number for each column or "
    "step, or only such as do not vary"
)


def judged(rule: Rule[Any], told: Sequence[ToldAlone], confidence: float) -> Finding:
    """The finding of a rule about what single inputs tell.

    Args:
        rule: The rule.
        told: What they tell of the target, or of several of its numbers; empty where that is not
            known.
        confidence: Of the interval of a balanced accuracy.
    """
    if not told:
        return rule.finding(None, "not applicable", f"{NOT_ASKED.capitalize()}.")
    if told[0].right is not None:
        return _of_classes(rule, told[0], confidence)
    found = [_of_numbers(rule, of_one) for of_one in told]
    worst = min(found, key=lambda finding: _WORST_FIRST.index(finding.verdict))
    alike = [
        f"number {of_one.number + 1}"
        for of_one, finding in zip(told, found, strict=True)
        if finding.verdict == worst.verdict and finding is not worst
    ]
    more = ""
    if alike and worst.verdict != "not found":
        more = f" The same is seen of {listing(alike)}."
    if told[0].numbers > len(told):
        were = "was" if len(told) == 1 else "were"
        more += (
            f" Of {told[0].numbers:,} numbers {len(told)} {were} asked, to which an input is "
            "nearest in order."
        )
    return replace(worst, sentence=worst.sentence + more)


def _of_classes(rule: Rule[Any], told: ToldAlone, confidence: float) -> Finding:
    assert told.right is not None
    assert told.of_class is not None
    there = np.flatnonzero(told.of_class)
    if len(there) < 2:
        return rule.finding(None, "not applicable", "There is one class only.")
    level = 1 - (1 - confidence) / told.count
    counts = told.of_class
    recalls = np.mean(told.right[:, there] / counts[there], axis=1)
    ranked = np.argsort(-recalls, kind="stable")
    # An interval of each of thousands of columns takes seconds.
    high = [int(number) for number in ranked if recalls[number] > TOLD] or [int(ranked[0])]
    seen = {number: _recall(told.right[number, there], counts[there], level) for number in high}
    best = high[0]
    part, name = seen[best], told.names[best]
    evidence: Evidence = {"columns": told.count, "balanced accuracy of the best one": part}
    clear = [number for number in high if seen[number].lies_above(TOLD)]
    above = [told.names[n] for n in clear if _is_more(told, n, float(recalls[n]))]
    reach = f"reaches a balanced accuracy of {shown(part, '%', 100.0, thresholds=(TOLD,))}"
    if above:
        sentence = f"By itself {shortlist(above)} {'tell' if len(above) > 1 else 'tells'} the class"
        return rule.finding(None, "found", f"{sentence}: {name} {reach}.", evidence, rule.mend)
    if clear:
        sentence = f"By itself {name} tells the class: it {reach}. {_as_a_series(told, name)}"
        known = told.in_time and all(told.names[n] in told.earlier for n in clear)
        verdict: Verdict = "not found" if known else "inconclusive"
        return rule.finding(None, verdict, sentence, evidence, "" if known else rule.mend)
    what = "place in the windows" if told.of_windows else "column"
    sentence = f"The {what} that tells most by itself, {name}, {reach}."
    if part.mean > TOLD:
        sentence = (
            f"By itself {name} may give the class away: it {reach}. The rows of a "
            f"class are too few to show that it lies above {100 * TOLD:g} %."
        )
    if part.high > TOLD:
        return rule.finding(None, "inconclusive", sentence, evidence, rule.mend)
    return rule.finding(None, "not found", sentence, evidence)


def _is_more(told: ToldAlone, number: int, recall: float) -> bool:
    """Whether an input that tells the class tells more than a series tells of itself."""
    if told.series is not None and told.series[number]:
        return False
    is_earlier = told.names[number] in told.earlier
    return not is_earlier and 1 - recall < _CLEARLY * (1 - float(told.before[0]))


def _as_a_series(told: ToldAlone, name: str) -> str:
    if name in told.earlier:
        return f"It holds the class of an earlier row{'' if told.in_time else _IN_ORDER}."
    if told.of_windows:
        return "So may a series that keeps its class tell of itself."
    return "So about does the class of the row before, and it may be known before as well."


def _recall(right: np.ndarray, counts: np.ndarray, confidence: float) -> Interval:
    """The mean of the recalls of classes, with its interval."""
    pairs = zip(right, counts, strict=True)
    return mean_of_proportions([proportion_interval(int(r), int(n), confidence) for r, n in pairs])


def _of_numbers(rule: Rule[Any], alone: ToldAlone) -> Finding:
    assert alone.explained is not None
    assert alone.ranked is not None
    explained, ranked, names = alone.explained, alone.ranked, alone.names
    order = np.lexsort((-ranked, -explained))
    # Steps of a season explain much of each other, and have not nearly its order.
    series = np.zeros(len(names), bool) if alone.series is None else alone.series
    explains = (explained >= EXPLAINED) & ~series
    above = [n for n in order if explains[n] or ranked[n] >= RANKED]
    of_series = [n for n in above if names[n] in alone.earlier]
    above = [n for n in above if n not in of_series]
    # Of a smooth series the row before tells nearly all, and so does whatever is near it in time.
    clearly = _CLEARLY_OF_STEPS if alone.of_windows else _CLEARLY
    before = np.broadcast_to(alone.before, (len(names), 2))
    untold, unranked = clearly * (1 - before.T)
    more = [n for n in above if 1 - explained[n] < untold[n] or 1 - ranked[n] < unranked[n]]
    best = int((more or of_series or above or order)[0])
    part, rank = float(explained[best]), float(ranked[best])
    evidence: Evidence = {
        "columns": alone.count,
        "variance explained by the best one": part,
        "its rank correlation with the target": rank,
    }
    is_one = alone.numbers == 1
    target = "the target" if is_one else f"number {alone.number + 1} of {alone.numbers} of a target"
    means, share = f"the means in bins of {names[best]} explain", fixed(100 * max(0.0, part))
    if more:
        variance, ranks = (
            ("the target's variance", "its rank correlation with the target is")
            if is_one
            else ("its variance", "their rank correlation is")
        )
        by_rank = f", and {ranks} {rank:.4g}" if rank >= RANKED else ""
        verb = "give" if len(more) > 1 else "gives"
        listed = shortlist([names[n] for n in more])
        sentence = (
            f"By itself {listed} {verb} {target} away: {means} {share} % of {variance}{by_rank}."
        )
        return rule.finding(None, "found", sentence, evidence, rule.mend)
    variance = "the target's variance" if is_one else f"the variance of {target}"
    told = f"{means} {share} % of {variance}"
    if (above or of_series) and alone.of_windows:
        sentence = f"Of places in the windows, {told}, about as much as steps tell of each other."
        return rule.finding(None, "not found", sentence, evidence)
    if of_series or above:
        lags, others = ([names[n] for n in some] for some in (of_series, above))
        sentence = _known_before(lags, others, told, in_time=alone.in_time)
        if alone.in_time and not others:
            return rule.finding(None, "not found", sentence, evidence)
        return rule.finding(None, "inconclusive", sentence, evidence, rule.mend)
    what = "places in the windows" if alone.of_windows else "columns by themselves"
    sentence = f"Of {what}, {told}, and those of others less."
    return rule.finding(None, "not found", sentence, evidence)


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
