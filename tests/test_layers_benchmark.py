"""The benchmark of layers: both ways take the same steps, and the docs show what it found."""

import json

import numpy as np

from benchmarks import layers
from benchmarks.launch import RESULTS, ROOT


def test_both_ways_take_the_same_steps():
    step, state = layers.step_of(*layers.LAYERS["depthwise 3"])
    by_xla, by_kohort = layers.as_keras(step, state)(), layers.as_kohort(step, state)()
    assert len(by_xla) == len(by_kohort) == 5
    for theirs, ours, start in zip(by_xla, by_kohort, state, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)
        assert np.abs(theirs - start).max() > 1e-6


def test_the_docs_show_what_was_measured():
    found = json.loads((RESULTS / "layers.json").read_text("utf-8"))
    assert list(found["layers"]) == list(layers.LAYERS)
    assert layers.table(found) in (ROOT / "docs" / "engine.md").read_text("utf-8")
