"""Metrics of two classes that Keras counts as 0 where a part has no sample of a class."""

from collections.abc import Collection, Sequence

from kohort.data.labels import ClassLabels
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
    labels = spec.two_classes if needed else None
    if labels is None:
        return
    number = max(sorted(needed), key=lambda number: spec.parts_without[number])
    if not spec.parts_without[number]:
        return
    raise DesignError(
        f"samples of {_named(labels, number)} in each validation part, for the metric {metric!r}, "
        "which is 0 in one without, whatever a model answers",
        f"none in {spec.parts_without[number]:,} of {_parts(spec):,}{what}",
        "hold out more, by a larger fraction= or fewer folds, or score by another metric, as "
        "metric='loss' (kohort.open reads what a store has)",
    )


def slip_of_parts(kinds: Sequence[MetricKind], spec: StudySpec) -> str:
    """That a metric is 0 in parts that lack a class, as a clause; "" where none is.

    Args:
        kinds: Of a model.
        spec: The study.
    """
    labels = spec.two_classes
    if labels is None:
        return ""
    for kind in kinds:
        for number in sorted(_needed(kind)):
            without = spec.parts_without[number]
            where = [f"{without:,} of {_parts(spec):,} validation parts"] * bool(without)
            lacks = bool(len(labels.test)) and not (labels.test == number).any()
            where += ["the test set"] * lacks
            if where:
                has = "have" if without else "has"
                return (
                    f"the metric {kind.name} is 0 in {' and in '.join(where)}, which {has} no "
                    f"sample of {_named(labels, number)}: there it says nothing of a model"
                )
    return ""


def _needed(kind: MetricKind) -> set[int]:
    """The classes without which a metric has no value."""
    return {"": set[int](), "second": {1}, "both": {0, 1}}[kind.needs]


def _parts(spec: StudySpec) -> int:
    """How many validation parts there are."""
    return sum(len(replicate.valid) > 0 for replicate in spec.whole_replicates)


def _named(labels: ClassLabels, number: int) -> str:
    name = labels.names[number]
    return f"class {name}" + f" (label {number})" * (name != str(number))
