"""Rows that are sent to the device once go with the members that stay."""

import keras
import numpy as np
import pandas as pd

import kohort
from tests.models import build_mlp


def curves(data, rates):
    study = kohort.Study(
        "folds",
        kohort.grid(build_mlp, learning_rate=rates),
        data,
        replicates=kohort.KFold(3),
        epochs=5,
        batch_size=50,
        metric="loss",
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=1)],
    )
    return study.run(verbose=0).curves()


def test_who_stays_when_others_stop_goes_on_with_its_own_validation_samples(blobs):
    # Three of six learn nothing and stop; each of the others validates on a fold of its own.
    both = curves(blobs, [0.0, 0.01])
    lengths = both.groupby("variant").epoch.max()
    assert sorted(lengths) == [2, 5]
    staying = both[both.variant == lengths.idxmax()]
    alone = curves(blobs, [0.01])
    keys = ["replicate", "epoch", "metric"]
    values = [part.set_index(keys).value.sort_index() for part in (staying, alone)]
    pd.testing.assert_series_equal(*values, rtol=1e-5)
    folds = staying[(staying.metric == "val_loss") & (staying.epoch == 5)].value
    assert len(np.unique(folds)) == 3
