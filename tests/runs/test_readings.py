"""Readings of the test set: kept with the study, and not repeated."""

import keras
import pytest

import kohort
from kohort.evidence.store import open_store, schema
from tests.models import build_mlp


def study(data, repeats=3, epochs=4, **more):
    variants = [
        kohort.Variant("plain", build_mlp, learning_rate=1e-4),
        kohort.Variant("l2", build_mlp, l2=0.01),
        *(kohort.Variant(name, build_mlp, **arguments) for name, arguments in more.items()),
    ]
    return kohort.Study(
        "read", variants, data, replicates=kohort.Holdout(0.2, repeats), epochs=epochs,
        batch_size=50,
    )  # fmt: skip


def read(result):
    """Who was read, reading by reading: variant, replicate and epoch."""
    return [[(m.variant, m.replicate, m.epoch) for m in r.members] for r in result.readings()]


def of(result, number):
    member = result._best_member(number)
    return member.variant.name, member.replicate.number, member.epoch


@pytest.fixture
def unread(monkeypatch):
    """From when it is called no model predicts any more."""
    return lambda: monkeypatch.setattr(keras.Model, "predict", None)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "kohort.db"


def facts(held):
    return [
        (one.variant, repr(one.accuracy), one.confusion.tolist(), one.mistakes, one.right.tolist())
        for one in held
    ]


@pytest.mark.long
def test_a_winner_that_was_tested_is_not_tested_again(blobs, place, tmp_path, unread):
    result = study(blobs).run(place, verbose=0)
    assert result.readings() == ()
    tested = facts(result.test())
    assert read(result) == [[of(result, 1), of(result, 0)]]
    page = result.report(tmp_path / "one.html").read_text("utf-8")
    unread()
    opened = kohort.open(place, "read", blobs)
    again = study(blobs).run(place, verbose=0)
    for other in (opened, again):
        assert facts(other.test()) == tested
        assert [r.time for r in other.readings()] == [r.time for r in result.readings()]
        assert repr(other.test_difference()) == repr(result.test_difference())
    when = f"once, on {result.readings()[0].time:%Y-%m-%d at %H:%M:%S} UTC for l2"
    for text in (page, opened.report(tmp_path / "other.html").read_text("utf-8")):
        assert when in text.split("test set read</dt>")[1]


@pytest.mark.long
def test_another_winner_is_another_reading_and_the_baseline_is_not_read_again(blobs, place):
    first = study(blobs).run(place, verbose=0)
    first.test()
    more = study(blobs, faster={"learning_rate": 0.1}).run(place, verbose=0)
    assert (first.winner, more.winner) == ("l2", "faster")
    assert [held.variant for held in more.test()] == ["faster", "plain"]
    assert read(more) == [[of(first, 1), of(first, 0)], [of(more, 2)]]
    assert read(first) == read(more), "one store, one history"


@pytest.mark.long
def test_the_report_tells_how_often_and_for_whom(blobs, place, tmp_path):
    study(blobs).run(place, verbose=0).test()
    more = study(blobs, faster={"learning_rate": 0.1}).run(place, verbose=0)
    text = more.report(tmp_path / "r.html").read_text("utf-8")
    told = text.split("test set read</dt>")[1].split("</dd>")[0]
    assert told.startswith("<dd>2 times, on ")
    assert "UTC for l2 (replicate " in told
    assert "; again on" in told
    assert "UTC for faster (replicate " in told.split("; again on")[1]
    assert "On the test set, read 2 times (see below) and never to choose" in text


@pytest.mark.long
def test_the_same_member_with_other_weights_is_another_reading(blobs, place):
    first = study(blobs, epochs=2).run(place, verbose=0)
    first.test()
    longer = study(blobs, epochs=6).run(place, verbose=0)
    longer.test()
    assert [[m[0] for m in members] for members in read(longer)] == [["l2", "plain"]] * 2
    assert read(longer)[0] == read(first)[0]
    assert read(longer)[1] == [of(longer, 1), of(longer, 0)] != read(longer)[0]


@pytest.mark.long
def test_a_damaged_reading_stays_in_the_record_and_is_made_again(blobs, place):
    result = study(blobs).run(place, verbose=0)
    tested = facts(result.test())
    with open_store(place) as store:
        store._database.write(lambda c: c.execute(schema.reading.update().values(arrays=b"")))
    opened = kohort.open(place, "read", blobs)
    assert facts(opened.test()) == tested
    assert read(opened) == read(result) == [[of(result, 1), of(result, 0)]] * 2


@pytest.mark.long
def test_a_study_that_begins_anew_was_not_read(blobs, place):
    study(blobs).run(place, verbose=0).test()
    assert study(blobs).run(place, fresh=True, verbose=0).readings() == ()


@pytest.mark.long
def test_the_store_is_found_from_another_folder_and_may_lose_the_study(
    blobs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = study(blobs).run("kohort.db", verbose=0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result.test()
    assert len(result.readings()) == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []
    with open_store(tmp_path / "kohort.db") as store:
        store.delete("read")
    assert result.readings() == ()


@pytest.mark.long
def test_what_is_kept_in_memory_is_read_once_by_its_result(blobs):
    result = study(blobs).run("sqlite://", verbose=0)
    result.test()
    assert len(result.readings()) == 1
