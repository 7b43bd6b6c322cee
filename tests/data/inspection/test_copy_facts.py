"""Copies over both sides: who belongs together, and whose labels disagree."""

from dataclasses import replace

import numpy as np
import pytest

import kohort
from kohort.data.copies import find_copies
from kohort.data.inspection.copy_facts import copy_facts, kept_together
from kohort.data.labels import class_labels


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8)).astype(np.uint8)


def facts_of(data):
    return copy_facts(find_copies(data), class_labels(data))


def test_each_copied_test_sample_is_paired_with_a_training_sample():
    x = images(40)
    x[31], x[33] = x[4], x[7]
    x[33, 0, 0] ^= 1  # a near copy
    data = kohort.Dataset(x[:30], np.arange(30) % 3, x[30:], np.arange(10) % 3)
    assert facts_of(data).pairs.tolist() == [[31, 4], [33, 7]]


def test_copies_have_one_origin_through_chains_and_across_the_sides():
    x = images(40)
    x[1], x[31] = x[0], x[2]
    x[2] = x[0] ^ np.eye(8, dtype=np.uint8)
    x[31] = x[2]
    data = kohort.Dataset(x[:30], np.arange(30) % 3, x[30:], np.arange(10) % 3)
    origin = facts_of(data).origin
    assert np.flatnonzero(origin == origin[0]).tolist() == [0, 1, 2, 31]
    assert len(np.unique(origin)) == 37


def test_groups_are_joined_by_copies_and_a_negative_group_joins_nothing():
    x = images(12)
    x[5] = x[0]
    groups = [0, 0, 1, 1, 2, 2, -1, -1, 3, 3]
    data = kohort.Dataset(x[:10], np.arange(10) % 2, x[10:], [0, 1], groups=np.array(groups))
    together = kept_together(data, facts_of(data))
    parts = {tuple(np.flatnonzero(together == n)) for n in together}
    assert parts == {(0, 1, 4, 5), (2, 3), (6,), (7,), (8, 9), (10,), (11,)}
    known = replace(data, test_groups=np.array([3, -1]))
    together = kept_together(known, facts_of(known))
    parts = {tuple(np.flatnonzero(together == n)) for n in together}
    assert parts == {(0, 1, 4, 5), (2, 3), (6,), (7,), (8, 9, 10), (11,)}


def test_without_groups_copies_alone_are_kept_together():
    x = images(12)
    x[5] = x[0]
    data = kohort.Dataset(x[:10], np.arange(10) % 2, x[10:], [0, 1])
    facts = facts_of(data)
    assert (kept_together(data, facts) == facts.origin).all()


def test_labels_that_disagree_are_told_by_set():
    x = images(40)
    x[1] = x[32] = x[0]
    x[6] = x[5]
    x[8] = x[7] ^ 1
    y = np.zeros(40, int)
    y[32], y[8], y[39] = 1, 1, 2
    facts = facts_of(kohort.Dataset(x[:30], y[:30], x[30:], y[30:]))
    assert [rows.tolist() for rows in facts.disputed] == [[0, 1, 32]]
    assert facts.near_disputed.tolist() == [[7, 8]]


def test_near_copies_of_a_disputed_set_are_not_told_twice():
    x = images(30)
    x[1] = x[0]
    x[2] = x[0] ^ 1
    y = np.zeros(30, int)
    y[1] = y[2] = 1
    facts = facts_of(kohort.Dataset(x, y))
    assert len(facts.disputed) == 1
    assert facts.near_disputed.shape == (0, 2)


def test_numbers_to_predict_do_not_disagree():
    x = images(30)
    x[1] = x[0]
    data = kohort.Dataset(x, np.random.default_rng(0).normal(size=30))
    assert facts_of(data).disputed == ()


@pytest.mark.parametrize("test", [0, 5])
def test_nothing_is_a_copy_of_nothing(test):
    x = images(30)
    data = kohort.Dataset(x[test:], np.arange(30 - test) % 2, x[:test], np.arange(test) % 2)
    facts = facts_of(data)
    assert (facts.pairs.shape, facts.disputed, len(np.unique(facts.origin))) == ((0, 2), (), 30)
