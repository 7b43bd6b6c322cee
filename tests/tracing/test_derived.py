"""Members of a family that were derived are those that building and tracing them would give."""

import jax
import keras
import numpy as np
import pytest

from kohort.keras_api.models import prepare, state_of
from kohort.keras_api.seeding import fresh_names, seeded
from kohort.tracing.derived import Relative, family_of
from kohort.tracing.signature import first_batch, step_name, trace_step, trace_steps

DATA = (np.zeros((99, 5), np.float32), np.zeros(99, np.int64))
BATCH, LAST = first_batch(DATA, 16), first_batch(DATA, 3)


def model(layers, optimizer="adam", loss="sparse_categorical_crossentropy"):
    made = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(3, "softmax")])
    made.compile(optimizer, loss, metrics=["accuracy"])
    return made


def dense(**options):
    return keras.layers.Dense(4, "relu", **options)


L = keras.layers
DERIVED = {
    "learning rate": lambda x, y: model([dense()], keras.optimizers.Adam(x)),
    "dropout": lambda x, y: model([dense(), L.Dropout(x), dense(), L.Dropout(y)]),
    "noise": lambda x, y: model([L.GaussianNoise(x), dense(), L.AlphaDropout(y)]),
    "l2": lambda x, y: model([dense(kernel_regularizer=keras.regularizers.L2(x))]),
    "l1": lambda x, y: model([dense(kernel_regularizer=keras.regularizers.L1(x))]),
    "l1 and l2": lambda x, y: model([dense(bias_regularizer=keras.regularizers.L1L2(x, y))]),
    "activity": lambda x, y: model([dense(activity_regularizer=keras.regularizers.L2(x))]),
    "momentum": lambda x, y: model([dense()], keras.optimizers.SGD(x, momentum=y, nesterov=True)),
    "betas": lambda x, y: model([dense()], keras.optimizers.Adam(beta_1=x, beta_2=y)),
    "decay and clipping": lambda x, y: model(
        [dense()], keras.optimizers.AdamW(weight_decay=x, clipnorm=y)
    ),
    "rho": lambda x, y: model([dense()], keras.optimizers.RMSprop(x, rho=y)),
    "slope": lambda x, y: model([L.Dense(4), L.LeakyReLU(x)]),
    "schedule": lambda x, y: model(
        [dense()], keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(x, 50, y))
    ),
    "cosine": lambda x, y: model(
        [dense()], keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(x, 50, alpha=y))
    ),
    "rescaled": lambda x, y: model([L.Rescaling(x, offset=y), dense()]),
    "computed": lambda x, y: model([dense(), L.Dropout(x / 2), L.Dropout(max(x, y) * 0.9)]),
    "switched": lambda x, y: model([dense()] + [L.Dropout(y)] * (x > 0.4)),
}


def functional(x, y):
    inputs = keras.Input((5,))
    hidden = L.Dropout(x)(L.Dense(4, "relu")(inputs))
    outputs = L.Dense(3, "softmax")(L.Concatenate()([hidden, L.GaussianNoise(y)(inputs)]))
    made = keras.Model(inputs, outputs)
    made.compile(keras.optimizers.Adam(x), "sparse_categorical_crossentropy")
    return made


DERIVED["functional"] = functional


def scaled(x):
    return keras.initializers.RandomNormal(stddev=x)


UNKNOWN = {
    "first weights": lambda x, y: model([dense(kernel_initializer=scaled(x))]),
    "constant weights": lambda x, y: model(
        [dense(bias_initializer=keras.initializers.Constant(x))]
    ),
    "width": lambda x, y: model([L.Dense(1 + int(8 * x))]),
    "named": lambda x, y: model([dense(name=f"of_{x:.3f}".replace(".", "_"))]),
    "rounded": lambda x, y: model([dense(), L.Dropout(float(np.round(x, 1)))]),
    "learning rate read": lambda x, y: model(
        [L.Dense(2 + int(keras.ops.round(keras.ops.convert_to_tensor(8 * x))))]
    ),
    "custom layer beside": lambda x, y: model([Scaled(2.0), dense(), L.Dropout(x)]),
    "custom layer": lambda x, y: model([Scaled(x), dense()]),
}


