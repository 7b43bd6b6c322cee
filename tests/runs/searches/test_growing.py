"""A search that is kept goes on with more trials, and with more epochs."""

import keras
import pandas as pd
import pytest

import kohort
from kohort import Interrupted, StoreError
from kohort.errors import count
from kohort.evidence.store import MemberKey, VariantRecord, open_store
from kohort.evidence.trials import kept_name
from kohort.report import store_tables
from kohort.runs.searches.climbing import Climber
from kohort.runs.searches.keeping import SearchKeeper
from tests.runs.searches.searched import at_breath, build, small, without_times


@pytest.fixture
def trained(monkeypatch):
    """The pairs of a trial and an epoch that were trained, as they come."""
    real, epochs = SearchKeeper.measured, []

    def measured(keeper, number, epoch, logs):
        epochs.append((number, epoch))
        real(keeper, number, epoch, logs)

    monkeypatch.setattr(SearchKeeper, "measured", measured)
    return epochs


def told(result):
    return result.trials().drop(columns=["seconds", "finalist"])


@pytest.mark.long
def test_more_trials_are_drawn_after_those_that_there_are(blobs, tmp_path, trained, capsys):
    first = small(blobs, trials=6).run(tmp_path / "k.db", verbose=0, confirm=2)
    again = small(blobs, trials=10).run(tmp_path / "k.db", confirm=3)
    assert "goes on and grows: trials: 6 before, 10 now" in capsys.readouterr().err
    assert len(again.trials()) == 10
    pd.testing.assert_frame_equal(told(again)[:6], told(first))
    assert len(set(trained)) == len(trained), "an epoch was trained twice"
    before, now = set(first.searched.finalists), set(again.searched.finalists)
    assert before <= now, "what was proved stays in the race"
    best = [trial.number for trial in again.searched.ranked()]
    assert now == before | set(best[:3])
    assert again.searched.finalists[0] == best[0]
    assert set(again.flattery().index) == {f"trial {number}" for number in now}
    opened = kohort.open(tmp_path / "k.db", "small")
    assert opened.searched == again.searched


@pytest.mark.long
def test_while_it_grows_its_earlier_race_is_told_without_it(blobs, tmp_path, monkeypatch):
    """The finalists that the store then has may be others than those that raced."""
    first = small(blobs, trials=6).run(tmp_path / "k.db", verbose=0, confirm=2)

    def ends(*_):
        raise RuntimeError("ended before the race")

    with monkeypatch.context() as inside:
        inside.setattr(kohort.Search, "_proof", ends)
        with pytest.raises(RuntimeError):
            small(blobs, trials=10).run(tmp_path / "k.db", verbose=0, confirm=4)
    opened = kohort.open(tmp_path / "k.db", "small")
    assert opened.winner == first.winner
    assert type(opened) is kohort.Result
    assert "race of earlier finalists: its search has grown, and has others." in repr(opened)


@pytest.mark.long
def test_in_the_middle_of_a_growth_the_state_before_is_told_to_be_that(
    blobs, tmp_path, monkeypatch
):
    place = tmp_path / "k.db"
    first = small(blobs, trials=6).run(place, verbose=0, confirm=2)
    assert first.pending == kohort.open(place, "small").pending == ""
    assert repr(first) == f"SearchResult('small', 2 variants, winner {first.winner!r})"
    rows = {row["study"]: row for row in listed(place)}
    assert rows["small"]["last run"] == "done"

    def ends(*_):
        raise Interrupted

    with monkeypatch.context() as inside:
        inside.setattr(SearchKeeper, "measured", ends)
        with pytest.raises(Interrupted):
            small(blobs, trials=10).run(place, verbose=0, confirm=4)
    opened = kohort.open(place, "small")
    asked = "This is the search before it grew: 10 trials were asked for, 6 are in it."
    assert len(opened.trials()) == 6
    assert opened.pending.startswith(asked)
    assert asked in repr(opened)
    assert asked in opened.report(tmp_path / "r.html").read_text("utf-8")
    rows = {row["study"]: row for row in listed(place)}
    assert rows["small"]["last run"] == "done; its search was asked for more"
    with open_store(place) as store:
        for name in ("small", kept_name("small")):
            assert store_tables.pending(store, store.study(name)).startswith(asked)
    grown = small(blobs, trials=10).run(place, verbose=0, confirm=4)
    assert grown.pending == kohort.open(place, "small").pending == ""


def listed(place):
    with open_store(place) as store:
        return store_tables.studies(store)


def test_a_search_that_an_earlier_version_kept_is_refused_in_one_line(blobs, tmp_path):
    with open_store(tmp_path / "k.db") as store:
        kept = store.create(
            kept_name("small"), {"kind": "search", "trials": 12, "environment": {}},
            [VariantRecord("trial 0", "", {}, "")], [MemberKey("trial 0", 0)],
        )  # fmt: skip
        with kept.claim():
            kept.append([(MemberKey("trial 0", 0), 0, {"loss": 1.0})])
    with pytest.raises(StoreError, match="one of an earlier version") as caught:
        small(blobs).run(tmp_path / "k.db", verbose=0)
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_more_epochs_go_on_from_where_the_best_stand(blobs, tmp_path, trained):
    """Against the engine "keras": `model.fit`, once, from the first epoch to the last."""
    first = small(blobs, trials=6).run(tmp_path / "k.db", verbose=0, confirm=2, keep="all")
    count = len(trained)
    again = small(blobs, trials=6, epochs=8).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert (first.searched.rungs, again.searched.rungs) == ((1, 2, 4), (1, 2, 4, 8))
    assert len(set(trained)) == len(trained), "an epoch was trained twice"
    assert {epoch for _, epoch in trained[count:]} == {4, 5, 6, 7}
    trials = again.trials()
    whole = trials[trials["state"] == "finished"]
    assert set(whole.index) <= set(first.trials().query("state == 'finished'").index)
    names = ["units", "rate", "dropout"]
    study = kohort.Study(
        "alone",
        [
            kohort.Variant(f"trial {number}", build, **{name: row[name] for name in names})
            for number, row in whole.iterrows()
        ],
        blobs,
        replicates=kohort.Holdout(0.2, repeats=1),
        epochs=8,
        batch_size=50,
    )
    curves = study.run(engine="keras", verbose=0).curves()
    valid = curves[curves["metric"].isin(["val_data_loss", "val_accuracy"])]
    for number, row in whole.iterrows():
        mine = valid[valid["variant"] == f"trial {number}"]
        by_metric = mine.pivot_table("value", "epoch", "metric", observed=True)
        best = by_metric["val_data_loss"].idxmin()
        assert row["score"] == pytest.approx(by_metric["val_accuracy"][best], abs=1e-6)


