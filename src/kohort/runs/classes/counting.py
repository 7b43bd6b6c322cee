"""Counts of which classes trained members find the validation samples."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kohort.data.labels import ClassLabels, class_labels
from kohort.design.plan import MemberPlan
from kohort.design.spec import StudySpec
from kohort.engine.predicting import Predictor
from kohort.keras_api.class_outputs import are_of_classes, class_probabilities, output_kind
from kohort.keras_api.metrics import MetricKind

_BATCH = 1024
"""Samples in a batch; of a smaller validation part all."""


class ClassCounter:
    """Counts of each class the validation samples that a trained member gives this class.

    Args:
        spec: The study.
    """

    def __init__(self, spec: StudySpec) -> None:
        self._spec = spec
        self._predictor = Predictor()
        self._labels: dict[bool, ClassLabels | None] = {}

    def found(
        self,
        model: keras.Model,
        member: MemberPlan,
        weights: Sequence[list[Any]] | None = None,
    ) -> np.ndarray | None:
        """How many samples of each class a member finds, int64 `[class]`.

        None where the targets are no classes, its outputs tell none, nothing validates, or it is
        no member that the study compares but one on a part of its samples.

        Args:
            model: Its model, with the weights that are kept of it.
            member: The member.
            weights: As of `Predictor.outputs`, where it has no model of its own.
        """
        labels = self.labels(member)
        if labels is None or member.share < 1:
            return None
        rows = self._spec.replicate(member.replicate, member.share).valid
        answers = self._answers(model, rows, len(labels.names), weights) if len(rows) else None
        if answers is None:
            return None
        truth = labels.train[rows]
        return np.bincount(truth[answers == truth], minlength=len(labels.names))

    def labels(self, member: MemberPlan) -> ClassLabels | None:
        """The classes of the data, for a member of such metrics and loss; None for none."""
        counts = any(map(_takes_classes, member.metrics)) or (
            member.measured.constant in ("crossentropy", "binary crossentropy")
        )
        if counts not in self._labels:
            self._labels[counts] = class_labels(self._spec.data, floats_are_labels=counts)
        return self._labels[counts]

    def _answers(
        self,
        model: keras.Model,
        rows: np.ndarray,
        classes: int,
        weights: Sequence[list[Any]] | None,
    ) -> np.ndarray | None:
        """The class that a model gives to each training sample of `rows`; None if it gives none."""
        data, size = self._spec.data, min(_BATCH, len(rows))
        # The last batch is filled up: one of another size would compile another program.
        filled = np.resize(rows, -(-len(rows) // size) * size).reshape(-1, size)
        batches = [data.inputs(data.x_train[batch]) for batch in filled]
        try:
            outputs = np.concatenate([*self._predictor.outputs(model, batches, weights)])[
                : len(rows)
            ]
        except Exception:  # noqa: BLE001 (the user's model may have no call, or raise anything)
            return None
        kind = output_kind(model)
        if kind == "other" or not are_of_classes(outputs, classes):
            return None
        given = class_probabilities(outputs, kind)
        answers: np.ndarray = given.argmax(axis=1)
        return answers


def _takes_classes(kind: MetricKind) -> bool:
    """Whether a metric takes one float a sample, of whole numbers, for its class."""
    is_accuracy = kind.accuracy not in ("", "equal", "elsewhere")
    return is_accuracy or kind.constant in ("roc", "pr") or kind.is_of_second
