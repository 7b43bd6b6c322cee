"""KH201: test or validation data have copies of training samples."""

import numpy as np

from kohort.data.inspection.overlap import Overlap
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.judged import StudyCurves

EXACT_PERCENT = 1.0
"""Percent of the samples of a part that have an exact copy in the training data."""
COPIES_PERCENT = 5.0
"""Percent of the samples of a part that have any copy there, exact or near."""

UNKNOWN = {
    None: "groups were not checked",
    True: "no split parts the groups that are given",
    False: (
        "nobody has said which samples belong together (are of one patient, font, document), "
        "which need not be alike, so that leaks of that kind are not ruled out"
    ),
}
"""What no search for copies tells, by whether the data have groups."""


CHANCE = "Rows of few different numbers may be equal by chance."
LOOK = "Look at the copies; where they have one origin, keep them together (`groups`)."


def judge(study: StudyCurves) -> Finding:
    """Whether the part of test or validation samples with copies reaches a threshold."""
    overlap = study.overlap
    if overlap is None:
        return RULE.finding(None, "not applicable", "Nobody looked for copies in these data.")
    test, valid = _percents(overlap)
    copy = "copy, exact or near," if overlap.near_sought else "copy"
    evidence: Evidence = {
        "test samples with a copy in the training data": overlap.test,
        "of them exact": overlap.test_exact,
        "test samples with a copy, %": test[0],
        "validation samples with a copy in their training part, %": valid[0],
        "validation samples with an exact copy there, %": valid[1],
        "training samples with a copy outside their group, %": overlap.copied,
    }
    of_test, one = "there is no test set", f"a {copy}"
    if overlap.test_samples:
        of_test = (
            f"{overlap.test:,} of {overlap.test_samples:,} test samples ({test[0]:.3g} %) have a "
            f"{copy} among the training samples, {overlap.test_exact:,} of them an exact one"
        )
        one = "one"
    clause = (
        f"{of_test}; of the validation samples {valid[0]:.3g} % have {one} in their training part, "
        f"{valid[1]:.3g} % an exact one"
        + ("" if overlap.near_sought else "; near copies were not looked for")
    )
    copies, exact = (max(percents) for percents in zip(test, valid, strict=True))
    is_much = exact >= EXACT_PERCENT or copies >= COPIES_PERCENT
    suggested, advice = _suggested(overlap)
    if is_much and overlap.by_chance:
        sentence = f"The data may leak: {clause}. {CHANCE}{suggested}"
        return RULE.finding(None, "inconclusive", sentence, evidence, LOOK)
    if is_much:
        return RULE.finding(
            None,
            "found",
            f"The data leak: {clause}.",
            evidence,
            "Remove the copies from what judges, or keep copies together (`groups`): scores are "
            "flattered by up to as many points.",
        )
    if copies >= EXACT_PERCENT:
        return RULE.finding(
            None,
            "inconclusive",
            f"The data may leak: {clause}. Near copies can come from one origin, such as a font, "
            f"the frames of a film or a patient, or only look alike.{suggested}",
            evidence,
            "Look at the near copies; where they have one origin, keep them together (`groups`).",
        )
    unknown = f"{_unknown(overlap)}.{suggested}"
    sentence = f"Few copies were found: {clause}; {unknown}" if copies else _none(overlap, unknown)
    return RULE.finding(None, "not found", sentence, evidence, advice)


def _unknown(overlap: Overlap) -> str:
    if not overlap.groups_of:
        return f"{UNKNOWN[overlap.has_groups]}{_of_test(overlap) * (overlap.has_groups is True)}"
    return f"no split parts {overlap.groups_of}; beyond these {UNKNOWN[False]}"


def _of_test(overlap: Overlap) -> str:
    """What is known of test samples whose groups train, as a further clause."""
    if not overlap.test_samples:
        return ""
    if overlap.test_across is None:
        return ", and those of test samples are not known"
    if not overlap.test_across:
        return ", and no test sample is of a group that trains"
    return f"; {overlap.test_across:,} test samples are of groups that train"


def _none(overlap: Overlap, unknown: str) -> str:
    where = "of training samples were found in validation or test"
    if overlap.near_sought:
        return f"No copies, exact or near, {where}; {unknown}"
    return f"No exact copies {where}; near copies were not looked for, and {unknown}"


def _suggested(overlap: Overlap) -> tuple[str, str]:
    """What suggests groups where none are given, as a sentence; and what to do."""
    if overlap.has_groups is not False:
        return "", ""
    reasons = []
    if overlap.copied >= EXACT_PERCENT and not overlap.by_chance:
        reasons.append(f"{overlap.copied:.3g} % of the training samples are copies of each other")
    if overlap.group_columns:
        reasons.append(f"by its values, {overlap.group_columns} may number groups")
    if not reasons:
        return "", ""
    sentence = f" Groups are suggested: {'; '.join(reasons)}."
    return sentence, "Give `groups` to the Dataset where samples have one origin."


def may_be_grouped(overlap: Overlap | None) -> str:
    """Which columns may number groups that splits part, and what to do, in a sentence; or ""."""
    if overlap is None or overlap.has_groups is not False or not overlap.group_columns:
        return ""
    return (
        f"By its values, {overlap.group_columns} may number groups ({RULE.code}): if so, give "
        "`groups` (of a table `group=` or `--group`), as scores may be far lower on new ones."
    )


def _percents(overlap: Overlap) -> tuple[tuple[float, float], tuple[float, float]]:
    """Percent of samples with a copy and an exact one: of the test set, of validation parts."""
    test = 100 / max(1, overlap.test_samples)
    valid = 100 / np.maximum(1, overlap.valid_samples)
    return (
        (test * overlap.test, test * overlap.test_exact),
        (float(np.mean(valid * overlap.valid)), float(np.mean(valid * overlap.valid_exact))),
    )


RULE = Rule(
    "KH201",
    "copies of training samples",
    "Of the test samples, or of the validation samples on average over replicates, "
    f"{EXACT_PERCENT:g} % or more have an exact copy among the samples that their model was "
    f"trained on, or {COPIES_PERCENT:g} % or more have a copy there that is exact or near. With "
    f"{EXACT_PERCENT:g} % of near copies or more, and no more than that, it is inconclusive: they "
    "can come from one origin, such as a font, the frames of a film or a patient, or only look "
    "alike; and so it is in a table whose columns are too few or too coarse to rule out that rows "
    "are equal by chance, or of which less than half of the rows differ, while equal ones have "
    "other targets, as the days of a year have and copies have not. A near copy differs, as the "
    "root of the mean square over all its numbers, by at most a twentieth of the median difference "
    "of two training samples; near copies are looked for where chance makes none. Samples are "
    "looked at; labels, but for that, and models are not. Which samples belong together "
    "(a patient, a document) is known only where `groups` are given, and is told as unknown else; "
    f"groups are suggested where {EXACT_PERCENT:g} % or more of the training samples have copies "
    "among them, or a column looks as if it numbered groups (KD102). Data without copies may leak "
    "in other ways, of which "
    "KH203 sees the effect.",
    "A model may have learned such a sample by heart; what it scores there says nothing of samples "
    "that it has not seen. Larger models profit more, so that comparisons are bent as well.",
    "Remove copies from the test set before anything is trained; give copies one number in the "
    "`groups` of a `Dataset`, so that no split parts them.",
    judge,
)
