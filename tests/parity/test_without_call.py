"""Models with a train_step of their own and no call: a GAN, which nothing can evaluate."""

import jax
import keras
import numpy as np
import pytest

import kohort

X = np.random.default_rng(0).normal(1.0, 0.2, (60, 2)).astype(np.float32)


class Gan(keras.Model):
    """Trains by a step that Keras's JAX trainer runs; it has no `call`."""

    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.seed = keras.random.SeedGenerator(7)
        self.built = True

    def train_step(self, state, data):
        trainable, rest, optimizer, metrics = state
        count = len(self.generator.trainable_variables)

        def loss(trainable, rest):
            mapping = [
                *zip(self.trainable_variables, trainable, strict=True),
                *zip(self.non_trainable_variables, rest, strict=True),
            ]
            with keras.StatelessScope(mapping) as scope:
                noise = keras.random.normal((len(data), 3), seed=self.seed)
                fake = self.critic(self.generator(noise))
                value = keras.ops.mean(keras.ops.square(self.critic(data) - fake))
            updated = [scope.get_current_value(v) for v in self.non_trainable_variables]
            return value, updated

        (value, rest), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, rest)
        assert len(gradients) > count
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"critic_loss": value}, (trainable, rest, optimizer, metrics)


def gan():
    keras.utils.set_random_seed(3)
    model = Gan()
    model.compile(keras.optimizers.Adam(0.01))
    return model


def test_it_trains_to_keras_numbers():
    arguments = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0}
    mine, reference = gan(), gan()
    history = kohort.fit(mine, X, **arguments).history
    wanted = reference.fit(X, **arguments).history
    assert list(history) == list(wanted)
    np.testing.assert_allclose(history["critic_loss"], wanted["critic_loss"], rtol=1e-4)
    for own, other in zip(mine.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


def test_two_of_them_share_a_program(count_compilations):
    histories = kohort.fit([gan(), gan()], X, batch_size=20, verbose=0)
    assert histories[0].history == histories[1].history
    assert len(count_compilations) == 1


@pytest.mark.parametrize("engine", ["fused", "keras"])
def test_to_validate_it_is_keras_error(engine):
    with pytest.raises((NotImplementedError, ValueError, kohort.ModelError)):
        kohort.fit(gan(), X, validation_data=(X,), engine=engine, verbose=0)
