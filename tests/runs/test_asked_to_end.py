"""Runs that somebody who watches them asks to end, through the store."""

import pytest

import kohort
from kohort.evidence.outset import OUTSET
from kohort.evidence.store import KeptStudy, open_store
from kohort.evidence.trials import kept_name
from kohort.report.following.time_left import TimeLeft
from kohort.runs.retention import told_run
from tests.runs.searches.searched import small
from tests.runs.test_resume import numbers, run, study


@pytest.fixture
def ask_at(monkeypatch):
    """Asks a study to end, as another process does, at a number of writes of curves."""
    real, calls = KeptStudy.append, []

    def ask(place, name, number):
        def append(kept, measured):
            real(kept, measured)
            calls.append(name)
            if len(calls) == number:
                with open_store(place) as other:
                    assert other.study(name).ask_to_end()

        monkeypatch.setattr(KeptStudy, "append", append)
        return calls

    return ask


@pytest.mark.long
@pytest.mark.parametrize("engine", ["fused", "keras"])
def test_a_study_that_is_asked_to_end_ends_after_its_epoch_and_goes_on(
    blobs, tmp_path, ask_at, engine
):
    place = tmp_path / "kohort.db"
    calls = ask_at(place, "kept", 2)
    with pytest.raises(kohort.Interrupted):
        run(study(blobs, ["plain"]), place, engine=engine)
    assert len(calls) < 6
    with open_store(place) as store:
        kept = store.study("kept")
        (first,), (event,) = kept.runs(), kept.events()
        assert (first.outcome, event.kind, event.run) == ("interrupted", "asked", first.number)
        assert first.asked_to_end
        assert not kept.ask_to_end(), "nobody runs it"
    again = run(study(blobs, ["plain"]), place, engine=engine)
    assert numbers(again) == numbers(run(study(blobs, ["plain"]), engine=engine))


def test_a_search_that_is_asked_to_end_does(blobs, tmp_path, ask_at):
    place = tmp_path / "kohort.db"
    ask_at(place, kept_name("small"), 1)
    with pytest.raises(kohort.Interrupted):
        small(blobs, trials=4).run(place, verbose=0, checkpoint_seconds=0.0)
    with open_store(place) as store:
        assert store.study(kept_name("small")).runs()[-1].outcome == "interrupted"


def test_to_ask_twice_is_to_ask_once_and_a_later_run_is_not_asked(tmp_path):
    with open_store(tmp_path / "kohort.db") as store:
        kept = store.create("width", {}, [], [])
        assert not kept.ask_to_end(), "there is no run"
        assert not kept.is_asked_to_end
        with kept.claim():
            kept.begin_run({})
            assert not kept.is_asked_to_end
            with open_store(tmp_path / "kohort.db") as other:
                assert [other.study("width").ask_to_end() for _ in range(2)] == [True, True]
            assert kept.is_asked_to_end
            kept.end_run("interrupted")
            assert len(kept.events()) == 1
            kept.begin_run({})
            assert not kept.is_asked_to_end


def test_what_is_known_before_training_is_kept(blobs, tmp_path, monkeypatch):
    place, seen = tmp_path / "kohort.db", []
    real = KeptStudy.append

    def append(kept, measured):
        real(kept, measured)
        seen.append(kept.description)

    monkeypatch.setattr(KeptStudy, "append", append)
    result = run(study(blobs, ["plain", "dropout"]), place)
    assert "result" not in seen[0]
    outset, facts = seen[0][OUTSET], result._conclusions.record.variants
    assert outset["settings"]["metric"] == result.metric
    assert outset["parameters"] == [variant.parameters for variant in facts]
    assert outset["untrained_losses"] == [variant.untrained_loss for variant in facts]
    assert outset["pixels"] is None, "rows are no images"


def test_the_time_that_is_left_is_kept_while_a_study_trains(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr(told_run, "_SECONDS", 0.0)
    place, told = tmp_path / "kohort.db", []
    real = KeptStudy.tell_run

    def tell(kept, **what):
        real(kept, **what)
        told.append(kept.runs()[-1].left)

    monkeypatch.setattr(KeptStudy, "tell_run", tell)
    monkeypatch.setattr(TimeLeft, "seconds", 12.34)
    run(study(blobs, ["plain", "dropout"]), place)
    assert {tuple(left) for left in told} == {(12.3, "")}
