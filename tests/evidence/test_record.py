"""A record as JSON: what it has for each variant is named, for who takes some variants of it."""

import numpy as np

from kohort.evidence.record import BY_VARIANT, to_json
from tests.findings.factorial.records import grid_of, record_of


def test_what_a_record_has_for_each_variant_is_named():
    stored = to_json(record_of(grid_of(units=[1, 2, 3]), np.full((3, 5), 0.5)))
    lists = {name for name, value in stored.items() if isinstance(value, list) and len(value) == 3}
    assert lists == {*BY_VARIANT, "trained"}, "the last is told by the curves"
