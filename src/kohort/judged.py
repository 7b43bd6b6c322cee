"""What the findings see of a study: its measured curves, turned so that lower is better."""

from collections.abc import Mapping, Sequence

import numpy as np

from kohort.evidence.curves import Curves
from kohort.evidence.settings import Settings, metric_name
from kohort.findings.curves import POINTS, Overlap, Scale, StudyCurves, VariantCurves
from kohort.findings.learning_curve import LearningCurve, learning_curve

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
    is_proportion = _is_proportion(settings, curves)
    variants = tuple(
        _variant_curves(
            settings,
            curves,
            number,
            is_proportion=is_proportion,
            untrained_loss=untrained_losses[number],
            parameters=parameters[number],
        )
        for number in range(len(curves.variants))
    )
    name = metric_name(settings.metric)
    if is_proportion:
        scale, margin = Scale("points", POINTS.factor, name), MARGIN
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


def learning_curves(
    settings: Settings, study: StudyCurves, partial: Mapping[float, Curves]
) -> dict[int, LearningCurve]:
    """The learning curves of the variants that also trained on parts of their samples.

    Args:
        settings: How the study was run.
        study: Its curves on all samples.
        partial: Its curves by the part of the samples.
    """
    is_proportion = study.scale.unit == "points"
    found = {}
    for number, whole in enumerate(study.variants):
        shares = sorted(settings.shares[whole.name])
        cells = [
            _variant_curves(settings, partial[share], number, is_proportion=is_proportion)
            for share in shares
        ]
        if cells:
            found[number] = learning_curve(
                np.array([settings.samples_of(share) for share in (*shares, 1.0)]),
                np.array([c.at_best(c.valid_error) for c in (*cells, whole)]),
                margin=study.margin,
                confidence=study.confidence,
                test_to_train=study.test_to_train,
            )
    return found


def _variant_curves(
    settings: Settings,
    curves: Curves,
    number: int,
    *,
    is_proportion: bool,
    untrained_loss: float = float("nan"),
    parameters: int = 0,
) -> VariantCurves:
    def error(side: str) -> np.ndarray:
        value: np.ndarray = curves.of(side + settings.metric)[number]
        if is_proportion:
            return 1 - value
        return -value if settings.higher_is_better else value

    name = curves.variants[number]
    return VariantCurves(
        name=name,
        train_loss=curves.of("eval_data_loss")[number],
        valid_loss=curves.of("val_data_loss")[number],
        train_error=error("eval_"),
        valid_error=error("val_"),
        lengths=curves.lengths[number],
        planned_epochs=settings.epochs[name],
        untrained_loss=untrained_loss,
        parameters=parameters,
    )


def _is_proportion(settings: Settings, curves: Curves) -> bool:
    values = np.array([curves.of(side + settings.metric) for side in ("eval_", "val_")])
    known = values[np.isfinite(values)]
    return settings.higher_is_better and bool(((known >= 0) & (known <= 1)).all())


def _reference(variants: Sequence[VariantCurves]) -> float:
    """The size of the baseline's validation error at e*; of the next variant's, if it has none."""
    for curves in variants:
        if len(curves.sound):
            return float(abs(np.nanmean(curves.at_best(curves.valid_error)))) or np.nan
    return np.nan
