"""`kohort.fit`: what `keras.Model.fit` does, for one model or many at once."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kohort.data.orders import epoch_orders
from kohort.design import keras_seam
from kohort.design.grouping import first_batch, group, signature
from kohort.design.keras_seam import Arrays
from kohort.engine.callbacks import Callback, EvaluateTrain, own_callbacks
from kohort.engine.cohort import Cohort, Training
from kohort.engine.program import EpochSpec
from kohort.engine.reference import fit_one
from kohort.engine.runners import Source
from kohort.engine.train import check_fusable, train
from kohort.errors import DesignError, ModelError
from kohort.report.progress import Progress

type Shuffle = bool | Literal["batch"]


class _Settings(NamedTuple):
    batch_size: int
    epochs: int
    initial_epoch: int
    shuffle: Shuffle
    seed: int
    evaluated: bool


class _Data(NamedTuple):
    x: Any
    y: Any
    sample_weight: Any
    class_weight: Any
    validation: Any

    def packed(self) -> Arrays:
        return keras_seam.pack(self.x, self.y, self.sample_weight, self.class_weight)


def fit(
    models: keras.Model | Sequence[keras.Model],
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = 32,
    epochs: int = 1,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: Shuffle = True,
    seed: int = 0,
    callbacks: Sequence[Callback] | Callback | None = None,
    sample_weight: Any = None,
    class_weight: dict[int, float] | None = None,
    initial_epoch: int = 0,
    verbose: Literal["auto", 0, 1, 2] = "auto",
    train_metrics: Literal["running", "evaluated"] = "running",
    engine: Literal["fused", "keras"] = "fused",
) -> Any:
    """Train compiled Keras models in place, all at once, to the numbers of `keras.Model.fit`.

    Models whose training step is the same program but for its constants train together: layers,
    loss, metrics and optimizer are alike; weights, seeds, learning rates, dropout rates,
    penalties and the like may differ. Other models train in turn.

    Args:
        models: One compiled model, or several; each gets the same data in the same order.
        x: Inputs `[sample, ...]`; an array, or a dict or list of arrays.
        y: Targets `[sample, ...]`, likewise.
        batch_size: Samples a step; the last batch of an epoch may be smaller.
        epochs: The epoch to stop before.
        validation_split: Fraction of the data, from its end, that validates. `x` and `y` are
            split before they are shuffled.
        validation_data: `(x, y)` or `(x, y, sample_weight)`; overrides `validation_split`.
        shuffle: Whether to visit the samples in a new order each epoch; "batch" shuffles
            inside batches only.
        seed: Of that order: the one that `keras.Model.fit` takes after `np.random.seed(seed)` on
            a model that has been built and trained on a batch before.
        callbacks: Keras callbacks that act at epochs. For several models each gets copies of
            its own.
        sample_weight: Weight of each sample.
        class_weight: Weight of each class, by class number.
        initial_epoch: The epoch to start with.
        verbose: 0 is silent; anything else shows progress on stderr.
        train_metrics: "running" gives Keras's train metrics, averages over the epoch.
            "evaluated" adds "eval_loss" and the like: the train metrics in inference mode, at
            the weights that the epoch ended with; and "eval_data_loss" and "val_data_loss": the
            losses without the penalties of weight regularisers.
        engine: "fused" needs Keras's JAX backend. "keras" calls `model.fit` for one model after
            another, on any backend: the reference, and the way out.

    Returns:
        `keras.callbacks.History` for one model, a list of them for a list of models.

    Raises:
        ModelError: A model is not compiled, or the fused engine cannot train it.
        DesignError: A setting is none of those that it can be.
        ValueError: Keras's own complaint about data.

    Example:
        >>> histories = kohort.fit([small, large], x, y, epochs=20, validation_split=0.1)
    """
    members = [models] if isinstance(models, keras.Model) else list(models)
    _check_choice("train_metrics", train_metrics, ("running", "evaluated"))
    _check_choice("engine", engine, ("fused", "keras"))
    _check_models(members)
    if validation_split and validation_data is None:
        (x, y, sample_weight), validation_data = keras_seam.split_last(
            x, y, sample_weight, validation_split
        )
    data = _Data(x, y, sample_weight, class_weight, validation_data)
    settings = _Settings(
        batch_size or 32, epochs, initial_epoch, shuffle, seed, train_metrics == "evaluated"
    )
    run = _fit_fused if engine == "fused" else _fit_in_turn
    total = len(members) * max(0, epochs - initial_epoch)
    with Progress(total, visible=verbose != 0) as progress:
        run(members, data, settings, own_callbacks(callbacks, len(members)), progress)
    histories = [model.history for model in members]
    return histories[0] if isinstance(models, keras.Model) else histories


def _fit_fused(
    models: list[keras.Model],
    data: _Data,
    settings: _Settings,
    callbacks: list[list[Callback]],
    progress: Progress,
) -> None:
    check_fusable(models)
    arrays, valid = data.packed(), None
    if data.validation is not None:
        valid = keras_seam.pack(*keras.utils.unpack_x_y_sample_weight(data.validation))
    arrays, valid = jax.tree.map(jnp.asarray, (arrays, valid))
    batch = first_batch(arrays, settings.batch_size)
    for model in models:
        keras_seam.prepare(model, batch)
    _check_disjoint(models)
    signatures = [signature(model, batch) for model in models]
    cohorts = group(range(len(models)), [own.skeleton for own in signatures])
    for number, cohort in enumerate(cohorts, start=1):
        progress.begin(
            f"cohort {number}/{len(cohorts)}", len(cohort), settings.epochs - settings.initial_epoch
        )
        joined = Cohort(
            [models[member] for member in cohort],
            [signatures[member] for member in cohort],
            Source(
                arrays,
                lambda: _orders(arrays, settings),
                [0] * len(cohort),
                valid,
                _all_rows(valid),
            ),
            EpochSpec(settings.batch_size, valid is not None, settings.evaluated),
            Training(settings.epochs, settings.initial_epoch),
            [callbacks[member] for member in cohort],
        )
        for record in train(joined):
            progress.advance(len(record.logs), record.epoch)
        progress.end()


def _fit_in_turn(
    models: list[keras.Model],
    data: _Data,
    settings: _Settings,
    callbacks: list[list[Callback]],
    progress: Progress,
) -> None:
    for number, (model, own) in enumerate(zip(models, callbacks, strict=True), start=1):
        epochs = settings.epochs - settings.initial_epoch
        progress.begin(f"model {number}/{len(models)}", 1, epochs)
        if keras_seam.is_packable(data.x, data.y, data.sample_weight):
            packed = data.packed()
            keras_seam.prepare(model, first_batch(packed, settings.batch_size))
        measuring = (
            [EvaluateTrain(data.packed(), settings.batch_size)] if settings.evaluated else []
        )
        fit_one(
            model,
            data.x,
            data.y,
            seed=settings.seed,
            callbacks=[*measuring, *own],
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            initial_epoch=settings.initial_epoch,
            shuffle=settings.shuffle,
            validation_data=data.validation,
            sample_weight=data.sample_weight,
            class_weight=data.class_weight,
            verbose=0,
        )
        progress.advance(epochs, settings.epochs - 1)


def _check_models(models: list[keras.Model]) -> None:
    if not models or not all(isinstance(model, keras.Model) for model in models):
        raise ModelError(
            "a keras.Model or a list of them",
            f"{[type(model).__name__ for model in models]}",
            "pass compiled Keras models",
        )
    if len({id(model) for model in models}) < len(models):
        raise ModelError(
            "different models", "one model more than once", "build it again for each place"
        )


def _check_disjoint(models: list[keras.Model]) -> None:
    variables = [v for model in models for part in keras_seam.variables_of(model) for v in part]
    if len({id(variable) for variable in variables}) < len(variables):
        raise ModelError(
            "models with layers, optimizers and metrics of their own",
            "models that share some",
            "build each model anew, or train them by separate calls",
        )


def _check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DesignError(f"{argument} in {choices}", repr(value), "use one of them")


def _samples(data: Arrays) -> int:
    return int(jax.tree.leaves(data)[0].shape[0])


def _orders(data: Arrays, settings: _Settings) -> Any:
    for order in epoch_orders(
        _samples(data), settings.batch_size, shuffle=settings.shuffle, seed=settings.seed
    ):
        yield order[None]


def _all_rows(data: Arrays | None) -> Any:
    return None if data is None else np.arange(_samples(data), dtype=np.int32)[None]
