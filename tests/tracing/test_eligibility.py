"""What the fused engine leaves to Keras, with the reason; and what it can train for all that."""

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort.keras_api.models import prepare
from kohort.tracing.eligibility import steps_or_reason, why_not_fused
from kohort.tracing.signature import first_batch, signature
from tests.models import build_mlp, numbers, seeded

BATCH = first_batch((np.zeros((99, 5), np.float32), np.zeros(99, np.int32)), 16)


def custom(base=keras.Sequential, layers=(), **compilation):
    """A classifier of a class of its own, or with layers of its own."""
    model = base([keras.Input((5,)), *layers, keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **compilation)
    return model


class OwnFit(keras.Sequential):
    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)


class OwnEvaluate(keras.Sequential):
    def evaluate(self, *args, **kwargs):
        return super().evaluate(*args, **kwargs)


class OwnLoop(keras.Sequential):
    """Takes each batch twice."""

    def make_train_function(self, force=False):
        super().make_train_function(force)
        once = self.train_function

        def twice(state, iterator):
            data = next(iterator)
            _, state = once(state, iter([data]))
            return once(state, iter([data]))

        self.train_function = twice


class OwnStep(keras.Sequential):
    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return logs | {"twice": 2 * logs["loss"]}, state


class Plain(keras.layers.Layer):
    """A layer that says that it cannot be compiled."""

    def __init__(self):
        super().__init__(name="plain")
        self.supports_jit = False

    def call(self, x):
        return x


