"""KH207: no variant is shown to beat one answer for all samples, by an area, error or loss."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.finding import FEWEST, Evidence, Finding, Rule, Verdict, more_replicates
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import ROUNDING, Interval, evened, mean_interval
from kohort.findings.statistics.proportion import area_above_chance
from kohort.findings.statistics.scale import fixed, significant, worse_by_parts
from kohort.findings.statistics.stepwise import simes

CHANCE = 0.5
"""The area under the ROC curve of one score for all samples, where there are both classes."""
_MOST_PARTS = 100
"""How many times as large as that of the one answer an error counts at most."""
_TIMES = 10
"""An error that is larger by so many times is told as that."""
GAIN = "score of the best variant, better by"
"""The name of the gain among the evidence; of errors it is a part of the one answer's."""


def judge(study: StudyCurves) -> Finding:
    """Whether any variant is shown to score better than one answer for all samples."""
    if study.constant is None:
        sentence = "No answer that takes no model has a known score here."
        return RULE.finding(None, "not applicable", sentence)
    gains = advantages(study, study.confidence)
    if not gains:
        return RULE.finding(None, "not applicable", "No variant trained to the end.")
    # One that diverged in most replicates may look best by the rest, and must not hide the others.
    enough = {name: gain for name, gain in gains.items() if gain.n >= FEWEST}
    best = max(enough or gains, key=lambda name: gains[name].mean)
    if not enough:
        trained = max(curves.trained for curves in study.variants)
        return _undecided(study, best, gains[best], "inconclusive", more_replicates(trained))
    gains = enough
    if simes([_one_sided(gain) for gain in gains.values()]) <= (1 - study.confidence) / 2:
        shown = {name: gain for name, gain in gains.items() if gain.lies_above(0.0)}
        best = max(shown, key=lambda name: shown[name].mean)
        sentence = f"{best} scores {_than(study, gains[best])} than {told(study)}."
        return RULE.finding(None, "not found", sentence, _evidence(study, gains[best]))
    # Of intervals that hold for all variants at once none lies above zero.
    gain = advantages(study, 1 - (1 - study.confidence) / len(gains))[best]
    verdict: Verdict = "found" if gain.mean < _margin(study) else "inconclusive"
    return _undecided(study, best, gain, verdict, ADVICE)


def _undecided(
    study: StudyCurves, best: str, gain: Interval, verdict: Verdict, advice: str
) -> Finding:
    none = "" if gain.is_formed else " (no interval)"
    # By parts of that answer's error another variant may be the best than by the errors.
    name = f"{best}, the best replicate by replicate," if _by_parts(study) else f"the best, {best},"
    sentence = (
        f"No variant is shown to beat {told(study)}: {name} scores {_than(study, gain)}{none}."
    )
    return RULE.finding(None, verdict, sentence, _evidence(study, gain), advice)


def advantages(study: StudyCurves, confidence: float) -> dict[str, Interval]:
    """By variant, by how much better it scores than one answer for all samples.

    Of errors by which part of that answer's they are lower: how far numbers spread differs between
    replicates, and what is divided by it does not. The epoch of a replicate that is alone is chosen
    by the very samples that it is scored on, so fewer than `FEWEST` have no interval of samples.
    """
    constant, gains = _of(study), {}
    for curves, errors in zip(study.variants, study.errors, strict=True):
        sound = np.flatnonzero(np.isfinite(errors))
        if not len(sound):
            continue
        behind = study.samples_behind(len(sound)) if len(sound) >= FEWEST else 0.0
        if constant.ones is None or not behind or (constant.valid[sound] != CHANCE).any():
            gains[curves.name] = mean_interval(
                evened(_gains(study, errors)[sound], ROUNDING),
                confidence=confidence,
                test_to_train=study.test_to_train,
            )
            continue
        area = float(np.clip(1 - errors[sound].mean(), 0.0, 1.0))
        zeros, ones = behind * (1 - constant.ones), behind * constant.ones
        gains[curves.name] = area_above_chance(area, zeros, ones, confidence)
    return gains


def _gains(study: StudyCurves, errors: np.ndarray) -> np.ndarray:
    """By replicate, by how much better errors `[replicate]` are than those of one answer."""
    score = _of(study).valid
    if study.scale.is_proportion or not _by_parts(study):
        gains = study.scale.error(score) - errors
        # Keras measures in float32: equal scores differ by its rounding.
        return np.where(np.abs(gains) < ROUNDING, 0.0, gains)
    # An answer without any error, as of an input that holds the target, is better than any part.
    least = np.maximum(score, errors / _MOST_PARTS)
    return np.where(least > 0, 1 - errors / np.where(least > 0, least, 1.0), 0.0)


def _margin(study: StudyCurves) -> float:
    """The study's margin in the unit of the gains."""
    mean = float(_of(study).valid.mean())
    return study.margin / mean if _by_parts(study) and mean > 0 else study.margin


def _by_parts(study: StudyCurves) -> bool:
    return not study.scale.higher_is_better and _of(study).from_zero


