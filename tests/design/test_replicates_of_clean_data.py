"""The splits of clean data are those of the raw data, without what was left out."""

from dataclasses import replace

import numpy as np
import pytest

import kohort
from kohort.data.cleaning.applying import cleaned
from kohort.design.replicates import strata_of
from kohort.errors import DesignError
from tests.data.cleaning.test_decisions import decision

RANDOM = np.random.default_rng(6)
GONE = [0, 3, 17, 18, 44, 99]
KEPT = np.setdiff1d(np.arange(100), GONE)


@pytest.fixture
def data():
    return kohort.Dataset(RANDOM.normal(size=(100, 4)), np.arange(100) % 3)


def clean(data, gone=GONE):
    return cleaned(data, [decision(data, sample, "leave out") for sample in gone])


SPLITS = {
    "holdout": kohort.Holdout(0.25, repeats=4),
    "one split": kohort.Holdout(0.25, repeats=3, same_split=True),
    "strata": kohort.Holdout(0.25, repeats=4, stratify=True),
    "folds": kohort.KFold(5, repeats=2),
    "folds in strata": kohort.KFold(5, stratify=True),
    "a race": kohort.Race(kohort.Holdout(0.25, repeats=6), first=3, looks=2),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_parts_are_those_of_the_raw_data(kind, data):
    splits, left = SPLITS[kind], clean(data)
    raw, found = splits.replicates(data, 7), splits.replicates(left, 7)
    assert len(found) == len(raw) == splits.count
    for one, other in zip(raw, found, strict=True):
        assert (one.number, one.seed) == (other.number, other.seed)
        for side in ("train", "valid"):
            rows = KEPT[getattr(other, side)]
            assert set(rows) <= set(getattr(one, side))
            assert (np.diff(rows) > 0).all()
        missing = set(KEPT) - set(KEPT[other.train]) - set(KEPT[other.valid])
        assert len(missing) <= (0 if "fold" in kind else 6)
    if "fold" in kind:
        assert sum(len(r.valid) for r in found) == 94 * splits.repeats
    else:
        assert len({(len(r.train), len(r.valid)) for r in found}) == 1


def test_groups_stay_whole_as_in_the_raw_data(data):
    grouped = replace(data, groups=np.arange(100) // 5)
    left, splits = clean(grouped), kohort.Holdout(0.25, repeats=4)
    for one, other in zip(splits.replicates(grouped, 1), splits.replicates(left, 1), strict=True):
        assert set(KEPT[other.valid]) <= set(one.valid)
        assert not set(left.groups[other.train]) & set(left.groups[other.valid])


def test_nothing_left_out_changes_nothing(data):
    for splits in SPLITS.values():
        pairs = zip(splits.replicates(data, 2), splits.replicates(clean(data, []), 2), strict=True)
        for one, other in pairs:
            np.testing.assert_array_equal(one.train, other.train)
            np.testing.assert_array_equal(one.valid, other.valid)


def test_strata_are_those_of_the_raw_data():
    rare = kohort.Dataset(RANDOM.normal(size=(220, 4)), np.repeat([0, 1], [200, 20]))
    left = clean(rare, range(150))  # 50 to 20 are no longer imbalanced
    splits = kohort.Holdout(0.2)
    assert strata_of(splits, rare).stratifies
    assert strata_of(splits, left) == strata_of(splits, rare)
    twice = zip(splits.replicates(rare, 0), splits.replicates(left, 0), strict=True)
    assert all(set(b.valid + 150) <= set(a.valid) for a, b in twice)


def test_a_replicate_without_samples_is_refused(data):
    splits = kohort.KFold(10)
    first = splits.replicates(data, 0)[0].valid
    with pytest.raises(DesignError, match="a replicate of which all were left out"):
        splits.replicates(clean(data, first), 0)


def test_the_fingerprint_tells_what_splits_depend_on(data):
    left = clean(data)
    alone = replace(left, raw=None)
    assert alone.fingerprint != left.fingerprint
    assert clean(data).fingerprint == left.fingerprint
    assert clean(data, []).fingerprint != data.fingerprint
