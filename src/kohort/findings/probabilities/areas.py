"""How well a model ranks samples of two classes: areas under ROC and under precision and recall."""

from dataclasses import dataclass

import numpy as np
import scipy

from kohort.findings.grouped.over_groups import area_over
from kohort.findings.statistics.interval import Interval


@dataclass(frozen=True)
class Areas:
    """How well a model ranks samples of the second of two classes above those of the first.

    Args:
        roc: The area under the ROC curve: the part of pairs, one of each class, that are ranked
            rightly, ties counting half; with `area_interval`, over groups `area_over`. Chance has
            0.5.
        average_precision: The precisions at each recall that is reached, weighted by the steps of
            recall; the area under the curve of precision and recall, in steps. It has no interval.
        share: The part of the samples that are of the second class: the average precision of
            chance.
    """

    roc: Interval
    average_precision: float
    share: float


def areas(
    scores: np.ndarray,
    is_second: np.ndarray,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
) -> Areas | None:
    """Both areas, by the definitions of scikit-learn's and SciPy's.

    That are `roc_auc_score` (Mann and Whitney's statistic over the number of pairs) and
    `average_precision_score`, which does not interpolate between thresholds.

    Args:
        scores: `[sample]`, higher for the second class; equal ones are one threshold.
        is_second: Bool `[sample]`.
        confidence: Of the interval, between 0 and 1.
        groups: `[sample]`, which samples belong together; None where each stands for itself.

    Returns:
        The areas; None where a class has no sample, or a score is not finite.
    """
    seconds = int(is_second.sum())
    firsts = len(is_second) - seconds
    if not seconds or not firsts or not np.isfinite(scores).all():
        return None
    ranks = scipy.stats.rankdata(scores)[is_second].sum()
    area = float((ranks - seconds * (seconds + 1) / 2) / (firsts * seconds))
    found, alarms = at_thresholds(scores, is_second)
    steps = np.diff(found, prepend=0) / seconds
    precision = float((steps * found / (found + alarms)).sum())
    roc = area_over(area, scores, is_second, groups, confidence)
    return Areas(roc, precision, seconds / len(is_second))


def at_thresholds(scores: np.ndarray, is_second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples of the second class, and of the first, that score at or above each threshold.

    Args:
        scores: `[sample]`.
        is_second: Bool `[sample]`.

    Returns:
        Two of int64 `[threshold]`, from the highest score that occurs to the lowest.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = is_second[order]
    last = np.append(np.diff(scores[order]) != 0, True)  # ties are one threshold
    return np.cumsum(ranked)[last], np.cumsum(~ranked)[last]
