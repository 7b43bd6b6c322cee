"""A study is followed: only what is new is read, and told."""

import math

import pytest

import kohort
from kohort.errors import StoreError
from kohort.evidence.store import KeptStudy, MemberKey, open_store
from kohort.serve.follower import Follower
from tests.serve.serving import logs, make_study, measure, outset, serving


@pytest.fixture
def follower(store, place):
    return Follower(store, place, "width")


def news(follower, cursor):
    follower.look()
    follower.judge()
    return follower.told(cursor)


def test_at_first_all_is_told_and_then_what_is_new(store, follower, monkeypatch):
    kept, members = make_study(store)
    read, real = [], KeptStudy.epochs

    def counted(kept, known=None):
        found = real(kept, known)
        read.append(len(found))
        return found

    monkeypatch.setattr(KeptStudy, "epochs", counted)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members[:3], [0, 1])
        told, cursor = news(follower, None)
        assert told["all"]
        assert told["variants"] == ["narrow", "wide"]
        assert [row[4:] for row in told["members"]] == [[2, "begun"]] * 3 + [[0, "waiting"]] * 3
        assert [cell[:2] for cell in told["cells"]] == [[0, 0], [0, 1]]
        assert news(follower, cursor)[0] is None

        measure(kept, members[:3], [2])
        told, cursor = news(follower, cursor)
        assert not told["all"]
        assert [cell[:2] for cell in told["cells"]] == [[0, 2]]
        assert [row[:2] + row[4:] for row in told["members"]] == [
            [n, 0, 3, "begun"] for n in range(3)
        ]
        assert read == [6, 3], "epochs that were read are not read again"
        assert told["head"]["done"] == 9
        assert told["head"]["status"] == "running"

        kept.finish(members[0], [], 1.0)
        told, _ = news(follower, cursor)
        assert [row[0] for row in told["members"]] == [0]
        assert told["members"][0][5] == "finished"
        assert "cells" in told
        assert told["cells"] == []
    assert told["head"]["total"] == 24


def test_two_clients_hear_each_what_they_lack(store, follower):
    kept, members = make_study(store)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0])
        _, early = news(follower, None)
        measure(kept, members, [1])
        _, late = news(follower, early)
        measure(kept, members, [2])
        follower.look()
        assert {cell[1] for cell in follower.told(early)[0]["cells"]} == {1, 2}
        assert {cell[1] for cell in follower.told(late)[0]["cells"]} == {2}


def test_a_member_that_starts_over_is_told_anew(store, follower):
    kept, members = make_study(store, names=("narrow",), replicates=1)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, range(3))
        _, cursor = news(follower, None)
        kept.restart(members[0])
        measure(kept, members, [0])
        told, _ = news(follower, cursor)
    empty = [cell[1] for cell in told["cells"] if cell[2][0] is None]
    assert empty == [1, 2]
    assert told["members"] == [[0, 0, 0, 1.0, 1, "begun"]]


def test_a_study_that_begins_anew_is_told_from_its_beginning(store, follower):
    kept, members = make_study(store)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0, 1])
    _, cursor = news(follower, None)
    store.delete("width")
    with pytest.raises(StoreError, match="a study in"):
        follower.look()
    make_study(store, names=("other",), replicates=1)
    told, _ = news(follower, cursor)
    assert told["all"]
    assert told["variants"] == ["other"]


def test_members_that_diverged_say_so_and_parts_and_refits_are_not_drawn(store, follower):
    kept, members = make_study(store, names=("narrow",), replicates=1)
    part, refit = MemberKey("narrow", 0, 0.5), MemberKey("narrow", -1)
    kept.extend(kept.description, [], [part, refit])
    with kept.claim():
        kept.begin_run({})
        kept.append([(members[0], 0, logs(math.nan, 0.1)), (part, 0, logs(1.0, 0.9)),
                     (refit, 0, logs(1.0, 0.9))])  # fmt: skip
        told, _ = news(follower, None)
    assert [row[3:] for row in told["members"]] == [[1.0, 1, "diverged"], [0.5, 1, "begun"]]
    ((variant, epoch, band),) = told["cells"]
    assert (variant, epoch) == (0, 0)
    assert band[-3:] == [0.1] * 3


