"""The best score of a study while it trains."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from kohort.design.scoring import Scoring
from kohort.evidence.settings import metric_name
from kohort.findings.judged import VariantCurves
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


def best_of(scores: Mapping[str, float], by: Scoring) -> Best | None:
    """The best of the scores of variants; None where none is a number.

    Args:
        scores: By variant.
        by: What scores.
    """
    known = {variant: score for variant, score in scores.items() if math.isfinite(score)}
    if not known:
        return None
    choose = max if by.higher_is_better else min
    variant = choose(known, key=known.__getitem__)
    metric = metric_name(by.metric)
    scale = Scale(metric, by.higher_is_better, None if by.is_proportion else 1.0)
    return Best(metric, words.value(known[variant], scale), variant)


def counted(lengths: Mapping[int, int], ended: Collection[int]) -> dict[int, int]:
    """The replicates by which a variant is judged while it trains, each with how many epochs.

    They are those that have finished; while none has, those that train, each up to the epoch that
    all of them have reached.

    Args:
        lengths: By replicate, the epochs that it has trained; one at least.
        ended: The replicates that have finished.
    """
    finished = {replicate: lengths[replicate] for replicate in lengths if replicate in ended}
    return finished or dict.fromkeys(lengths, min(lengths.values(), default=0))


class BestSoFar:
    """Follows the best score of a variant: that of its table, over the replicates that count.

    It is the mean over replicates, each at the epoch that others choose, as in `Result.table`.

    Args:
        score: What scores the study.
    """

    def __init__(self, score: Scoring) -> None:
        self._score = score
        self._measured: defaultdict[str, dict[int, list[list[float]]]] = defaultdict(dict)
        self._ended: defaultdict[str, set[int]] = defaultdict(set)
        # Of a large study most variants have not changed since the last look.
        self._changed, self._means = set[str](), dict[str, float]()
        self._lost = set[str]()
        self._able: frozenset[str] | None = None

    def among(self, variants: Iterable[str]) -> None:
        """Take it that the leader is one of these: those that left a race do not lead it."""
        self._able = frozenset(variants)

    def add(self, variant: str, replicate: int, epoch: int, logs: Mapping[str, float]) -> None:
        """Take the logs of one member after an epoch (from 0); epochs come in order."""
        names = ("eval_data_loss", "val_data_loss", f"val_{self._score.metric}")
        curves = self._measured[variant].setdefault(replicate, [])
        del curves[epoch:]  # of a member that begins again
        curves.append([logs.get(name, math.nan) for name in names])
        self._changed.add(variant)

    def end(self, variant: str, replicate: int) -> None:
        """Take it that a member has finished."""
        self._ended[variant].add(replicate)
        self._changed.add(variant)

    def __call__(self) -> Best | None:
        """The best one; None before the first.

        As in `StudyCurves.candidates`, of those that lost no replicate, while there are any.
        """
        self._means |= {variant: self._mean(variant) for variant in self._changed}
        self._changed.clear()
        able = {
            variant: mean
            for variant, mean in self._means.items()
            if self._able is None or variant in self._able
        }
        whole = {variant: mean for variant, mean in able.items() if variant not in self._lost}
        return best_of(whole, self._score) or best_of(able, self._score)

    def _mean(self, variant: str) -> float:
        measured = self._measured[variant]
        lengths = counted({r: len(curves) for r, curves in measured.items()}, self._ended[variant])
        if not lengths:
            return math.nan
        values = np.full((3, len(lengths), max(lengths.values())), np.nan)
        for place, (replicate, epochs) in enumerate(lengths.items()):
            values[:, place, :epochs] = np.transpose(measured[replicate][:epochs])
        train, valid, score = values
        told = VariantCurves(variant, train, valid, score, score, np.array([*lengths.values()]))
        if len(told.sound) < len(lengths):
            self._lost.add(variant)
        else:
            self._lost.discard(variant)
        return float(told.at_best(score)[told.sound].mean()) if len(told.sound) else math.nan
