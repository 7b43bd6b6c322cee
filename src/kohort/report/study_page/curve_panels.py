"""The curves of the best variants and of the baseline, a picture for each metric."""

from typing import Any

import numpy as np
import pandas as pd

from kohort.evidence.record import StudyRecord
from kohort.evidence.settings import metric_name
from kohort.findings.statistics.scale import Scale
from kohort.report.charts import panel_svg

SHOWN_PANELS = 12
"""The number of variants whose curves are drawn: the best, and the baseline."""


def curve_panels(
    bands: pd.DataFrame, drawn: dict[str, bool], scale: Scale, scored: str
) -> list[dict[str, Any]]:
    """A picture of each metric for each variant (`variant`, `pictures`).

    Args:
        bands: From `curve_bands`.
        drawn: From `drawn_variants`.
        scale: The scale of the metric that scores.
        scored: Its name.
    """
    metrics = list(dict.fromkeys(bands["metric"]))
    sound = [variant for variant, is_sound in drawn.items() if is_sound]
    shared = _domain(bands[bands["variant"].isin(sound) & (bands["metric"] == scored)])
    panels = []
    for variant in drawn:
        of_variant = bands[bands["variant"] == variant].assign(variant=str(variant))
        pictures = [
            {
                "metric": metric,
                "svg": panel_svg(
                    of_variant[of_variant["metric"] == metric],
                    metric_name(metric),
                    shared
                    if metric == scored and scale.is_proportion and variant in sound
                    else None,
                ),
            }
            for metric in metrics
            if len(of_variant[of_variant["metric"] == metric])
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


def _domain(bands: pd.DataFrame) -> tuple[float, float] | None:
    """The range of the y axis of a proportion that variants share; None where none has a curve."""
    if bands.empty:
        return None
    low, high = bands["low"].min(), bands["high"].max()
    return float(np.floor(20 * low) / 20), min(1.0, float(np.ceil(20 * high) / 20))
