"""Metrics of classes that Keras counts as 0 where a part has no sample of a class."""

from collections.abc import Iterable, Sequence

from kohort.design.spec import StudySpec
from kohort.errors import DesignError
from kohort.keras_api.metrics import MetricKind


def check_parts(
    metric: str, metrics: Iterable[Sequence[MetricKind]], spec: StudySpec, what: str = ""
) -> None:
    """Refuse validation parts in which the metric that scores is 0 whatever a model answers.

    A recall has no value where there is no sample of its class, an area under the ROC curve none
    where there is one class alone, and in a mean of F1 over classes one that a part lacks has none.
    Keras gives 0, and means over replicates, intervals and findings would take it for a score.

    Args:
        metric: The name of what scores.
        metrics: Of each member, as for `scoring`.
        spec: The study.
        what: What the replicates are of, where that is not the study.

    Raises:
        DesignError: There are such parts.
    """
    kinds = {kind for of_member in metrics for kind in of_member if kind.name == metric}
    needed = {number: kind for kind in kinds for number in _needed(kind, spec)}
    number = max(sorted(needed), key=lambda number: spec.parts_without[number], default=None)
    if number is None or not spec.parts_without[number]:
        return
    counts = "counts it with 0" if needed[number].needs == "each" else "is 0"
    is_there = spec.counted_classes is not None and number in spec.counted_classes.train
    mend = "hold out more, by a larger fraction= or fewer folds" if is_there else "leave it out"
    raise DesignError(
        f"samples of {_named(spec, number)} in each validation part, for the metric {metric!r}, "
        f"which {counts} in one without, whatever a model answers",
        f"none in {spec.parts_without[number]:,} of {_parts(spec):,}{what}",
        f"{mend}, or score by another metric, as metric='loss' (kohort.open reads what a store "
        "has)",
    )


def slip_of_parts(kinds: Sequence[MetricKind], spec: StudySpec) -> str:
    """That a metric is 0 in parts that lack a class, as a clause; "" where none is.

    Args:
        kinds: Of a model.
        spec: The study.
    """
    test = spec.counted_classes.test if spec.counted_classes is not None else ()
    for kind in kinds:
        for number in _needed(kind, spec):
            without = spec.parts_without[number]
            where = [f"{without:,} of {_parts(spec):,} validation parts"] * bool(without)
            where += ["the test set"] * (bool(len(test)) and number not in test)
            if where:
                has = "have" if without else "has"
                told = f"{' and in '.join(where)}, which {has} no sample of {_named(spec, number)}"
                if kind.needs == "each":
                    return f"the metric {kind.name} counts a class with 0 in {told}"
                return f"the metric {kind.name} is 0 in {told}: there it says nothing of a model"
    return ""


def _needed(kind: MetricKind, spec: StudySpec) -> list[int]:
    """The numbers of the classes without which a metric has no value, in order."""
    labels = spec.counted_classes if kind.needs else None
    if labels is None:
        return []
    if kind.needs == "each":
        return list(range(len(labels.names))) if labels.form == "one-hot" else []
    of_two = [1] if kind.needs == "second" else [0, 1]
    return of_two if labels.form == "integers" else []


def _parts(spec: StudySpec) -> int:
    """How many validation parts there are."""
    return sum(len(replicate.valid) > 0 for replicate in spec.whole_replicates)


def _named(spec: StudySpec, number: int) -> str:
    assert spec.counted_classes is not None
    name = spec.counted_classes.names[number]
    return f"class {name}" + f" (label {number})" * (name != str(number))
