"""Models of members: built once, and steps traced once, in `plan` or in `run`."""

from collections import Counter

import jax
import keras
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

import kohort
from kohort.design.building import BuiltModels
from kohort.engine import memory
from kohort.engine.predicting import Predictor
from kohort.engine.program import cache
from kohort.keras_api.models import prepare
from kohort.tracing import signature
from tests.models import build_mlp, numbers


class CountingBuild:
    """Builds small classifiers, and counts them."""

    def __init__(self):
        self.built = 0

    def __call__(self, units=4, l2=0.0):
        self.built += 1
        return build_mlp((units,), l2)


@pytest.fixture
def build():
    return CountingBuild()


@pytest.fixture
def traced(monkeypatch):
    """The names of the steps that are traced."""
    seen, real = [], signature.trace_step

    def trace_step(model, step, batch):
        seen.append(step)
        return real(model, step, batch)

    for module in ("kohort.tracing.signature", "kohort.engine.program.steps"):
        monkeypatch.setattr(f"{module}.trace_step", trace_step)
    return seen


def study(data, build, **changes):
    variants = [kohort.Variant("plain", build), kohort.Variant("l2", build, l2=1e-3)]
    arguments = {"replicates": kohort.Holdout(0.2, 3), "epochs": 1, "batch_size": 50}
    return kohort.Study("counted", variants, data, **(arguments | changes))


@pytest.mark.parametrize("engine", ["fused", "keras"])
@pytest.mark.parametrize("plans", [False, True])
def test_each_member_is_built_once(blobs, build, plans, engine):
    counted = study(blobs, build)
    if plans:
        counted.plan()
    counted.run(engine=engine, verbose=0)
    assert build.built == 2 * 3


def test_members_on_parts_of_their_samples_are_built_once_too(blobs, build):
    study(blobs, build, sizes={"l2": (0.5,)}).run(verbose=0)
    assert build.built == 2 * 3 + 3


@pytest.mark.parametrize("plans", [False, True])
def test_each_step_of_a_variant_is_traced_once(blobs, build, traced, plans):
    counted = study(blobs, build)
    if plans:
        counted.plan()
    counted.run(verbose=0)
    # 400 training samples are eight whole batches, 100 validation samples two.
    # Replicates differ in numbers of the state alone, and the two variants in a penalty.
    assert Counter(traced) == dict.fromkeys(["train", "test", "penalty", "result", "reset"], 2)


def test_a_second_run_trains_new_models_to_the_same_numbers(blobs, build):
    counted = study(blobs, build)
    counted.plan()
    first, second = (counted.run(verbose=0) for _ in range(2))
    assert build.built == 2 * 2 * 3
    for key, member in first.members.items():
        assert member.fingerprint == second.members[key].fingerprint


@pytest.mark.long
def test_a_plan_made_under_another_precision_is_not_used(blobs, build, count_compilations):
    counted = study(blobs, build)
    counted.plan()
    counted.run(precision="bfloat16", verbose=0)
    assert build.built == 2 * 2 * 3
    assert len(count_compilations) == 2  # the penalty makes a program of its own
    counted.plan()
    counted.run(verbose=0)
    assert len(count_compilations) == 4, "the steps of the other precision were used"


def test_models_without_room_are_built_again_to_the_same_numbers(blobs, build, monkeypatch):
    wanted = study(blobs, build).run(verbose=0)
    monkeypatch.setattr(memory, "_FOR_MODELS", 0.0)
    build.built = 0
    found = study(blobs, build).run(verbose=0)
    assert build.built > 2 * 3
    for key, member in wanted.members.items():
        assert member.fingerprint == found.members[key].fingerprint


def test_room_is_given_back_when_a_model_trains(blobs, build):
    spec = study(blobs, build).spec
    replicate = spec.replicate(0, 1.0)
    models = BuiltModels(spec, room=10)
    first, second = (models.new(variant, replicate) for variant in (0, 1))
    models.keep(0, replicate, first, 6)
    models.keep(1, replicate, second, 6)
    assert models.look_at(0, replicate) is first
    assert models.look_at(1, replicate) is not second, "it found no room"
    assert models.take(0, replicate) is first
    assert models.take(0, replicate) is not first, "it has trained"
    models.keep(1, replicate, second, 10)
    assert models.look_at(1, replicate) is second


def test_to_look_at_a_model_before_it_trains_changes_nothing_in_it(blobs):
    def noisy():
        layers = [keras.layers.Dropout(0.5), keras.layers.BatchNormalization()]
        model = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(3, "softmax")])
        model.layers[-1].activity_regularizer = keras.regularizers.L2(0.1)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    noise = kohort.Study(
        "noise", [kohort.Variant("noisy", noisy)], blobs,
        replicates=kohort.Holdout(0.2, 2), epochs=1,
    )  # fmt: skip
    models = BuiltModels(noise.spec, room=0)
    model = models.new(0, noise.spec.replicate(0, 1.0))
    before = numbers(model)
    loss = Predictor().loss(model, [(blobs.x_train, blobs.y_train, None)])
    assert np.isfinite(loss)
    for value, now in zip(before, numbers(model), strict=True):
        np.testing.assert_array_equal(value, now)


class Python(keras.layers.Layer):
    """Computes in NumPy, which no program can."""

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, inputs.dtype)  # the same one would leave it out

    def call(self, inputs):
        return keras.ops.convert_to_tensor(np.tanh(np.asarray(inputs)))


