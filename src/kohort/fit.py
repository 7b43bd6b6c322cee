"""`kohort.fit`: what `keras.Model.fit` does, for one model or many at once."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras

from kohort.engine.feed.arguments import (
    FitArguments,
    Inputs,
    Shuffle,
    capped,
    split_rows,
    steps_at_once,
    usual_batch_size,
)
from kohort.engine.feed.refusals import check_arrays, check_targets
from kohort.engine.loop.chunking import check_chunk
from kohort.engine.loop.cohort import Cohort, TrainingPlan
from kohort.engine.loop.events import EpochsMeasured
from kohort.engine.loop.scheduler import train
from kohort.engine.measuring import EvaluateTrain
from kohort.engine.memory import allowed
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.program.precision import Precision, matmul_precision
from kohort.engine.reference import fit_one
from kohort.errors import DesignError, ModelError, check_choice
from kohort.keras_api.arrays import check_dense, is_dense, is_packable, pack, shapes_of_batch
from kohort.keras_api.callbacks import Callback, Callbacks, own_callbacks
from kohort.keras_api.models import draws_a_batch, prepare, variables_of
from kohort.report.progress import Progress
from kohort.tracing.eligibility import check_fusable, fused_steps
from kohort.tracing.signature import first_batch, group


class _Settings(NamedTuple):
    epochs: int
    initial_epoch: int
    validation_freq: int | Sequence[int]
    evaluated: bool
    chunk_size: int | None
    memory: int | str | None


def fit(
    models: keras.Model | Sequence[keras.Model],
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    epochs: int = 1,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: Shuffle = True,
    seed: int = 0,
    callbacks: Callbacks = None,
    sample_weight: Any = None,
    class_weight: dict[int, float] | None = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Sequence[int] = 1,
    verbose: Literal["auto", 0, 1, 2] = "auto",
    train_metrics: Literal["running", "evaluated"] = "running",
    engine: Literal["fused", "keras"] = "fused",
    chunk_size: int | None = None,
    memory: int | str | None = None,
    precision: Precision = None,
) -> Any:
    """Train compiled Keras models in place, all at once, to the numbers of `keras.Model.fit`.

    Models whose training step is the same program but for its constants train together: layers,
    loss, metrics and optimizer are alike; weights, seeds, learning rates, dropout rates,
    penalties and the like may differ. Other models train in turn.

    Args:
        models: One compiled model, or several; each gets the same data in the same order.
        x: Inputs `[sample, ...]`; an array, or a dict or list of arrays; HDF5 datasets too. Or
            whatever yields batches to `keras.Model.fit`: a `keras.utils.PyDataset`, a generator.
        y: Targets `[sample, ...]`, likewise; None where `x` yields them. The loss
            "sparse_categorical_crossentropy" takes class numbers, `[sample]` or `[sample, 1]`.
        batch_size: Samples a step; the last batch of an epoch may be smaller. None is 32, or, of
            arrays with `steps_per_epoch`, so many that these steps see all of them once.
        epochs: The epoch to stop before.
        validation_split: Fraction of the data, from its end, that validates. `x` and `y` are
            split before they are shuffled.
        validation_data: `(x, y)` or `(x, y, sample_weight)`, shaped as those for training;
            overrides `validation_split`.
        shuffle: Whether to visit the samples in a new order each epoch; "batch" shuffles
            inside batches only.
        seed: Of that order: the one that `keras.Model.fit` takes after `np.random.seed(seed)` on
            a model that has been built and trained on a batch before; on other backends than
            JAX, after `keras.utils.set_random_seed(seed)`.
        callbacks: Keras callbacks that act at epochs. Of several models each gets copies; if they
            write to files, give a function of a model's number (from 0) that returns the
            callbacks of that model.
        sample_weight: `[sample]`, the weight of each sample.
        class_weight: Weight of each class, by class number.
        initial_epoch: The epoch to start with.
        steps_per_epoch: Batches an epoch, as in `keras.Model.fit`.
        validation_steps: Likewise, for validation.
        validation_batch_size: Samples a step in validation; `batch_size` where it is None.
        validation_freq: Validate every so many epochs, or after the epochs named (from 1).
        verbose: 0 is silent; anything else shows progress on stderr.
        train_metrics: "running" gives Keras's train metrics, averages over the epoch.
            "evaluated" adds "eval_loss" and the like: the train metrics in inference mode, at
            the weights that the epoch ended with; and "eval_data_loss" and "val_data_loss": the
            losses without the penalties of weight regularisers.
        engine: "fused" needs Keras's JAX backend. "keras" calls `model.fit` for one model after
            another, on any backend: the reference, and the way out.
        chunk_size: How many models one call of a program trains side by side; 1 trains each
            by itself, some at once on a CPU of several cores. None chooses by measuring first
            steps where there is enough to train.
        memory: What training may take on the device, in bytes or as text such as "2GB"; all that
            it has where it is None. Data that do not fit in it are streamed.
        precision: How exactly float32 matrices are multiplied, where the device has a choice (a
            GPU): "float32", "tensorfloat32" or "bfloat16"; None as Keras on JAX does by itself.

    Returns:
        `keras.callbacks.History` for one model, a list of them for a list of models.

    Raises:
        ModelError: A model is not compiled, or the fused engine cannot train it.
        DataError: An array holds no numbers, has no row for each sample, or is no targets for the
            loss.
        DesignError: A setting is none of those that it can be.
        ValueError: Keras's complaint about data, such as arrays of unequal lengths.

    Example:
        >>> import kohort
        >>> models = [build(units=16, learning_rate=rate) for rate in (0.01, 0.03)]
        >>> histories = kohort.fit(
        ...     models, data.x_train, data.y_train, epochs=2, validation_split=0.25, verbose=0
        ... )
        >>> len(histories), sorted(histories[0].history)
        (2, ['accuracy', 'loss', 'val_accuracy', 'val_loss'])
    """
    members = [models] if isinstance(models, keras.Model) else list(models)
    check_choice("train_metrics", train_metrics, ("running", "evaluated"))
    check_choice("engine", engine, ("fused", "keras"))
    check_chunk(chunk_size)
    _check_models(members)
    _check_data(members, (x, y, sample_weight), validation_data)
    epochs, steps_per_epoch, validation_steps = capped(epochs, steps_per_epoch, validation_steps)
    if validation_split and validation_data is None:
        (x, y, sample_weight), validation_data = split_rows(x, y, sample_weight, validation_split)
    valid = keras.utils.unpack_x_y_sample_weight(validation_data)
    given = FitArguments(
        x,
        y,
        sample_weight,
        class_weight,
        validation_data,
        batch_size or usual_batch_size((x, y, sample_weight), steps_per_epoch),
        validation_batch_size or batch_size or usual_batch_size(valid, validation_steps),
        steps_per_epoch,
        validation_steps,
        shuffle,
        seed,
        steps_at_once(members, steps_per_epoch or validation_steps),
        any(draws_a_batch(model) for model in members),
    )
    evaluated = train_metrics == "evaluated"
    settings = _Settings(epochs, initial_epoch, validation_freq, evaluated, chunk_size, memory)
    run = _fit_fused if engine == "fused" else _fit_in_turn
    total = len(members) * max(0, epochs - initial_epoch)
    with matmul_precision(precision), Progress(total, visible=verbose != 0) as progress:
        run(members, given, settings, own_callbacks(callbacks, len(members)), progress)
    histories = [model.history for model in members]
    return histories[0] if isinstance(models, keras.Model) else histories


def _fit_fused(
    models: list[keras.Model],
    given: FitArguments,
    settings: _Settings,
    callbacks: list[list[Callback]],
    progress: Progress,
) -> None:
    check_fusable(models)
    check_dense(given.x, given.y, given.sample_weight, given.validation)
    memory = allowed(settings.memory)
    inputs = Inputs(given, memory)
    if settings.evaluated and not inputs.are_arrays:
        raise DesignError(
            "arrays for train_metrics='evaluated', which reads them twice an epoch",
            f"x of type {type(given.x).__name__}",
            "give arrays, or leave train_metrics out",
        )
    for model in models:
        prepare(model, inputs.batch)
    _check_disjoint(models)
    evaluates = inputs.validates or settings.evaluated
    steps = [fused_steps(model, inputs.batch, evaluates=evaluates) for model in models]
    cohorts = group(range(len(models)), [traced.signature.skeleton for traced in steps])
    if len(cohorts) > 1 and not inputs.can_be_read_twice:
        raise DesignError(
            "data that can be read again for each of the programs",
            f"a generator, which ends, for models of {len(cohorts)} programs",
            "give a keras.utils.PyDataset, or train the models by separate calls",
        )
    for number, cohort in enumerate(cohorts, start=1):
        progress.begin(
            f"cohort {number}/{len(cohorts)}", len(cohort), settings.epochs - settings.initial_epoch
        )
        joined = Cohort(
            [models[member] for member in cohort],
            [steps[member] for member in cohort],
            inputs.source(len(cohort)),
            EpochSpec(
                given.batch_size,
                inputs.validates,
                settings.evaluated,
                valid_batch_size=given.valid_batch_size,
            ),
            TrainingPlan(
                settings.epochs,
                settings.initial_epoch,
                settings.validation_freq,
                chunk_size=settings.chunk_size if inputs.can_be_read_twice else len(cohort),
                memory=memory,
            ),
            [callbacks[member] for member in cohort],
        )
        with inputs.ordered():
            for event in train(joined, len(cohort)):
                for epoch in event.epochs if isinstance(event, EpochsMeasured) else ():
                    progress.advance(len(epoch.logs), epoch.epoch)
        progress.end()


def _fit_in_turn(
    models: list[keras.Model],
    given: FitArguments,
    settings: _Settings,
    callbacks: list[list[Callback]],
    progress: Progress,
) -> None:
    data = (given.x, given.y, given.sample_weight)
    packed = batch = None
    if is_packable(*data) and (settings.evaluated or is_dense(*data)):
        packed = pack(*data, given.class_weight)
    if packed is not None and is_dense(*data):
        batch = first_batch(packed, given.batch_size)
    elif is_packable(*data):
        batch = shapes_of_batch(*data, given.class_weight, given.batch_size)
    pairs = zip(models, callbacks, strict=True)
    for number, (model, its_callbacks) in enumerate(pairs, start=1):
        epochs = settings.epochs - settings.initial_epoch
        progress.begin(f"model {number}/{len(models)}", 1, epochs)
        if batch is not None:
            prepare(model, batch)
        measuring = [EvaluateTrain(packed, given.batch_size)] if settings.evaluated else []
        fit_one(
            model,
            given.x,
            given.y,
            seed=given.seed,
            callbacks=[*measuring, *its_callbacks],
            batch_size=given.batch_size if batch is not None else None,
            epochs=settings.epochs,
            initial_epoch=settings.initial_epoch,
            shuffle=given.shuffle,
            validation_data=given.validation,
            validation_batch_size=given.valid_batch_size,
            validation_freq=settings.validation_freq,
            validation_steps=given.valid_steps,
            steps_per_epoch=given.steps,
            sample_weight=given.sample_weight,
            class_weight=given.class_weight,
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


def _check_data(models: list[keras.Model], train: tuple[Any, Any, Any], validation: Any) -> None:
    x, y, weight = train
    check_arrays({"x": x, "y": y, "sample_weight": weight})
    check_targets(models, x, y, "y")
    valid_x, valid_y, valid_weight = keras.utils.unpack_x_y_sample_weight(validation)
    name = "of validation_data"
    check_arrays(
        {f"x {name}": valid_x, f"y {name}": valid_y, f"sample_weight {name}": valid_weight}
    )
    check_targets(models, valid_x, valid_y, f"y {name}")


def _check_disjoint(models: list[keras.Model]) -> None:
    variables = [v for model in models for part in variables_of(model) for v in part]
    if len({id(variable) for variable in variables}) < len(variables):
        raise ModelError(
            "models that have no layer, optimizer or metric in common",
            "models that share some",
            "build each model anew, or train them by separate calls",
        )
