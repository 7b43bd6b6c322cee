"""How well scores rank samples of one kind above those of another."""

import numpy as np
import scipy

from kohort.findings.statistics.interval import Interval


def fold_auc(
    scores: np.ndarray,
    positive: np.ndarray,
    fold: np.ndarray,
    clusters: np.ndarray,
    confidence: float = 0.95,
) -> Interval:
    """The area under the ROC curve (AUC) of out-of-fold scores, and its interval.

    It is the mean over folds, as scores of different models are on scales of their own. Its
    variance is that of the influence of single samples (LeDell, Petersen and van der Laan 2015,
    "Computationally efficient confidence intervals for cross-validated area under the ROC curve
    estimates", Electronic Journal of Statistics 9), which within a fold is that of DeLong and
    others (1988); the influences of one cluster are added up first (Obuchowski 1997). It takes
    the models as given, and clusters as independent.

    Args:
        scores: `[sample]`, higher for positive samples.
        positive: Bool `[sample]`.
        fold: `[sample]`, the fold that held it out; folds with samples of one kind do not count.
        clusters: `[sample]`, equal for samples that are not independent.
        confidence: Between 0 and 1.

    Returns:
        The AUC, 0.5 where scores tell nothing. Its bounds are NaN without a fold of both kinds.
    """
    areas, variances = [], []
    for number in np.unique(fold):
        of_fold = fold == number
        kinds = positive[of_fold]
        if 1 < kinds.sum() < len(kinds) - 1:
            area, influence = _area(scores[of_fold], kinds)
            _, cluster = np.unique(clusters[of_fold], return_inverse=True)
            sums = np.bincount(cluster, influence)
            areas.append(area)
            variances.append(float((sums**2).sum()) * len(sums) / max(1, len(sums) - 1))
    if not areas:
        return Interval(np.nan, np.nan, np.nan, len(scores), np.nan)
    mean = float(np.mean(areas))
    half = float(scipy.stats.norm.ppf((1 + confidence) / 2) * np.sqrt(sum(variances))) / len(areas)
    return Interval(mean, mean - half, mean + half, len(scores), np.nan).within(0.0, 1.0)


def _area(scores: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """The AUC, and the influence of each sample on it."""
    ranks = scipy.stats.rankdata(scores)
    influence = np.empty(len(scores))
    counts = int(positive.sum()), int((~positive).sum())
    # The part of the other kind that is ranked below, of positive samples; above, of others.
    below = (ranks[positive] - scipy.stats.rankdata(scores[positive])) / counts[1]
    above = 1 - (ranks[~positive] - scipy.stats.rankdata(scores[~positive])) / counts[0]
    area = float(below.mean())
    influence[positive] = (below - area) / counts[0]
    influence[~positive] = (above - area) / counts[1]
    return area, influence
