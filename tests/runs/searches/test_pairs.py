"""A search and the race of its finalists share a name, and other studies have none of it."""

import pytest

import kohort
from kohort import StoreError
from kohort.evidence.store import VariantRecord, open_store
from kohort.evidence.trials import is_race_of, kept_name
from kohort.report import store_tables
from tests.runs.searches.searched import build, small

OURS = {"data": "d", "batch size": 50, "seed": 1}


@pytest.mark.parametrize(
    ("about", "variants", "is_race"),
    [
        ({}, ["trial 0", "trial 11"], True),
        ({}, ["trial 0", "trial of mine"], False),
        ({"data": "e"}, ["trial 0"], False),
        ({"batch size": 32}, ["trial 0"], False),
        ({"seed": 0}, ["trial 0"], False),
        ({"kind": "search"}, ["trial 0"], False),
    ],
)
def test_a_race_has_trials_of_the_search_under_the_next_seed(about, variants, is_race):
    with open_store("sqlite://") as store:
        study = store.create("x", OURS | about, [VariantRecord(n, "", {}) for n in variants], [])
        assert is_race_of(OURS | {"kind": "search", "seed": 0}, study) is is_race
        assert not is_race_of(OURS | {"seed": 0}, study)


def test_of_a_search_that_is_refused_for_its_name_nothing_is_kept(blobs, tmp_path):
    with open_store(tmp_path / "k.db") as store:
        store.create("small", OURS, [VariantRecord("a", "", {})], [])
    with pytest.raises(StoreError, match="the name 'small' for the race of the finalists"):
        small(blobs).run(tmp_path / "k.db", verbose=0)
    with open_store(tmp_path / "k.db") as store:
        assert [summary.name for summary in store.studies()] == ["small"]


def study(blobs, name):
    splits, variants = kohort.Holdout(0.2, 2), kohort.grid(build, units=[4, 8])
    return kohort.Study(name, variants, blobs, replicates=splits, epochs=1, batch_size=50)


def test_a_study_is_refused_under_the_name_of_a_search(blobs, tmp_path):
    with open_store(tmp_path / "k.db") as store:
        store.create(kept_name("small"), {"kind": "search"}, [], [])
    with pytest.raises(StoreError, match=r"a study under the name 'small.+got a search"):
        study(blobs, kept_name("small")).run(tmp_path / "k.db", verbose=0)


def test_another_study_is_not_told_to_be_the_race_of_a_search(blobs, tmp_path):
    place = tmp_path / "k.db"
    study(blobs, "small").run(place, verbose=0)
    asked = {"trials": 10, "done_with": {"trials": 6}, "record": {"finalists": [1, 2]}}
    with open_store(place) as store:
        data = store.study("small").description["data"]
        store.create(kept_name("small"), OURS | asked | {"kind": "search", "data": data}, [], [])
        assert store_tables.pending(store, store.study("small")) == ""
        assert store_tables.studies(store)[0]["last run"] == "done"
    assert kohort.open(place, "small").pending == ""
