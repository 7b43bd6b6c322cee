"""The order in which an epoch visits the training samples."""

from collections.abc import Iterator
from typing import Literal

import numpy as np


def epoch_orders(
    samples: int, batch_size: int, *, shuffle: bool | Literal["batch"], seed: int
) -> Iterator[np.ndarray]:
    """Yield, epoch by epoch, the rows `[samples]` (int32) that batches are cut from in turn.

    The orders are those of `keras.Model.fit` on arrays when `np.random.seed(seed)` was called
    before it, and the model was built before that (else Keras draws one order to build it): a
    permutation of all samples, or with `shuffle="batch"` of those inside each batch.
    """
    # RandomState because that is the generator behind np.random.seed.
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
