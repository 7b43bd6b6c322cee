"""Models that share a layer train as by Keras: at once where nobody writes it, else in turn."""

import re

import keras
import numpy as np
import pytest

import kohort

RANDOM = np.random.default_rng(0)
X = (3 + 2 * RANDOM.normal(size=(50, 5))).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def adapted():
    """What every model of a tutorial on regression begins with."""
    layer = keras.layers.Normalization()
    layer.adapt(X)
    return layer


def frozen():
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)], name="teacher")


def models_on(shared, units=(6, 6, 9)):
    models = []
    for seed, size in enumerate(units):
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Dense(size, "relu"), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((5,)), shared, *layers])
        model.compile(keras.optimizers.Adam(0.01 * (seed + 1)), "mse")
        models.append(model)
    return models


def both(make, **arguments):
    """Histories and weights by kohort, and by Keras's fit one after another."""
    told = []
    for fit in (kohort.fit, lambda models, *xy, **given: [m.fit(*xy, **given) for m in models]):
        keras.utils.set_random_seed(1)
        models = models_on(make())
        given = {"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0}
        histories = fit(models, X, Y, **given, **(arguments if fit is kohort.fit else {}))
        told.append(([h.history["loss"] for h in histories], [m.get_weights() for m in models]))
    return told


def assert_same(told):
    (losses, weights), (by_keras, of_keras) = told
    np.testing.assert_allclose(losses, by_keras, rtol=1e-4)
    for ours, theirs in zip(weights, of_keras, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("chunk_size", [None, 1, 3])
def test_a_layer_that_nobody_writes_may_be_everybodys(chunk_size):
    assert_same(both(adapted, engine="fused", chunk_size=chunk_size))

    def teacher():
        layer = frozen()
        layer.trainable = False
        return layer

    assert_same(both(teacher, engine="fused", chunk_size=chunk_size))


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (frozen, r"dense\w*/kernel"),
        (lambda: keras.layers.Dropout(0.5, seed=3), "seed_generator"),
        (keras.layers.BatchNormalization, r"batch_normalization\w*/"),
    ],
    ids=["trained", "draws", "counts"],
)
def test_of_one_that_is_written_they_train_in_turn(make, path):
    with pytest.warns(UserWarning, match=rf"one model after another.*it shares .*{path}"):
        assert_same(both(make))
    with pytest.raises(kohort.ModelError, match=r"it shares .* with sequential"):
        kohort.fit(models_on(make()), X, Y, verbose=0, engine="fused")


def test_what_keras_trains_may_write_what_another_reads():
    models = models_on(adapted())
    models[1].compile("adam", "mse", jit_compile=False)
    with pytest.warns(UserWarning, match="it shares normalization"):
        kohort.fit(models, X, Y, verbose=0)


def test_models_without_a_layer_in_common_train_together_beside_them():
    shared, free = models_on(keras.layers.Dense(5)), models_on(keras.layers.Identity())
    with pytest.warns(UserWarning, match="it shares ") as told:
        kohort.fit([*shared, *free], X, Y, verbose=0)
    (warning,) = (str(each.message) for each in told if "kohort.fit" in str(each.message))
    left = set(re.findall(r"\w+", warning))
    assert {model.name for model in shared} <= left
    assert not {model.name for model in free} & left


def test_a_shared_layer_keeps_its_values():
    layer = adapted()
    before = [np.asarray(variable) for variable in layer.variables]
    kohort.fit(models_on(layer), X, Y, verbose=0)
    for now, then in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(now, then)
