"""Images in one array: given in any order, and held once."""

import tracemalloc

import numpy as np
import pytest

from kohort.data.readers.decoding import PixelRows

RANDOM = np.random.default_rng(3)


def held(images):
    rows = PixelRows()
    assert [rows.add(image) for image in images] == list(range(len(images)))
    return rows


@pytest.mark.parametrize("part", [1.0, 0.5])
@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_rows_come_in_the_order_that_is_asked_for(count, part):
    images = RANDOM.integers(0, 256, (count, 3, 4, 3), np.uint8)
    for _ in range(20):
        order = RANDOM.permutation(count)[: max(1, int(part * count))]
        np.testing.assert_array_equal(held(images).taken(order.tolist()), images[order])


def test_a_row_comes_as_often_as_it_is_asked_for():
    images = RANDOM.integers(0, 256, (5, 3, 4), np.uint8)
    np.testing.assert_array_equal(held(images).taken([1, 3, 1, 0]), images[[1, 3, 1, 0]])


def test_nothing_is_taken_of_nothing():
    assert len(PixelRows().taken([])) == 0


def test_images_that_are_sorted_are_held_once():
    images = RANDOM.integers(0, 256, (4000, 28, 28), np.uint8)
    order = RANDOM.permutation(4000).tolist()
    tracemalloc.start()
    rows = held(images)
    tracemalloc.reset_peak()
    taken = rows.taken(order)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * images.nbytes
    assert taken.nbytes == images.nbytes