@pytest.mark.long
def test_a_few_more_epochs_move_the_last_rung(blobs, tmp_path, trained):
    first = small(blobs, trials=6).run(tmp_path / "k.db", verbose=0, confirm=2, keep="all")
    again = small(blobs, trials=6, epochs=5).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert again.searched.rungs == (1, 2, 5)
    assert len(set(trained)) == len(trained)
    states = [result.trials()["state"].to_list() for result in (first, again)]
    assert states[0] == states[1]


@pytest.mark.long
@pytest.mark.parametrize("breath", [1, 3])
def test_wherever_it_stood_it_grows_to_the_same_numbers(blobs, tmp_path, monkeypatch, breath):
    """More trials and more epochs at once; and what it learns from does not change by them."""
    place, other = tmp_path / "whole.db", tmp_path / "ended.db"
    grown = {"trials": 24, "epochs": 9}
    small(blobs).run(place, verbose=0, confirm=2)
    whole = small(blobs, **grown).run(place, verbose=0, confirm=2)
    with monkeypatch.context() as inside:
        breaths = at_breath(inside, breath)
        with pytest.raises(Interrupted):
            small(blobs).run(other, verbose=0, checkpoint_seconds=0.0)
        for _ in range(2):
            breaths.clear()
            with pytest.raises(Interrupted):
                small(blobs, **grown).run(other, verbose=0, checkpoint_seconds=0.0)
    pd.testing.assert_frame_equal(
        told(small(blobs, **grown).run(other, verbose=0, confirm=2)), told(whole)
    )
    again = small(blobs, **grown).run(place, verbose=0, confirm=2)
    assert without_times(again) == without_times(whole)


@pytest.mark.long
@pytest.mark.parametrize("built", [1, 5])
def test_ended_before_its_first_epoch_it_grows_to_the_same_numbers(
    blobs, tmp_path, monkeypatch, built
):
    """Which trials there are follows from what it began with, though nothing was measured."""
    place, other = tmp_path / "whole.db", tmp_path / "ended.db"
    grown = {"trials": 24, "epochs": 9}
    small(blobs).run(place, verbose=0, confirm=2)
    whole = small(blobs, **grown).run(place, verbose=0, confirm=2)
    real, planned = Climber._planned, []

    def ends(climber, number):
        planned.append(number)
        if len(planned) == built:
            climber._keeper.ask_to_end()
        return real(climber, number)

    with monkeypatch.context() as inside:
        inside.setattr(Climber, "_planned", ends)
        for options in ({}, grown):
            planned.clear()
            with pytest.raises(Interrupted):
                small(blobs, **options).run(other, verbose=0)
    with open_store(other) as store:
        assert store.study(kept_name("small")).epochs() == []
    pd.testing.assert_frame_equal(
        told(small(blobs, **grown).run(other, verbose=0, confirm=2)), told(whole)
    )


@pytest.mark.long
def test_a_single_finalist_gets_rivals(blobs, tmp_path):
    """Where all others diverged there was no race; with more trials there is one."""

    def by_descent(rate):
        model = build(4, 0.01, 0.1)
        model.compile(
            keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    options = {"build": by_descent, "space": {"rate": [0.01, 0.02, 1e38]}, "epochs": 1}
    options |= {"sampler": "random", "seed": 0}
    first = small(blobs, trials=2, **options).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert len(first.flattery()) == 1
    again = small(blobs, trials=3, **options).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert len(again.flattery()) == 2
    assert again.race_text()


@pytest.mark.long
@pytest.mark.parametrize("epochs", [5, 8, 16])
def test_what_trains_again_is_told_before_it_does(blobs, tmp_path, trained, capsys, epochs):
    """Of `keep="final"` no states are there that more epochs go on from."""
    small(blobs, trials=6).run(tmp_path / "k.db", verbose=0, confirm=2)
    before = set(trained)
    trained.clear()
    small(blobs, trials=6, epochs=epochs).run(tmp_path / "k.db", confirm=2)
    again = [pair for pair in trained if pair in before]
    trials = {number for number, _ in again}
    assert trials
    told = capsys.readouterr().err
    assert (
        f"small (search) trains {count(len(trials), 'trial')} from the first epoch, "
        f"{len(again)} epochs again, and so do its finalists: it was kept with keep='final'"
    ) in " ".join(told.split())
    assert told.index("from the first epoch") < told.index("rung")


def test_nothing_is_told_to_train_again_where_states_were_kept(blobs, tmp_path, capsys):
    small(blobs, trials=4).run(tmp_path / "k.db", verbose=0, confirm=2, keep="all")
    small(blobs, trials=4, epochs=8).run(tmp_path / "k.db", confirm=2)
    told = capsys.readouterr().err
    assert "goes on and grows: epochs: 4 before, 8 now" in told
    assert "from the first epoch" not in told
