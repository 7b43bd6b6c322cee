"""What is told of rises of validation loss after the best epoch."""

import numpy as np
import pytest

from kohort.findings.conclusions import Conclusions
from kohort.report.factorial.addition_words import NO_RISE, additions, without_rise
from tests.report.race.race_records import rendered
from tests.report.test_contradictions import record_of


def conclusions_of(*ends):
    """A study of an addition; validation losses fall but for their last of four epochs."""
    noise = 0.01 * np.random.default_rng(0).random((2, 5, 1))
    losses = np.stack([np.broadcast_to([0.9, 0.7, 0.6, end], (5, 4)) for end in ends]) + noise
    values = np.stack([1 - losses, losses, 1 - losses, losses], axis=-1)
    return Conclusions(record_of(values, additions=((0, 1),)))


@pytest.mark.long
def test_nothing_is_told_of_a_rise_where_the_best_epoch_is_the_last():
    conclusions = conclusions_of(0.5, 0.4)
    (sentence,) = additions(conclusions)
    assert sentence.startswith("v1 against v0 ")
    assert "validation loss rises" not in sentence
    assert without_rise(conclusions) == conclusions.families.rises
    assert NO_RISE in rendered(conclusions)


@pytest.mark.long
@pytest.mark.parametrize("ends", [(0.5, 0.8), (0.8, 0.5), (0.8, 0.9)])
def test_a_rise_of_either_variant_is_told(ends):
    conclusions = conclusions_of(*ends)
    assert without_rise(conclusions) == []
    assert "after the best epoch validation loss rises " in additions(conclusions)[0]
    assert NO_RISE not in rendered(conclusions)
