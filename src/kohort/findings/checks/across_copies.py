"""KD101: test samples have copies among the training samples."""

from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.rules.leak import CHANCE, COPIES_PERCENT, EXACT_PERCENT


def judge(data: CheckedData) -> Finding:
    """Whether the part of test samples with copies reaches a threshold."""
    found = data.copies.copies
    if not data.test:
        return RULE.finding(None, "not applicable", "There is no test set.")
    copied, exact = int(found.test.sum()), int(found.test_exact.sum())
    percent, exact_percent = 100 * copied / data.test, 100 * exact / data.test
    evidence: Evidence = {
        "test samples": data.test,
        "test samples with a copy among the training samples": copied,
        "of them exact": exact,
        "test samples with a copy, %": percent,
    }
    unsought = "" if found.near_sought else "; near copies were not looked for"
    kind = "a copy, exact or near," if found.near_sought else "an exact copy"
    if not copied:
        kinds = "copies, exact or near," if found.near_sought else "exact copies"
        sentence = f"No {kinds} of training samples are in the test set{unsought}."
        return RULE.finding(None, "not found", sentence, evidence)
    of_them = f", {exact:,} of them an exact one" if found.near_sought else ""
    sentence = (
        f"{copied:,} of {data.test:,} test samples ({percent:.3g} %) have {kind} among the "
        f"training samples{of_them}{unsought}."
    )
    is_much = exact_percent >= EXACT_PERCENT or percent >= COPIES_PERCENT
    if is_much and not data.copies.means_much:
        return RULE.finding(None, "inconclusive", f"{sentence} {CHANCE}", evidence, LOOK)
    if is_much:
        return RULE.finding(None, "found", sentence, evidence, RULE.mend)
    if percent >= EXACT_PERCENT:
        return RULE.finding(None, "inconclusive", sentence + ORIGIN, evidence, LOOK)
    return RULE.finding(None, "not found", f"Few: {sentence}", evidence, FEW)


ORIGIN = (
    " Near copies can come from one origin, such as a font, the frames of a film or a patient, or "
    "only look alike."
)
LOOK = "Look at the copies; where they have one origin, keep them on one side."
FEW = "Leave these out of the test set all the same: it costs nothing."

RULE = Rule(
    "KD101",
    "copies across train and test",
    f"Of the test samples {EXACT_PERCENT:g} % or more have an exact copy among the training "
    f"samples, or {COPIES_PERCENT:g} % or more a copy that is exact or near. With "
    f"{EXACT_PERCENT:g} % of near copies or more, and no more than that, it is inconclusive; and "
    "in a table whose columns are too few or too coarse to rule out that rows are equal by chance. "
    "The thresholds and the search are those of KH201.",
    "A model may have learned such a sample by heart; what it scores there says nothing of samples "
    "that it has not seen. In the usual random splits of notMNIST 13 % of the test images stand "
    "in the training set as well.",
    "Remove the copies from the test set before anything is trained, or split anew with copies on "
    "one side.",
    judge,
)
