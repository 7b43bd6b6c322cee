"""The best score of a study while it trains."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from kohort.design.scoring import Scoring
from kohort.design.searches.draws import trial_name
from kohort.evidence.settings import metric_name
from kohort.findings.statistics.scale import Scale
from kohort.report import words


class Best(NamedTuple):
    """A score.

    Args:
        metric: What scores.
        score: Its value as text.
        variant: Whose it is.
    """

    metric: str
    score: str
    variant: str


class BestSoFar:
    """Follows the best mean over replicates that a variant had after an epoch.

    It is for eyes that wait: replicates that have not come to the epoch are not in the mean, and
    the epoch is the one that did best. `Result.table` chooses epochs without that luck.

    Args:
        score: What scores the study.
    """

    def __init__(self, score: Scoring) -> None:
        self._score, self._metric = score, metric_name(score.metric)
        reference = None if score.is_proportion else 1.0
        self._scale = Scale(self._metric, score.higher_is_better, reference)
        self._sums: dict[tuple[str, int], tuple[float, int]] = {}

    def add(self, variant: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Take the logs of one member after an epoch."""
        value = logs.get(f"val_{self._score.metric}", math.nan)
        if math.isfinite(value):
            total, count = self._sums.get((variant, epoch), (0.0, 0))
            self._sums[variant, epoch] = total + value, count + 1

    def __call__(self) -> Best | None:
        """The best one; None before the first."""
        means = {key: total / count for key, (total, count) in self._sums.items()}
        if not means:
            return None
        choose = max if self._score.higher_is_better else min
        variant, epoch = choose(means, key=means.__getitem__)
        score = words.value(means[variant, epoch], self._scale)
        return Best(self._metric, score, variant)


def best_of_trials(
    score: Scoring, logs: Mapping[int, Mapping[int, Mapping[str, float]]]
) -> Best | None:
    """The best score that a trial of a search had after an epoch; None before the first.

    Args:
        score: What scores the trials.
        logs: What they measured, by number and epoch.
    """
    best = BestSoFar(score)
    for number, of_trial in logs.items():
        for epoch, measured in of_trial.items():
            best.add(trial_name(number), epoch, measured)
    return best()
