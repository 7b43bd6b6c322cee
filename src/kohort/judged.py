"""What the findings see of a study: its measured curves, turned so that lower is better."""

from collections.abc import Sequence

import numpy as np

from kohort.evidence.curves import Curves
from kohort.evidence.settings import Settings, metric_name
from kohort.findings.curves import Overlap, Scale, StudyCurves, VariantCurves

MARGIN = 0.01
"""Default of the smallest difference of practical interest, where the metric is a proportion."""
MARGIN_PERCENT = 5.0
"""The same in percent of the baseline's error, where the metric is anything else."""


def study_curves(
    settings: Settings,
    curves: Curves,
    *,
    parameters: Sequence[int],
    untrained_losses: Sequence[float],
    overlap: Overlap | None = None,
) -> StudyCurves:
    """The curves of all variants, with the scale that their errors are told on.

    Args:
        settings: How the study was run.
        curves: What it measured.
        parameters: Of each variant's model.
        untrained_losses: Of each variant, before its first step.
        overlap: What was found of copies in the data.
    """
    metric = settings.metric
    values = [curves.of(side + metric) for side in ("eval_", "val_")]
    is_proportion = settings.higher_is_better and all(
        np.nanmin(v, initial=0) >= 0 and np.nanmax(v, initial=0) <= 1 for v in values
    )

    def error(value: np.ndarray) -> np.ndarray:
        if is_proportion:
            return 1 - value
        return -value if settings.higher_is_better else value

    train_errors, valid_errors = map(error, values)
    variants = tuple(
        VariantCurves(
            name=name,
            train_loss=curves.of("eval_data_loss")[number],
            valid_loss=curves.of("val_data_loss")[number],
            train_error=train_errors[number],
            valid_error=valid_errors[number],
            lengths=curves.lengths[number],
            planned_epochs=settings.epochs[name],
            untrained_loss=untrained_losses[number],
            parameters=parameters[number],
        )
        for number, name in enumerate(curves.variants)
    )
    name = metric_name(metric)
    if is_proportion:
        scale = Scale("points", 100.0, name)
        margin = MARGIN
    else:
        reference = _reference(variants)
        scale = Scale("%", 100.0 / reference, name, settings.higher_is_better)
        margin = MARGIN_PERCENT * reference / 100
    return StudyCurves(
        variants,
        settings.confidence,
        settings.test_to_train,
        scale,
        margin if settings.margin is None else settings.margin,
        overlap,
    )


def _reference(variants: Sequence[VariantCurves]) -> float:
    """The size of the baseline's validation error at e*; of the next variant's, if it has none."""
    for curves in variants:
        if len(curves.sound):
            return float(abs(np.nanmean(curves.at_best(curves.valid_error)))) or np.nan
    return np.nan
