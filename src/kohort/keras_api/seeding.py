"""Seeds the generators that Keras draws from, and resets the counters of its names."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from kohort.keras_api.arrays import is_packable
from kohort.keras_api.beginning.watched import current

_NAMES = "object_name_uids"


@contextmanager
def fresh_names() -> Iterator[None]:
    """Let Keras make up names in the block as in a new process: `auc`, not `auc_3`.

    Keras counts over everything that a process makes, so the metrics of two models that are built
    alike would have different names.
    """
    before = global_state.get_global_attribute(_NAMES)
    global_state.set_global_attribute(_NAMES, defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute(_NAMES, before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed all generators that Keras uses; those of Python and NumPy are restored afterwards."""
    with _generators_restored():
        keras.utils.set_random_seed(seed)
        watch = current()
        if watch is None:
            yield
            return
        watch.begin()
        yield
        watch.end(seed)


@contextmanager
def ordered_by(seed: int) -> Iterator[None]:
    """Seed the generator of batch orders; those of Python and NumPy are restored afterwards."""
    with _generators_restored():
        if keras.backend.backend() == "jax":
            np.random.seed(seed)
        else:
            keras.utils.set_random_seed(seed)
        yield


@contextmanager
def batches_ordered_by(seed: int) -> Iterator[None]:
    """Seed Python's generator, from which Keras draws the order of a PyDataset's batches.

    It is restored afterwards. NumPy's is left alone: what a dataset draws from it is the user's.
    """
    before = random.getstate()
    random.seed(int(seed))
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def draws_put_back() -> Iterator[Callable[[], bool]]:
    """Restore the generators of Python and NumPy after the block.

    Yields:
        What tells, of the block so far, whether something has drawn from them.
    """
    before = _states()
    with _generators_restored():
        yield lambda: _states() != before


def _states() -> tuple[Any, ...]:
    """The states of the generators of Python and NumPy, which are equal where they are the same."""
    kind, keys, *place = np.random.get_state()
    return random.getstate(), kind, np.asarray(keys).tobytes(), place


def order_seeded(x: Any, y: Any, weight: Any, seed: int) -> AbstractContextManager[None]:
    """A context that seeds the generator from which Keras's adapter of these data draws orders.

    Args:
        x: Inputs, as `keras.Model.fit` takes them.
        y: Targets.
        weight: Weights of samples.
        seed: Of the order.
    """
    if isinstance(x, keras.utils.PyDataset):
        return batches_ordered_by(seed)
    # A generator, or whatever else yields batches, draws from where it likes.
    return ordered_by(seed) if is_packable(x, y, weight) else nullcontext()


@contextmanager
def _generators_restored() -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
