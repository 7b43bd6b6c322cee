"""Races train look by look, and end with the same bits however they came there."""

import keras
import numpy as np
import pytest

import kohort
from kohort.findings.race import replay
from tests.faults.studies import Death
from tests.models import build_mlp
from tests.runs.test_resume import die_at, numbers, trained_epochs

__all__ = ["die_at"]

VARIANTS = {
    "plain": {},
    "slow": {"learning_rate": 1e-4},
    "hot": {"learning_rate": 1e30},
    "wide": {"units": (32,)},
    "dropout": {"dropout": 0.3},
    "more dropout": {"dropout": 0.5},
}
SOME = ["plain", "slow", "hot", "dropout"]
STOPS = [keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, min_delta=0.02)]


def race(data, names=tuple(VARIANTS), repeats=9, first=3, looks=3, **changes):
    variants = [kohort.Variant(name, build_mlp, **VARIANTS[name]) for name in names]
    splits = changes.pop("splits", kohort.Holdout(0.2, repeats))
    arguments = {
        "replicates": kohort.Race(splits, first=first, looks=looks),
        "epochs": 3,
        "batch_size": 33,
    } | changes
    return kohort.Study("raced", variants, data, **arguments)


def run(study, store=None, **options):
    return study.run(store, verbose=0, **({"checkpoint_seconds": 0.0} | options))


def state_of(result):
    return replay(result._conclusions.study, result.settings.looks)


@pytest.fixture(scope="module")
def whole(blobs):
    """The result of a race that nothing disturbed, without a store."""
    return run(race(blobs))


def test_decided_variants_train_no_more_of_the_replicates(whole):
    state, trained = state_of(whole), whole.record.whole.trained.tolist()
    assert state.ends is not None
    left = {number: look.replicates for number, look in state.left.items()}
    assert left, "some leave"
    last = state.looks[-1].replicates
    assert trained == [left.get(number, last) for number in range(len(VARIANTS))]
    assert trained[2] == 3, "it diverges"
    assert np.isnan(whole.record.whole.values[2, 3:]).all()


def test_a_member_measures_what_it_would_in_the_fixed_design(blobs, whole):
    fixed = run(race(blobs, replicates=kohort.Holdout(0.2, 9)))
    keys = ["variant", "replicate", "epoch", "metric"]
    both = whole.curves().merge(fixed.curves(), on=keys, suffixes=("", "_fixed"))
    assert len(both) == len(whole.curves())
    np.testing.assert_allclose(both["value"], both["value_fixed"], rtol=2e-3, atol=2e-5)


def test_a_look_compiles_nothing_that_an_earlier_one_has_compiled(blobs, count_compilations):
    result = run(race(blobs))
    assert len(state_of(result).looks) > 1
    assert len(count_compilations) == len(race(blobs).plan().cohorts) == 3


@pytest.mark.parametrize("chunk_size", [1, 2, None])
def test_what_is_added_ends_as_if_it_had_been_there(blobs, tmp_path, chunk_size):
    """Variants with other constants, more repeats and other looks."""
    place, callbacks, chunk = tmp_path / "kohort.db", {"callbacks": STOPS}, {}
    if chunk_size is not None:
        chunk["chunk_size"] = chunk_size
    run(race(blobs, ["plain", "dropout"], repeats=5, looks=2, **callbacks), place, **chunk)
    run(race(blobs, SOME, repeats=5, looks=3, **callbacks), place, **chunk)
    run(race(blobs, repeats=7, looks=3, **callbacks), place, **chunk)
    grown = run(race(blobs, repeats=9, looks=4, **callbacks), place, **chunk)
    assert numbers(grown) == numbers(run(race(blobs, repeats=9, looks=4, **callbacks), **chunk))


def test_longer_training_races_anew_with_the_same_numbers(blobs, tmp_path):
    run(race(blobs, epochs=2), tmp_path / "kohort.db")
    longer = run(race(blobs, epochs=3), tmp_path / "kohort.db")
    assert numbers(longer) == numbers(run(race(blobs, epochs=3)))


@pytest.mark.parametrize("deaths", [3, pytest.param(12, marks=pytest.mark.long)])
def test_a_race_that_dies_at_any_write_ends_with_the_same_bits(
    blobs, tmp_path, die_at, whole, deaths
):
    wanted, count = numbers(whole), die_at(None)
    assert numbers(run(race(blobs), tmp_path / "whole.db")) == wanted
    total = count["count"]
    for number in range(1, total + 1, max(1, total // deaths)):
        place = tmp_path / f"{number}.db"
        die_at(number, after=bool(number % 2))
        with pytest.raises(Death):
            run(race(blobs), place)
        die_at(None)
        assert numbers(run(race(blobs), place)) == wanted


def test_a_race_that_is_finished_trains_nothing_again(blobs, tmp_path, monkeypatch, whole):
    run(race(blobs), tmp_path / "kohort.db")
    seen = trained_epochs(monkeypatch)
    assert numbers(run(race(blobs), tmp_path / "kohort.db")) == numbers(whole)
    assert not sum(seen)
    assert numbers(kohort.open(tmp_path / "kohort.db", "raced", blobs)) == numbers(whole)
