"""Layers, losses, metrics and steps of the user's own, and half precision, trained both ways."""

import jax
import keras
import pytest
from keras import layers, losses, metrics, ops

import kohort
from tests.marks import long
from tests.parity.zoo import HALF, VALIDATE, assert_parity, cases, draws, integers

X, Y, LABELS = draws(6), draws(1, seed=1), integers(3, seed=1)


def compiled(model, loss="mse", optimizer=None, **compiling):
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9), loss, **compiling)
    return model


class Centred(layers.Layer):
    """Subtracts a running mean that it keeps, and counts batches, whole and by chance."""

    def build(self, input_shape):
        self.mean = self.add_weight(shape=input_shape[-1:], trainable=False, name="mean")
        self.count = self.add_weight(shape=(), dtype="int32", trainable=False, initializer="zeros")
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x, training=False):
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(x, axis=0))
            self.count.assign_add(1)
            x = x + 0.1 * keras.random.normal(ops.shape(x), seed=self.seeds)
        return x - self.mean


class AddedLoss(layers.Layer):
    def call(self, x):
        self.add_loss(0.01 * ops.sum(ops.square(x)))
        return x


class ByLength(layers.Layer):
    """Computes with the size of its batch, as layers may: the last batch is a smaller one."""

    def call(self, x):
        return x * (x.shape[0] / 20 if x.shape[0] else 1.0)


class Looped(layers.Layer):
    """Control flow: a loop, a condition and a scan."""

    def call(self, x):
        x = ops.fori_loop(0, 3, lambda i, h: ops.tanh(h + i), x)
        x = ops.cond(ops.mean(x) > 0, lambda: x * 2, lambda: x - 1)
        total, _ = ops.scan(lambda c, row: (ops.tanh(c + row), row), ops.zeros_like(x[:, 0]), x.T)
        return x + total[:, None]


@jax.custom_vjp
def clipped(x):
    return x


clipped.defvjp(lambda x: (x, None), lambda _, g: (ops.clip(g, -0.01, 0.01),))


class GradientClip(layers.Layer):
    """An identity whose gradient is not one."""

    def call(self, x):
        return clipped(x)


class Rematerialised(layers.Layer):
    """Its body runs again for the gradient."""

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 4), name="w")

    def call(self, x):
        return jax.checkpoint(lambda h, w: ops.tanh(h @ w))(x, ops.convert_to_tensor(self.w))


OWN_LAYERS = {
    "state_and_seeds": Centred,
    "added_loss": AddedLoss,
    "batch_size": ByLength,
    "control_flow": Looped,
    "custom_gradient": GradientClip,
    "checkpoint": Rematerialised,
}


@pytest.mark.parametrize("layer", cases(OWN_LAYERS, quick=["state_and_seeds", "custom_gradient"]))
def test_own_layers(layer):
    def build():
        own = [layers.Dense(4), layer(), layers.Dense(1)]
        return compiled(keras.Sequential([keras.Input((6,)), *own]))

    # The one that is another layer in validation is measured there too.
    validation = {"validation_split": VALIDATE} if layer is Centred else {}
    assert_parity(build, X, Y, **validation)


class OwnModel(keras.Model):
    """What the models below change one thing of."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_regularizer="l2")
        self.seen = metrics.Mean(name="seen")

    def call(self, x, training=False):
        return self.dense(x)


class OwnLoss(OwnModel):
    """A loss beside the compiled one, and a metric of it."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        loss += 0.1 * ops.mean(ops.abs(y_pred - ops.mean(x, axis=-1, keepdims=True)))
        self.seen.update_state(loss)
        return loss


class OwnMetrics(OwnModel):
    """Metrics that the model computes itself."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        self.seen.update_state(ops.abs(y_pred))
        return {**logs, "seen": self.seen.result(), "largest": ops.max(y_pred)}


class OwnResult(OwnModel):
    """Logs that are made of the metrics' results."""

    def get_metrics_result(self):
        logs = super().get_metrics_result()
        return {**logs, "root": ops.sqrt(logs["loss"])}


class OwnTrainStep(OwnModel):
    """Keras's documented form of a JAX step, written out: gradients, noise, update and metrics."""

    def loss_and_updates(self, trainable, rest, x, y, training=False):
        y_pred, rest = self.stateless_call(trainable, rest, x, training=training)
        return ops.mean(ops.square(y - y_pred)), (y_pred, rest)

    def train_step(self, state, data):
        trainable, rest, optimizer, metric_values = state
        x, y = data
        gradient = jax.value_and_grad(self.loss_and_updates, has_aux=True)
        (loss, (_, rest)), grads = gradient(trainable, rest, x, y, training=True)
        grads = [g / (1e-3 + ops.norm(g)) for g in grads]
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        names = [v.path for v in self.metrics_variables]
        ours = [i for i, name in enumerate(names) if name.startswith("seen")]
        seen = self.seen.stateless_update_state([metric_values[i] for i in ours], loss)
        for i, value in zip(ours, seen, strict=True):
            metric_values[i] = value
        logs = {"loss": self.seen.stateless_result(seen), "last": loss}
        return logs, (trainable, rest, optimizer, metric_values)


