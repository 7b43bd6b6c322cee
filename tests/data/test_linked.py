"""What is linked belongs together; and the extremes of what does."""

import numpy as np

from kohort.data.linked import extremes, linked


def test_links_are_followed_through_others_and_in_both_directions():
    number = linked(np.array([0, 4, 4]), np.array([1, 1, 3]), 6)

    assert number.dtype == np.int64
    assert (number[[0, 1, 3, 4]] == number[0]).all()
    assert len({*number[[0, 2, 5]]}) == 3


def test_without_links_each_is_by_itself():
    assert sorted(linked(np.empty(0, int), np.empty(0, int), 3)) == [0, 1, 2]


def test_extremes_of_each_set_and_of_one_without_samples():
    lowest, highest = extremes(np.array([3, 0, 7, 0]), np.array([0, 2, 0, 2]), 3)

    assert lowest.tolist() == [3, np.iinfo(np.int64).max, 0]
    assert highest.tolist() == [7, -1, 0]
