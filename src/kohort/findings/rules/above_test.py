"""KH203: the validation score lies far above the test score."""

from collections.abc import Mapping, Sequence

import numpy as np

from kohort.data.inspection.groups_of_rows import FEWEST_GROUPS
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.finding import Finding, Rule
from kohort.findings.judged import StudyCurves
from kohort.findings.numbers.errors_on_test import ErrorsOnTest, times_above
from kohort.findings.statistics.interval import Interval, half_of_one_more, rounded
from kohort.findings.statistics.proportion import apart, wilson_interval
from kohort.findings.statistics.scale import fixed, higher, significant

FAR_POINTS = 2.0
"""Validation minus test accuracy, in points, from which on validation misleads."""

FAR_TIMES = 1.25
"""Of an error: test as a multiple of validation, from which on validation misleads."""

_ROLES = ("winner", "baseline")
_ADVICE = (
    "Believe the test score. Look for what validation shares with training and the test "
    "set does not: rows of one patient, place or document (give `groups`), times that "
    "lie next to each other, copies that KH201 cannot see (crops, turned images); and "
    "whether the test set was drawn elsewhere or later (drift)"
)


def judge(
    study: StudyCurves, tested: Sequence[Answers], errors: Sequence[ErrorsOnTest] = ()
) -> Finding:
    """Whether a tested variant does better on validation than on the test set, by more than that.

    Args:
        study: Its curves.
        tested: The answers of the winner, then of the baseline, to the test set; none where its
            targets are no classes.
        errors: Their errors there; none where what scores is no mean of such.
    """
    if errors:
        return _of_errors(study, errors)
    if study.weighs_answers:
        return _not_applicable(
            "No comparison with the test set: the accuracy that scores weighs the samples, and that"
            " on test counts each once."
        )
    if study.majority is None or not study.valid_samples:
        return _not_applicable(
            "No comparison with the test set: neither an accuracy of classes scores here nor an "
            "error that is a mean over samples, counts them alike, and is known to be best at zero."
        )
    if not tested:
        return _not_applicable("No results on the test set are known.")
    gaps = [excess(study, answers) for answers in tested]
    evidence = {
        f"validation minus test accuracy of the {role}": gap
        for role, gap in zip(_ROLES, gaps, strict=False)
    }
    clauses = "; ".join(map(_clause, tested, gaps))
    told = (
        "Validation lies above test by more than chance and choice explain",
        f"Validation does not lie above test by {FAR_POINTS:g} points",
        f"Validation may lie above test by {FAR_POINTS:g} points",
    )
    are_grouped = study.group_size > 1 or any(each.by_group is not None for each in tested)
    limit, advice = FAR_POINTS / 100, f"{_ADVICE}."
    return _judged(evidence, limit, told, clauses, advice, are_grouped=are_grouped)


def _of_errors(study: StudyCurves, errors: Sequence[ErrorsOnTest]) -> Finding:
    """The same of errors, by their ratio."""
    if not study.valid_samples:
        return _not_applicable("No comparison with the test set: validation samples are not known.")
    known = {
        (role, each): times
        for role, each in zip(_ROLES, errors, strict=False)
        if (times := times_above(study, each)) is not None
    }
    if not known:
        return _not_applicable(
            "No comparison with the test set: errors are zero, or no finite numbers."
        )
    evidence = {
        f"test error of the {role} over its validation error": times
        for (role, _), times in known.items()
    }
    clauses = "; ".join(_clause_of_error(study, each, times) for (_, each), times in known.items())
    border = f"{FAR_TIMES:g} times those on validation"
    told = (
        f"Errors on test are more than {border}, which neither chance nor choice explains",
        f"Errors on test are less than {border}",
        f"Errors on test may be {border}",
    )
    are_grouped = study.group_size > 1 or any(each.groups is not None for each in errors)
    advice = f"{_ADVICE}, or is in other units."
    return _judged(evidence, FAR_TIMES, told, clauses, advice, are_grouped=are_grouped)


def _judged(
    evidence: Mapping[str, Interval],
    limit: float,
    told: tuple[str, str, str],
    clauses: str,
    advice: str,
    *,
    are_grouped: bool,
) -> Finding:
    """The finding that follows where intervals lie.

    Args:
        evidence: The intervals.
        limit: Above which one of them lies, if it is found.
        told: What is told if it is found, if it is not, and where it is open.
        clauses: What is told of each variant.
        advice: If it is found.
        are_grouped: Whether groups are counted, and not samples.
    """
    found, not_found, may = told
    if any(interval.lies_above(limit) for interval in evidence.values()):
        return RULE.finding(None, "found", f"{found}: {clauses}.", evidence, advice)
    if all(interval.lies_below(limit) for interval in evidence.values()):
        return RULE.finding(None, "not found", f"{not_found}: {clauses}.", evidence)
    groups_of = "groups of " * are_grouped
    return RULE.finding(
        None,
        "inconclusive",
        f"{may}, which these {groups_of}samples are too few to tell: {clauses}.",
        evidence,
        f"More {groups_of}validation and test samples would tell.",
    )


