"""Turns the arguments of `kohort.fit` into the data of a cohort: on the device, or streamed."""

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kohort.data.orders import epoch_orders
from kohort.engine import memory
from kohort.engine.feed.disk_rows import on_disk
from kohort.engine.feed.resident import ResidentData
from kohort.engine.feed.segments import Segments, by_batches, rows_ahead
from kohort.engine.feed.streamed import StreamedData
from kohort.errors import DesignError, ModelError
from kohort.keras_api.arrays import (
    ArrayTree,
    EpochBatches,
    check_leaves,
    check_lengths,
    is_packable,
    pack,
    weights_of_classes,
)
from kohort.keras_api.seeding import order_seeded
from kohort.tracing.signature import first_batch

type Shuffle = bool | Literal["batch"]


class FitArguments(NamedTuple):
    """The arguments of `keras.Model.fit` about data; `validation_split` is already carried out.

    `whole` has `x`, `y` and `sample_weight` before that, and the fraction; None without it.
    """

    x: Any
    y: Any
    sample_weight: Any
    class_weight: dict[int, float] | None
    validation: Any
    batch_size: int
    valid_batch_size: int
    steps: int | None
    valid_steps: int | None
    shuffle: Shuffle
    seed: int
    steps_per_execution: int = 1
    draws_a_batch: bool = True
    whole: tuple[Any, Any, Any, float] | None = None


