"""How training and test images are drawn from labels and groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.data.preparing.drawing import draw
from kohort.errors import DataError

LABELS = np.arange(400) % 4
GROUPS = np.arange(400) // 5


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize(("train", "test"), [(None, None), (200, 40), (None, 37), (101, None)])
def test_a_draw_parts_no_group_and_is_always_the_same(balance, train, test):
    options = {"train": train, "test": test, "balance": balance}
    drawn = draw(LABELS, GROUPS, **options, seed=3)

    assert not set(GROUPS[drawn.train]) & set(GROUPS[drawn.test])
    assert len(np.unique(np.concatenate(drawn[:2]))) == len(drawn.train) + len(drawn.test)
    wanted = {"train": train, "test": test or 80}
    for side, rows in zip(("train", "test"), drawn[:2], strict=True):
        count = wanted[side]
        if count is not None:
            assert len(rows) == (count // 4 * 4 if balance else count)
        if balance:
            assert len(set(np.bincount(LABELS[rows]))) == 1
    again = draw(LABELS, GROUPS, **options, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert drawn.by_class == (not balance)
    other = draw(LABELS, GROUPS, **options, seed=4)
    assert set(other.test) != set(drawn.test)
    assert not np.array_equal(drawn.train, np.sort(drawn.train))


RARE = np.repeat([0, 1, 2], [900, 80, 20])


@pytest.mark.parametrize("test", [None, 200, 100])
@pytest.mark.parametrize(
    "groups",
    [np.arange(1000), np.repeat(np.arange(500), 2), np.arange(1000) % 450],
    ids=["alone", "of one class", "of several"],
)
def test_each_class_has_its_part_of_the_test_set(groups, test):
    for seed in range(5):
        drawn = draw(RARE, groups, test=test, seed=seed)
        count = test or 200
        assert drawn.by_class
        assert len(drawn.test) == count
        part = np.bincount(RARE[drawn.test], minlength=3)
        assert (np.abs(part - count * np.array([0.9, 0.08, 0.02])) <= [8, 1.5, 1.5]).all()
        assert not set(groups[drawn.train]) & set(groups[drawn.test])


@pytest.mark.parametrize("test", [None, 200])
def test_groups_too_large_for_the_part_of_their_class_are_drawn_at_random(test):
    groups = np.where(RARE == 2, 0, 1 + np.arange(1000))
    drawn = [draw(RARE, groups, test=test, seed=seed) for seed in range(5)]
    assert not any(each.by_class for each in drawn)
    assert {len(each.test) for each in drawn} == {200}


SIDES = "as the test set, by whole groups, takes"
TOO_MANY = {
    "to test": ({"test": 500}, "500 test images, got 400 images in all; ask for fewer to test"),
    "to train": (
        {"train": 390},
        (
            f"390 training images, got 320, {SIDES} 80 of 400; "
            "ask for --train 320 or fewer, or for --test 10 or fewer"
        ),
    ),
    "all to test": (
        {"test": 400},
        f"1 training image, got 0, {SIDES} 400 of 400; ask for --test 399 or fewer",
    ),
    "all there are": (
        {"train": 400},
        f"400 training images, got 320, {SIDES} 80 of 400; ask for --train 320 or fewer",
    ),
    "of each to test": (
        {"test": 404, "balance": True},
        (
            "more than 101 images of each class, so that 101 test and others train, got 100 of a; "
            "ask for --test 396 or fewer"
        ),
    ),
    "of each to train": (
        {"train": 360, "balance": True},
        (
            f"90 training images of each class, got 72 of b, {SIDES} 28 of 100; "
            "ask for --train 288 or fewer, or for --test 40 or fewer"
        ),
    ),
    "none of each to test": (
        {"test": 2, "balance": True},
        "--balance with an image of each of 4 classes, got --test 2; ask for 4 or more",
    ),
    "none of each to train": (
        {"train": 3, "balance": True},
        "--balance with an image of each of 4 classes, got --train 3; ask for 4 or more",
    ),
}


@pytest.mark.parametrize("case", TOO_MANY)
def test_a_refusal_says_what_there_is_and_what_to_ask_for(case):
    options, told = TOO_MANY[case]
    with pytest.raises(DataError) as refused:
        draw(LABELS, GROUPS, class_names="abcd", **options)
    assert str(refused.value) == f"expected {told}"


MEND = "give more of it, or leave its folder out"


@pytest.mark.parametrize(
    ("images", "test", "told"),
    [
        (1, None, f"5 images or more of each class, got 1 of rare; {MEND}"),
        (4, None, f"4 of rare; {MEND}, or ask for a number to test, as --test 2"),
        (1, 2, f"so that 1 test and others train, got 1 of rare; {MEND}"),
    ],
)
def test_a_class_that_is_too_small_to_balance_is_named(images, test, told):
    labels = np.repeat([0, 1], [20, images])
    names = ("common", "rare")
    with pytest.raises(DataError) as refused:
        draw(labels, np.arange(len(labels)), test=test, balance=True, class_names=names)
    assert str(refused.value).endswith(told)
    if test is None and images > 1:
        drawn = draw(labels, np.arange(len(labels)), test=2, balance=True)
        assert np.bincount(labels[drawn.train]).tolist() == [images - 1] * 2


@given(
    sizes=st.lists(st.integers(5, 60), min_size=2, max_size=8),
    test=st.none() | st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_balance_loses_nothing_where_each_image_is_a_group(sizes, test, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    groups = np.random.default_rng(seed).permutation(len(labels))
    in_all = None if test is None else test * len(sizes)
    drawn = draw(labels, groups, test=in_all, balance=True, seed=seed)
    each = min(sizes) // 5 if test is None else test
    assert np.bincount(labels[drawn.test]).tolist() == [each] * len(sizes)
    assert np.bincount(labels[drawn.train]).tolist() == [min(sizes) - each] * len(sizes)
    assert not set(drawn.train) & set(drawn.test)


@given(
    size=st.integers(1, 6),
    sizes=st.lists(st.integers(30, 60), min_size=2, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_balance_loses_less_than_a_group_of_each_class(size, sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    groups = np.concatenate([100 * c + np.arange(n) // size for c, n in enumerate(sizes)])
    drawn = draw(labels, groups, balance=True, seed=seed)
    assert not set(groups[drawn.train]) & set(groups[drawn.test])
    each = int(0.2 * min(sizes))
    assert np.bincount(labels[drawn.test]).tolist() == [each] * len(sizes)
    train = np.bincount(labels[drawn.train])
    assert len(set(train)) == 1
    assert train[0] > min(sizes) - each - size