class Scaled(L.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


def built(build, numbers):
    with seeded(0), fresh_names():
        return build(**numbers)


def relative(build, numbers):
    made = built(build, numbers)
    prepare(made, BATCH)
    start = state_of(made)
    return Relative(numbers, made, start, trace_steps(made, BATCH))


def numbers(count):
    random = np.random.default_rng(3)
    return [{"x": float(x), "y": float(y)} for x, y in random.uniform(0.02, 0.9, (count, 2))]


def family(build, count=4):
    drawn = numbers(count)
    found = family_of(relative(build, drawn[0]), lambda changed: built(build, changed), BATCH)
    if found is not None:
        for each in drawn[1:]:
            found.learn(relative(build, each))
    return found


def leaves(state):
    return [(np.asarray(leaf).tobytes(), leaf.dtype) for leaf in jax.tree.leaves(state)]


@pytest.mark.long
@pytest.mark.parametrize("build", DERIVED.values(), ids=DERIVED)
def test_a_derived_member_is_the_one_that_was_not_built(build):
    found = family(build)
    derived = 0
    for each in numbers(10)[4:]:
        member = found.derived(each)
        if member is None:
            continue
        derived += 1
        real = relative(build, each)
        assert member.steps.signature == real.steps.signature
        assert leaves(member.start) == leaves(real.start)
        for step in ("train", "test"):
            last = member.steps.further(found.first.model, step, LAST)
            assert last.digest == trace_step(real.model, step, LAST).digest
    assert derived >= 1


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("build", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_followed_is_never_derived(build, count):
    found = family(build, count)
    assert found is None or all(found.derived(each) is None for each in numbers(8))


@pytest.mark.long
def test_a_member_of_another_course_is_not_derived():
    build = DERIVED["switched"]
    found = family(build)
    assert numbers(1)[0]["x"] < 0.4
    assert found.derived({"x": 0.5, "y": 0.3}) is None
    assert found.derived({"x": 0.3, "y": 0.3}) is not None


@pytest.mark.long
def test_as_long_as_a_number_may_be_two_things_nothing_is_derived():
    """A beta of 0.9 stands beside a dropout whose rate leaves 0.9 of the units."""
    build = lambda x, y: model([dense(), L.Dropout(x)], keras.optimizers.Adam(beta_1=0.9))  # noqa: E731
    first = relative(build, {"x": 0.09999999999999998, "y": 0.0})
    found = family_of(first, lambda changed: built(build, changed), BATCH)
    other = {"x": 0.3, "y": 0.0}
    assert found.derived(other) is None
    found.learn(relative(build, {"x": 0.5, "y": 0.0}))
    assert found.derived(other).steps.signature == relative(build, other).steps.signature


def test_a_build_that_depends_on_more_than_its_arguments_is_found_when_members_differ():
    widths = iter([0.1, 0.1, 0.4])
    build = lambda x, y: model([dense(), L.Dropout(next(widths))])  # noqa: E731
    found = family_of(
        relative(build, {"x": 0.2, "y": 0.2}), lambda changed: built(build, changed), BATCH
    )
    found.learn(relative(build, {"x": 0.3, "y": 0.2}))
    assert found.derived({"x": 0.25, "y": 0.2}) is None


def test_a_build_whose_layers_depend_on_more_than_its_arguments_is_found_too():
    kinds = iter(["relu", "relu", "tanh"])
    build = lambda x, y: model([L.Dense(4, next(kinds)), L.Dropout(x)])  # noqa: E731
    found = family_of(
        relative(build, {"x": 0.2, "y": 0.2}), lambda changed: built(build, changed), BATCH
    )
    found.learn(relative(build, {"x": 0.3, "y": 0.2}))
    assert found.derived({"x": 0.25, "y": 0.2}) is None


@pytest.mark.long
def test_a_member_of_another_course_says_nothing_of_this_one():
    build = DERIVED["switched"]
    found = family(build)
    assert not found.learn(relative(build, {"x": 0.5, "y": 0.3}))
    assert found.derived({"x": 0.3, "y": 0.3}) is not None


@pytest.mark.long
def test_what_was_followed_under_other_settings_says_nothing():
    build = DERIVED["dropout"]
    found = family(build)
    each = numbers(5)[4]
    member = found.derived(each)
    with jax.default_matmul_precision("bfloat16"):
        assert found.derived(each) is None
        further = member.steps.further(found.first.model, "train", BATCH)
        assert further.digest == trace_step(relative(build, each).model, "train", BATCH).digest
    assert further.digest != trace_step(relative(build, each).model, "train", BATCH).digest


def test_a_number_that_keras_refuses_is_not_derived():
    found = family(DERIVED["l2"])
    assert found.derived({"x": 0.2, "y": 0.2}) is not None
    assert found.derived({"x": -0.2, "y": 0.2}) is None


@pytest.mark.long
def test_a_first_member_that_has_trained_says_as_much_as_one_that_has_not():
    """Training traces its steps for partial batches too."""
    build = DERIVED["dropout"]
    first, second, third, other, *_ = numbers(5)
    trained = relative(build, first)
    name = step_name("test", LAST)
    trained.steps.traces[name] = trace_step(trained.model, "test", LAST)
    found = family_of(trained, lambda changed: built(build, changed), BATCH)
    for each in (second, third):
        assert found.learn(relative(build, each))
    member, real = found.derived(other), relative(build, other)
    assert member.steps.signature == real.steps.signature
    last = member.steps.further(trained.model, "test", LAST)
    assert last.digest == trace_step(real.model, "test", LAST).digest
