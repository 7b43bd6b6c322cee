"""`kohort.fit`: what `keras.Model.fit` does, for one model or many at once."""

import operator
import reprlib
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal

import keras
import numpy as np

from kohort.engine.feed.arguments import (
    FitArguments,
    Shuffle,
    capped,
    steps_at_once,
    usual_batch_size,
)
from kohort.engine.feed.disk_rows import split_rows
from kohort.engine.feed.refusals import check_arrays, check_targets, warn_of_labels
from kohort.engine.loop.chunking import check_chunk
from kohort.engine.needless import without_needless_warnings
from kohort.engine.program.precision import Precision, matmul_precision
from kohort.errors import DataError, DesignError, ModelError, check_choice
from kohort.keras_api.callbacks import Callbacks, Verbose, own_callbacks
from kohort.keras_api.models import draws_a_batch, is_model
from kohort.report.progress import Progress
from kohort.runs.fitting import Engine, FitSettings, Fitting


def fit(
    models: keras.Model | Sequence[keras.Model],
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: Verbose = "auto",
    callbacks: Callbacks = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: Shuffle = True,  # noqa: FBT002 (its place is Keras's)
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Sequence[int] = 1,
    *,
    seed: int = 0,
    train_metrics: Literal["running", "evaluated"] = "running",
    engine: Engine = "auto",
    chunk_size: int | None = None,
    memory: int | str | None = None,
    precision: Precision = None,
) -> Any:
    """Train compiled Keras models in place, all at once, to the numbers of `keras.Model.fit`.

    Models whose training step is the same program but for its constants train together: layers,
    loss, metrics and optimizer are alike; weights, seeds, learning rates, dropout rates,
    penalties and the like may differ. Other models train in turn. The arguments that
    `keras.Model.fit` has come in its order, so that `model.fit(x, y, 32)` becomes
    `kohort.fit(model, x, y, 32)`.

    Args:
        models: One compiled model, or several; each gets the same data in the same order.
        x: Inputs `[sample, ...]`; an array, or a dict or list of arrays; HDF5 datasets too. Or
            whatever yields batches to `keras.Model.fit`: a `keras.utils.PyDataset`, a generator.
        y: Targets `[sample, ...]`, likewise; None where `x` yields them. The loss
            "sparse_categorical_crossentropy" takes class numbers, `[sample]` or `[sample, 1]`.
        batch_size: Samples a step; the last batch of an epoch may be smaller. None is 32, or, of
            arrays with `steps_per_epoch`, so many that these steps see all of them once.
        epochs: The epoch to stop before.
        verbose: 0 is silent. Of one model Keras's lines are shown on stdout, as by
            `keras.Model.fit`; of a list the progress of all on stderr.
        callbacks: Keras callbacks. Of several models each gets copies; if they write to files,
            give a function of a model's number (from 0) that returns the callbacks of that model.
        validation_split: Fraction of the data, from its end, that validates. `x` and `y` are
            split before they are shuffled.
        validation_data: `(x, y)` or `(x, y, sample_weight)`, shaped as those for training;
            overrides `validation_split`.
        shuffle: Whether to visit the samples in a new order each epoch; "batch" shuffles
            inside batches only.
        class_weight: Weight of each class, by class number.
        sample_weight: `[sample]`, the weight of each sample.
        initial_epoch: The epoch to start with.
        steps_per_epoch: Batches an epoch, as in `keras.Model.fit`.
        validation_steps: Likewise, for validation.
        validation_batch_size: Samples a step in validation; `batch_size` where it is None.
        validation_freq: Validate every so many epochs, or after the epochs named (from 1).
        seed: Of the order of samples: the one that `keras.Model.fit` takes after
            `np.random.seed(seed)`, or, of a PyDataset's batches, after `random.seed(seed)`, on a
            model that has been built and trained on a batch before; of arrays on other backends
            than JAX, after `keras.utils.set_random_seed(seed)`. These generators are as before
            afterwards. What yields batches by itself, such as a generator, has its own order.
        train_metrics: "running" gives Keras's train metrics, averages over the epoch.
            "evaluated" adds "eval_loss" and the like: the train metrics in inference mode, at
            the weights that the epoch ended with; and "eval_data_loss" and "val_data_loss": the
            losses without the penalties of weight regularisers.
        engine: "auto" compiles what it can, leaves the other models to `keras.Model.fit`, one
            after another, and warns in a line which and why: models that are compiled with
            `run_eagerly=True`, callbacks that act at batches, sparse arrays, other backends than
            JAX. "fused" refuses these. "keras" leaves all models to `keras.Model.fit`, the
            reference.
        chunk_size: How many models one call of a program trains side by side; 1 trains each
            by itself, some at once on a CPU of several cores. None chooses by measuring first
            steps where there is enough to train.
        memory: What training may take on each device, in bytes or as text such as "2GB"; all that
            it has where it is None. Data that do not fit in it are streamed.
        precision: How exactly float32 matrices are multiplied, where the device has a choice (a
            GPU): "float32", "tensorfloat32" or "bfloat16"; None as Keras on JAX does by itself.

    Returns:
        `keras.callbacks.History` for one model, a list of them for a list of models.

    Raises:
        ModelError: A model is not compiled, or cannot be trained by the engine "fused".
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
    is_one = is_model(models)
    members: list[Any] = [models] if is_one else list(models)
    check_choice("train_metrics", train_metrics, ("running", "evaluated"))
    check_choice("engine", engine, ("auto", "fused", "keras"))
    check_chunk(chunk_size)
    epochs, initial_epoch = _whole("epochs", epochs), _whole("initial_epoch", initial_epoch)
    batch_size = _size("batch_size", batch_size)
    validation_batch_size = _size("validation_batch_size", validation_batch_size)
    steps_per_epoch = _size("steps_per_epoch", steps_per_epoch)
    validation_steps = _size("validation_steps", validation_steps)
    _check_fraction(validation_split)
    class_weight = _by_class(class_weight)
    _check_models(members)
    _check_data(members, (x, y, sample_weight), validation_data)
    epochs, steps_per_epoch, validation_steps = capped(epochs, steps_per_epoch, validation_steps)
    whole = None
    if validation_split and validation_data is None:
        whole = (x, y, sample_weight, validation_split)
        (x, y, sample_weight), validation_data = split_rows(x, y, sample_weight, validation_split)
    if validation_data is not None:
        validation_freq = _frequency(validation_freq)
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
        whole,
    )
    settings = FitSettings(
        epochs,
        initial_epoch,
        validation_freq,
        train_metrics == "evaluated",
        chunk_size,
        memory,
        verbose if is_one else 0,
    )
    shown = verbose != 0 and not is_one
    quiet = without_needless_warnings()
    with quiet, matmul_precision(precision), Progress(visible=shown) as progress:
        of_each = own_callbacks(callbacks, len(members))
        Fitting(members, given, settings, of_each, progress).run(engine)
    histories = [model.history for model in members]
    return histories[0] if is_one else histories


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise DesignError(f"a whole number as {name}", repr(value), "give an int") from None


def _size(name: str, value: Any) -> int | None:
    """A number of samples or batches; None where Keras chooses, as it does for 0 too."""
    number = 0 if value is None else _whole(name, value)
    if number < 0:
        raise DesignError(f"{name} above 0", str(number), "give more, or leave it out")
    return number or None


def _frequency(given: Any) -> int | list[int]:
    if np.iterable(given):
        return [_whole("each of validation_freq", epoch) for epoch in given]
    number = _whole("validation_freq", given)
    if number < 1:
        raise DesignError(
            "validation_freq of 1 or more, or a list of epochs, the first of which is 1",
            str(number),
            "give such, or leave the validation data out",
        )
    return number


def _check_fraction(given: Any) -> None:
    # What is too much of the data is Keras's error, which tells of how many.
    if given and (not isinstance(given, Real) or not float(given) >= 0):
        raise DesignError(
            "validation_split as a fraction from 0 to 1", repr(given), "give 0.1, say"
        )


def _by_class(given: Any) -> Any:
    """Weights of classes as a dictionary: pandas's Series have them by class too."""
    weights = given.to_dict() if hasattr(given, "to_dict") else given
    if weights is not None and not isinstance(weights, Mapping):
        raise DesignError(
            "class_weight as a dictionary, a weight for each class number",
            reprlib.repr(given),
            "give {0: 1.0, 1: 2.5}, say; kohort.Study takes 'balanced' too",
        )
    return weights


def _check_models(models: list[keras.Model]) -> None:
    if not models or not all(map(is_model, models)):
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
    if x is None:
        raise DataError("x, inputs or what yields batches", "none", "give it")
    check_arrays({"x": x, "y": y, "sample_weight": weight})
    check_targets(models, x, y, "y")
    warn_of_labels(models, y, "y")
    valid_x, valid_y, valid_weight = keras.utils.unpack_x_y_sample_weight(validation)
    name = "of validation_data"
    check_arrays(
        {f"x {name}": valid_x, f"y {name}": valid_y, f"sample_weight {name}": valid_weight}
    )
    check_targets(models, valid_x, valid_y, f"y {name}")
    warn_of_labels(models, valid_y, f"y {name}")
