"""KH205: the winner gives none of the test samples of a class, or with a label, that class."""

from collections.abc import Sequence

from kohort.findings.classes.counted_answers import Answers
from kohort.findings.classes.label_answers import LabelAnswers
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.proportion import wilson_interval

RECALL_PERCENT = 50.0
"""The recall of a class, %, below which its interval must lie."""
NAMED = 3
"""The most classes that a sentence names."""


def judge(study: StudyCurves, tested: Sequence[Answers | LabelAnswers]) -> Finding:
    """Whether there are classes of which the winner, the first of the tested, finds no sample."""
    if not tested:
        return RULE.finding(None, "not applicable", "No classes given to test samples are known.")
    winner, *_ = tested
    missed, samples = winner.missed, winner.of_class
    there = int((samples > 0).sum())
    confidence = 1 - (1 - study.confidence) / there
    behind = {n: winner.behind_class(n, study.group_size) for n in missed}
    highest = {n: wilson_interval(0.0, behind[n], confidence).high for n in missed}
    shown = [n for n in missed if highest[n] < RECALL_PERCENT / 100]
    few = [n for n in missed if n not in shown]
    evidence: Evidence = {
        f"{winner.plural} in the test set": there,
        f"{winner.plural} never found": len(missed),
        **{
            f"test samples {winner.of} {winner.kind} {winner.names[n]}": int(samples[n])
            for n in missed[:NAMED]
        },
    }
    if not missed:
        each = f"{winner.of} each {winner.kind}{' that has any' * (there < len(samples))}"
        sentence = f"The winner, {winner.variant}, finds some test samples {each}."
        return RULE.finding(None, "not found", sentence, evidence)
    recall = "its recall" if len(few) == 1 else "their recalls"
    too_few = f"{none_of(winner, few)}, which are too few to tell {recall}." if few else ""
    if shown:
        sentence = f"The winner, {winner.variant}, finds {none_of(winner, shown)}."
        if few:
            sentence += f" It also finds {too_few}"
        return RULE.finding(
            None,
            "found",
            sentence,
            evidence,
            f"Do not ship it where these {winner.plural} matter. Collect more of them, give the "
            f"loss weights of the {winner.plural}, or choose another threshold on validation data.",
        )
    return RULE.finding(
        None,
        "inconclusive",
        f"The winner, {winner.variant}, finds {too_few}",
        evidence,
        f"Test on more samples {winner.of} these {winner.plural}.",
    )


def none_of(answers: Answers | LabelAnswers, missed: Sequence[int]) -> str:
    """Classes of which no sample is found, in words: `none of the 11 of class 1`.

    Args:
        answers: Those that miss them.
        missed: The numbers of the classes, one at least; the first are named.
    """
    parts = [
        f"none of the {answers.of_class[n]:,} {answers.of} {answers.kind} {answers.names[n]}"
        for n in missed[:NAMED]
    ]
    more = len(missed) - NAMED
    if more > 0:
        kind = answers.kind if more == 1 else answers.plural
        parts.append(f"none {answers.of} {more:,} more {kind}")
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


RULE = Rule(
    "KH205",
    "class never found",
    "Of the test samples of a class (or, where samples have several labels, with one of them) the "
    "winner gives none this class, and Wilson's interval of "
    f"its recall lies below {RECALL_PERCENT:g} %, at a level for all classes at once "
    "(Bonferroni); where a `Dataset` has groups, these are counted in the place of samples, and "
    "where it has none of the test set, by the mean size of those that train. With too few for "
    "that it is inconclusive. It is judged once the test set has been read.",
    "An accuracy over all samples hides it where the class is rare, and the rare class is often "
    "the one that the model is for.",
    "Collect more of the class, give the loss weights of the classes, or choose another threshold "
    "on validation data; look at the recalls and the balanced accuracy beside the accuracy.",
    judge,
    "Wilson's interval (1927), with Bonferroni's correction over the classes",
)
