"""KH205: the winner gives none of a class's test samples their class."""

from collections.abc import Sequence

from kohort.findings.classes.counted_answers import Answers
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.proportion import wilson_interval

RECALL_PERCENT = 50.0
"""The recall of a class, %, below which its interval must lie."""
NAMED = 3
"""The most classes that a sentence names."""


def judge(study: StudyCurves, tested: Sequence[Answers]) -> Finding:
    """Whether there are classes of which the winner, the first of the tested, finds no sample."""
    if not tested:
        return RULE.finding(None, "not applicable", "No classes given to test samples are known.")
    winner, *_ = tested
    missed, samples = winner.missed, winner.of_class
    there = int((samples > 0).sum())
    confidence = 1 - (1 - study.confidence) / there
    behind = {n: winner.behind_class(n, study.group_size) for n in missed}
    highest = {n: wilson_interval(0.0, behind[n], confidence).high for n in missed}
    evidence: Evidence = {
        "classes in the test set": there,
        "classes never found": len(missed),
        **{f"test samples of class {winner.names[n]}": int(samples[n]) for n in missed[:NAMED]},
    }
    if not missed:
        sentence = f"The winner, {winner.variant}, finds some test samples of each class."
        return RULE.finding(None, "not found", sentence, evidence)
    sentence = f"The winner, {winner.variant}, finds {none_of(winner)}."
    if min(highest.values()) < RECALL_PERCENT / 100:
        return RULE.finding(
            None,
            "found",
            sentence,
            evidence,
            "Do not ship it where these classes matter. Collect more of them, give the loss "
            "weights of the classes, or choose another threshold on validation data.",
        )
    return RULE.finding(
        None,
        "inconclusive",
        f"{sentence[:-1]}, which are too few to tell its recall.",
        evidence,
        "Test on more samples of these classes.",
    )


def none_of(answers: Answers) -> str:
    """The classes of which no sample is found, in words: `none of the 11 of class 1`."""
    parts = [
        f"none of the {answers.of_class[n]:,} of class {answers.names[n]}"
        for n in answers.missed[:NAMED]
    ]
    more = len(answers.missed) - NAMED
    if more > 0:
        parts.append(f"none of {more:,} more classes")
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


RULE = Rule(
    "KH205",
    "class never found",
    "Of the test samples of a class the winner gives none this class, and Wilson's interval of "
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
