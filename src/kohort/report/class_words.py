"""Writes what an accuracy hides: the majority class, classes never found, recalls."""

from collections.abc import Sequence
from typing import Any

from kohort.findings.conclusions import Conclusions
from kohort.findings.judged import Answers
from kohort.findings.rules import majority as majority_rule
from kohort.findings.rules.never_found import none_of
from kohort.findings.statistics.proportion import PairedProportions, paired_counts
from kohort.findings.statistics.scale import percent
from kohort.report.held_out import HeldOut


def not_beaten(conclusions: Conclusions) -> str:
    """The sentence that opens the answer where no variant is shown to beat the majority class.

    Empty where one is, and where no accuracy of classes scores.
    """
    majority = conclusions.study.majority
    codes = {f.code: f.verdict for f in conclusions.findings if f.variant is None}
    if majority is None or codes[majority_rule.RULE.code] not in ("found", "inconclusive"):
        return ""
    return f"No variant is shown to beat {majority_rule.told(majority)}."


def reference_row(conclusions: Conclusions) -> dict[str, Any] | None:
    """The row of the majority class in the table of scores; None without one.

    Its score is its share of the same validation parts that the variants are scored on.
    """
    study, metric = conclusions.study, conclusions.record.settings.metric
    if study.majority is None:
        return None
    valid = study.interval(study.majority.valid).within(0.0, 1.0)
    train = float(study.majority.train.mean())
    return {
        "variant": f"always class {study.majority.name}",
        f"val_{metric}": valid.mean,
        "low": valid.low,
        "high": valid.high,
        f"train_{metric}": train,
        "gap": train - valid.mean,
        "best_epoch": None,
        "parameters": 0,
        "seconds": 0.0,
        "seconds_per_epoch": 0.0,
        **({"replicates": None, "left": ""} if conclusions.race else {}),
        "verdict": "reference, not a variant",
    }


def test_text(tests: Sequence[HeldOut], confidence: float) -> str:
    """What the winner, and then the baseline, do on the test set, in a sentence each.

    Args:
        tests: Their results; none gives no text.
        confidence: Of the test against the majority class.
    """
    sentences = []
    for number, test in enumerate(tests):
        name = f"The baseline, {test.variant}," if number else test.variant
        of = "" if number else f" of {test.accuracy.n:,} samples"
        missed = f"; it finds {none_of(test.answers)}" if test.answers.missed else ""
        against = _against_majority(test.answers, confidence)
        sentences.append(f"{name} is right for {percent(test.accuracy)}{of}{against}{missed}.")
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


def against_majority(answers: Answers, confidence: float) -> PairedProportions:
    """A model's answers (`b`) against always answering the majority class (`a`)."""
    counts, constant = answers.counts, answers.majority
    only_model = answers.right - counts[constant, constant]
    only_constant = counts[constant].sum() - counts[constant, constant]
    return paired_counts(int(only_constant), int(only_model), answers.samples, confidence)


def _against_majority(answers: Answers, confidence: float) -> str:
    """How often the constant answer is right, unless the model is shown to be right more often."""
    difference = against_majority(answers, confidence).difference
    constant = f"always answering class {answers.names[answers.majority]}"
    share = f"{100 * answers.of_class[answers.majority] / answers.samples:.1f} %"
    is_decided = difference.p_value <= 1 - confidence
    if difference.mean == 0:
        return f", as often as {constant}"
    if is_decided and difference.mean > 0:
        return ""
    if is_decided:
        return f", less often than {constant} ({share})"
    return f", which is not shown to differ from {constant} ({share})"
