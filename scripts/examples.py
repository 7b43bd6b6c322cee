"""An example of each finding: a small study, made up, in which the rule finds it."""

from dataclasses import dataclass, replace

import numpy as np

from kohort.data.copies import Overlap
from kohort.findings.diagnosis import RULES, STUDY_RULES
from kohort.findings.finding import Finding
from kohort.findings.judged import StudyCurves
from simulations.noise import LETTERS
from simulations.rules import QUESTIONS

LEVELS = {
    "KH101": 20.0,
    "KH102": 4.0,
    "KH103": 4.0,
    "KH104": 4.0,
    "KH105": 100.0,
    "KH106": 0.5,
    "KH202": 4.0,
}
"""Of the truths of the simulations, one for each example."""
REPLICATES = 5


@dataclass(frozen=True)
class Example:
    """A study, and what the rule says of its first variant, or of the whole of it."""

    study: StudyCurves
    finding: Finding


def example(code: str) -> Example | None:
    """The example of a code; None where there is none."""
    for rule in RULES:
        if rule.code == code in LEVELS:
            study = _study(code)
            return Example(study, rule.judge(study.variants[0], study))
    for rule_of_study in STUDY_RULES:
        if rule_of_study.code == code == "KH201":
            study = replace(_study("KH102"), overlap=_copies())
            return Example(study, rule_of_study.judge(study))
    return None


def _study(code: str) -> StudyCurves:
    question = next(q for q in QUESTIONS if q.rule.code == code)
    random = np.random.default_rng(0)
    study = question.study(random, LEVELS[code], LETTERS, REPLICATES)
    return _with_an_unsteady_one(random, study) if code == "KH106" else study


def _with_an_unsteady_one(random: np.random.Generator, study: StudyCurves) -> StudyCurves:
    """The first variant with a spread of five margins, the others as they are."""
    first, *others = study.variants
    spread = 5 * study.margin * random.standard_normal((REPLICATES, 1))
    unsteady = replace(first, valid_error=first.valid_error + spread)
    return replace(study, variants=(unsteady, *others))


def _copies() -> Overlap:
    valid = np.array([41, 37, 44, 39, 40])
    return Overlap(
        test=52,
        test_exact=31,
        test_samples=1000,
        valid=valid,
        valid_exact=valid // 2,
        valid_samples=np.full(5, 800),
    )
