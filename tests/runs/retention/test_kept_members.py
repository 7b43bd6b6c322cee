"""Members by number and by name."""

import numpy as np
import pytest

from kohort.design.variants import Variant
from kohort.errors import DesignError
from kohort.runs.retention.kept_members import kept_members
from tests.findings.factorial.records import grid_of, record_of


@pytest.fixture
def members():
    record = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]])
    variants = [Variant(name, dict) for name in ("small", "large")]
    weights = {(0, 0): [np.zeros(1)], (0, 1): None, (1, 0): [np.ones(1)], (1, 1): [np.ones(1)]}
    return kept_members(variants, ["first", "second"], None, weights, record.whole)


def test_a_variant_is_its_number_or_its_name(members):
    assert members["large", 1] is members[1, 1]
    assert members["large", 1].variant.name == "large"
    assert members["large", 1].replicate == "second"
    assert sorted(members) == [(0, 0), (1, 0), (1, 1)]


@pytest.mark.parametrize("place", [(0, 1), ("small", 1)])
def test_dropped_weights_are_told(members, place):
    with pytest.raises(DesignError, match=r"the weights of 'small' in replicate 1.*--keep final"):
        members[place]


@pytest.mark.parametrize(
    ("place", "got"),
    [
        (("lage", 0), r"members\['lage', 0\]"),
        (("large", 7), r"members\['large', 7\]"),
        ("large", r"members\[large\]"),
        (0, r"members\[0\]"),
    ],
)
def test_what_is_no_member_is_refused_with_how_to_write_it(members, place, got):
    expected = r"expected a variant \(small and large\) and the number of one of its replicates"
    with pytest.raises(DesignError, match=rf"{expected}.*{got}.*write members\['small', 0\]"):
        members[place]