class OwnTestStep(OwnModel):
    """An evaluation that reports something else."""

    def test_step(self, state, data):
        logs, state = super().test_step(state, data)
        return {"loss": logs["loss"], "negative": -logs["loss"]}, state


@pytest.mark.parametrize(
    "own",
    [
        OwnTrainStep,
        OwnTestStep,
        *long(OwnLoss, OwnMetrics, OwnResult),
    ],
)
def test_own_steps(own):
    assert_parity(lambda: compiled(own(), metrics=["mae"]), X, Y, validation_split=VALIDATE)


class Autoencoder(keras.Model):
    """A variational one: all of its loss is added by itself, and there are no targets."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = layers.Dense(4), layers.Dense(6)
        self.seeds = keras.random.SeedGenerator()

    def call(self, x):
        mean, log_variance = ops.split(self.encode(x), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        decoded = self.decode(mean + noise * ops.exp(0.5 * log_variance))
        divergence = ops.exp(log_variance) + mean**2 - 1 - log_variance
        self.add_loss(ops.mean((x - decoded) ** 2) + 0.05 * ops.mean(divergence))
        return decoded


def test_no_targets():
    assert_parity(lambda: compiled(Autoencoder(), None), X)


def build_classifier(dtype=None, **compiling):
    hidden = [layers.Dense(6, "relu", dtype=dtype), layers.Dropout(0.2, dtype=dtype)]
    model = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(3, dtype=dtype)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return compiled(model, loss, metrics=["accuracy"], **compiling)


@pytest.mark.parametrize("policy", ["mixed_float16", *long("mixed_bfloat16")])
def test_mixed_precision(policy):
    """For float16 Keras puts a LossScaleOptimizer around the optimizer by itself."""

    def build():
        keras.config.set_dtype_policy(policy)
        try:
            return build_classifier()
        finally:
            keras.config.set_dtype_policy("float32")

    assert_parity(build, X, LABELS, close=HALF)


@pytest.mark.long
def test_half_precision_with_steps_that_overflow():
    """So large a scale overflows at first: steps are skipped, and the scale is halved."""

    def build():
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.05), initial_scale=2.0**17, dynamic_growth_steps=2
        )
        return build_classifier("float16", optimizer=optimizer)

    assert_parity(build, X, LABELS, close=HALF, epochs=3)


COMPILING = {
    "steps_per_execution": {"steps_per_execution": 2},
    "no_automatic_loss_scale": {"auto_scale_loss": False},
}


@pytest.mark.parametrize("compiling", cases(COMPILING, quick=["no_automatic_loss_scale"]))
def test_ways_to_compile(compiling):
    assert_parity(lambda: build_classifier(**compiling), X, LABELS)


@pytest.mark.long
def test_low_rank_adaptation():
    def build():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(1)])
        model.layers[0].enable_lora(2)
        return compiled(model)

    assert_parity(build, X, Y)


class Nesting(keras.Model):
    """Reports a loss and a dict of others, whose name comes after that of validation's."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {"z": {"b": logs["loss"], "a": 2 * logs["loss"]}, "loss": logs["loss"]}, state


class NestingLoss(keras.Model):
    """Reports its loss inside a dict of that name."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {"loss": {"loss": logs["loss"], "twice": 2 * logs["loss"]}}, state


class Order(keras.callbacks.Callback):
    """Notes the names that each hook gets, in their order."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((epoch, list(logs)))

    def on_train_end(self, logs=None):
        self.seen.append(list(logs))


@pytest.mark.parametrize("kind", [Nesting, NestingLoss])
@pytest.mark.parametrize("stops", [False, True], ids=["", "stops at NaN"])
def test_the_order_of_names_is_keras_s(kind, stops):
    def trained(fit):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((6,))
        model = compiled(kind(inputs, layers.Dense(1)(inputs)), metrics=["mae"])
        order = Order()
        callbacks = [order, *[keras.callbacks.TerminateOnNaN()] * stops]
        history = fit(model, callbacks=callbacks, epochs=2, verbose=0, validation_split=VALIDATE)
        return order.seen, history.history

    (seen, history), (right, wanted) = (
        trained(lambda model, **given: kohort.fit(model, X, Y, engine="fused", **given)),
        trained(lambda model, **given: model.fit(X, Y, **given)),
    )
    assert seen == right
    assert list(history) == list(wanted)
    for name, values in wanted.items():
        assert history[name] == pytest.approx(values, rel=1e-4)