def test_members_that_an_ended_race_did_not_need_are_not_shown(store, place, follower):
    """As where it was decided with another margin, at an earlier look."""
    kept, members = make_study(store)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, range(4))
        for member in members:
            kept.finish(member, [], 1.0)
        told, cursor = news(follower, None)
        assert len(told["members"]) == 6
        result = outset(["narrow", "wide"])
        result |= {"trained": [2, 2], "settings": result["settings"] | {"looks": [2, 3]}}
        kept.extend(kept.description | {"result": result, "data": "0"}, [], [])
        kept.end_run("done")
    told, _ = news(follower, cursor)
    assert told["all"]
    assert [row[1:3] for row in told["members"]] == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert (told["head"]["members"], told["head"]["done"]) == (4, 16)
    band = {(variant, epoch): band for variant, epoch, band in told["cells"]}[1, 3]
    assert band[-3:] == [0.6305, 0.63, 0.631], "the lowest and the highest of two"
    stands = [(told["variants"][row[0]], *row[1:3]) for row in told["judged"]["standings"]]
    assert stands == [("wide", 2, 0.6305), ("narrow", 2, 0.5305)]
    table = kohort.open(place, "width").table()
    assert table["val_accuracy"].to_dict() == pytest.approx({"wide": 0.6305, "narrow": 0.5305})


def test_of_a_race_that_has_ended_those_that_trained_more_stand_first(store, follower):
    kept, members = make_study(store)
    result = outset(["narrow", "wide"])
    result |= {"trained": [3, 2], "settings": result["settings"] | {"looks": [2, 3]}}
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, range(4))
        for member in members:
            kept.finish(member, [], 1.0)
        kept.extend(kept.description | {"result": result, "data": "0"}, [], [])
        kept.end_run("done")
    told, _ = news(follower, None)
    stands = [(told["variants"][row[0]], row[1]) for row in told["judged"]["standings"]]
    assert stands == [("narrow", 3), ("wide", 2)]
    assert follower.order == ["narrow", "wide"]


def test_how_a_run_ended_is_told(store, follower):
    kept, members = make_study(store)
    assert news(follower, None)[0]["head"]["status"] == "not begun"
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0])
        assert kept.ask_to_end()
        head = news(follower, None)[0]["head"]
        assert (head["status"], head["asked"]) == ("running", True)
        kept.end_run("interrupted")
    told = news(follower, None)[0]
    assert (told["head"]["status"], told["head"]["running"]) == ("interrupted", False)
    assert [event["kind"] for event in told["events"]] == ["asked"]


def test_a_run_that_was_killed_is_asked_about_once(store, follower, monkeypatch):
    """To ask takes the lock for a moment, in which a new run would be refused."""
    asked, real = [], KeptStudy.is_claimed
    monkeypatch.setattr(KeptStudy, "is_claimed", lambda kept: asked.append(1) or real(kept))
    kept, _ = make_study(store)
    with kept.claim():
        kept.begin_run({})
    for _ in range(5):
        assert news(follower, None)[0]["head"]["status"] == "killed"
    assert len(asked) == 1


def test_the_order_of_variants_is_that_of_their_scores(store, follower):
    kept, members = make_study(store, names=("best last", "b", "c"))
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, range(4))
        follower.look()
        assert follower.order == ["best last", "b", "c"], "nothing is judged yet"
        follower.judge()
    assert follower.order == ["c", "b", "best last"]
    losses = follower.lowest_losses()
    assert losses[members[1]] == pytest.approx(0.26)


def test_a_study_is_followed_in_postgresql(server, tmp_path):
    place = server.new_database()
    with open_store(place, files=tmp_path / "files") as store:
        follower = Follower(store, place, "width")
        kept, members = make_study(store)
        with kept.claim():
            kept.begin_run({})
            measure(kept, members, [0, 1])
            told, cursor = news(follower, None)
            assert told["head"]["status"] == "running"
            assert [cell[:2] for cell in told["cells"]] == [[0, 0], [0, 1], [1, 0], [1, 1]]
            measure(kept, members, [2])
            told, cursor = news(follower, cursor)
            assert [cell[:2] for cell in told["cells"]] == [[0, 2], [1, 2]]
            assert kept.ask_to_end()
            assert kept.is_asked_to_end
        with serving(store, place) as live, live.feed("width") as messages:
            told, _ = next(messages)
            assert told["variants"] == ["narrow", "wide"]
