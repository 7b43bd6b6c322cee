"""Seeds the generators that Keras draws from, and resets the counters of its names."""

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras.src.backend.common import global_state

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
def _generators_restored() -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
