"""What the findings see of a study: its measured curves, turned so that lower is better."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kohort.evidence.curves import Curves
from kohort.evidence.settings import Settings, metric_name
from kohort.findings.curves import Overlap, StudyCurves, VariantCurves
from kohort.findings.learning_curve import LearningCurve, learning_curve
from kohort.findings.scale import Scale

MARGIN_POINTS = 1.0
"""Default of the smallest difference of practical interest, where the metric is a proportion."""
MARGIN_PERCENT = 5.0
"""The same in percent of what the baseline scores, where the metric is anything else."""

type Pairs = Sequence[tuple[int, int]]


def study_curves(
    settings: Settings,
    curves: Curves,
    *,
    parameters: Sequence[int],
    restraints: Sequence[int],
    pairs: Pairs,
    one_loss: Pairs,
    untrained_losses: Sequence[float],
    overlap: Overlap | None = None,
) -> StudyCurves:
    """The curves of all variants, with the scale that their errors are told on.

    Args:
        settings: How the study was run.
        curves: What it measured.
        parameters: Of each variant's model.
        restraints: Its parts that regularise.
        pairs: Pairs of variant numbers of which the second adds something to the first.
        one_loss: Those of them whose losses can be compared.
        untrained_losses: Of each variant, before its first step.
        overlap: What was found of copies in the data.
    """
    variants = tuple(
        replace(
            _variant_curves(settings, curves, number),
            untrained_loss=untrained_losses[number],
            parameters=parameters[number],
            restraints=restraints[number],
        )
        for number in range(len(curves.variants))
    )
    reference = None if settings.is_proportion else _reference(variants)
    scale = Scale(metric_name(settings.metric), settings.higher_is_better, reference)
    margin = scale.threshold(MARGIN_POINTS, MARGIN_PERCENT)
    return StudyCurves(
        variants,
        settings.confidence,
        settings.test_to_train,
        scale,
        margin if settings.margin is None else settings.margin,
        tuple(pairs),
        tuple(one_loss),
        overlap,
        settings.kind,
        settings.samples[1],
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
    found = {}
    for number, whole in enumerate(study.variants):
        shares = sorted(settings.shares[whole.name])
        cells = [_variant_curves(settings, partial[share], number) for share in shares]
        if cells:
            found[number] = learning_curve(
                np.array([settings.samples_of(share) for share in (*shares, 1.0)]),
                np.array([c.at_best(c.valid_error) for c in (*cells, whole)]),
                margin=study.margin,
                confidence=study.confidence,
                test_to_train=study.test_to_train,
            )
    return found


def _variant_curves(settings: Settings, curves: Curves, number: int) -> VariantCurves:
    def error(side: str) -> np.ndarray:
        value: np.ndarray = curves.of(side + settings.metric)[number]
        if settings.is_proportion:
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
    )


def _reference(variants: Sequence[VariantCurves]) -> float:
    """What the baseline scores at e*, without its sign; or the next variant, if it has none."""
    for curves in variants:
        if len(curves.sound):
            return float(abs(np.nanmean(curves.at_best(curves.valid_error)))) or np.nan
    return np.nan