def _clause_of_error(study: StudyCurves, error: ErrorsOnTest, times: Interval) -> str:
    on_test, on_valid = (significant(part, 3) for part in (error.score, error.score / times.mean))
    mean, low, high = rounded(times, significant, 3, (FAR_TIMES,))
    between = f"({low} to {high})" if times.is_formed else "(no interval)"
    return (
        f"{error.variant} has {study.scale.in_a_sentence} {on_valid} on validation and {on_test} "
        f"on test, {mean} times that {between}"
    )


def excess(study: StudyCurves, answers: Answers) -> Interval:
    """The validation accuracy of a variant less that of its tested member, as an interval.

    Three things part the two beside a true difference. Both are proportions of samples: Wilson's
    intervals, where the samples behind a mean over replicates are counted by `samples_behind`.
    The variant was chosen of K: these two are at a level of 1 - alpha / K (Bonferroni), so that
    they hold for all variants at once, whichever of them is chosen. And the tested member is one
    of several: see `_luck_of_a_member`.

    Samples of one group may be right or wrong together. Where the groups of the test set are known,
    they show how much (`RightByGroup`), and that is taken of validation too: of one population both
    have it in common. Replicates do not show it, of which each may hold out two groups. Of fewer
    groups than have an interval there are no bounds. Where they are not known, groups are counted
    in the place of samples, in the test set by the mean size of those that train.
    """
    scores, confidence = 1 - study.finite_errors(answers.variant), study.confidence_of_all
    mean, groups = float(np.clip(scores.mean(), 0.0, 1.0)), answers.by_group
    behind = study.samples_behind(len(scores), of_groups=groups is None)
    if groups is None:
        part, tested = answers.right / answers.samples, answers.samples / study.group_size
        test = wilson_interval(part, max(1.0, tested), confidence)
    else:
        behind /= groups.effect_on(study.group_size)
        test = groups.interval(confidence)
    valid = wilson_interval(mean, behind, confidence)
    found = apart(valid, test, _luck_of_a_member(study, scores))
    return found.within(-1.0, 1.0)


def _luck_of_a_member(study: StudyCurves, scores: np.ndarray) -> float:
    """By how much one member may be off the mean of those that have these scores `[replicate]`.

    Half the width of Student's interval for one more of them. Its variance is that over
    replicates, less what the validation samples of one explain of it.
    """
    mean = float(scores.mean())
    of_samples = mean * (1 - mean) / study.samples_behind(1)
    return half_of_one_more(scores, study.confidence, of_samples)


def _clause(answers: Answers, gap: Interval) -> str:
    test = answers.right / answers.samples
    return (
        f"{answers.variant} is right for {fixed(100 * (test + gap.mean))} % on validation and "
        f"{fixed(100 * test)} % on test, so validation is {higher(gap, FAR_POINTS / 100)}"
        f"{'' if gap.is_formed else ' (no interval of so few groups)'}"
    )


def _not_applicable(sentence: str) -> Finding:
    return RULE.finding(None, "not applicable", sentence)


RULE = Rule(
    "KH203",
    "validation far better than test",
    "The validation accuracy of the winner or of the baseline is above its test accuracy by more "
    f"than {FAR_POINTS:g} points: the interval of the difference lies above that. The interval "
    "takes in the samples of both, how far one trained model may be off the mean of its "
    "replicates, and that the winner was chosen: it holds for all variants at once. It takes "
    "samples as independent. Where a `Dataset` has groups of its test set, these show how far the "
    "samples of a group are right or wrong together, and validation is taken to be like them; "
    f"with fewer than {FEWEST_GROUPS} of them it is inconclusive. Where it has groups of its "
    "training samples alone, groups are counted in the place of samples, in the test set by the "
    "mean size of those that train. Where an error scores that is a mean over samples, or the root "
    f"of one, such as a loss, it is found where the test error is more than {FAR_TIMES:g} times "
    "the validation error, by the interval of their ratio, which takes in the same; how far errors "
    "of samples spread is taken from the test set. It is judged once the test set has been read, "
    "and reads nothing itself.",
    "What was chosen and shown on validation will not be what the model does on data like the "
    "test set's: validation samples are easier for it than new ones.",
    "Believe the test score. Give a `Dataset` the `groups` that its samples come in, hold out "
    "what is latest where time matters, and remove copies; see whether the test set is drawn as "
    "the training data are.",
    judge,
    "the interval of a difference by Zou and Donner (2008), Statistics in Medicine 27, with "
    "Wilson's (1927), and Bonferroni's correction for the choice; over groups the variance of sums "
    "of Liang and Zeger (1986), Biometrika 73; errors by the logarithms of their means, likewise",
)
