"""Whatever is kept comes back as it was."""

import json
import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kohort.evidence.store import MemberKey, VariantRecord
from tests.evidence.store.conftest import ONE

KINDS = [
    np.dtype(kind) for kind in ("f2", "f4", "f8", ">f8", "i1", "i4", "i8", "u2", "u8", "?", "c8")
]
quick = settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
plain = st.sampled_from(KINDS).flatmap(lambda kind: arrays.arrays(kind, shapes))
halves = arrays.arrays(np.uint16, shapes).map(lambda bits: bits.view(ml_dtypes.bfloat16))
turned = plain.map(np.transpose)
kept_arrays = plain | halves | turned
texts = st.text(st.characters(exclude_categories=["Cs"]))
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def same(given, back):
    native = given.astype(given.dtype.newbyteorder("="))
    assert (back.dtype, back.shape) == (native.dtype, native.shape)
    assert back.tobytes() == native.tobytes()


@quick
@given(logs=st.dictionaries(texts, st.floats() | st.floats(width=32).map(np.float32), max_size=4))
def test_logs(claimed, logs):
    claimed.append([(ONE, 0, logs)])
    (record,) = claimed.epochs()
    assert list(record.logs) == list(logs)
    for metric, value in logs.items():
        back = record.logs[metric]
        assert back == value or (math.isnan(back) and math.isnan(value))
        assert math.copysign(1, back) == math.copysign(1, value) or math.isnan(back)


@pytest.mark.long
@quick
@given(weights=st.lists(kept_arrays, max_size=12))
def test_weights(claimed, weights):
    claimed.finish(ONE, weights, 1.0)
    back = claimed.weights(ONE)
    assert len(back) == len(weights)
    for one, other in zip(weights, back, strict=True):
        same(one, other)


@pytest.mark.long
@quick
@given(
    cohort=texts.filter(lambda text: "\0" not in text), named=st.dictionaries(texts, kept_arrays)
)
def test_checkpoints(claimed, cohort, named):
    named.pop("__metadata__", None)
    claimed.save_checkpoint(cohort, 1, named, {})
    back = claimed.checkpoint(cohort).arrays
    assert set(back) == set(named)
    for name, array in named.items():
        same(array, back[name])


@quick
@given(description=st.dictionaries(texts, jsons, max_size=3))
def test_descriptions(kept, description):
    kept.extend(description, [], [])
    assert json.dumps(kept.description) == json.dumps(description)


@quick
@given(share=st.floats(0, 1, exclude_min=True), replicate=st.integers(0, 2**31 - 1))
def test_members(kept, share, replicate):
    member = MemberKey("new", replicate, share)
    kept.extend({}, [VariantRecord("new")], [member, member])
    kept.extend({}, [], [member])
    assert [record.key for record in kept.members()].count(member) == 1


@pytest.mark.parametrize("value", [np.float64(0.1), np.int64(3), np.arange(3), [np.bool(True)]])
def test_numbers_of_numpy_become_json(kept, value):
    kept.extend({"value": value}, [], [])
    assert kept.description == {"value": json.loads(json.dumps(np.asarray(value).tolist()))}
