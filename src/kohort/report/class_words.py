"""Writes what a score hides: what one answer scores, classes never found, recalls."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.data.labels import CountedClass, Majority
from kohort.evidence.settings import Settings, metric_name
from kohort.findings.conclusions import Conclusions
from kohort.findings.grouped.over_groups import paired_over
from kohort.findings.names import capital, shortlist
from kohort.findings.rules import majority as majority_rule
from kohort.findings.rules.never_found import none_of
from kohort.findings.rules.references import constant as constant_rule
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import PairedProportions
from kohort.findings.statistics.scale import fixed, percent
from kohort.report.classes.recall_table import balanced_of_one_answer
from kohort.report.held_out import HeldOut


def not_beaten(conclusions: Conclusions) -> str:
    """The sentence that opens the answer where no variant is shown to beat one answer for all.

    Where the best one is shown to be worse, that is said. Empty where one is shown to beat it, and
    where nobody knows what such an answer scores.
    """
    study = conclusions.study
    found = {f.code: f for f in conclusions.findings if f.variant is None}
    majority, constant = (found[rule.RULE.code] for rule in (majority_rule, constant_rule))
    if majority.verdict in ("found", "inconclusive"):
        assert study.majority is not None
        what, gain = majority_rule.told(study.majority), majority.evidence[majority_rule.GAIN]
    elif constant_rule.opens_the_answer(study, constant):
        what, gain = constant_rule.told(study), constant.evidence[constant_rule.GAIN]
    else:
        return ""
    assert isinstance(gain, Interval)
    reference = study.majority or study.constant
    assert reference is not None
    # One that lost most replicates is not judged, and may have scored better in the others.
    error, least = study.scale.error(reference.valid.mean()), np.nanmin(conclusions.mean_errors)
    if gain.mean < 0 and gain.lies_below(0.0) and least >= error:
        return f"Even the best variant is worse than {what}."
    return f"No variant is shown to beat {what}."


def of_no_use(conclusions: Conclusions) -> str:
    """Which variants score no better than one answer for all samples, in a sentence or two.

    To beat such a baseline says little. Of a straight line that none is shown to beat, though the
    best one seems to, that is said. Empty where all score better, where none is shown to beat the
    answer (that is what `not_beaten` tells), and where nobody knows what such an answer scores.
    """
    study = conclusions.study
    reference = study.majority or study.constant
    if reference is None or not_beaten(conclusions):
        return ""
    still_open = "" if study.majority else constant_rule.left_open(conclusions.findings)
    error, means = float(study.scale.error(reference.valid.mean())), conclusions.mean_errors
    least = error - study.scale.rounding(error)
    names = [c.name for c, mean in zip(study.variants, means, strict=True) if mean >= least]
    if not names:
        return still_open
    told = majority_rule.told(study.majority) if study.majority else constant_rule.told(study)
    verb = "does" if len(names) == 1 else "do"
    says = study.variants[0].name in names and any(
        pair.better not in (None, pair.a) for pair in conclusions.families.baseline
    )
    little = f" To be better than {conclusions.record.settings.baseline} says little." * says
    answer = "that answer" if still_open else told
    no_better = f"{shortlist(names)} {verb} no better than {answer}.{little}"
    return " ".join(filter(None, [still_open, no_better]))


def of_the_class(settings: Settings) -> str:
    """What a score of one of two classes hides, in sentences; "" of others.

    What always answering that class has of a recall or a precision, as Keras names them; and that
    it is the more common one: who scores by those mostly means the rare class.
    """
    counted = settings.counted
    if counted is None:
        return ""
    told = [_of_always(settings, counted)]
    if counted.is_common:
        which = capital(counted.told(metric_name(settings.metric)))
        told.append(f"{which}: the more common class. {capital(counted.how_to_turn)}.")
    return " ".join(filter(None, told))


_RECALL, _PRECISION = (re.compile(rf"{name}(_\d+)?", re.I) for name in ("recall", "precision"))


def _of_always(settings: Settings, counted: CountedClass) -> str:
    """What always answering a class has by the metric that is of it; "" where that is not known."""
    always = f"Always answering class {counted.name} has a"
    if _RECALL.fullmatch(settings.metric):
        return f"{always} recall of 100 %."
    if _PRECISION.fullmatch(settings.metric) and not settings.has_sample_weights:
        part = f"{fixed(100 * counted.samples / counted.of)} %"
        return f"{always} precision of {part} on the training samples."
    return ""


def reference_row(conclusions: Conclusions) -> dict[str, Any] | None:
    """The row of one answer for all samples in the table of scores; None without one.

    Its score is that on the same validation parts that the variants are scored on.
    """
    study, metric = conclusions.study, conclusions.record.settings.metric
    reference = study.majority or study.constant
    if reference is None:
        return None
    if isinstance(reference, Majority):
        told = f"always class {reference.name}"
    else:
        told = reference.told("always")
    valid = study.scale.possible(study.interval(reference.valid).of_a_score)
    train = float(reference.train.mean())
    worse = train - valid.mean
    return {
        "variant": told,
        f"val_{metric}": valid.mean,
        "low": valid.low,
        "high": valid.high,
        f"train_{metric}": train,
        "gap": worse if study.scale.higher_is_better else -worse,
        **balanced_of_one_answer(conclusions),
        "best_epoch": None,
        "parameters": 0,
        "weights_megabytes": 0.0,
        "seconds": 0.0,
        "seconds_per_epoch": 0.0,
        **({"replicates": None, "left": ""} if conclusions.race else {}),
        "verdict": "reference, not a variant",
    }


def test_text(tests: Sequence[HeldOut], settings: Settings) -> str:
    """What the winner, and then the baseline, do on the test set, in a sentence each.

    Args:
        tests: Their results; none gives no text.
        settings: Of the study: the confidence of the test against the majority class.
    """
    sentences = []
    for number, test in enumerate(tests):
        name = f"{capital(settings.baseline)}, {test.variant}," if number else test.variant
        of = "" if number else f" of {test.accuracy.n:,} samples"
        missed = test.answers.missed
        finds = f"; it finds {none_of(test.answers, missed)}" if missed else ""
        against = against_majority_text(test, settings.confidence)
        sentences.append(f"{name} is right for {percent(test.accuracy)}{of}{against}{finds}.")
    return " ".join(sentences)


def recall_rows(tests: Sequence[HeldOut]) -> list[dict[str, Any]]:
    """For each class its name, its test samples, and the recall of each tested variant as text."""
    if not tests:
        return []
    answers = tests[0].answers
    return [
        {
            "name": name,
            "samples": int(answers.of_class[number]),
            "recalls": [
                "none" if recall is None else percent(recall)
                for recall in (test.recalls[number] for test in tests)
            ],
        }
        for number, name in enumerate(answers.names)
    ]


def against_majority(test: HeldOut, confidence: float) -> PairedProportions:
    """A model's answers (`b`) against always answering the majority class (`a`)."""
    constant = np.asarray(test.truth) == test.answers.majority
    return paired_over(constant, test.right, test.groups, confidence)


def against_majority_text(test: HeldOut, confidence: float) -> str:
    """How often the constant answer is right, unless the model is shown to be right more often."""
    answers, difference = test.answers, against_majority(test, confidence).difference
    constant = f"always answering class {answers.names[answers.majority]}"
    share = f"{fixed(100 * answers.of_class[answers.majority] / answers.samples)} %"
    is_decided = difference.p_value <= 1 - confidence
    if difference.mean == 0:
        return f", as often as {constant}"
    if is_decided and difference.mean > 0:
        return ""
    if is_decided:
        return f", less often than {constant} ({share})"
    return f", which is not shown to differ from {constant} ({share})"
