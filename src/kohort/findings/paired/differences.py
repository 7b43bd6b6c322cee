"""The paired differences of two variants over the replicates that both have."""

import numpy as np

from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.comparison import Comparison, compare
from kohort.findings.statistics.interval import ROUNDING, largest
from kohort.findings.statistics.scale import Scale
from kohort.findings.statistics.spreads import Spread

SAME = 1e-3
"""The largest relative difference of losses that differ only by rounding."""


def score_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    """The paired difference of two variants' scores, `b - a` (numbers), each at its e*."""
    scale = study.scale
    sign = -1.0 if scale.higher_is_better else 1.0  # turns errors back into scores
    errors = study.errors
    return _paired(
        study,
        (a, b),
        (sign * errors[a], sign * errors[b]),
        f"validation {scale.metric} at the best epoch",
        margin=study.margin,
        higher_is_better=scale.higher_is_better,
        are_same=_are_same(study.variants[a], study.variants[b]),
        moderated=study.spreads.between(a, b),
        noise=rounding_of(study.scale, errors[[a, b]][:, np.isfinite(errors[[a, b]]).all(axis=0)]),
    )


def _are_same(a: VariantCurves, b: VariantCurves) -> bool:
    """Whether two variants have the same losses, like one variant under two names."""
    one, other = a.loss_at_best, b.loss_at_best
    # Relative to the larger one, so that the result is the same for b and a.
    near = np.abs(one - other) <= SAME * np.maximum(np.abs(one), np.abs(other))
    return bool((near | (np.isnan(one) & np.isnan(other))).all())


def rise_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    """The paired difference of how far two variants' losses rise after e*, `b - a` (numbers)."""
    pair = study.variants[a], study.variants[b]
    # No margin: the study does not define which rise of a loss is of practical interest.
    return _paired(
        study,
        (a, b),
        (pair[0].rise(), pair[1].rise()),
        "rise of validation loss after the best epoch",
        margin=float("nan"),
        higher_is_better=False,
        are_same=_are_same(*pair),
        noise=ROUNDING * largest(np.array([v.loss_at_best for v in pair])),
    )


def rounding_of(scale: Scale, errors: np.ndarray) -> float:
    """By how much differences of errors may differ by the rounding of float32 alone."""
    return scale.rounding(largest(errors))


def _paired(
    study: StudyCurves,
    pair: tuple[int, int],
    values: tuple[np.ndarray, np.ndarray],
    measure: str,
    *,
    margin: float,
    higher_is_better: bool,
    are_same: bool,
    noise: float,
    moderated: Spread | None = None,
) -> Comparison:
    return compare(
        study.variants[pair[0]].name,
        study.variants[pair[1]].name,
        *values,
        measure=measure,
        noise=noise,
        margin=margin,
        confidence=study.confidence,
        test_to_train=study.test_to_train,
        higher_is_better=higher_is_better,
        are_same=are_same,
        moderated=moderated,
        share=study.share,
    )
