"""How what a store has is told."""

from sqlalchemy import update

from kohort.evidence.store import KeptStudy, open_store, schema
from kohort.report import store_tables


def test_of_runs_that_never_ended_only_the_last_may_be_running(tmp_path, monkeypatch):
    asked, is_claimed = [], KeptStudy.is_claimed

    def counted(kept):
        asked.append(kept.name)
        return is_claimed(kept)

    monkeypatch.setattr(KeptStudy, "is_claimed", counted)
    with open_store(tmp_path / "kohort.db") as store:
        kept = store.create("width", {}, [], [])
        assert store_tables.study(kept)["runs"] == []
        with kept.claim():
            for _ in range(3):
                kept.begin_run({})
            # As where nothing marked those that were killed.
            kept._write(
                lambda connection: connection.execute(update(schema.run).values(outcome=None))
            )
            while_running = store_tables.study(kept)["runs"]
            assert asked == ["width"]
        afterwards = store_tables.study(kept)["runs"]
    assert [run["outcome"] for run in while_running] == ["killed", "killed", "running"]
    assert [run["outcome"] for run in afterwards] == ["killed"] * 3


def test_where_members_train_is_told_while_they_do(tmp_path):
    places = {"10.0.0.5": ["width, replicate 0", "width, replicate 1"], "10.0.0.6": ["trial 3"]}
    with open_store(tmp_path / "kohort.db") as store:
        kept = store.create("width", {}, [], [])

        def told():
            parts = store_tables.study(kept)
            others = ("pending", "answer", "race", "axes", "classes", "test", "search")
            lines = "\n".join(store_tables.lines(parts | {key: [] for key in others}))
            return store_tables.studies(store)[0]["last run"], parts["places"], lines

        with kept.claim():
            kept.begin_run({"keras": "3"})
            assert told()[:2] == ("running", [])
            kept.tell_run(places=places)
            listed, rows, lines = told()
            assert listed == "running on 10.0.0.5, 10.0.0.6"
            assert [(row["node"], row["members"]) for row in rows] == [
                ("10.0.0.5", 2),
                ("10.0.0.6", 1),
            ]
            assert "trains now\nnode      members  train there\n10.0.0.5        2  w" in lines
            kept.tell_run(places={})
            assert told()[:2] == ("running", [])
            kept.tell_run(places=places)
            assert kept.runs()[-1].environment["keras"] == "3"
        listed, rows, lines = told()  # It was killed.
        assert (listed, rows) == ("killed", [])
        assert "trains now" not in lines


def test_findings_that_tell_nothing_are_counted_unless_they_are_asked_for():
    row = {"code": "KH102", "verdict": "inconclusive", "told": "a may have a gap.", "advice": ""}
    found = {**row, "verdict": "found", "told": "b has one.", "advice": "Regularise."}
    rows = [row, found, {**row, "code": "KH101"}, row]
    names = ("variants", "runs", "places", "events", "race", "axes", "classes", "test", "search")
    parts = {**{name: [] for name in names}, "findings": rows}
    folded = store_tables.lines(parts, shows_all=False)
    assert folded[-3:] == [
        "findings", "KH102 found: b has one. Regularise.",
        "3 inconclusive, by code: KH101 1, KH102 2; --all tells them",
    ]  # fmt: skip
    assert len(store_tables.lines(parts)) == len(folded) + 2
    parts["findings"] = rows[1:2]
    assert store_tables.lines(parts, shows_all=False)[-1] == "KH102 found: b has one. Regularise."


def trial(number, score=0.5, **others):
    common = {"rungs": 1, "epochs": 1, "state": "open", "finalist": False, "reason": ""}
    return {"trial": number, "score": score, "arguments": {"units": 4}} | common | others


def test_of_a_search_the_best_trials_are_told_and_all_where_that_is_asked_for():
    names = ("variants", "runs", "places", "events", "race", "axes", "classes", "test", "findings")
    parts = {name: [] for name in names}
    parts["search"] = [{"metric": "data_loss", "rungs": [1, 3, 9]}]
    parts["trials"] = [trial(n) for n in range(10)]
    parts["trials"] += [trial(10, None, state="failed", reason="no room"), trial(11, finalist=True)]
    told, drawn, *rest = store_tables.lines(parts, shows_all=False)
    head, *rows = drawn.splitlines()
    assert told == (
        "12 trials: 10 open, 1 failed, 1 finalist; the best 10 are these, --all tells the rest"
    )
    assert head.split() == ["trial", "loss", "rungs", "epochs", "state", "arguments"]
    assert rows[0].split() == ["0", "0.5", "1", "of", "3", "1", "open", "units=4"]
    assert len(rows) == 10
    assert rest[:2] == ["", "runs"]
    told, drawn, *_ = store_tables.lines(parts)
    rows = drawn.splitlines()[1:]
    assert told == "12 trials: 10 open, 1 failed, 1 finalist"
    assert rows[10].split()[1:] == ["none", "1", "of", "3", "1", "failed", "units=4:", "no", "room"]
    parts["search"], parts["trials"] = [{"told": "damaged"}], []
    assert store_tables.lines(parts)[0] == "damaged"
