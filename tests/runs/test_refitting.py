"""The winner once more on all training data: Keras's numbers, stored, and gone on with."""

import keras
import numpy as np
import pytest

import kohort
from kohort.data.orders import epoch_orders
from tests.models import build_mlp, seeded


def study(data, epochs=4, name="refit", variants=None, **changes):
    variants = variants or [
        kohort.Variant("slow", build_mlp, learning_rate=1e-4),
        kohort.Variant("dropout", build_mlp, dropout=0.3),
    ]
    arguments = {"replicates": kohort.Holdout(0.2, 3), "epochs": epochs, "batch_size": 64}
    return kohort.Study(name, variants, data, **(arguments | changes))


def by_keras(member, data, epochs, batch_size=64, callbacks=()):
    """What Keras's own `fit` makes of all training samples from the same seed."""
    keras.utils.set_random_seed(member.replicate.seed)
    model = member.variant.build(**member.variant.kwargs)
    x, y = data.inputs(data.x_train), data.y_train
    model.train_on_batch  # noqa: B018
    model._symbolic_build(data_batch=(x[:batch_size], y[:batch_size]))
    np.random.seed(member.replicate.seed)
    model.fit(
        x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=list(callbacks)
    )
    return model.get_weights()


def test_a_refit_is_keras_fit_on_all_samples(blobs):
    result = study(blobs).run(verbose=0)
    refitted = result.refit(verbose=0)
    assert refitted.variant.name == result.winner == "dropout"
    assert len(refitted.replicate.train) == len(blobs.x_train)
    expected = by_keras(refitted, blobs, refitted.epoch)
    for ours, theirs in zip(refitted.weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)
    seeds = {member.replicate.seed for member in result.members.values()}
    assert refitted.replicate.seed not in seeds
