"""How many blocks a node of a cluster trains at once."""

import numpy as np
import pytest

from benchmarks.cluster import unequal, watched

pytestmark = pytest.mark.long


def test_a_node_trains_no_more_blocks_than_it_has_cores(loopback):
    with watched(loopback) as looks:
        unequal((5, 20)).run(verbose=0, chunk_size=1, executor="ray")
    seen = np.array(looks)
    assert seen.any(axis=0).all()
    # A process keeps a block's name for a moment after its end, beside the next one's.
    assert (seen > 1).mean() < 0.05
