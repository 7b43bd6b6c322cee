"""New models of a study: their losses before training, and what their layers have learned."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.inspection.learned import LearnedLayer, RowSets, learned_layer
from kohort.data.splits import random_part
from kohort.design.building import BuiltModels
from kohort.design.replicates import Replicate
from kohort.design.spec import StudySpec
from kohort.engine.predicting import Predictor
from kohort.keras_api.preprocessing import (
    BATCH,
    is_given,
    learned_anew,
    learned_layers,
    learned_numbers,
    rounding_scale,
    seen_by,
    seen_input,
)

UNTRAINED_SAMPLES, _BATCH = 2048, 256
"""Training samples for the loss before training, drawn from all: the first may be of one class, or
the smallest. With it the loss at the end is compared."""

_UNSHARED = ("name", "mean", "variance", "bin_boundaries")
"""Settings in which layers may differ that learn the same from the same rows."""

type _Seen = Callable[[Any], np.ndarray]


def before_training(
    spec: StudySpec, models: BuiltModels
) -> tuple[list[float], tuple[LearnedLayer, ...]]:
    """The loss of a new model of each variant, on some training samples; and what it has learned.

    The loss is NaN for models that override how it is computed.
    """
    replicate, learned_from = spec.replicate(0, 1.0), LearnedFrom(spec, models)
    predictor = Predictor()
    found: list[tuple[float, list[LearnedLayer]]] = []
    for number in range(len(spec.variants)):
        like = models.begins_like(number, replicate)
        if like is not None and not found[like][1]:
            found.append(found[like])
            continue
        model = models.look_at(number, replicate)
        loss = untrained_loss(spec, model, replicate, predictor)
        found.append((loss, learned_from.layers(number, model)))
    return [loss for loss, _ in found], tuple(layer for _, layers in found for layer in layers)


def untrained_loss(
    spec: StudySpec, model: keras.Model, replicate: Replicate, predictor: Predictor
) -> float:
    """The loss of a new model on some training samples of a replicate, NaN as `Predictor.loss`.

    Args:
        spec: The study.
        model: The model.
        replicate: The replicate.
        predictor: Holds the programs of other models.
    """
    rows = random_part(np.random.default_rng(0), replicate.train, UNTRAINED_SAMPLES)
    count = -(-len(rows) // _BATCH)
    batches = rows[: len(rows) // count * count].reshape(count, -1)
    data, measuring = spec.data, spec.weights([]).measuring
    return predictor.loss(
        model,
        ((data.inputs(data.x_train[at]), data.y_train[at], measuring(at)) for at in batches),
    )


class LearnedFrom:
    """Compares what layers have learned with what they would have learned from sets of rows.

    Args:
        spec: The study.
        models: Build a model where one is run to see through the layers before another one.
    """

    def __init__(self, spec: StudySpec, models: BuiltModels) -> None:
        self._spec, self._models = spec, models
        self._replicate = spec.replicate(0, 1.0)
        self._known: dict[tuple[object, ...], RowSets] = {}

    def layers(self, number: int, model: keras.Model) -> list[LearnedLayer]:
        """The preprocessing layers of a variant's model in the first replicate.

        Args:
            number: The variant's.
            model: Its model, which stays as it is.
        """
        return [
            self._layer(number, model, place, layer)
            for place, layer in enumerate(learned_layers(model))
        ]

    def _layer(
        self, number: int, model: keras.Model, place: int, layer: keras.layers.Layer
    ) -> LearnedLayer:
        names = self._spec.variants[number].name, layer.name, type(layer).__name__
        numbers, given = learned_numbers(layer), is_given(layer)
        try:
            rows = self._row_sets(number, model, place, layer)
            return learned_layer(*names, numbers, rows, given=given)
        except Exception:  # noqa: BLE001 (code of users before it, shapes of a model without a graph)
            return LearnedLayer(*names, given, 0, 0, 0, 0, float("nan"), float("nan"))

    def _row_sets(
        self, number: int, model: keras.Model, place: int, layer: keras.layers.Layer
    ) -> RowSets:
        """What a layer learns from each set of rows; where it sees the inputs, once for all."""
        name = seen_input(model, layer)
        if name is None:
            # The model that is about to train is not run.
            other = self._models.new(number, self._replicate)
            return self._learned(layer, seen_by(other, learned_layers(other)[place]))
        settings = {name: v for name, v in layer.get_config().items() if name not in _UNSHARED}
        key = type(layer), is_given(layer), repr(settings), len(learned_numbers(layer))
        by_name = self._spec.data.named
        if (*key, name) not in self._known:
            seen: _Seen = (lambda batch: batch[name]) if by_name else np.asarray
            self._known[*key, name] = self._learned(layer, seen)
        return self._known[*key, name]

    def _learned(self, layer: keras.layers.Layer, seen: _Seen) -> RowSets:
        data = self._spec.data
        every = np.arange(len(data.x_train))
        part, train = (_ways(layer, data, rows, 0, seen) for rows in (self._replicate.train, every))
        tests = len(data.x_test)
        whole = _ways(layer, data, every, tests, seen) if tests else None
        return RowSets(part, train, whole, rounding_scale(layer))


def _ways(
    layer: keras.layers.Layer, data: Dataset, rows: np.ndarray, tests: int, seen: _Seen
) -> list[np.ndarray]:
    """What a layer learns from training rows and the first test rows, by each way to compute it."""

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(rows), BATCH):
            yield seen(data.inputs(data.x_train[rows[start : start + BATCH]]))
        for start in range(0, tests, BATCH):
            yield seen(data.inputs(data.x_test[start : min(start + BATCH, tests)]))

    numbers = (len(rows) + tests) * int(np.prod(data.input_shape))
    return learned_anew(layer, batches, numbers * np.dtype(np.float32).itemsize)
