"""Draws the orders in which epochs visit the training samples."""

from collections.abc import Iterator
from typing import Literal

import numpy as np


def epoch_orders(
    samples: int, batch_size: int, *, shuffle: bool | Literal["batch"], seed: int
) -> Iterator[np.ndarray]:
    """Yield, epoch by epoch, the rows int32 `[sample]` from which batches are cut in turn.

    The orders are those of `keras.Model.fit` on arrays after `np.random.seed(seed)`, for a model
    that is already built (otherwise Keras draws one more order to build it): a permutation of all
    samples, or with `shuffle="batch"` of the samples inside each batch.
    """
    # RandomState is the generator behind np.random.seed.
    random = np.random.RandomState(seed)
    ordered = np.arange(samples, dtype=np.int32)
    while True:
        if shuffle == "batch":
            yield np.concatenate(
                [
                    start + random.permutation(min(batch_size, samples - start))
                    for start in range(0, samples, batch_size)
                ]
            ).astype(np.int32)
        else:
            yield random.permutation(samples).astype(np.int32) if shuffle else ordered
