"""Contrasts of factorial designs: means over contexts, lines, and ranges that do not flatter."""

import numpy as np
import pytest

from kohort.findings.factorial.contrasts import along_line, cross_validated_range, means

NAN = np.nan


def test_means_are_over_contexts_within_each_replicate():
    scores = np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 4.0], [9.0, 6.0]])
    found = means(scores, np.array([[0, 1], [2, 3]]))
    assert found.values.tolist() == [[3.0, 3.0], [6.0, 5.5]]
    assert found.counts == (2, 2)


def test_a_context_that_lost_a_replicate_is_left_out_where_another_is_whole():
    scores = np.array([[1.0, 2.0, 3.0], [3.0, NAN, 4.0], [5.0, 4.0, 3.0], [9.0, 6.0, 5.0]])
    found = means(scores, np.array([[0, 1], [2, 3]]))
    assert found.values.tolist() == [[5.0, 4.0, 3.0], [9.0, 6.0, 5.0]]
    assert found.counts == (1, 2)


def test_where_no_context_is_whole_a_replicate_is_left_out_of_all_groups():
    scores = np.array([[1.0, 2.0, 3.0], [3.0, NAN, 4.0], [5.0, 4.0, NAN], [9.0, 6.0, 5.0]])
    found = means(scores, np.array([[0, 1], [2, 3]]))
    np.testing.assert_array_equal(found.values, [[3.0, NAN, NAN], [6.0, NAN, NAN]])
    assert found.counts == (2, 2)


def test_a_context_that_never_trained_costs_no_replicate():
    scores = np.array([[1.0, 2.0], [NAN, NAN], [5.0, NAN], [9.0, 6.0]])
    found = means(scores, np.array([[0, 1], [2, 3]]))
    np.testing.assert_array_equal(found.values, [[5.0, NAN], [9.0, NAN]])


@pytest.mark.parametrize(
    ("numbers", "at"),
    [([0.0, 0.2, 0.5], [0.0, 0.2, 0.5]), ([1, 10, 100], [0, 1, 2]), ([2, 5, 19], [2, 5, 19])],
)
def test_a_trend_is_the_change_along_numpys_line_over_logarithms_where_tenfold(numbers, at):
    values = np.random.default_rng(0).normal(size=(3, 4))
    slopes = np.polyfit(at, values, 1)[0]
    assert along_line(np.array(numbers, float), values) == pytest.approx(slopes * np.ptp(at))


def test_the_order_of_levels_does_not_change_a_trend():
    values = np.array([[1.0], [4.0], [2.0]])
    one = along_line(np.array([0.1, 0.5, 0.3]), values)
    assert one == pytest.approx(along_line(np.array([0.5, 0.1, 0.3]), values[[1, 0, 2]]))
    assert one > 0


def test_a_range_is_read_at_the_levels_that_the_other_replicates_choose():
    values = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, -4.0], [-1.0, NAN, 1.0]])
    # Two replicates are whole; each is read at the levels that the other one chooses.
    np.testing.assert_array_equal(cross_validated_range(values), [-2.0, NAN, -5.0])


def test_a_range_of_equal_levels_is_zero_on_average_and_not_above():
    random = np.random.default_rng(1)
    ranges = [cross_validated_range(random.normal(size=(5, 6))).mean() for _ in range(2000)]
    error = np.std(ranges) / np.sqrt(len(ranges))
    assert abs(np.mean(ranges)) < 3 * error
    naive = [np.ptp(random.normal(size=(5, 6)).mean(axis=1)) for _ in range(200)]
    assert np.mean(naive) > 0.5  # what it would be without


def test_a_single_replicate_has_no_range():
    assert np.isnan(cross_validated_range(np.array([[0.0], [1.0]]))).all()
