"""An example of each finding: a small study, made up, in which the rule finds it."""

from dataclasses import dataclass, replace

import numpy as np

from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.data.inspection.learned import LearnedLayer
from kohort.data.inspection.overlap import Overlap
from kohort.data.labels import Majority
from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.diagnosis import RULES
from kohort.findings.finding import Finding
from kohort.findings.judged import StudyCurves
from kohort.findings.rules import above_test, leak, majority, never_found
from kohort.findings.rules.leaks import given_away, learned_outside
from kohort.findings.rules.references import constant
from kohort.findings.statistics.scale import Scale
from simulations.noise import LETTERS
from simulations.rules import QUESTIONS

LEVELS = {
    "KH101": 20.0,
    "KH102": 4.0,
    "KH103": 12.0,
    "KH104": 4.0,
    "KH105": 100.0,
    "KH106": 0.5,
    "KH107": 75.0,
    "KH202": 4.0,
}
"""Of the truths of the simulations, one for each example."""
REPLICATES = 5
LEAKED = LearnedLayer("A", "normalization", "Normalization", False, 24, 0, 24, 0, 1.0, 0.0)  # noqa: FBT003
GIVEN = ToldAlone(
    ("discharge_day", "age"), 12, np.array([[396, 398], [240, 200]]), np.array([400, 400])
)


@dataclass(frozen=True)
class Example:
    """A study, and what the rule says of its first variant, of the whole of it, or of its test."""

    study: StudyCurves
    finding: Finding


def example(code: str) -> Example | None:
    """The example of a code; None where there is none."""
    for rule in RULES:
        if rule.code == code in LEVELS:
            study = _study(code)
            return Example(study, rule.judge(study.variants[0], study))
    study = _of_classes(_study("KH102"))
    answers = [Answers("A", np.array([[590, 0], [10, 0]]), ("0", "1"), 0)]
    far_below = [Answers("A", np.array([[400, 200], [0, 0]]), ("0", "1"), 0)]
    findings = {
        leak.RULE.code: lambda: leak.RULE.judge(study),
        above_test.RULE.code: lambda: above_test.RULE.judge(study, far_below),
        majority.RULE.code: lambda: majority.RULE.judge(study),
        learned_outside.RULE.code: lambda: learned_outside.RULE.judge(study),
        given_away.RULE.code: lambda: given_away.RULE.judge(study),
        constant.RULE.code: lambda: constant.RULE.judge(_of_areas()),
        never_found.RULE.code: lambda: never_found.RULE.judge(study, answers),
    }
    return Example(study, findings[code]()) if code in findings else None


def _of_classes(study: StudyCurves) -> StudyCurves:
    """The same with copies, and with a majority class that is right as often as its variant."""
    right = 1 - study.errors[0]
    common = Majority("0", right, right, classes=2, share=float(right.mean()))
    return replace(
        study, overlap=_copies(), majority=common, kind="splits", valid_samples=800,
        test_to_train=0.25, learned=(LEAKED,), told=(GIVEN,),
    )  # fmt: skip


def _of_areas() -> StudyCurves:
    """A study by an area under the ROC curve, whose winner is at chance: few are positives."""
    half = np.full(REPLICATES, 0.5)
    study = _study("KH102")
    curves = replace(study.variants[0], valid_error=study.variants[0].valid_error + 0.35)
    return replace(
        study, variants=(curves,), constant=ConstantAnswer("one score (chance)", half, half, 0.05),
        scale=Scale("auc"), kind="splits", valid_samples=100, test_to_train=0.25,
    )  # fmt: skip


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
