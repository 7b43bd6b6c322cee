"""KH201: what a model is judged by holds copies of what it was trained on."""

import numpy as np

from kohort.findings.curves import Overlap, StudyCurves
from kohort.findings.finding import Evidence, Finding, Rule

LEAK_PERCENT = 1.0
"""Percent of the samples of a part that have a copy in the training data."""


def judge(study: StudyCurves) -> Finding:
    """Whether copies are as large a part of the test or validation data as the threshold."""
    overlap = study.overlap
    if overlap is None:
        return RULE.finding(None, "not applicable", "Nobody looked for copies in these data.")
    test, valid = _percent(overlap)
    evidence: Evidence = {
        "test samples with a copy in the training data": overlap.test,
        "of them exact": overlap.test_exact,
        "test samples with a copy, %": test,
        "validation samples with a copy in their training part, %": valid,
    }
    told = (
        f"{overlap.test:,} of {overlap.test_samples:,} test samples ({test:.2g} %) are copies of "
        f"training samples ({overlap.test_exact:,} exact), and {valid:.2g} % of the validation "
        "samples are copies of samples of their training part"
        + ("" if overlap.near_sought else "; near copies were not looked for")
    )
    if max(test, valid) >= LEAK_PERCENT:
        return RULE.finding(
            None,
            "found",
            f"The data leak: {told}.",
            evidence,
            "Remove the copies from what judges, or keep copies together (`groups`): scores are "
            "flattered by up to as many points.",
        )
    return RULE.finding(None, "not found", f"The data do not leak: {told}.", evidence)


def _percent(overlap: Overlap) -> tuple[float, float]:
    """Samples with a copy, %: of the test set, and of the validation parts on average."""
    test = 100 * overlap.test / max(1, overlap.test_samples)
    return test, float(100 * np.mean(overlap.valid / np.maximum(1, overlap.valid_samples)))


RULE = Rule(
    "KH201",
    "leak",
    f"{LEAK_PERCENT:g} % of the test samples or more, or of the validation samples on average over "
    "replicates, have a copy among the samples that their model was trained on. A copy is exact, "
    "or near (see `kohort.data.copies`); samples are looked at, labels and models are not.",
    "A model may have learned such a sample by heart; what it scores there says nothing of samples "
    "that it has not seen. Larger models profit more, so that comparisons are bent as well.",
    "Remove copies from the test set before anything is trained; give copies one number in the "
    "`groups` of a `Dataset`, so that no split parts them.",
    judge,
)
