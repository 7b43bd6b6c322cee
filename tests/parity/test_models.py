"""The kinds of models that the benchmark trains, small, and a step of one's own, trained both ways.

`benchmarks.breadth` times them; here is that they come to Keras's numbers.
"""

from functools import partial

import jax
import pytest

from benchmarks import models
from benchmarks.tasks import CATEGORY
from tests.parity.zoo import VALIDATE, WHOLE, assert_parity, cases, draws, integers

TABLE = [integers(CATEGORY, 3), draws(4)]
YES = integers(2, 1, seed=1).astype("float32")
LABELS = integers(10, seed=1)
PAIRS = integers(2, seed=1)
TOKENS = integers(9, 6)
ROWS = abs(draws(12)) % 1

KINDS = {
    "embedded_table": (partial(models.embedded_table, 4, 3, (6, 4)), TABLE, YES),
    "dense": (partial(models.dense, 12, (6, 6)), ROWS, YES),
    "dense_autoencoder": (partial(models.dense_autoencoder, 12, (6, 3, 6)), ROWS, ROWS),
    "small_convolutions": (
        partial(models.small_convolutions, 10, (3, 4)),
        draws(10, 10, 1),
        LABELS,
    ),
    "convolutions": (partial(models.convolutions, 8, (3, 4), 6), draws(8, 8, 3), LABELS),
    "residual": (partial(models.residual, 8, (3, 4)), draws(8, 8, 3), LABELS),
    "lstm": (partial(models.lstm, 6, 9, 4, 3), TOKENS, PAIRS),
    "transformer": (partial(models.transformer, 6, 9, 4, wide=6), TOKENS, PAIRS),
    "long_series": (
        partial(models.long_series, 12, (4, 4)),
        draws(12, 4),
        integers(5, seed=1),
    ),
    "gru": (partial(models.gru, 5, 3), draws(5, 8), draws(1, seed=1)),
    "forecaster": (
        partial(models.forecaster, 9, 3, 2, (1, 2)),
        draws(9, 4),
        draws(2, seed=1),
    ),
    "u_net": (
        partial(models.u_net, 8, (2, 3, 4)),
        draws(8, 8, 1),
        integers(3, 8, 8, seed=1),
    ),
    "mixer": (partial(models.mixer, 8, 4, 5, tokens=3, wide=6), draws(8, 8, 3), LABELS),
    "siamese": (partial(models.siamese, 12, (6, 4)), [ROWS, abs(draws(12, seed=2))], YES),
    "variational_autoencoder": (
        partial(models.variational_autoencoder, 12, 6, 3),
        ROWS,
        ROWS,
    ),
    "tabular_transformer": (partial(models.tabular_transformer, 4, 3, 4, 2), TABLE, YES),
    "separable": (partial(models.separable, 12, (3, 4, 5)), draws(12, 12, 3), LABELS),
    "image_autoencoder": (
        partial(models.image_autoencoder, 8, 3),
        abs(draws(8, 8, 1)) % 1,
        abs(draws(8, 8, 1)) % 1,
    ),
    "volumes": (partial(models.volumes, 8, (3, 4)), draws(8, 8, 8, 1), YES),
    "frames": (partial(models.frames, 3, 6, 4), draws(3, 6, 6, 1), draws(3, 6, 6, 1, seed=1)),
}


def build_steady(build):
    """A model whose gradients may be nearly zero: Adam alone would step by their signs.

    A bias before a batch normalization has such gradients. What is left of them is float32
    rounding, of which a processor's own order of adding is a part; the numbers of `keras.fit`
    itself are then as far from those of float64 as they are from ours.
    """
    model = build()
    model.optimizer.epsilon = 1e-4
    return model


@pytest.mark.parametrize(("build", "x", "y"), cases(KINDS, quick=["siamese"]))
def test_kinds_of_models(build, x, y):
    assert_parity(partial(build_steady, build), x, y, batch_size=WHOLE)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["embedded_table", "residual", "variational_autoencoder"])
def test_kinds_of_models_in_validation_with_partial_batches(kind):
    build, x, y = KINDS[kind]
    assert_parity(partial(build_steady, build), x, y, validation_split=VALIDATE)


class OwnTrainStep(models.VariationalAutoencoder):
    """The same as Keras's guide writes it for JAX: a loss that is stateless, and its gradient."""

    def loss_and_state(self, trainable, rest, x, y):
        y_pred, rest = self.stateless_call(trainable, rest, x)
        return self.compute_loss(x, y, y_pred), rest

    def train_step(self, state, data):
        trainable, rest, optimizer, metrics = state
        gradient = jax.value_and_grad(self.loss_and_state, has_aux=True)
        (loss, rest), grads = gradient(trainable, rest, *data)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        return {"loss": loss}, (trainable, rest, optimizer, metrics)


@pytest.mark.long
def test_a_variational_autoencoder_of_an_own_train_step():
    def build():
        model = OwnTrainStep(12, 6, 3)
        model.compile("adam")
        return model

    assert_parity(build, ROWS, ROWS, validation_split=VALIDATE)
