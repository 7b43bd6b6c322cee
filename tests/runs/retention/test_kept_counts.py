"""Which classes members find stays known when their weights have been dropped."""

import contextlib
import sqlite3

import keras
import numpy as np
import pytest

import kohort
from kohort.evidence.store import open_store, schema
from tests.faults.studies import Death
from tests.runs.test_resume import die_at

__all__ = ["die_at"]

NAMES = ("plain", "weighted")


def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def ill():
    """One of five is ill."""
    random = np.random.default_rng(0)
    y = random.permutation(np.repeat([0, 1], [400, 100]))
    x = random.normal(size=(500, 4)) + 0.8 * y[:, None]
    return kohort.Dataset(x.astype("float32"), y, class_names=["no", "yes"])


def study(data, names=NAMES, repeats=3, margin=None):
    return kohort.Study(
        "ill",
        [kohort.Variant(name, build) for name in names],
        data,
        replicates=kohort.Holdout(0.2, repeats=repeats),
        epochs=6,
        margin=margin,
        class_weight={"weighted": "balanced"} if "weighted" in names else None,
    )


def told(result):
    """All that is told of classes."""
    found = result.record.classes.found
    counts = {place: found[place].tolist() for place in sorted(found)}
    return counts, result.recalls_text(), result.table()["balanced_accuracy"].to_list()


def change_tables(place, *statements):
    with contextlib.closing(sqlite3.connect(place)) as tables, tables:
        for statement in statements:
            tables.execute(statement)


def become_older(place):
    """Make a store one of the revision before rows kept what lay beside dropped weights."""
    columns = [f"ALTER TABLE member DROP COLUMN {name}" for name in ("beside", "beside_sha256")]
    change_tables(place, *columns, f"UPDATE {schema.VERSION_TABLE} SET version_num = '0004'")


def dropped(place):
    """The members whose weights are not there."""
    with open_store(place) as store:
        return {tuple(m.key[:2]) for m in store.study("ill").members() if m.weights is None}


def test_a_study_that_is_run_again_tells_what_it_told(ill, tmp_path):
    place = tmp_path / "kohort.db"
    first = told(study(ill).run(place, keep="winners", verbose=0))
    counts, (plain, weighted), _ = first
    assert len(counts) == 6
    assert plain.startswith("plain finds ")
    assert not plain.endswith("highest.")
    assert weighted.startswith("weighted finds ")
    assert weighted.endswith("), the highest.")
    assert {("weighted", replicate) for replicate in range(3)} <= dropped(place)
    assert told(study(ill).run(place, verbose=0)) == first
    assert told(kohort.open(place, "ill", ill)) == first


def test_of_a_store_that_has_lost_counts_it_is_said_whose(ill, tmp_path):
    place = tmp_path / "kohort.db"
    (told_of_plain, _) = study(ill).run(place, keep="winners", verbose=0).recalls_text()
    become_older(place)
    (plain,) = study(ill).run(place, verbose=0).recalls_text()
    known = "the highest that is known: that of weighted is not."
    assert plain == f"{told_of_plain.removesuffix('.')}, {known}"
    assert kohort.open(place, "ill", ill).recalls_text() == [plain]


@pytest.mark.long
def test_an_older_store_keeps_the_counts_of_what_it_drops_now(ill, tmp_path):
    place = tmp_path / "kohort.db"
    first = told(study(ill).run(place, keep="final", verbose=0))
    become_older(place)
    assert told(study(ill).run(place, keep="winners", verbose=0)) == first
    assert len(dropped(place)) > 2
    assert told(study(ill).run(place, verbose=0)) == first


@pytest.mark.long
def test_another_margin_leaves_the_counts(ill, tmp_path):
    place = tmp_path / "kohort.db"
    counts, _, balanced = told(study(ill).run(place, keep="winners", verbose=0))
    again = told(study(ill, margin=0.05).run(place, verbose=0))
    assert again == told(study(ill, margin=0.05).run(verbose=0))
    assert (again[0], again[2]) == (counts, balanced)


@pytest.mark.long
def test_what_grows_in_steps_tells_what_it_would_have_told_at_once(ill, tmp_path):
    place, whole = tmp_path / "kohort.db", told(study(ill, repeats=4).run(verbose=0))
    study(ill, NAMES[:1], repeats=2).run(place, keep="winners", verbose=0)
    study(ill, NAMES[:1]).run(place, verbose=0)
    study(ill).run(place, verbose=0)
    assert told(study(ill, repeats=4).run(place, verbose=0)) == whole
    assert told(study(ill, repeats=4).run(place, keep="final", verbose=0)) == whole
    assert not dropped(place)


@pytest.mark.long
def test_one_that_dies_as_it_drops_weights_keeps_the_counts(ill, tmp_path, die_at):
    options = {"keep": "winners", "checkpoint_seconds": 0.0, "verbose": 0}
    count, whole = die_at(None), told(study(ill).run(tmp_path / "a.db", **options))
    total = count["count"]
    for number, after in [(n, after) for n in range(total - 4, total + 1) for after in (0, 1)]:
        place = tmp_path / f"{number}-{after}.db"
        die_at(number, after=bool(after))
        with pytest.raises(Death):
            study(ill).run(place, **options)
        die_at(None)
        assert told(study(ill).run(place, verbose=0)) == whole
        assert told(study(ill).run(place, verbose=0)) == whole
