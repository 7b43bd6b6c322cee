"""KD104: labels that models contradict which were not trained on the sample."""

from kohort.findings.checks.checked import CheckedData, OutOfFold
from kohort.findings.finding import Evidence, Finding, Rule

SUSPECT_PERCENT = 4.0
"""Percent of the checked labels that are suspect."""
LEARNED = 0.8
"""How much of the way from the most common class's share to 1 the models' accuracy has to come."""
MOSTLY = 0.6
"""The part of the labels that models miss which are suspect where labels are wrong: elsewhere
models are not sure of what they miss."""
OVERCONFIDENT = 0.03
"""Models that are surer than they are right, by more than this, are sure of their mistakes too."""


def judge(data: CheckedData) -> Finding:
    """Whether the part of suspect labels reaches a threshold, where the models learned enough."""
    if data.labels is None:
        return RULE.finding(None, "not applicable", "The targets are no classes.")
    predicted = data.predicted
    if predicted is None:
        return RULE.finding(None, "not applicable", data.untrained)
    count, checked = len(predicted.suspects.places), len(predicted.labels)
    percent, learned = 100 * count / checked, learned_part(predicted)
    of_test = int((predicted.samples[predicted.suspects.places] >= data.train).sum())
    evidence: Evidence = {
        "labels checked": checked,
        "suspect labels": count,
        "of them of test samples": of_test,
        "suspect labels, %": percent,
        "out-of-fold accuracy": predicted.accuracy,
        "of the way from the most common class's share to 1": learned,
    }
    models = f"The models agree with {100 * predicted.accuracy:.1f} % of all labels."
    sentence = f"None of {checked:,} labels is suspect. {models}"
    if count:
        sentence = (
            f"{count:,} of {checked:,} labels ({percent:.3g} %) {'is' if count == 1 else 'are'} "
            f"suspect, {of_test:,} of them in the test set: models that were not trained "
            f"on the sample are confident of another class. {models}"
        )
    if learned < LEARNED and not lacks_right_labels(predicted):
        return RULE.finding(None, "inconclusive", f"{sentence} {UNLEARNED}", evidence, LOOK)
    if percent >= SUSPECT_PERCENT:
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    if count:
        return RULE.finding(None, "inconclusive", sentence, evidence, LOOK)
    return RULE.finding(None, "not found", sentence, evidence)


def learned_part(predicted: OutOfFold, accuracy: float | None = None) -> float:
    """How much of the way from the most common class's share to 1 an accuracy, theirs, comes."""
    share = float(predicted.confusion.sum(axis=1).max() / len(predicted.labels))
    reached = predicted.accuracy if accuracy is None else accuracy
    return (reached - share) / (1 - share) if share < 1 else 0.0


def lacks_right_labels(predicted: OutOfFold) -> bool:
    """Whether the models have learned the classes, and it is wrong labels that they miss.

    A tenth of wrong labels in two classes caps their accuracy at 90 %, which is no more of the way
    than where the classes overlap. But where labels are wrong, models that are no surer than they
    are right (calibrated) are as sure of what contradicts a label as of what agrees with one; where
    classes overlap they are unsure of what they miss.
    """
    suspects, mistakes = len(predicted.suspects.places), 1 - predicted.accuracy
    rest = len(predicted.labels) - suspects
    agreed = predicted.accuracy * len(predicted.labels) / max(1, rest)
    excess = float(predicted.probabilities.max(axis=1).mean()) - predicted.accuracy
    return (
        learned_part(predicted) >= LEARNED / 2
        and learned_part(predicted, agreed) >= LEARNED
        and suspects >= MOSTLY * mistakes * len(predicted.labels)
        and excess <= OVERCONFIDENT
    )


UNLEARNED = (
    "That is too few to tell wrong labels from samples that look like another class: the classes "
    "overlap, or these models are too simple for them."
)
LOOK = (
    "Look at the first ones, which are the most suspect: where most of them are wrong, go on down "
    "the list."
)

RULE = Rule(
    "KD104",
    "doubtful labels",
    "Five nets (two hidden layers of 256 and 128, dropout 0.2) are trained as one program, each on "
    "four fifths of the samples of train and test together; copies and groups stay in one fifth. "
    "A label is suspect where the net that did not see its sample gives another class at least the "
    "mean probability that this class has over the samples labelled so, and more than to the "
    f"label. It is found where {SUSPECT_PERCENT:g} % or more of the labels are suspect and the "
    f"accuracy comes {100 * LEARNED:g} % of the way from the most common class's share to 1. It "
    f"may come {50 * LEARNED:g} % of it alone where wrong labels hold it back: without the "
    f"suspects it comes {100 * LEARNED:g} %, of the labels that the nets miss {100 * MOSTLY:g} % "
    f"or more are suspect, and the nets are surer than they are right by {100 * OVERCONFIDENT:g} "
    "points at most. With less it is inconclusive. Of more than 60,000 samples a random part is "
    "checked, and classes of fewer than ten samples are left out.",
    "Wrong labels in the training set teach what is wrong; in the test set they cap every score "
    "and can turn the order of models. Of ten well-known test sets 3.3 % of the labels were wrong, "
    "on average (Northcutt, Athalye and Mueller 2021), and half of what confident learning "
    "suspected there was.",
    "Look at the suspects, the most suspect first, and mend or leave out what is wrong. A suspect "
    "is not an error: where classes overlap, or a sample is rare, the label may be right. Do not "
    "remove suspects unseen from a test set: what stays would be what models find easy.",
    judge,
    "the confident joint of Northcutt, Jiang and Chuang (2021), Journal of Artificial Intelligence "
    "Research 70",
)
