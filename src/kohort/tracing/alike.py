"""Prepares many models that are alike, without most of what Keras does to prepare each.

To create the variables of metrics, loss and optimizer, Keras calls model, metrics and loss on
symbols, which takes longest. Those calls can be left out where they leave nothing behind. That is
proved for each kind of model: one that was prepared without them has the description of one that
Keras prepared, and the same values in its optimizer and metrics. A model's description holds all
that its code reads, except the numbers of its state; so what is so for one is so for all of equal
descriptions. Metrics that create variables at their first batch, such as AUC, are found out by it.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.beginning.first_states import have_equal_bits
from kohort.keras_api.description import Description, described
from kohort.keras_api.models import outputs_of, prepare, prepare_uncalled, variables_of
from kohort.tracing.signature import abstract, global_settings, step_name

_FEW = 2
"""So many models of a variant are prepared by Keras before any is described twice."""


@dataclass
class _Kind:
    """Models of equal descriptions before they are prepared.

    Args:
        description: Of one that Keras prepared.
        outputs: Shapes and dtypes of what it predicts.
        values: Of its optimizer and metrics.
        is_proved: Whether they come out alike without symbolic calls; None where nobody knows.
    """

    description: Description
    outputs: Any
    values: list[np.ndarray]
    is_proved: bool | None = None


class Preparer:
    """Prepares models; the first few by Keras."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, int] = {}
        self._kinds: dict[Hashable, _Kind] = {}

    def prepare(
        self,
        model: keras.Model,
        build: Callable[[], keras.Model],
        of: Hashable,
        batch: ArrayTree,
    ) -> tuple[keras.Model, Description | None]:
        """The prepared model, and its description before anything of it is traced.

        Args:
            model: A compiled model.
            build: Builds it again, with the same numbers; what it builds may be returned instead.
            of: Identifies what mostly builds equal models: their variant.
            batch: Shapes and dtypes of a batch.
        """
        self._seen[of] = self._seen.get(of, 0) + 1
        before = described(model) if self._seen[of] > _FEW and model.compiled else None
        if before is None:
            prepare(model, batch)
            return model, described(model)
        key = before, step_name("", batch), global_settings()
        kind = self._kinds.get(key)
        if kind is not None and kind.is_proved is not False:
            if self._comes_out_alike(kind, model, batch):
                return model, kind.description
            model = build()
        prepare(model, batch)
        description = described(model)
        if kind is None and description is not None:
            # Without the names that symbols have.
            outputs = keras.tree.map_structure(
                lambda leaf: abstract(leaf.shape, leaf.dtype), outputs_of(model, batch)
            )
            self._kinds[key] = _Kind(description, outputs, _values(model))
        return model, description

    def _comes_out_alike(self, kind: _Kind, model: keras.Model, batch: ArrayTree) -> bool:
        """Prepare a model without symbolic calls; returns whether it came out as it should.

        Those of a kind that is proved do.
        """
        if kind.is_proved:
            prepare_uncalled(model, batch, kind.outputs)
            return True
        try:
            prepare_uncalled(model, batch, kind.outputs)
            kind.is_proved = described(model) == kind.description and all(
                map(have_equal_bits, _values(model), kind.values)
            )
        except Exception:  # noqa: BLE001 (it is prepared by Keras instead)
            kind.is_proved = False
        return kind.is_proved


def _values(model: keras.Model) -> list[np.ndarray]:
    """The values of optimizer and metrics, of which Keras creates the variables."""
    # The values of weights stay unread: it is watched who reads them.
    _, _, optimizer, metrics = variables_of(model)
    return [np.asarray(variable.value) for variable in (*optimizer, *metrics)]
