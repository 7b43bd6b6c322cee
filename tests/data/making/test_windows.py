"""Windows of a series, whose neighbours share values, are told where they are in no groups."""

import dataclasses

import numpy as np
import pytest

import kohort
from kohort.data.making.windows import FEWEST, WINDOWS, are_windows

RANDOM = np.random.default_rng(0)
SERIES = RANDOM.normal(size=400)
WIDE = RANDOM.normal(size=(400, 3))


def windows(series, steps=12, stride=1, samples=100):
    return np.stack([series[k * stride : k * stride + steps] for k in range(samples)])


BROKEN = windows(SERIES)
BROKEN[33] = RANDOM.normal(size=12)  # two of 99 pairs

THEY_ARE = {
    "of numbers": windows(SERIES),
    "with a last axis": windows(SERIES)[..., None],
    "of several numbers": windows(WIDE),
    "three steps apart": windows(SERIES, stride=3),
    "half of them shared": windows(SERIES, steps=6, stride=3),
    "lags, the last one first": windows(SERIES)[:, ::-1],
    "the last one first": windows(SERIES)[::-1],
    "with a gap": BROKEN,
    "of tokens": windows(RANDOM.integers(0, 5, 400)),
}
THEY_ARE_NOT = {
    "rows": RANDOM.normal(size=(100, 12)),
    "images": RANDOM.integers(0, 9, (100, 12, 12)),
    "blank images": np.zeros((100, 12, 12)),
    "images of one colour each": np.repeat(RANDOM.normal(size=100), 144).reshape(100, 12, 12),
    "shuffled": RANDOM.permutation(windows(SERIES)),
    "apart": windows(SERIES, steps=3, stride=3),
    "hardly overlapping": windows(SERIES, steps=4, stride=3),
    "few": windows(SERIES, samples=FEWEST - 1),
    "one step": windows(SERIES, steps=1),
    "equal rows": np.tile(RANDOM.normal(size=12), (100, 1)),
    "truth values": RANDOM.integers(0, 2, (100, 12)),
}


@pytest.mark.parametrize("case", THEY_ARE)
def test_windows_are_seen(case):
    assert are_windows(THEY_ARE[case])


@pytest.mark.parametrize("case", THEY_ARE_NOT)
def test_others_are_none(case):
    assert not are_windows(THEY_ARE_NOT[case])


def test_they_are_told_once_unless_groups_keep_them_together():
    x, y = windows(SERIES)[:, :-1], windows(SERIES)[:, -1]
    data = kohort.Dataset(x, y)
    assert data.notes == (WINDOWS,)
    assert dataclasses.replace(data, name="other").notes == (WINDOWS,)
    assert dataclasses.replace(data, groups=np.arange(100) // 25).notes == ()