def told(study: StudyCurves) -> str:
    """The answer and its validation score, in words."""
    constant, scale = _of(study), study.scale
    mean = float(np.nanmean(constant.valid))
    value = f"{fixed(100 * mean)} %" if scale.is_proportion else significant(mean, 3)
    answer = constant.told("always answering")
    return f"{answer}, whose {scale.metric} is {value} on validation"


def opens_the_answer(study: StudyCurves, finding: Finding) -> bool:
    """Whether the answer of a study begins with the finding.

    Not where too few replicates say nothing, nor of a straight line that the best variant seems to
    be better than: that is no sign of a net that has learned nothing.
    """
    gain = finding.evidence.get(GAIN)
    if not isinstance(gain, Interval) or finding.verdict not in ("found", "inconclusive"):
        return False
    return finding.verdict == "found" or (
        not _of(study).is_line and gain.n >= FEWEST and gain.is_formed
    )


def left_open(findings: Sequence[Finding]) -> str:
    """The sentence of the rule where enough replicates leave it open, else ""."""
    (finding,) = (found for found in findings if found.code == RULE.code)
    gain = finding.evidence.get(GAIN)
    is_known = isinstance(gain, Interval) and gain.n >= FEWEST
    return finding.sentence if is_known and finding.verdict == "inconclusive" else ""


def _of(study: StudyCurves) -> ConstantAnswer:
    assert study.constant is not None
    return study.constant


def _one_sided(gain: Interval) -> float:
    """The p-value of the hypothesis that the true gain is not above zero."""
    if np.isnan(gain.p_value):
        return 1.0
    return gain.p_value / 2 if gain.mean > 0 else 1 - gain.p_value / 2


def _than(study: StudyCurves, gain: Interval) -> str:
    if gain.mean == 0.0:
        return "the same"
    if not _by_parts(study):
        return study.scale.worse(gain.negated())
    if gain.mean < -_TIMES:
        return f"over {_TIMES} times worse"
    # No error is lower by more than all of it.
    return worse_by_parts(replace(gain, high=min(gain.high, 1.0)).negated())


def _evidence(study: StudyCurves, gain: Interval) -> Evidence:
    return {"score of one answer on validation": float(np.nanmean(_of(study).valid)), GAIN: gain}


ADVICE = (
    "See whether the variants learn at all (KH103, KH104), whether inputs and targets have a scale "
    "that a net can learn from (a layer `Normalization` that adapts to the inputs; where the "
    "target is a number, a last layer `Rescaling` by the standard deviation and the mean of the "
    "training targets), and whether the inputs tell anything of the target. Where the line of an "
    "earlier target is not beaten, let models learn the difference from it (add that input to the "
    "last layer). Where samples of a class are few in validation, more replicates or a larger part "
    "that validates show more."
)

RULE = Rule(
    "KH207",
    "one answer not beaten",
    "No variant's validation score is shown to be better than that of one answer for all samples. "
    "For the area under a ROC curve that is chance, 50 %; for that under a precision-recall curve "
    "the share of positives; of one-hot rows, whose columns Keras takes together, the area of each "
    "class's share of the training part; for accuracies of targets with several places, such as "
    "the pixels of a mask or several labels, the most common value in each place; for "
    "crossentropies of classes their shares; for squared errors, R2 and the Poisson loss "
    "the mean of the training targets, for absolute errors their median, for errors in percent "
    "their median by weights of one over their size, for the Huber loss (of delta 1), the "
    "logarithm of the hyperbolic cosine and squared errors of logarithms the number that they are "
    "lowest for; of binary "
    "crossentropies of several labels, and of errors of images, the mean in each place; or the "
    "straight line of one input, of a table or of windows, where that scores better by a "
    "twentieth: least squares on each training part, of the input of the highest correlation with "
    "the target there. An input whose line errs a hundredth as much, or less, holds the target, "
    "and is left out. A ROC area of two classes has the interval of the validation samples that "
    "stand behind it, taken as independent; where a `Dataset` has groups, groups. All others have "
    "that of the paired differences over replicates, of errors in parts of the one answer's, so "
    "that over seeds they tell of their one split alone. It is beaten where Simes's test over all "
    "variants rejects that none is better. Else it is found where the best variant scores less "
    "than the study's `margin` better, and inconclusive where it scores more, "
    f"but chance may do that, or where there are fewer than {FEWEST} replicates. It is asked where "
    "such a metric of Keras or such a loss scores, and not where outputs carry Keras's mask, as of "
    "padding, which leaves places out of the models' scores. Where that weighs samples "
    "(`sample_weight`), so does the one answer: weighted means, medians and shares, and of an "
    "accuracy of classes the class of the most weight.",
    "The best of several variants that have learned nothing is still a winner. An area of 57 % "
    "reads as something, and a loss of 0.8 has no reference that everybody knows.",
    ADVICE,
    judge,
    "Simes's test (1986) over one-sided p-values: of Mann and Whitney's variance at chance, "
    "(n + 1) / (12 n0 n1), or of Student's t with the correction of Nadeau and Bengio (2003); the "
    "interval of an area is method 5 of Newcombe (2006)",
)
