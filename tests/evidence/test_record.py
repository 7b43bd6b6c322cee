"""A record as JSON: what it has for each variant is named, for who takes some variants of it."""

from dataclasses import replace

import numpy as np

from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.evidence.record import BY_VARIANT, from_json, to_json
from tests.findings.factorial.records import grid_of, record_of


def test_what_a_record_has_for_each_variant_is_named():
    stored = to_json(record_of(grid_of(units=[1, 2, 3]), np.full((3, 5), 0.5)))
    lists = {name for name, value in stored.items() if isinstance(value, list) and len(value) == 3}
    assert lists == {*BY_VARIANT, "trained"}, "the last is told by the curves"


def test_what_inputs_tell_is_read_as_it_was_kept_before_targets_had_several_numbers():
    record = record_of(grid_of(units=[1, 2]), np.full((2, 3), 0.5))
    of_one, of_other = (
        ToldAlone(("a", "b"), 2, explained=np.array([0.9, 0.1]), ranked=np.array([1.0, rank]))
        for rank in (0.1, 0.2)
    )
    arguments = {variant.name: variant.arguments for variant in record.variants}

    def kept(stored):
        read = from_json(stored, arguments, record.curves, record.seconds)
        return [(of.names, of.numbers, of.ranked.tolist()) for of in read.told]

    told = ("a", "b"), 1
    stored = to_json(replace(record, told=(of_one, of_other)))
    assert kept(stored) == [(*told, [1.0, 0.1]), (*told, [1.0, 0.2])]
    before = stored["told"][0]
    del before["number"], before["numbers"]
    assert kept(stored | {"told": before}) == [(*told, [1.0, 0.1])]
    assert kept(stored | {"told": None}) == kept(stored | {"told": []}) == []