@pytest.mark.parametrize("eager", [False, True])
def test_the_loss_of_a_new_model_is_that_of_keras_and_takes_one_program(blobs, caplog, eager):
    keras.utils.set_random_seed(3)
    penalty = keras.regularizers.L2(0.1)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            Python() if eager else keras.layers.Dense(7, "relu", kernel_regularizer=penalty),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3, "softmax", kernel_regularizer=penalty),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eager)
    with jax.log_compiles():
        loss = Predictor().loss(model, [(blobs.x_train, blobs.y_train, None)])
    programs = caplog.text.count("Finished XLA compilation")
    assert eager or programs == 1
    expected = model.evaluate(blobs.x_train, blobs.y_train, verbose=0) - float(sum(model.losses))
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A folder of compiled programs that is empty."""
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", None)
    with cache.persistent():
        yield cache.folder()
    jax.config.update("jax_compilation_cache_dir", before)
    compilation_cache.reset_cache()


def test_new_models_of_other_rates_and_penalties_share_the_program_of_their_loss(blobs, own_cache):
    def penalized(penalty, rate):
        dense = keras.layers.Dense(7, "relu", kernel_regularizer=keras.regularizers.L2(penalty))
        model = keras.Sequential(
            [keras.Input((5,)), dense, keras.layers.Dropout(rate), keras.layers.Dense(3, "softmax")]
        )
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        return model

    models, predictor = [penalized(0.1, 0.2), penalized(0.3, 0.4)], Predictor()
    for model in models:
        prepare(model, (blobs.x_train, blobs.y_train))
        for one in (predictor, Predictor()):  # of one run; and of the next, which finds it kept
            one.loss(model, [(blobs.x_train, blobs.y_train, None)])
        assert len(list(own_cache.glob("jit_run*-cache"))) == 1
    assert len(predictor.programs) == 1
    assert all(model.losses for model in models), "their penalties are theirs again"


@pytest.fixture
def epsilon():
    before = keras.config.epsilon()
    yield keras.config.set_epsilon
    keras.config.set_epsilon(before)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["fused", "keras"])
@pytest.mark.parametrize("order", [1, -1])
def test_settings_that_a_build_function_makes_hold_where_its_models_train(
    blobs, epsilon, engine, order
):
    def build(units, value):
        epsilon(value)
        return build_mlp((units,))

    def trained(variants):
        compared = kohort.Study(
            "epsilons", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=50
        )
        result = compared.run(engine=engine, verbose=0)
        return {key: member.fingerprint for key, member in result.members.items()}

    variants = [
        kohort.Variant("large", build, units=4, value=0.3),
        kohort.Variant("small", build, units=5, value=1e-7),
    ][::order]
    together = trained(variants)
    for number, variant in enumerate(variants):
        alone = trained([variant])
        assert {key: together[number, key] for _, key in alone} == {
            key: print_ for (_, key), print_ in alone.items()
        }


@pytest.mark.long
@pytest.mark.parametrize("setting", ["floatx", "dtype_policy", "image_data_format"])
def test_a_plan_made_under_other_settings_of_keras_is_not_used(blobs, build, setting):
    values = {"floatx": "float16", "dtype_policy": "mixed_bfloat16"}
    change = getattr(keras.config, f"set_{setting}")
    before = getattr(keras.config, setting)()
    counted = study(blobs, build)
    counted.plan()
    try:
        change(values.get(setting, "channels_first"))
        counted.run(verbose=0)
    finally:
        change(before)
    assert build.built == 2 * 2 * 3


class Scaled(keras.layers.Layer):
    """Multiplies by what the last build function left behind."""

    factor = 1.0

    def call(self, x):
        return x * Scaled.factor


@pytest.mark.long
@pytest.mark.parametrize("engine", ["fused", "keras"])
def test_code_of_ones_own_reads_what_its_own_build_function_left(blobs, engine):
    def build(units, factor):
        Scaled.factor = factor
        layers = [keras.Input((5,)), Scaled(), keras.layers.Dense(units), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        return model

    def trained(variants):
        compared = kohort.Study(
            "factors", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=50
        )
        return compared.run(engine=engine, verbose=0).members

    variants = [
        kohort.Variant("three", build, units=4, factor=3.0),
        kohort.Variant("one", build, units=5, factor=1.0),
    ]
    together = trained(variants)
    for number, variant in enumerate(variants):
        for (_, replicate), member in trained([variant]).items():
            assert together[number, replicate].fingerprint == member.fingerprint


def test_models_of_members_that_have_finished_are_not_kept(blobs, build, tmp_path):
    spec = study(blobs, build).spec
    models = BuiltModels(spec, room=10)
    model = models.new(0, spec.replicate(0, 1.0))
    models.keep(0, spec.replicate(0, 1.0), model, 10)
    models.drop(0, 0)
    models.drop(0, 1)  # which is not kept
    models.keep(1, spec.replicate(0, 1.0), model, 10)
    assert models.look_at(1, spec.replicate(0, 1.0)) is model, "the room was given back"


@pytest.mark.long
def test_sizes_that_a_build_function_draws_are_told_by_the_largest(blobs):
    def build():
        return build_mlp((int(np.random.randint(2, 40)),))

    drawn = kohort.Study(
        "drawn", [kohort.Variant("drawn", build)], blobs,
        replicates=kohort.Holdout(0.2, 4), epochs=1,
    )  # fmt: skip
    sizes = {member.parameters for member in drawn.plan().every_member}
    assert len(sizes) > 1
    assert drawn.run(verbose=0).table()["parameters"]["drawn"] == max(sizes)
