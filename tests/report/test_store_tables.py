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
