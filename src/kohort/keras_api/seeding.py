"""Random numbers and names: as `keras.Model.fit` draws them, and as a new process would."""

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras.src.backend.common import global_state

_NAMES = "object_name_uids"


@contextmanager
def fresh_names() -> Iterator[None]:
    """What Keras names itself inside is named as in a new process: `auc`, not `auc_3`.

    Keras counts on over all that a process makes, so that the metrics of two models that are
    built alike would have other names.
    """
    before = global_state.get_global_attribute(_NAMES)
    global_state.set_global_attribute(_NAMES, defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute(_NAMES, before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed all that Keras draws from; Python's and NumPy's generators are put back after it."""
    with _generators_put_back():
        keras.utils.set_random_seed(seed)
        yield


@contextmanager
def ordered_by(seed: int) -> Iterator[None]:
    """Seed what draws batch orders; Python's and NumPy's generators are put back after it."""
    with _generators_put_back():
        if keras.backend.backend() == "jax":
            np.random.seed(seed)
        else:
            keras.utils.set_random_seed(seed)
        yield


@contextmanager
def _generators_put_back() -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
