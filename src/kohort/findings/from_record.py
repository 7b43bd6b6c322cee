"""Prepares the curves of a study's record for the findings, turned so that lower is better."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kohort.evidence.curves import Curves
from kohort.evidence.record import StudyRecord
from kohort.evidence.settings import metric_name
from kohort.findings.classes.only_right import only_right
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.interval import ROUNDING
from kohort.findings.statistics.learning_curve import LearningCurve, learning_curve
from kohort.findings.statistics.scale import Scale

MARGIN_POINTS = 1.0
"""The default margin (the smallest difference of practical interest) for proportions."""
MARGIN_PERCENT = 5.0
"""The default margin for other metrics, in percent (see `_reference`)."""

_NEVER_NEGATIVE = re.compile(
    r"(root_?)?mean_?(squared|absolute)(_?percentage|_?logarithmic)?_?error|r?mse|mae|mape|msle"
    r"|log_?cosh|huber|\w*crossentropy"
)
"""Names of Keras's losses and metrics of which no value lies below zero."""
_BEST_AT_ZERO = re.compile(
    rf"(\w*_)?({_NEVER_NEGATIVE.pattern}|(squared_?|categorical_?)?hinge|kl_?divergence|kld|dice"
    r"|tversky)(_\w*)?"
)
"""Names that hold one of these, or of another one whose best possible value is zero."""
_SHORT = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "mape": "mean absolute percentage error",
    "msle": "mean squared logarithmic error",
    "bce": "binary crossentropy",
    "kld": "kl divergence",
}
"""What Keras's short names of losses stand for."""
_LOSS = re.compile(r"\{'module': 'keras.losses', 'class_name': '(\w+)'|'(\w+)'\Z")
_LEAVES_OUT = frozenset(["Huber", "CosineSimilarity"])
"""Losses of Keras whose text does not tell all options that change their values."""


def study_curves(record: StudyRecord) -> StudyCurves:
    """The curves of all variants, with the scale of their errors."""
    settings, is_proportion = record.settings, _is_proportion(record)
    variants = tuple(
        _variant_curves(record, record.whole, number, is_proportion=is_proportion)
        for number in range(len(record.variants))
    )
    # What a race decided at a look must not change with the replicates of later looks.
    seen = settings.looks[0] if settings.looks else None
    reference = None if is_proportion else _reference(record, variants, seen)
    scale = Scale(
        metric_name(settings.metric),
        settings.higher_is_better,
        reference,
        is_never_negative=reference is not None and _is_never_negative(record),
        is_never_above_one=reference is not None and _is_never_above_one(record),
        is_best_at_zero=not settings.higher_is_better and _has_names(record, _BEST_AT_ZERO),
        loss=_loss_of_all(record),
        of_class="" if settings.counted is None else settings.counted.name,
        counts_answers=record.majority is not None,
    )
    margin = settings.margin
    if margin is None:
        margin = scale.threshold(MARGIN_POINTS, MARGIN_PERCENT)
    if np.isnan(margin) and not _has_names(record, _BEST_AT_ZERO):
        margin = 0.0  # no size of a difference is known to matter
    return StudyCurves(
        variants,
        settings.confidence,
        settings.test_to_train,
        scale,
        margin,
        record.additions,
        tuple(pair for pair in record.additions if _have_one_loss(record, *pair)),
        record.overlap,
        settings.kind,
        settings.samples[1],
        record.majority,
        settings.group_size,
        settings.looks,
        learned=record.learned,
        told=record.told,
        constant=record.constant,
        weighs_answers=settings.weighs_answers,
    )


def learning_curves(record: StudyRecord, study: StudyCurves) -> dict[int, LearningCurve]:
    """The learning curves, by number, of variants that also trained on parts of their samples.

    Args:
        record: The study's record.
        study: Its curves on all samples.
    """
    found = {}
    for number, whole in enumerate(study.variants):
        shares = sorted(record.settings.shares[whole.name])
        parts = [curves_on(share, record, study, number) for share in shares]
        if parts:
            found[number] = learning_curve(
                np.array([record.settings.samples_of(share) for share in (*shares, 1.0)]),
                np.array([c.at_best(c.valid_error) for c in (*parts, whole)]),
                margin=study.margin,
                lowest=study.scale.lowest_error,
                confidence=study.confidence,
                test_to_train=study.test_to_train,
            )
    return found


def curves_on(share: float, record: StudyRecord, study: StudyCurves, number: int) -> VariantCurves:
    """The curves of a variant on a part of its samples.

    Args:
        share: The part; 1 is all of them.
        record: The study's record.
        study: Its curves on all samples.
        number: The variant's number.
    """
    if share == 1:
        return study.variants[number]
    is_proportion = study.scale.is_proportion
    return _variant_curves(record, record.curves[share], number, is_proportion=is_proportion)


def _variant_curves(
    record: StudyRecord, curves: Curves, number: int, *, is_proportion: bool
) -> VariantCurves:
    settings, facts = record.settings, record.variants[number]
    is_whole = curves is record.whole

    def error(side: str) -> np.ndarray:
        value: np.ndarray = curves.of(side + settings.metric)[number]
        if is_proportion:
            return 1 - value
        return -value if settings.higher_is_better else value

    return VariantCurves(
        name=facts.name,
        train_loss=curves.of("eval_data_loss")[number],
        valid_loss=curves.of("val_data_loss")[number],
        train_error=error("eval_"),
        valid_error=error("val_"),
        lengths=curves.lengths[number],
        planned_epochs=settings.epochs[facts.name],
        weighting=settings.class_weights.get(facts.name, ""),
        running_loss=curves.of("loss")[number] if "loss" in curves.metrics else None,
        untrained_loss=facts.untrained_loss if is_whole else float("nan"),
        untrained_in=facts.untrained_in if is_whole else {},
        parameters=facts.parameters,
        regularizer_count=facts.regularizer_count,
        only_right=_only_right(record, number, curves.lengths.shape[1]) if is_whole else None,
        lowest_loss=_lowest_loss(record, curves, number),
    )


