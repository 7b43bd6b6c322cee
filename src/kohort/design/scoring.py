"""What the variants of a study are scored by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import (
    CountedClass,
    class_labels,
    counted_class,
    holds_several_labels,
)
from kohort.data.simple_answers.constant_answers import ConstantKind, LossKind
from kohort.errors import DesignError
from kohort.keras_api.metrics import Accuracy, MetricKind

type Mode = Literal["auto", "min", "max"]

LOSS = "data_loss"
"""The loss without penalties of weight regularisers, which every member has."""


@dataclass(frozen=True)
class Scoring:
    """A metric, and which way it is better.

    Args:
        metric: As it is logged for the training part, such as "accuracy"; or "data_loss".
        higher_is_better: Whether a higher value is the better one.
        is_proportion: Whether it is a part of a whole, from 0 to 1.
        accuracies: Of members, the targets of which it counts the right answers; "" where it is
            no such metric.
        constants: Of members, what it computes, where one answer for all samples has a known score.
        takes: As `accuracies`, of members whose metric gets the targets as they are.
        is_weighted: Whether it weighs samples for some member, where they have weights.
        weighs_alike: Whether it does so for all members, or for none.
    """

    metric: str
    higher_is_better: bool
    is_proportion: bool
    accuracies: frozenset[Accuracy] = frozenset([""])
    constants: frozenset[ConstantKind | None] = frozenset()
    takes: frozenset[Accuracy] = frozenset()
    is_weighted: bool = False
    weighs_alike: bool = True

    @property
    def constant(self) -> ConstantKind | None:
        """What it computes for all members, where that is known of it."""
        return next(iter(self.constants)) if len(self.constants) == 1 else None

    def counts_right_answers(self, form: str, classes: int) -> bool:
        """Whether it is, for all members, the part of samples whose class a model gets right.

        Args:
            form: Of the targets, "integers" or "one-hot".
            classes: The number of classes.
        """
        known = {form} | ({"binary"} if form == "integers" and classes == 2 else set())
        return self.accuracies <= known


def scoring(
    wanted: str | None,
    mode: Mode,
    metrics: Sequence[Sequence[MetricKind]],
    losses: Sequence[LossKind | None] = (),
) -> Scoring:
    """The metric that a study's variants are scored by.

    Args:
        wanted: Its name; None for an accuracy of Keras where every member measures it, else the
            loss. Of several that is the one called "accuracy" or "acc", else the first by name.
            A metric of the user's own scores where it is named, whatever it is called.
        mode: Whether lower ("min") or higher ("max") is better; "auto" asks Keras.
        metrics: Of each member of the study, what it logs beside its loss.
        losses: Of each what its loss computes, where that is known.

    Raises:
        DesignError: Some member has no such metric, Keras does not know its direction, or the
            loss would score and higher be better.
    """
    # Of one name, variants may count right answers of one output and of several.
    alike = [
        {MetricKind(kind.name, kind.direction, kind.is_proportion) for kind in of_member}
        for of_member in metrics
    ]
    kinds = {
        kind.name: kind
        for kind in [
            *sorted(set.intersection(*alike)),
            MetricKind(LOSS, "down", is_proportion=False),
        ]
    }
    if wanted is None:
        others = {k.name for of_member in metrics for k in of_member if not k.accuracy}
        accuracies = [name for name in kinds if name != LOSS and name not in others]
        named = [name for name in ("accuracy", "acc") if name in accuracies]
        metric = next(iter(named + accuracies), LOSS)
    else:
        metric = LOSS if wanted == "loss" else wanted
    if metric not in kinds:
        known = sorted("loss" if name == LOSS else name for name in kinds)
        bare = str(metric).removeprefix("val_")
        raise DesignError(
            f"a metric that all variants are compiled with: {', '.join(known)}",
            repr(wanted),
            f"leave val_ out, metric={bare!r}: scores are always of validation"
            if bare != metric and bare in known
            else "name one of them, or compile the models with it",
        )
    kind = kinds[metric]
    direction = {"min": "down", "max": "up", "auto": kind.direction}[mode]
    if not direction and wanted is not None:
        raise DesignError(
            f"to know whether a higher or a lower {metric!r} is better",
            "mode='auto', and Keras does not know",
            "pass mode='max' or mode='min'",
        )
    if metric == LOSS and direction == "up":
        raise DesignError(
            "a metric of which more is better, for mode='max'",
            "the loss, of which less is" + "; no metric is named" * (wanted is None),
            "name the metric, metric='...', or leave mode out",
        )
    higher = direction != "down"
    of_members = [k for of_member in metrics for k in of_member if k.name == metric]
    counted = {k.accuracy for k in of_members} or {""}
    constants = set(losses) if metric == LOSS else {k.constant for k in of_members}
    is_proportion = kind.is_proportion and higher
    return Scoring(
        metric,
        higher,
        is_proportion,
        frozenset(counted),
        frozenset(constants),
        frozenset(k.accuracy for k in of_members if k.takes_targets),
        any(k.is_weighted for k in of_members),
        len({k.is_weighted for k in of_members}) < 2,
    )


def check_score(
    score: Scoring, losses: Mapping[str, str], data: Dataset, margin: float | None = None
) -> None:
    """Refuse a score that does not say of all variants, or trials, what it seems to say.

    Args:
        score: What scores.
        losses: As for `check_one_loss`.
        data: The data.
        margin: The smallest difference of interest; None where none was given.

    Raises:
        DesignError: Two kinds of losses would be compared, or an accuracy counts what is none of
            its targets, or cuts outputs where they are not to be cut; or the margin is so wide that
            no difference could matter.
    """
    if score.is_proportion and margin is not None and margin >= 1:
        raise DesignError(
            f"a margin below 1 for {score.metric!r}, which reaches from 0 to 1",
            f"{margin:g}",
            f"give {margin / 100:g} for {margin:g} point{'s' * (margin != 1)}"
            if margin < 100
            else "use 0.01, say",
        )
    check_one_loss(score, losses)
    _check_one_class(score, data)
    _check_answers(score, data)
    _check_threshold(score)


def check_one_loss(score: Scoring, losses: Mapping[str, str]) -> None:
    """Refuse to hold losses of several kinds against each other: they have other units.

    Args:
        score: What scores; of another metric than the loss nothing is refused.
        losses: By name of the variant or trial, what its loss is called (see `MeasuredLoss`).

    Raises:
        DesignError: The loss scores, and there are two kinds of it.
    """
    if score.metric != LOSS:
        return
    found: dict[str, str] = {}
    for name, loss in losses.items():
        found.setdefault(loss, name)
    if len(found) > 1:
        raise DesignError(
            "one loss of all that are scored by it",
            " and ".join(f"{kind} (of {name!r})" for kind, name in list(found.items())[:2]),
            "losses of two kinds cannot be compared: compile all with one metric, such as "
            "metrics=['mae'], and name it, metric='mae'",
        )


def _check_one_class(score: Scoring, data: Dataset) -> None:
    """Refuse an accuracy of rows that hold several labels, or none.

    Of several columns "accuracy" is Keras's `CategoricalAccuracy`: it compares the largest one of
    each row, and counts a row without a label as one of the first column.

    Args:
        score: What scores.
        data: The data.

    Raises:
        DesignError: It is such an accuracy of such targets.
    """
    if "one-hot" in score.accuracies and holds_several_labels(data.y_train):
        raise DesignError(
            f"targets of one label in each row for {score.metric!r}, which compares the largest "
            "column",
            "rows with several labels or none",
            "compile with keras.metrics.BinaryAccuracy(), which counts each column, or with "
            "keras.metrics.AUC(multi_label=True), and name it, metric=; or metric='loss'",
        )


def _check_answers(score: Scoring, data: Dataset) -> None:
    """Refuse an accuracy of targets that no answer of it can be equal to, such as numbers.

    Args:
        score: What scores.
        data: The data.

    Raises:
        DesignError: It is such an accuracy of such targets.
    """
    for accuracy in sorted(score.takes):
        if wanted := lacking_targets(accuracy, data.y_train):
            low, high = data.y_train.min(), data.y_train.max()
            raise DesignError(
                f"{wanted}, for {score.metric!r}, which counts answers that are the target",
                f"targets from {low:g} to {high:g}",
                "of numbers to predict compile with a metric of numbers, such as metrics=['mae'], "
                "and name it, metric='mae'; or score by metric='loss'; number two classes 0 and 1",
            )


def lacking_targets(accuracy: Accuracy, targets: np.ndarray) -> str:
    """The targets that an accuracy would need, in words, where these are others; else ""."""
    if accuracy in ("binary", "misplaced", "elsewhere"):
        return "" if np.isin(targets, (0, 1)).all() else "targets that are all 0 or 1"
    is_float = targets.dtype.kind == "f"
    if accuracy == "equal":
        return "targets that are whole numbers" * is_float
    if accuracy == "integers":
        is_broken = is_float and bool((targets != np.rint(targets)).any())
        return "targets that are numbers of classes" * is_broken
    if accuracy == "one-hot":
        are_shares = (targets >= 0).all() and np.allclose(targets.sum(axis=-1), 1, atol=1e-3)
        return "" if are_shares else "targets with a column for each class, each row of sum 1"
    return ""


def _check_threshold(score: Scoring) -> None:
    """Refuse an accuracy that cuts logits, or margins, where it should cut probabilities.

    Args:
        score: What scores.

    Raises:
        DesignError: It is "accuracy" of Keras, or its `BinaryAccuracy` with the threshold 0.5, of
            such outputs.
    """
    if "misplaced" in score.accuracies:
        raise DesignError(
            f"outputs that are probabilities, for {score.metric!r}, which calls those above 0.5 "
            "class 1",
            "logits or margins, by the loss: those above 0 are class 1",
            f"compile with keras.metrics.BinaryAccuracy({score.metric!r}, threshold=0), or end the "
            "model with sigmoid, and its loss with from_logits=False",
        )


def class_of_score(
    metric: str | None, metrics: Sequence[Sequence[MetricKind]], data: Dataset
) -> CountedClass | None:
    """The one of two classes that the metric which scores is of, such as a recall.

    Args:
        metric: Its name.
        metrics: Of each member, as for `scoring`.
        data: The data, whose labels number the classes.

    Returns:
        The class; None of a metric of both classes or of none, or where a member's is.
    """
    kinds = [kind for of_member in metrics for kind in of_member if kind.name == metric]
    if not kinds or not all(kind.is_of_second for kind in kinds):
        return None
    return counted_class(class_labels(data, floats_are_labels=True))
