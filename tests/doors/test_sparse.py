"""Sparse arrays and containers of arrays: trained by Keras's own fit, or refused in a line."""

import jax
import keras
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental import sparse

import kohort
from tests.models import numbers, seeded

DENSE = np.eye(5, dtype=np.float32)[np.arange(40) % 5]  # as many numbers as rows
Y = (np.arange(40) % 3).astype(np.int32)
KINDS = {
    "SciPy's CSR": scipy.sparse.csr_matrix,
    "SciPy's COO array": scipy.sparse.coo_array,
    "JAX's BCOO": sparse.BCOO.fromdense,
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
REFUSED = r"expected dense arrays of numbers.*make them dense.*or pass engine='keras'"


def batches(kind):
    while True:
        for start in range(0, 40, 8):
            yield kind(DENSE[start : start + 8]), Y[start : start + 8]


@pytest.mark.long
@every_kind
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("rows", [40, 8])
def test_who_insists_on_the_fused_engine_is_refused_and_nothing_trains(kind, shuffle, rows):
    model = seeded(1)
    before = numbers(model)
    with pytest.raises(kohort.InputError, match=REFUSED):
        kohort.fit(model, kind(DENSE[:rows]), Y[:rows], shuffle=shuffle, engine="fused", verbose=0)
    for mine, was in zip(numbers(model), before, strict=False):
        np.testing.assert_array_equal(mine, was)


def with_sparse(kind, where):
    """Arguments of `fit` with sparse arrays in one place, made anew."""
    return {
        "inputs": lambda: {"x": kind(DENSE), "y": Y, "batch_size": 16},
        "batches": lambda: {"x": batches(kind), "steps_per_epoch": 5},
        "validation": lambda: {"x": DENSE, "y": Y, "validation_data": (kind(DENSE), Y)},
        "validation batches": lambda: {
            "x": DENSE, "y": Y, "validation_data": batches(kind), "validation_steps": 5,
        },
    }[where]()  # fmt: skip


@every_kind
@pytest.mark.parametrize("where", ["inputs", "batches", "validation", "validation batches"])
def test_they_train_to_the_numbers_of_keras(kind, where):
    with pytest.raises(kohort.InputError, match=REFUSED):
        kohort.fit(seeded(1), **with_sparse(kind, where), engine="fused", shuffle=False, verbose=0)

    mine, reference = seeded(1), seeded(1)
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    with pytest.warns(UserWarning, match=r"leaves to keras.Model.fit.*\(its data hold "):
        history = kohort.fit(mine, **with_sparse(kind, where), **arguments)
    wanted = reference.fit(**with_sparse(kind, where), **arguments)
    assert history.history == wanted.history
    for ours, theirs in zip(numbers(mine), numbers(reference), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.long
@every_kind
def test_by_keras_they_can_be_measured_and_weighted(kind):
    history = kohort.fit(
        seeded(1), kind(DENSE), Y, engine="keras", train_metrics="evaluated",
        class_weight={0: 1.0, 1: 2.0, 2: 3.0}, batch_size=16, verbose=0,
    )  # fmt: skip
    assert np.isfinite(history.history["eval_loss"]).all()


@jax.tree_util.register_pytree_node_class
class Holder:
    """A container that JAX knows, and Keras takes for one thing."""

    def __init__(self, *parts):
        self.parts = parts

    def tree_flatten(self):
        return self.parts, None

    @classmethod
    def tree_unflatten(cls, _, parts):
        return cls(*parts)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([8, 16]), min_size=1, max_size=3), st.booleans())
def test_parts_of_a_container_are_never_taken_for_rows(lengths, of_batches):
    holder = Holder(*(DENSE[:length] for length in lengths))
    model = seeded(1)
    if of_batches:
        data = {"x": iter([(holder, Y[:8])] * 9), "steps_per_epoch": 1, "shuffle": False}
    else:
        data = {"x": holder, "y": Y[: lengths[0]]}
    with pytest.raises((kohort.InputError, ValueError, TypeError)):
        kohort.fit(model, **data, engine="fused", verbose=0)
    assert not any(np.any(v) for v in model.optimizer.variables[:1]), "it has trained"


def test_keras_models_of_dense_arrays_are_not_touched():
    history = kohort.fit(seeded(1), DENSE, Y, verbose=0)
    assert isinstance(history, keras.callbacks.History)
