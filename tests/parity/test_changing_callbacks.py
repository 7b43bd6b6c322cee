"""Callbacks that change a model as training begins: what is followed, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers

import kohort
from kohort.tracing.signature import TracedSteps
from tests.models import numbers, seeded

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = X[:, :1] - X[:, 1:2]
ARGUMENTS = {"batch_size": 10, "epochs": 3, "shuffle": False, "verbose": 0}


class Scaled(layers.Layer):
    """Code of the user's own, which computes with an attribute."""

    def __init__(self):
        super().__init__()
        self.scale = 0.5

    def call(self, x):
        return x * self.scale


def build(own=()):
    hidden = [layers.Dense(4, "tanh"), layers.Dropout(0.4, seed=1)]
    model = keras.Sequential([keras.Input((6,)), *hidden, *own, layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.01), "mse")
    return model


class At(keras.callbacks.Callback):
    """Does something to the model at a hook."""

    def __init__(self, hook, act, epoch=0):
        super().__init__()
        self.hook, self.act, self.epoch = hook, act, epoch

    def on_train_begin(self, logs=None):
        if self.hook == "train begins":
            self.act(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        if self.hook == "epoch begins" and epoch == self.epoch:
            self.act(self.model)

    def on_epoch_end(self, epoch, logs=None):
        if self.hook == "epoch ends" and epoch == self.epoch:
            self.act(self.model)

    def on_test_begin(self, logs=None):
        if self.hook == "test begins":
            self.act(self.model)


def set_momentum(model):
    model.optimizer.momentum = 0.5


def set_decay(model):
    model.optimizer.weight_decay = 0.3


def set_rate(model):
    model.layers[1].rate = 0.1


def set_scale(model):
    model.layers[2].scale = 2.0


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("hook", ["train begins", "epoch begins"])
@pytest.mark.parametrize("act", [set_momentum, set_decay, set_rate, set_scale])
def test_another_step_before_the_first_batch_is_refused(act, hook, members):
    """Keras compiles its step after these hooks, kohort before them: it told nothing, and had
    other numbers."""
    own = [Scaled] if act is set_scale else []
    models = [seeded(seed, build, own=[kind() for kind in own]) for seed in range(members)]
    with pytest.raises(kohort.ModelError, match=r"computes something else since At began.*keras'"):
        kohort.fit(models, X, Y, callbacks=lambda _: [At(hook, act)], **ARGUMENTS)


def halve_rate(model):
    model.optimizer.learning_rate = 0.025


def halve_weights(model):
    model.set_weights([weights * 0.5 for weights in model.get_weights()])


def leave(model):
    model.note = "read by nobody"


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("hook", "act"),
    [
        ("train begins", halve_rate),
        ("epoch begins", halve_weights),
        ("epoch begins", leave),
        # Keras has compiled its step by then too, and goes on with it.
        ("epoch ends", set_momentum),
    ],
)
def test_numbers_of_variables_are_followed(hook, act, own):
    ours, theirs = (seeded(0, build, own=[Scaled()] if own else []) for _ in range(2))
    history = kohort.fit(ours, X, Y, callbacks=[At(hook, act)], **ARGUMENTS).history
    wanted = theirs.fit(X, Y, callbacks=[At(hook, act)], **ARGUMENTS).history
    np.testing.assert_allclose(history["loss"], wanted["loss"], rtol=1e-5)
    for mine, yours in zip(numbers(ours), numbers(theirs), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-6)


def test_between_two_calls_all_is_read():
    """Keras goes on with the step that it has compiled, unless it is told to make it anew."""
    ours, theirs = seeded(0, build), seeded(0, build)
    kohort.fit(ours, X, Y, **ARGUMENTS)
    theirs.fit(X, Y, **ARGUMENTS)
    for model in (ours, theirs):
        set_momentum(model)
    theirs.make_train_function(force=True)
    history, wanted = (kohort.fit(ours, X, Y, **ARGUMENTS), theirs.fit(X, Y, **ARGUMENTS))
    np.testing.assert_allclose(history.history["loss"], wanted.history["loss"], rtol=1e-5)


def freeze(model):
    model.layers[0].trainable = False


def compile_anew(model):
    model.compile("sgd", "mse")


def set_schedule(model):
    model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)


@pytest.mark.parametrize("hook", ["epoch begins", "epoch ends"])
@pytest.mark.parametrize("act", [freeze, compile_anew, set_schedule])
def test_other_variables_are_refused(act, hook):
    """It ended in an error of its own loop, or of JAX."""
    with pytest.raises(kohort.ModelError, match=r"has other variables since its callbacks began"):
        kohort.fit(seeded(0, build), X, Y, callbacks=[At(hook, act)], **ARGUMENTS)


def test_other_weights_as_an_evaluation_begins_are_refused():
    """It has run by then, with the weights as they were; its numbers were others than Keras's."""
    arguments = {**ARGUMENTS, "validation_data": (X, Y)}
    other = At("test begins", halve_weights)
    with pytest.raises(kohort.DesignError, match=r"leave weights alone in on_test_begin.*by At;"):
        kohort.fit(seeded(0, build), X, Y, callbacks=[other], **arguments)
    same = At("test begins", lambda model: model.set_weights(model.get_weights()))
    kohort.fit(seeded(0, build), X, Y, callbacks=[same], **arguments)


def test_steps_are_traced_again_for_callbacks_that_may_have_changed_them_alone(monkeypatch):
    asked = []

    def is_still(steps, model, names):
        asked.append(model)
        return True

    monkeypatch.setattr(TracedSteps, "is_still", is_still)
    of_keras = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    kohort.fit(seeded(0, build), X, Y, callbacks=[of_keras], **ARGUMENTS)
    kohort.fit(seeded(0, build), X, Y, callbacks=[At("train begins", halve_rate)], **ARGUMENTS)
    assert not asked
    own = seeded(0, build, own=[Scaled()])  # Its code may read anything.
    kohort.fit(own, X, Y, callbacks=[At("train begins", halve_rate)], **ARGUMENTS)
    assert asked == [own]


BEFORE_AN_EVALUATION = {
    "it begins": ("test begins", {}),
    "an epoch without one ends": ("epoch ends", {"validation_freq": 2}),
}


@pytest.mark.parametrize(
    ("hook", "arguments"), BEFORE_AN_EVALUATION.values(), ids=BEFORE_AN_EVALUATION
)
def test_another_evaluation_before_the_first_one_is_refused(hook, arguments):
    """Keras compiles it after these hooks; it had another validation loss, and nothing was told."""
    arguments = ARGUMENTS | {"validation_data": (X, Y)} | arguments
    model = seeded(0, build, own=[Scaled()])
    with pytest.raises(kohort.ModelError, match=r"evaluation computes something else since At act"):
        kohort.fit(model, X, Y, callbacks=[At(hook, set_scale)], **arguments)


@pytest.mark.parametrize(
    ("hook", "arguments"), BEFORE_AN_EVALUATION.values(), ids=BEFORE_AN_EVALUATION
)
def test_what_no_evaluation_computes_with_may_be_changed_before_one(hook, arguments):
    arguments = ARGUMENTS | {"validation_data": (X, Y)} | arguments
    ours, theirs = (seeded(0, build) for _ in range(2))
    history = kohort.fit(ours, X, Y, callbacks=[At(hook, set_rate)], **arguments).history
    wanted = theirs.fit(X, Y, callbacks=[At(hook, set_rate)], **arguments).history
    for name, values in wanted.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
