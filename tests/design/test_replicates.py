import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kohort
from kohort.design.replicates import Replicate
from kohort.errors import DesignError


def dataset(n=103, groups=None, y=None):
    x = np.arange(n, dtype=float).reshape(-1, 1)
    y = np.arange(n) % 3 if y is None else y
    return kohort.Dataset(x, y, x[:3], y[:3], groups=groups)


@settings(derandomize=True, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=6, max_size=40),
    fraction=st.floats(0.15, 0.6),
    seed=st.integers(0, 99),
)
def test_holdout_never_divides_a_group_and_all_parts_are_equal(sizes, fraction, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    data = dataset(len(groups), groups)
    replicates = kohort.Holdout(fraction, repeats=4).replicates(data, seed)
    for r in replicates:
        assert not np.intersect1d(groups[r.train], groups[r.valid]).size
        assert (np.diff(r.train) > 0).all()
        assert (np.diff(r.valid) > 0).all()
        assert len(r.valid) <= round(fraction * len(groups))
    assert len({(len(r.train), len(r.valid)) for r in replicates}) == 1
    assert len({r.seed for r in replicates}) == 4


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("n", [30, 103])
def test_holdout_takes_the_fraction_anew_each_time(n, stratify):
    replicates = kohort.Holdout(0.1, 5, stratify=stratify).replicates(dataset(n), 0)
    for r in replicates:
        np.testing.assert_array_equal(np.sort(np.r_[r.train, r.valid]), np.arange(n))
        assert abs(len(r.valid) - 0.1 * n) <= 1.5
    assert len({tuple(r.valid) for r in replicates}) == 5


def test_more_replicates_leave_the_first_ones_as_they_are():
    few, many = (kohort.Holdout(0.2, repeats).replicates(dataset(), 4) for repeats in (3, 7))
    for mine, yours in zip(few, many, strict=False):
        assert mine.seed == yours.seed
        np.testing.assert_array_equal(mine.train, yours.train)


@pytest.mark.parametrize(
    ("train", "valid", "measured"),
    [(900, 100, 900), (4_000, 20, 4_000), (30_000, 100, 4_000), (60_000, 20_000, 20_000)],
)
def test_of_many_training_samples_as_many_are_measured_as_validate(train, valid, measured):
    replicate = Replicate(0, 5, np.arange(train) * 2, np.arange(valid) * 2 + 1)
    assert len(replicate.measured) == measured
    assert np.isin(replicate.measured, replicate.train).all()
    assert (np.diff(replicate.measured) > 0).all()
    same = Replicate(1, 5, replicate.train, replicate.valid)
    np.testing.assert_array_equal(same.measured, replicate.measured)


def test_seeds_decide():
    first, second = (kohort.Holdout(0.2, 2).replicates(dataset(), seed) for seed in (0, 1))
    assert first[0].seed != second[0].seed
    assert list(first[0].valid) != list(second[0].valid)


@pytest.mark.parametrize("stratify", [False, True])
def test_folds_validate_each_sample_once_per_repeat(stratify):
    replicates = kohort.KFold(5, repeats=2, stratify=stratify).replicates(dataset(), 0)
    assert len(replicates) == 10
    for repeat in (replicates[:5], replicates[5:]):
        np.testing.assert_array_equal(
            np.sort(np.concatenate([r.valid for r in repeat])), np.arange(103)
        )
    for r in replicates:
        np.testing.assert_array_equal(np.sort(np.r_[r.train, r.valid]), np.arange(103))
        assert len(r.valid) in ((20, 21) if not stratify else range(18, 24))
    assert list(replicates[0].valid) != list(replicates[5].valid)


def test_stratified_parts_have_the_classes_in_proportion():
    y = np.r_[np.zeros(80, int), np.ones(20, int)]
    data = dataset(100, y=y)
    for r in kohort.Holdout(0.25, 3, stratify=True).replicates(data, 0):
        assert np.bincount(y[r.valid]).tolist() == [20, 5]
    for r in kohort.KFold(4, stratify=True).replicates(data, 0):
        assert np.bincount(y[r.valid]).tolist() == [20, 5]


def test_folds_keep_groups_whole():
    groups = np.arange(103) // 7
    for r in kohort.KFold(4).replicates(dataset(groups=groups), 0):
        assert not np.intersect1d(groups[r.train], groups[r.valid]).size


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: kohort.Holdout(0.0), "between 0 and 1, got 0.0"),
        (lambda: kohort.Holdout(1.0), "between 0 and 1"),
        (lambda: kohort.Holdout(0.1, repeats=0), "repeats from 1 to 10,000, got 0"),
        (lambda: kohort.Holdout(0.1, repeats=10**12), "to 10,000, got 1,000,000,000,000;"),
        (lambda: kohort.Holdout(1e12), r"between 0 and 1, got 1e\+12;"),
        (lambda: kohort.KFold(1), "folds from 2 to 10,000, got 1"),
        (lambda: kohort.KFold(2, repeats=1.5), "repeats from 1 to 10,000"),
        (lambda: kohort.Holdout(0.001).replicates(dataset(20), 0), "samples to train on"),
        (lambda: kohort.KFold(5).replicates(dataset(8, np.arange(8) // 4), 0), "2 groups"),
        (
            lambda: kohort.Holdout(0.5, stratify=True).replicates(dataset(8, np.arange(8) // 4), 0),
            "groups of one class each, for stratify=True, got groups of several classes",
        ),
        (
            lambda: kohort.KFold(2, stratify=True).replicates(dataset(4, y=np.ones(4) / 2), 0),
            "no class labels",
        ),
    ],
)
def test_what_cannot_be_split(make, match):
    with pytest.raises(kohort.DesignError, match=match):
        make()


@settings(derandomize=True, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=8, max_size=40),
    shares=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)).map(sorted),
    seed=st.integers(0, 99),
)
def test_parts_are_nested_keep_groups_together_and_have_as_many_rows(sizes, shares, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    (whole,) = kohort.Holdout(0.2, 1).replicates(dataset(len(groups), groups), seed)
    less, more = (whole.on_part(share, groups) for share in shares)
    for part, share in zip((less, more), shares, strict=True):
        drawn, times = np.unique(part.train, return_counts=True)
        assert len(part.train) == len(whole.train)
        assert len(drawn) == max(1, round(share * len(whole.train)))
        assert np.isin(drawn, whole.train).all()
        assert times.max() - times.min() <= 1
        cut = [
            g
            for g in np.unique(groups[drawn])
            if not set(whole.train[groups[whole.train] == g]) <= set(drawn)
        ]
        assert len(cut) <= 1
        assert (part.number, part.seed, part.share) == (whole.number, whole.seed, share)
        np.testing.assert_array_equal(part.valid, whole.valid)
    assert set(less.train) <= set(more.train)


def test_samples_that_always_train_are_no_group():
    groups = np.where(np.arange(100) < 60, -1, np.arange(100))
    (whole,) = kohort.Holdout(0.2, 1).replicates(dataset(100, groups), 0)
    part = whole.on_part(0.5, groups)
    assert 0 < (groups[np.unique(part.train)] == -1).sum() < 40


def test_replicates_on_one_split_differ_in_their_seeds():
    replicates = kohort.Holdout(0.2, 4, same_split=True).replicates(dataset(50), 3)
    again = kohort.Holdout(0.2, 1).replicates(dataset(50), 3)
    for r in replicates:
        np.testing.assert_array_equal(r.valid, again[0].valid)
    assert len({r.seed for r in replicates}) == 4
    assert kohort.Holdout(0.2).kind == "splits"


def test_groups_too_large_to_validate_are_told_with_their_size():
    groups = np.repeat([3, 7, 9], [12, 12, 8])
    data = kohort.Dataset(np.arange(32.0)[:, None], np.arange(32) % 2, groups=groups)
    told = "got 32 training samples in 3 groups, the smallest of 8, of which 6 validate; use more"
    with pytest.raises(DesignError, match=told):
        kohort.Holdout(0.2).replicates(data, 0)
