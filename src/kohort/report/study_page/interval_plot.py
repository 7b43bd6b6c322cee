"""The data of the picture that a report opens with: the variants' scores with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.scale import Scale
from kohort.report.class_words import reference_row

SHOWN = 12
"""The most variants in the picture."""
OF_MANY = 10
"""The number of variants in it where there are more than that."""
BEST, AS_GOOD, OPEN, WORSE = "best", "as good", "cannot tell", "worse"
BETTER = "better"
"""Decided to be better than the winner where both trained. It lost replicates, and another none;
or all lost some, and its mean over its own is worse."""
REFERENCE = "reference"
"""What one answer for all samples is called in the place of a verdict."""
FAR = 10
"""Losses whose means are further apart than by this factor are drawn on a logarithmic axis."""


@dataclass(frozen=True, eq=False)
class IntervalPlot:
    """The data of the picture.

    Args:
        points: A row for each variant that is shown, best first: variant, mean, low, high (of
            the validation score), train, standing ("best", "as good", "cannot tell", "worse" or
            "better"); among them one answer for all samples ("reference"), where it scores about
            as they do.
        margin: The margin of equivalence, in the unit of the metric.
        scale: The scale of the metric.
        others: How many variants with a score are not shown.
        is_log: Whether the axis is logarithmic.
        limits: The lowest and the highest possible score, beyond which no axis goes.
    """

    points: pd.DataFrame
    margin: float
    scale: Scale
    others: int
    is_log: bool = False
    limits: tuple[float, float] = (-np.inf, np.inf)


def shown_of(count: int) -> int:
    """How many of so many variants are shown at first: all of some, ten of many."""
    return count if count <= SHOWN else OF_MANY


def interval_plot(conclusions: Conclusions, table: pd.DataFrame) -> IntervalPlot | None:
    """The scores of the best variants; None where no variant has one.

    Args:
        conclusions: Of the study.
        table: From `score_table`: its order is kept.
    """
    metric, winner = conclusions.record.settings.metric, conclusions.winner_name
    if winner is None:
        return None
    columns = {f"val_{metric}": "mean", f"train_{metric}": "train"}
    scored = table.rename(columns=columns)[[*columns.values(), "low", "high"]].astype(float)
    scored = scored[np.isfinite(scored["mean"])]
    stands = standings(conclusions)
    # The table goes by score, and by replicates that were lost: the winner may stand lower in it.
    first = [winner, *(name for name in scored.index if name != winner)]
    shown = first[: shown_of(len(first))]
    points = scored.loc[shown].assign(standing=[stands[name] for name in shown])
    study, means = conclusions.study, points["mean"]
    is_log = study.scale.is_never_negative and bool(means.max() > FAR * means.min() > 0)
    others, limits = len(first) - len(shown), study.scale.limits
    plot = IntervalPlot(points.reset_index(), study.margin, study.scale, others, is_log, limits)
    row = reference_row(conclusions)
    if row is None:
        return plot
    names = columns | {"variant": "variant", "low": "low", "high": "high"}
    given = {name: row[of] for of, name in names.items()}
    # "always the mean": the rest of its name, which the table has, takes the room of the picture.
    short = str(row["variant"]).partition(" of the training")[0]
    return _with_reference(plot, given | {"variant": short, "standing": REFERENCE})


def _with_reference(plot: IntervalPlot, row: Mapping[str, Any]) -> IntervalPlot:
    """The plot with one answer for all samples, before the first variant that it is better than.

    Where it scores far from all variants it would push them together, and tell nothing that the
    table does not.
    """
    low, high = domain_of(plot)
    room = (high / low) if plot.is_log else (high - low)
    if not (low / room if plot.is_log else low - room) <= row["mean"]:
        return plot
    if not row["mean"] <= (high * room if plot.is_log else high + room):
        return plot
    sign = 1 if plot.scale.higher_is_better else -1
    better = int((sign * plot.points["mean"] >= sign * row["mean"]).sum())
    parts = [plot.points[:better], pd.DataFrame([row]), plot.points[better:]]
    return replace(plot, points=pd.concat(parts, ignore_index=True))


def standings(conclusions: Conclusions) -> dict[str, str]:
    """How each variant stands to the winner, by its name."""
    winner = conclusions.winner_name
    assert winner is not None
    families = conclusions.families
    found = {winner: BEST}
    for c in [*families.winner, *(c for c in families.baseline if winner in (c.a, c.b))]:
        other = c.a if c.b == winner else c.b
        decided = WORSE if c.better == winner else BETTER if c.is_decided else OPEN
        found[other] = AS_GOOD if c.is_equivalent else decided
    return found


def domain_of(plot: IntervalPlot) -> tuple[float, float]:
    """The range of the axis: all means, the winner's interval, and others' as far as they go.

    An interval of two replicates may be a hundred times as wide as the scores are apart. So none
    is followed further than the means are apart; the axis cuts it there, and at what is possible. A
    logarithmic axis is cut below a tenth of the best score too, which a loss of training may be far
    under.
    """
    points, margin = plot.points, plot.margin
    if plot.is_log:
        least = points["mean"].min() / FAR
        told = ["mean", "train", "low", "high"]
        logarithms = np.log10(np.maximum(points[told], least))
        points, free = points.assign(**logarithms), (-np.inf, np.inf)
        ends = domain_of(replace(plot, points=points, margin=0, is_log=False, limits=free))
        return 10 ** ends[0], 10 ** ends[1]
    means = np.concatenate([points["mean"], points["train"]])
    means = means[np.isfinite(means)]
    best = points["mean"][points["standing"] == BEST].iloc[0]
    near = np.concatenate([means, [best - margin, best + margin]])
    low, high = float(near.min()), float(near.max())
    room = (high - low) or abs(low) or 1.0
    bounds = points[["low", "high"]].to_numpy().ravel()
    bounds = bounds[np.isfinite(bounds)]
    low = min(low, max(low - room, float(bounds.min(initial=low))))
    high = max(high, min(high + room, float(bounds.max(initial=high))))
    edge = 0.04 * (high - low)
    return max(low - edge, plot.limits[0]), min(high + edge, plot.limits[1])


def are_cut(plot: IntervalPlot) -> bool:
    """Whether an interval goes on beyond the picture."""
    low, high = domain_of(plot)
    return bool((plot.points["low"] < low).any() or (plot.points["high"] > high).any())


def described(plot: IntervalPlot, texts: Sequence[str]) -> str:
    """The picture in words: the variants with their scores, for those who do not see it.

    Args:
        plot: The data.
        texts: The score of each variant as text.
    """
    rows = zip(plot.points["variant"], texts, plot.points["standing"], strict=True)
    return "; ".join(f"{name} {text}, {standing}" for name, text, standing in rows)
