"""Computes the data of plots; `charts` draws them."""

import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kohort.findings.statistics.learning_curve import LearningCurve
from kohort.findings.statistics.scale import Scale

NAN = float("nan")
TRAIN, VALIDATION = "training", "validation"
_SIDES = {"eval_": TRAIN, "val_": VALIDATION}
_ARGUMENT = re.compile(r", (?=\w+=)")  # not the comma of (200, 100)


def curve_bands(curves: pd.DataFrame, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Mean and range over replicates of train and validation metrics in inference mode.

    Args:
        curves: Tidy curves, as from `Result.curves()`.
        metrics: Names without prefix.

    Returns:
        Columns variant, metric, side ("training", "validation"), epoch, mean, low, high; a row for
        each combination that has a finite value.
    """
    names = {
        prefix + metric: (metric, side) for prefix, side in _SIDES.items() for metric in metrics
    }
    shown: pd.DataFrame = curves[curves["metric"].isin(list(names)) & np.isfinite(curves["value"])]
    labelled = shown.assign(
        side=[names[name][1] for name in shown["metric"]],
        metric=[names[name][0] for name in shown["metric"]],
    )
    keys = ["variant", "metric", "side", "epoch"]
    grouped = labelled.groupby(keys, observed=True, sort=False)["value"]
    return (
        grouped.agg(["mean", "min", "max"])
        .reset_index()
        .rename(columns={"min": "low", "max": "high"})
    )


def plotted_metrics(scored: str) -> tuple[str, ...]:
    """The metrics whose curves are plotted: the loss, and the metric that scores."""
    return tuple(dict.fromkeys(["data_loss", scored]))


def learning_points(curves: Mapping[str, LearningCurve], scale: Scale) -> pd.DataFrame:
    """The data of a plot of learning curves, in values of the metric.

    Args:
        curves: By variant.
        scale: The scale of the metric; errors are turned back into it.

    Returns:
        Columns variant, samples, value, low, high and law (the fitted power law's value; NaN if
        there is none), with a row for each size; all lie within what the metric can be. If there is
        a law, there is also a row for twice the largest size, without a value.
    """
    rows = []
    for variant, curve in curves.items():
        sizes = [*curve.samples, *([2 * curve.samples[-1]] if curve.law is not None else [])]
        for size, measured in itertools.zip_longest(sizes, curve.errors):
            bounds = (measured.mean, measured.low, measured.high) if measured else (NAN,) * 3
            law = NAN if curve.law is None else float(curve.law.error(size))
            # Student's intervals, and laws of few samples, reach beyond what a score can be.
            told = [np.clip(_metric_of(e, scale), *scale.limits) for e in (*bounds, law)]
            value, one, other, fitted = map(float, told)
            rows.append((variant, int(size), value, min(one, other), max(one, other), fitted))
    return pd.DataFrame(rows, columns=["variant", "samples", "value", "low", "high", "law"])


def _metric_of(error: float, scale: Scale) -> float:
    if scale.is_proportion:
        return 1 - error
    return -error if scale.higher_is_better else error


def short_names(names: Sequence[str], letters: int) -> list[str]:
    """Names cut in the middle, those of a grid end apart; with a number where two are equal.

    Where one is too long, arguments that all names of several arguments have go first: they tell
    none from another.

    Args:
        names: The names.
        letters: The most letters of each.
    """
    if any(len(name) > letters for name in names):
        names = _without_common(names)
    half = letters // 2
    cut = [n if len(n) <= letters else f"{n[: half - 1]}…{n[-half:]}" for n in names]
    counts = [cut[: place + 1].count(name) for place, name in enumerate(cut)]
    return [f"{name} ({k})" if k > 1 else name for name, k in zip(cut, counts, strict=True)]


def _without_common(names: Sequence[str]) -> list[str]:
    """The names, without arguments that all which have several arguments share."""
    arguments = [_ARGUMENT.split(name) for name in names]
    several = [set(of_one) for of_one in arguments if len(of_one) > 1]
    common = set.intersection(*several) if len(several) > 1 else set()
    left = [[one for one in of_one if one not in common] for of_one in arguments]
    return [", ".join(kept) or name for kept, name in zip(left, names, strict=True)]