class Inputs:
    """Data of `kohort.fit`.

    Args:
        arguments: The arguments of `kohort.fit`.
        allowed: Bytes that training may take on the device.
    """

    def __init__(self, arguments: FitArguments, allowed: int) -> None:
        self._arguments = arguments
        self._largest = memory.for_segment(allowed)
        self._random = random.getstate()
        x, y, weight = arguments.x, arguments.y, arguments.sample_weight
        group = arguments.steps_per_execution
        self._train = _part(x, y, weight, arguments.class_weight, arguments.steps, group)
        self._valid = None
        if arguments.validation is not None:
            parts = keras.utils.unpack_x_y_sample_weight(arguments.validation)
            x, y, weight = parts
            self._valid = _part(x, y, weight, None, arguments.valid_steps, group)
        arrays = (self._train, self._valid)
        self._stays = not any(isinstance(a, _Batches) for a in arrays) and memory.stays_on_device(
            arrays, allowed
        )
        if self._stays:
            self._train, self._valid = (_on_device(part) for part in arrays)

    @property
    def validates(self) -> bool:
        """Whether there are validation data."""
        return self._valid is not None

    @property
    def can_be_read_twice(self) -> bool:
        """Whether another cohort can read the same data after this one has."""
        return not any(isinstance(p, _Batches) and p.is_generator for p in self._parts)

    def ordered(self) -> AbstractContextManager[None]:
        """A context that seeds the generator from which Keras draws the order of the data."""
        if not isinstance(self._train, _Batches):
            return nullcontext()
        given = self._arguments
        return order_seeded(given.x, given.y, given.sample_weight, given.seed)

    @property
    def are_arrays(self) -> bool:
        """Whether the training data are arrays."""
        return not isinstance(self._train, _Batches)

    def source(self, members: int) -> ResidentData | StreamedData:
        """The data for a cohort of this many members."""
        arguments, order_of = self._arguments, [0] * members
        if self._stays:
            rows = None if self._valid is None else np.arange(_samples(self._valid))[None]
            return ResidentData(
                self._train,
                lambda: (order[None] for order in self._orders()),
                order_of,
                self._valid,
                None if rows is None else rows.astype(np.int32),
            )
        if isinstance(self._train, _Batches):
            count = self._train.made(arguments.batch_size, shuffle=arguments.shuffle).count
            again = self.can_be_read_twice
            return StreamedData(
                lambda _: (self._streams(), None), order_of, count, again, can_be_read_at_once=False
            )
        steps = -(-_samples(self._train) // arguments.batch_size)
        return StreamedData(
            lambda _: (self._streams(), self._orders()),
            order_of,
            steps,
            can_be_read_at_once=not isinstance(self._valid, _Batches),
        )

    @property
    def _parts(self) -> tuple[Any, Any]:
        return self._train, self._valid

    def _orders(self) -> Iterator[np.ndarray]:
        """Epoch by epoch the rows of arrays, int32 `[sample]`."""
        arguments = self._arguments
        return epoch_orders(
            _samples(self._train),
            arguments.batch_size,
            shuffle=arguments.shuffle,
            seed=arguments.seed,
        )

    def _streams(self) -> Segments:
        """The segments of a block of members, from the first epoch."""
        self._begin_draws()
        arguments, largest = self._arguments, self._largest
        train, valid = self._train, self._valid
        if isinstance(train, _Batches):
            opened = train.opened(arguments.batch_size, shuffle=arguments.shuffle)

            def train_of(_rows: np.ndarray | None) -> Iterator[ArrayTree]:
                return by_batches(opened.epoch(), largest)

        else:

            def train_of(_rows: np.ndarray | None) -> Iterator[ArrayTree]:
                assert _rows is not None
                return rows_ahead(train, _rows, arguments.batch_size, largest)

        if valid is None:
            return Segments(train_of, None)
        if isinstance(valid, _Batches):
            # Keras starts every evaluation at the first batch; training continues in its batches.
            return Segments(
                train_of,
                lambda: by_batches(
                    valid.opened(arguments.valid_batch_size, shuffle=False).epoch(), largest
                ),
            )
        rows = np.arange(_samples(valid))
        return Segments(
            train_of, lambda: rows_ahead(valid, rows, arguments.valid_batch_size, largest)
        )

    def _begin_draws(self) -> None:
        """Reset the generators from which Keras draws orders, so that each block gets the same.

        The batches of a PyDataset are drawn from Python's generator, orders of arrays from NumPy's.
        """
        if not isinstance(self._train, _Batches) or self._train.is_generator:
            return  # A generator of batches draws from whatever it likes.
        if self._train.cuts_arrays:
            np.random.seed(self._arguments.seed)
        elif isinstance(self._arguments.x, keras.utils.PyDataset):
            random.seed(int(self._arguments.seed))
        else:
            random.setstate(self._random)

    def for_keras(self) -> FitArguments:
        """The arguments for `keras.Model.fit`: of generators, with the batches that were drawn."""
        given = self._arguments
        if isinstance(self._train, _Batches) and self._train.is_generator:
            given = given._replace(x=self._train.made(given.batch_size, shuffle=False).adapter)
        if isinstance(self._valid, _Batches) and self._valid.is_generator:
            given = given._replace(
                validation=self._valid.made(given.valid_batch_size, shuffle=False).adapter
            )
        return given

    def first_batch(self) -> ArrayTree:
        """Shapes `[batch, ...]` and dtypes of a first batch, which is drawn as Keras does.

        One of validation data is looked at where Keras draws it before it trains, of a generator:
        others may count how often they are asked.

        Raises:
            ModelError: The batch, or that of the validation data, is not of dense arrays.
        """
        if isinstance(self._valid, _Batches) and self._valid.is_generator:
            check_leaves(self._valid.made(self._arguments.valid_batch_size, shuffle=False).look())
        arguments = self._arguments
        if not isinstance(self._train, _Batches):
            return first_batch(self._train, arguments.batch_size)
        with self.ordered():
            batches = self._train.made(arguments.batch_size, shuffle=arguments.shuffle)
            # Keras draws a first batch too where it builds a model, before it starts over and
            # trains; a curriculum hears of that epoch.
            batch = next(batches.epoch()) if arguments.draws_a_batch else batches.look()
        check_leaves(batch)
        size = jax.tree.leaves(batch)[0].shape[0]
        return first_batch(batch, size)


class _Batches:
    """Data that Keras's adapters give in batches: generators, PyDatasets and their like."""

    def __init__(
        self, x: Any, y: Any, weight: Any, class_weight: Any, steps: int | None, group: int
    ) -> None:
        self._group = group
        self._data = (x, y, weight, class_weight, steps)
        self.is_generator = hasattr(x, "__next__")
        self.cuts_arrays = is_packable(x, y, weight)
        self._opened: EpochBatches | None = None

    def opened(self, batch_size: int, *, shuffle: Shuffle) -> EpochBatches:
        """The batches of one training or evaluation, from the first one."""
        opened = self.made(batch_size, shuffle=shuffle)
        opened.reset()
        return opened

    def made(self, batch_size: int, *, shuffle: Shuffle) -> EpochBatches:
        """The batches, from wherever they have been read to."""
        if self._opened is None:
            x, y, weight, class_weight, steps = self._data
            self._opened = EpochBatches(
                x, y, weight, class_weight, batch_size, steps, shuffle, self._group
            )
        return self._opened


def _part(x: Any, y: Any, weight: Any, class_weight: Any, steps: int | None, group: int) -> Any:
    """Data as arrays `[sample, ...]`, packed as Keras packs them, or as batches."""
    if steps is not None or not is_packable(x, y, weight):
        return _Batches(x, y, weight, class_weight, steps, group)
    if not on_disk((x, y, weight)):
        packed = pack(x, y, weight, class_weight)
        check_leaves(packed)
        return packed
    if class_weight is not None:
        if weight is not None:
            raise DesignError(
                "weights of samples or of classes",
                "both sample_weight and class_weight",
                "multiply them to a sample_weight",
            )
        weight = weights_of_classes(np.asarray(y), class_weight)
    packed = keras.utils.pack_x_y_sample_weight(x, y, weight)
    check_lengths(packed)
    return packed


def _on_device(part: ArrayTree) -> ArrayTree:
    """Arrays `[sample, ...]` on the device, read from disk where they lie there."""
    if on_disk(part):
        read = jax.tree.map(np.asarray, part)
        part = pack(*keras.utils.unpack_x_y_sample_weight(read))
    return jax.tree.map(jnp.asarray, part)


def _samples(data: ArrayTree) -> int:
    return int(jax.tree.leaves(data)[0].shape[0])


def capped(
    epochs: int, steps: int | None, valid_steps: int | None
) -> tuple[int, int | None, int | None]:
    """The arguments within `keras.config.max_epochs` and `max_steps_per_epoch`, as `fit` has them.

    Args:
        epochs: The epoch to stop before.
        steps: Batches an epoch, or None for all.
        valid_steps: Likewise, for validation.
    """
    most_epochs, most_steps = keras.config.max_epochs(), keras.config.max_steps_per_epoch()
    if most_epochs and most_epochs < epochs:
        warnings.warn(f"Limiting epochs to {most_epochs}", stacklevel=3)
        epochs = most_epochs
    if not most_steps:
        return epochs, steps, valid_steps
    if not steps or most_steps < steps:
        warnings.warn(f"Limiting steps_per_epoch to {most_steps}", stacklevel=3)
    return epochs, min(steps or most_steps, most_steps), min(valid_steps or most_steps, most_steps)


def steps_at_once(models: Sequence[keras.Model], steps: int | None) -> int:
    """The `steps_per_execution` of models; Keras takes batches by so many.

    Args:
        models: Compiled models, which are to read the same batches.
        steps: Batches of an epoch, of training or validation; None for all that there are.

    Raises:
        ModelError: They differ, and would read other batches.
    """
    counts = sorted({int(model.steps_per_execution) for model in models})
    if len(counts) > 1 and steps is not None:
        raise ModelError(
            "models of one steps_per_execution, where steps_per_epoch or validation_steps is given",
            f"models of {counts}",
            "compile them alike, or train them by separate calls",
        )
    return counts[0]


def usual_batch_size(data: tuple[Any, Any, Any], steps: int | None) -> int:
    """The default batch size for `(x, y, sample_weight)`, as in `keras.Model.fit`."""
    if not steps or data[0] is None or not is_packable(*data):
        return 32
    return -(-_samples(data) // steps)
