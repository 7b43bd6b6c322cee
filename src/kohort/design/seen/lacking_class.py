"""Metrics of two classes that Keras counts as 0 where a part has no sample of a class."""

from collections.abc import Collection, Sequence

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels, class_labels, counted_class
from kohort.design.spec import StudySpec
from kohort.errors import DesignError
from kohort.keras_api.metrics import MetricKind


def needed_classes(metric: str, metrics: Sequence[Sequence[MetricKind]]) -> set[int]:
    """The numbers of the classes, of two, without which the metric that scores has no value.

    Args:
        metric: Its name.
        metrics: Of each member, as for `scoring`.
    """
    kinds = (kind for of_member in metrics for kind in of_member if kind.name == metric)
    return set[int]().union(*map(_needed, kinds))


def check_parts(metric: str, needed: Collection[int], spec: StudySpec, what: str = "") -> None:
    """Refuse validation parts in which the metric that scores is 0 whatever a model answers.

    A recall has no value where there is no sample of its class, an area under the ROC curve none
    where there is one class alone. Keras gives 0, and means over replicates, intervals and findings
    would take it for a score.

    Args:
        metric: The name of what scores.
        needed: The classes that it needs, as `needed_classes` has them.
        spec: The study.
        what: What the replicates are of, where that is not the study.

    Raises:
        DesignError: There are such parts.
    """
    labels = _two_classes(spec.data) if needed else None
    if labels is None:
        return
    parts = [r.valid for r in spec.whole_replicates if len(r.valid)]
    lacking = {number: _without(labels, parts, number) for number in sorted(needed)}
    number = max(lacking, key=lambda number: lacking[number])
    if not lacking[number]:
        return
    raise DesignError(
        f"samples of {_named(labels, number)} in each validation part, for the metric {metric!r}, "
        "which is 0 in one without, whatever a model answers",
        f"none in {lacking[number]:,} of {len(parts):,}{what}",
        "hold out more, by a larger fraction= or fewer folds, or score by another metric, as "
        "metric='loss'",
    )


def slip_of_parts(kinds: Sequence[MetricKind], spec: StudySpec) -> str:
    """That a metric is 0 in parts that lack a class, as a clause; "" where none is.

    Args:
        kinds: Of a model.
        spec: The study.
    """
    labels = _two_classes(spec.data)
    if labels is None:
        return ""
    parts = [r.valid for r in spec.whole_replicates if len(r.valid)]
    for kind in kinds:
        for number in sorted(_needed(kind)):
            without = _without(labels, parts, number)
            where = [f"{without:,} of {len(parts):,} validation parts"] * bool(without)
            lacks = bool(len(labels.test)) and not (labels.test == number).any()
            where += ["the test set"] * lacks
            if where:
                has = "have" if without else "has"
                return (
                    f"the metric {kind.name} is 0 in {' and in '.join(where)}, which {has} no "
                    f"sample of {_named(labels, number)}: there it says nothing of a model"
                )
    return ""


def _two_classes(data: Dataset) -> ClassLabels | None:
    """The labels of data of two classes with a number each; else None."""
    labels = class_labels(data, floats_are_labels=True)
    return labels if counted_class(labels) is not None else None


def _needed(kind: MetricKind) -> set[int]:
    """The classes without which a metric has no value."""
    if kind.constant == "roc":
        return {0, 1}
    return {1} if kind.is_of_second and kind.is_proportion else set()


def _without(labels: ClassLabels, parts: Sequence[np.ndarray], number: int) -> int:
    """How many parts have no sample of a class."""
    return sum(not (labels.train[part] == number).any() for part in parts)


def _named(labels: ClassLabels, number: int) -> str:
    name = labels.names[number]
    return f"class {name}" + f" (label {number})" * (name != str(number))
