"""Dividing samples without dividing groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.data.splits import deal, draw_exactly, in_strata, mean_group_size, random_part

GROUPS = st.lists(st.integers(0, 12), min_size=1, max_size=40).map(np.array)
SEEDS = st.integers(0, 2**32 - 1)
lawful = settings(derandomize=True)


def random(seed=0):
    return np.random.default_rng(seed)


def is_undivided(groups, part):
    """Whether the part holds each group whole or not at all."""
    others = np.setdiff1d(np.arange(len(groups)), part)
    return not set(groups[part]) & set(groups[others])


@lawful
@given(groups=GROUPS, data=st.data(), seed=SEEDS)
def test_draw_never_divides_a_group_nor_exceeds_what_is_wanted(groups, data, seed):
    wanted = data.draw(st.integers(0, len(groups)))
    drawn = draw_exactly(random(seed), groups, wanted)

    assert is_undivided(groups, drawn)
    assert len(drawn) <= wanted
    assert (np.diff(drawn) > 0).all()


@lawful
@given(groups=GROUPS, data=st.data(), seed=SEEDS)
def test_draw_falls_short_only_where_no_other_group_fits(groups, data, seed):
    wanted = data.draw(st.integers(0, len(groups)))
    drawn = draw_exactly(random(seed), groups, wanted)
    left = np.delete(groups, drawn)
    sizes = np.unique(left, return_counts=True)[1]

    assert (sizes > wanted - len(drawn)).all()


@lawful
@given(n=st.integers(1, 60), data=st.data(), seed=SEEDS)
def test_draw_is_exact_where_each_sample_is_its_own_group(n, data, seed):
    wanted = data.draw(st.integers(0, n))
    assert len(draw_exactly(random(seed), np.arange(n), wanted)) == wanted


def test_draw_takes_nothing_all_or_no_more_than_all():
    groups = np.array([5, 5, 2, 9])

    assert draw_exactly(random(), groups, 0).tolist() == []
    assert draw_exactly(random(), groups, 4).tolist() == [0, 1, 2, 3]
    assert draw_exactly(random(), groups, 9).tolist() == [0, 1, 2, 3]


def test_draw_passes_over_a_group_that_is_too_large():
    groups = np.array([0] * 5 + [1] * 2 + [2])
    draws = {tuple(draw_exactly(random(seed), groups, 3)) for seed in range(20)}

    assert draws == {(5, 6, 7)}


def test_draw_is_random_and_follows_its_generator():
    groups = np.arange(50)
    draws = [tuple(draw_exactly(random(seed), groups, 10)) for seed in (0, 0, 1)]

    assert draws[0] == draws[1] != draws[2]


def test_draw_favours_no_sample():
    counts = np.zeros(10)
    generator = random(60)
    for _ in range(2000):
        counts[draw_exactly(generator, np.arange(10), 3)] += 1

    # Binomial(2000, 0.3): mean 600, standard deviation 20.5.
    assert np.abs(counts - 600).max() < 4 * 20.5


@lawful
@given(groups=GROUPS, folds=st.integers(1, 8), seed=SEEDS)
def test_deal_is_a_partition_that_divides_no_group(groups, folds, seed):
    parts = deal(random(seed), groups, folds)

    assert len(parts) == folds
    assert sorted(np.concatenate(parts)) == list(range(len(groups)))
    assert all(is_undivided(groups, part) for part in parts)
    assert all((np.diff(part) > 0).all() for part in parts)


@lawful
@given(groups=GROUPS, folds=st.integers(1, 8), seed=SEEDS)
def test_dealt_parts_differ_by_no_more_than_the_largest_group(groups, folds, seed):
    sizes = [len(part) for part in deal(random(seed), groups, folds)]
    largest = np.unique(groups, return_counts=True)[1].max()

    assert max(sizes) - min(sizes) <= largest


@lawful
@given(n=st.integers(1, 60), folds=st.integers(1, 8), seed=SEEDS)
def test_dealt_parts_differ_by_one_where_each_sample_is_its_own_group(n, folds, seed):
    sizes = [len(part) for part in deal(random(seed), np.arange(n), folds)]
    assert max(sizes) - min(sizes) <= 1


def test_deal_gives_large_groups_first():
    # 4, 3, 3 and 2 make 6 and 6, if the large ones go first.
    groups = np.repeat([0, 1, 2, 3], [4, 3, 3, 2])
    for seed in range(10):
        assert sorted(map(len, deal(random(seed), groups, 2))) == [6, 6]


def test_deal_is_random_and_follows_its_generator():
    one, same, other = (np.concatenate(deal(random(s), np.arange(50), 5)) for s in (0, 0, 1))

    assert one.tolist() == same.tolist() != other.tolist()


def test_fewer_groups_than_folds_leave_folds_empty():
    assert sorted(map(len, deal(random(), np.array([0, 0, 1]), 4))) == [0, 0, 1, 2]


def test_strata_are_numbered_back():
    labels = np.array([2, 7, 2, 7, 7, 2])
    # The samples of class 2 are 0, 2 and 5; those of class 7 are 1, 3 and 4.
    chosen = [np.array([0, 2]), np.array([1])]

    assert in_strata(labels, chosen).tolist() == [0, 3, 5]


def test_strata_must_be_chosen_for_each_class():
    with pytest.raises(ValueError, match="shorter"):
        in_strata(np.array([0, 1]), [np.array([0])])


@lawful
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=40).map(np.array), seed=SEEDS)
def test_strata_keep_the_number_chosen_of_each_class(labels, seed):
    generator = random(seed)
    counts = np.unique(labels, return_counts=True)[1]
    chosen = [np.sort(generator.permutation(n)[: generator.integers(0, n + 1)]) for n in counts]

    rows = in_strata(labels, chosen)

    assert (np.diff(rows) > 0).all()
    for label, places in zip(np.unique(labels), chosen, strict=True):
        assert (labels[rows] == label).sum() == len(places)
        assert np.array_equal(np.flatnonzero(labels == label)[places], rows[labels[rows] == label])


@lawful
@given(groups=GROUPS, folds=st.integers(2, 4), seed=SEEDS)
def test_negative_groups_are_never_held_out(groups, folds, seed):
    groups = np.where(groups < 4, -groups - 1, groups)
    held_out = [draw_exactly(random(seed), groups, len(groups)), *deal(random(seed), groups, folds)]
    for part in held_out:
        assert (groups[part] >= 0).all()
    assert sorted(np.concatenate(held_out[1:])) == np.flatnonzero(groups >= 0).tolist()


@pytest.mark.parametrize(
    ("groups", "size"),
    [(None, 1.0), ([0, 0, 1, 1, 1, 7], 14 / 6), ([-1, -1, -1, 3, 3, 4], 5 / 3), ([-1, -2], 1.0)],
)
def test_the_mean_size_of_groups_that_may_be_held_out(groups, size):
    assert mean_group_size(None if groups is None else np.array(groups)) == size


def test_as_many_samples_are_worth_one_where_groups_are_right_or_wrong_as_a_whole():
    sizes = np.array([40, 10, 5, 5, 2, 1, 1])
    groups = np.repeat(np.arange(len(sizes)), sizes)
    right = np.random.default_rng(0).random((100_000, len(sizes))) < 0.7
    means = (right @ sizes) / sizes.sum()
    worth = 0.7 * 0.3 / means.var()
    assert worth == pytest.approx(len(groups) / mean_group_size(groups), rel=0.03)


def test_a_random_part_is_ascending_and_only_of_what_is_too_much():
    rows = np.arange(100) * 2
    part = random_part(np.random.default_rng(0), rows, 30)

    assert len(part) == len(set(part)) == 30
    assert set(part) <= set(rows)
    assert (np.diff(part) > 0).all()
    assert random_part(np.random.default_rng(0), rows, 100) is rows