REASONS = {
    "its class OwnFit overrides fit": lambda: custom(OwnFit),
    "its class OwnEvaluate overrides evaluate": lambda: custom(OwnEvaluate),
    "its class OwnLoop overrides make_train_function": lambda: custom(OwnLoop),
    "it is compiled with run_eagerly=True": lambda: custom(run_eagerly=True),
    "it is compiled with jit_compile=False": lambda: custom(jit_compile=False),
    "its layer 'plain' says that it does not": lambda: custom(layers=[Plain()]),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_model_that_trains_in_its_own_way_is_told(reason):
    assert reason in why_not_fused(REASONS[reason]())


@pytest.mark.parametrize("switch", ["jax_disable_jit", "jax_debug_nans", "jax_debug_infs"])
def test_what_looks_into_each_operation_is_left_to_keras(switch):
    jax.config.update(switch, True)
    try:
        assert why_not_fused(build_mlp()) == f"{switch} is set"
    finally:
        jax.config.update(switch, False)
    assert why_not_fused(build_mlp()) is None


@pytest.mark.parametrize("build", [build_mlp, custom, lambda: custom(OwnStep)])
def test_a_model_that_trains_in_keras_way_is_not(build):
    model = build()
    assert why_not_fused(model) is None
    prepare(model, BATCH)
    steps, why = steps_or_reason(model, BATCH)
    assert (steps.signature, why) == (signature(model, BATCH), "")


def test_other_backends_come_first(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert why_not_fused(custom(run_eagerly=True)) == "Keras runs on its torch backend"


def squares(x):
    return jax.pure_callback(np.square, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def squares_of_many(x):
    result = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(np.square, result, x, vmap_method="expand_dims")


def in_a_loop(x):
    return jax.lax.map(squares, x)


class OnTheWay(keras.layers.Layer):
    """Multiplies by a factor that no gradient passes."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return x * self.function(jax.lax.stop_gradient(x))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (squares, "its steps call back into Python"),
        (in_a_loop, "its steps call back into Python"),
        (squares_of_many, ""),
        (lambda x: x if x.sum() > 0 else -x, "JAX cannot trace its steps (TracerBoolConversionE"),
    ],
)
def test_steps_are_looked_into(function, reason):
    model = custom()
    prepare(model, BATCH)
    # What is in the model's own steps; a layer's call would be met when the model is built.
    real = model.train_step
    model.train_step = lambda state, data: real(state, (function(data[0]), data[1]))
    found, why = steps_or_reason(model, BATCH)
    assert (found is None) == bool(reason)
    assert why.startswith(reason)


@pytest.mark.long
def test_fit_leaves_them_to_keras_and_says_why(blobs):
    xy = blobs.x_train, blobs.y_train
    for build, why in (
        (lambda: custom(OwnFit), "its class OwnFit overrides fit"),
        (lambda: custom(layers=[OnTheWay(squares)]), "its steps call back into Python"),
    ):
        with pytest.warns(UserWarning, match=f"leaves to keras.Model.fit.*{why}"):
            assert len(kohort.fit(build(), *xy, verbose=0).epoch) == 1
        with pytest.raises(kohort.ModelError, match=r"pass engine='auto', or engine='keras'"):
            kohort.fit(build(), *xy, engine="fused", verbose=0)


def augmented():
    """Keras resolves jit_compile="auto" to False for it, on every backend."""
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.RandomRotation(0.1),
            keras.layers.RandomZoom(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.long
def test_keras_augmentation_trains_fused_to_the_numbers_of_keras():
    x = np.random.default_rng(0).random((40, 6, 6, 1), np.float32)
    y = np.arange(40, dtype=np.int32) % 3
    ours, theirs = seeded(0, augmented), seeded(0, augmented)
    assert not ours.jit_compile
    arguments = {"epochs": 2, "batch_size": 20, "shuffle": False, "verbose": 0}
    history = kohort.fit(ours, x, y, **arguments)
    reference = theirs.fit(x, y, **arguments)
    np.testing.assert_allclose(history.history["loss"], reference.history["loss"], rtol=1e-4)
    for mine, yours in zip(numbers(ours), numbers(theirs), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-3, atol=1e-4)


def eager():
    model = build_mlp()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


VARIANTS = [
    kohort.Variant("plain", build_mlp),
    kohort.Variant("eager", eager),
    kohort.Variant("faster", build_mlp, learning_rate=0.1),
    kohort.Variant("loop", custom, base=OwnLoop),
]


def study(data, variants=VARIANTS):
    return kohort.Study(
        "mixed", variants, data, replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=100
    )


def pivot(result):
    return result.curves().set_index(["variant", "replicate", "epoch", "metric"])["value"]


@pytest.mark.long
def test_the_plan_says_what_keras_trains_and_why(blobs):
    plan = study(blobs).plan()
    assert [len(members) for members in plan.cohorts] == [4]
    assert [len(members) for members in plan.alone] == [2, 2]
    assert len(plan.every_member) == 8
    assert plan.member_epochs == 16
    assert all((m.signature is None) == bool(m.reason) for m in plan.every_member)
    text = str(plan)
    assert "8 members; programs to compile, one for each cohort: 1; about" in text
    assert "cohort 1/1: plain, faster: 4 members" in text
    assert (
        "  by model.fit: eager: 2 members of 75 parameters, 2 epochs of 400 samples in batches of "
        "100; by keras.Model.fit, one after another, because it is compiled with run_eagerly=True"
    ) in text
    assert "because its class OwnLoop overrides make_train_function" in text


@pytest.mark.long
def test_a_study_trains_by_keras_what_cannot_be_fused(blobs, count_compilations):
    mixed = study(blobs).run(verbose=0)
    assert len(count_compilations) == 1
    reference = study(blobs).run(engine="keras", verbose=0)
    ours, theirs = pivot(mixed), pivot(reference)
    assert list(ours.index) == list(theirs.index)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    # The loop is the model's own: each batch is taken twice.
    with pytest.raises(kohort.ModelError, match="'eager': it is compiled with run_eagerly=True"):
        study(blobs).run(engine="fused", verbose=0)
    slower = study(blobs, [kohort.Variant("loop", custom)]).run(verbose=0)
    assert (pivot(slower).loc["loop", :, 2, "loss"] > ours.loc["loop", :, 2, "loss"]).all()
    assert mixed.table()["seconds"].notna().all()


@pytest.mark.long
def test_a_step_that_cannot_be_traced_is_left_to_keras(blobs):
    class Branches(keras.Sequential):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return (logs if logs["loss"] > 0 else {}), state

    branches = study(blobs, [kohort.Variant("branches", custom, base=Branches)])
    assert "JAX cannot trace its steps (TracerBoolConversionError)" in str(branches.plan())
    with jax.disable_jit():
        assert np.isfinite(branches.run(verbose=0).curves()["value"]).all()
