"""The curves of the best variants and of the baseline, a picture for each metric."""

from typing import Any

import numpy as np
import pandas as pd

from kohort.evidence.record import StudyRecord
from kohort.evidence.settings import metric_name
from kohort.findings.statistics.scale import Scale, significant
from kohort.report.charts import panel_svg

SHOWN_PANELS = 12
"""The number of variants whose curves are drawn: the best, and the baseline."""
FAR = 2.0
"""A shared axis of losses goes beyond a middling variant by so many times its height, at most."""


def curve_panels(
    bands: pd.DataFrame, drawn: dict[str, bool], scale: Scale, scored: str
) -> list[dict[str, Any]]:
    """A picture of each metric for each variant (`variant`, `pictures`).

    Pictures of a metric share one axis, those of variants without a score apart. One of losses is
    cut where few variants would press the others flat (`note` tells what lies beyond it).

    Args:
        bands: From `curve_bands`.
        drawn: From `drawn_variants`.
        scale: The scale of the metric that scores.
        scored: Its name.
    """
    metrics = list(dict.fromkeys(bands["metric"]))
    sound = [variant for variant, is_sound in drawn.items() if is_sound]
    axes = {
        metric: _domain(of_metric)
        if metric == scored and scale.is_proportion
        else _robust(of_metric)
        for metric, of_metric in bands[bands["variant"].isin(sound)].groupby("metric", sort=False)
    }
    panels = []
    for variant in drawn:
        of_variant = bands[bands["variant"] == variant].assign(variant=str(variant))
        shared = axes if variant in sound else {}
        pictures = [
            _picture(of_metric, metric, shared.get(metric))
            for metric in metrics
            if len(of_metric := of_variant[of_variant["metric"] == metric])
        ]
        panels.append({"variant": variant, "pictures": pictures})
    return panels


def drawn_variants(record: StudyRecord, table: pd.DataFrame) -> dict[str, bool]:
    """The variants whose curves are drawn, in the order of the table, and whether each has a score.

    Args:
        record: Of the study.
        table: From `score_table`.
    """
    baseline, scores = record.variant_names[0], table[f"val_{record.settings.metric}"]
    return {
        str(name): bool(np.isfinite(score))
        for rank, (name, score) in enumerate(scores.items())
        if rank < SHOWN_PANELS or name == baseline
    }


def _picture(bands: pd.DataFrame, metric: str, axis: tuple[float, float] | None) -> dict[str, str]:
    """A variant's curves of a metric (`metric`, `svg`), and what its axis leaves out (`note`)."""
    name = metric_name(metric)
    if axis is not None and not bands["mean"].between(*axis).any():
        note = f"An axis apart: none of its {name} is on that of the others."
        return {"metric": metric, "svg": panel_svg(bands, name, None), "note": note}
    beyond = "" if axis is None else _beyond(bands, axis)
    svg = panel_svg(bands, name, axis, is_cut=bool(beyond))
    return {"metric": metric, "svg": svg, "note": f"Cut: its {name} {beyond}." if beyond else ""}


def _beyond(bands: pd.DataFrame, axis: tuple[float, float]) -> str:
    """How far curves go beyond an axis, in words; empty where they stay on it."""
    (low, high), lowest, highest = axis, bands["low"].min(), bands["high"].max()
    told = [f"goes up to {significant(highest, 3)}"] * bool(highest > high)
    told += [f"goes down to {significant(lowest, 3)}"] * bool(lowest < low)
    return " and ".join(told)


def _robust(bands: pd.DataFrame) -> tuple[float, float] | None:
    """The range of the y axis of losses that variants share: all, or all that are not far off.

    Far off is what lies beyond the median variant's curves by more than `FAR` times their height.
    A first epoch does not count for that height: it may be far above all that comes after it.
    None where curves have no height.
    """
    low, high = float(bands["low"].min()), float(bands["high"].max())
    later = bands[bands["epoch"] > 1] if bands["epoch"].max() > 1 else bands
    ends = later.groupby("variant", observed=True).agg({"low": "min", "high": "max"}).median()
    room = FAR * (ends["high"] - ends["low"])
    if room > 0:
        low, high = max(low, float(ends["low"] - room)), min(high, float(ends["high"] + room))
    return (low, high) if low < high else None


def _domain(bands: pd.DataFrame) -> tuple[float, float]:
    """The range of the y axis of a proportion that variants share."""
    low, high = bands["low"].min(), bands["high"].max()
    return float(np.floor(20 * low) / 20), min(1.0, float(np.ceil(20 * high) / 20))