def _lowest_loss(record: StudyRecord, curves: Curves, number: int) -> float:
    """Zero for a loss whose best value that is, by its name in Keras, and that is never below."""
    sides = (curves.of(f"{side}_data_loss")[number] for side in ("eval", "val"))
    is_known = _BEST_AT_ZERO.fullmatch(_losses(record)[number].lower()) is not None
    return 0.0 if is_known and not any(bool((side < 0).any()) for side in sides) else -np.inf


def _only_right(record: StudyRecord, number: int, replicates: int) -> np.ndarray | None:
    counts, majority = record.classes, record.majority
    if counts is None or majority is None:
        return None
    return only_right(counts, majority.name, number, replicates)


def _is_proportion(record: StudyRecord) -> bool:
    """Whether the metric that scores is a proportion, and has no value that none can have.

    Studies of earlier versions took what was called an accuracy for one.
    """
    values = record.whole.of(f"val_{record.settings.metric}")
    is_outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
    return record.settings.is_proportion and not bool(is_outside.any())


def _is_never_negative(record: StudyRecord) -> bool:
    """Whether the metric that scores is one of which no value lies below zero, and none does."""
    return _has_names(record, _NEVER_NEGATIVE)


def _has_names(record: StudyRecord, known: re.Pattern[str]) -> bool:
    """Whether all that scores has such a name in Keras, and no value lies below zero."""
    names = [record.settings.metric]
    if names == ["data_loss"]:
        names = _losses(record)
    values = record.whole.of(f"val_{record.settings.metric}")
    is_known = all(known.fullmatch(name.lower()) for name in names)
    return is_known and not bool((values < 0).any())


def _is_never_above_one(record: StudyRecord) -> bool:
    """Whether R2 scores, by its name in Keras, and no value lies above 1."""
    metric = record.settings.metric
    return metric == "r2_score" and not bool((record.whole.of(f"val_{metric}") > 1).any())


def _losses(record: StudyRecord) -> list[str]:
    """By variant, the name of its loss in Keras; "" where it has none that is known."""
    found = [_LOSS.match(variant.loss) for variant in record.variants]
    return ["" if match is None else match[1] or match[2] for match in found]


def _loss_of_all(record: StudyRecord) -> str:
    """The name for readers of the loss that scores; "" where another metric does, or several."""
    names = {_readable(name) for name in _losses(record)}
    if record.settings.metric != "data_loss" or len(names) != 1:
        return ""
    return "weighted " * record.settings.weighs_samples + names.pop()


def _readable(loss: str) -> str:
    """A loss's name in Keras as words: `MeanSquaredError` and `mse` are the mean squared error."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", loss).lower()
    return _SHORT.get(words, words)


def _have_one_loss(record: StudyRecord, a: int, b: int) -> bool:
    """Whether two variants are known to have the same loss, and trained equally many epochs."""
    lengths, pair = record.whole.lengths, (record.variants[a], record.variants[b])
    planned = [record.settings.epochs[variant.name] for variant in pair]
    was_stopped = (lengths[[a, b]].max(axis=1) < planned).any()
    losses = {variant.measured_loss or _told_whole(variant.loss) for variant in pair}
    return len(losses) == len(set(planned)) == 1 and None not in losses and not was_stopped


def _told_whole(loss: str) -> str | None:
    """The text of a loss that tells all about it, as not all do; None of others.

    Studies that were kept before their losses were told by what they measure have these alone.
    """
    match = _LOSS.match(loss)
    return None if match is None or match[1] in _LEAVES_OUT else loss


def _reference(
    record: StudyRecord, variants: Sequence[VariantCurves], replicates: int | None
) -> float:
    """What percentages of a score are of that is no proportion; NaN where that is not known.

    Where zero is the best that there is, the absolute score at e* of the best variant: a baseline
    may be as bad as a net that has not learned yet, and a part of its loss more than all that the
    others differ by. Of other scores a part means nothing: the loss `poisson` is zero for counts
    whose mean is near e, and R2 for what is as good as the mean. There it is how far the best
    variant is shown to be better than one answer for all samples, where that one's score is known.

    Args:
        record: The study's record.
        variants: Its variants.
        replicates: How many replicates it is of; None for all.
    """
    seen = _seen(variants, replicates)
    if seen.lowest is None:
        return np.nan
    best, settings, constant = seen.errors[seen.lowest], record.settings, record.constant
    if _has_names(record, _BEST_AT_ZERO):
        return float(abs(np.nanmean(best))) or np.nan
    if constant is None:
        return np.nan
    # What a line does not explain says nothing of how far R2 reaches: the mean's, at best, is 0.
    of_mean = np.zeros_like(constant.valid) if constant.is_line else constant.valid
    of_one = of_mean[:replicates] * (-1 if settings.higher_is_better else 1)
    seen = replace(seen, confidence=settings.confidence, test_to_train=settings.test_to_train)
    gain = seen.interval(of_one - best)
    return gain.mean if gain.lies_above(0.0) else np.nan


def _seen(variants: Sequence[VariantCurves], replicates: int | None) -> StudyCurves:
    """The first replicates of the variants; all where it is None."""
    return StudyCurves(
        tuple(each if replicates is None else each.first(replicates) for each in variants)
    )
