"""What every store does, wherever its rows are."""

import json
import math
import re
from datetime import UTC, datetime, timedelta

import ml_dtypes
import numpy as np
import pytest
from sqlalchemy import select, update

from kohort.errors import StoreError
from kohort.evidence.store import (
    EndedMember,
    EpochRecord,
    FindingRecord,
    MemberKey,
    VariantRecord,
    files,
    journal,
    rows,
    schema,
)
from kohort.evidence.store.trained import weight_rows
from tests.evidence.store.conftest import MEMBERS, ONE, VARIANTS

WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(0), np.array(True)]
FINDING = FindingRecord("KH101", "wide", "found", "It overfits.", "Stop.", {"loss": math.inf})


def kept_files(study):
    return sorted(path.name for path in study._files.iterdir()) if study._files.exists() else []


def damage(study, name):
    path = study._files / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


class TestStore:
    def test_a_new_one_is_empty(self, store):
        assert store.studies() == []

    def test_a_study_is_kept_as_it_was_given(self, store):
        store.create("width", {"margin": math.inf, "name": "\N{SNOWMAN}\0"}, VARIANTS, MEMBERS)
        study = store.study("width")
        assert study.description == {"margin": math.inf, "name": "\N{SNOWMAN}\0"}
        assert study.variants() == VARIANTS
        assert [record.key for record in study.members()] == MEMBERS
        assert study.epochs() == study.events() == study.findings() == study.runs() == []

    def test_arguments_that_are_not_json_are_kept_as_they_print(self, store):
        variant = VariantRecord("a", arguments={"rate": np.float32(0.5), "of": {1}.union})
        study = store.create("a", {}, [variant], [])
        assert study.variants()[0].arguments["rate"] == 0.5
        assert "union" in study.variants()[0].arguments["of"]

    def test_a_description_that_is_not_json_is_refused(self, store):
        with pytest.raises(TypeError, match="keeps JSON, and no set"):
            store.create("a", {"of": set()}, [], [])
        assert store.studies() == []

    def test_a_name_is_taken_once(self, store, kept):
        with pytest.raises(StoreError, match="a name that no study of the store has, got 'width'"):
            store.create("width", {}, [], [])
        assert len(store.studies()) == 1

    @pytest.mark.parametrize("name", ["", "a\0", "\ud800"])
    def test_a_name_is_text(self, store, name):
        with pytest.raises(StoreError, match="a name of some letters, got"):
            store.create(name, {}, [], [])
        with pytest.raises(StoreError, match="a name of some letters, got"):
            store.create("a", {}, [VariantRecord(name)], [])
        assert store.studies() == []

    def test_a_name_that_is_not_there_is_told_with_those_like_it(self, store, kept):
        store.create("depth", {}, [], [])
        with pytest.raises(StoreError, match=r"got 'widht'; choose one like 'width'$"):
            store.study("widht")

    def test_a_store_without_studies_tells_to_run_one(self, store):
        with pytest.raises(StoreError, match="got 'a'; run one first"):
            store.study("a")

    def test_a_member_of_no_variant_is_refused_and_nothing_kept(self, store):
        with pytest.raises(StoreError, match=r"the study's variants, got \['deep'\]"):
            store.create("width", {}, VARIANTS, [MemberKey("deep", 0)])
        assert store.studies() == []

    def test_studies_are_summed_up(self, store, claimed):
        store.create("later", {}, [], [])
        claimed.begin_run({})
        claimed.append([(ONE, 0, {}), (ONE, 1, {}), (MEMBERS[1], 0, {})])
        claimed.finish(ONE, [], 1.0)
        first, later = store.studies()
        assert (first.name, first.planned, first.finished, first.epochs) == ("width", 8, 1, 3)
        assert first.outcome is None
        assert abs(first.created - datetime.now(UTC)) < timedelta(minutes=1)
        assert (later.name, later.planned, later.finished, later.epochs) == ("later", 0, 0, 0)
        claimed.end_run("done")
        claimed.begin_run({})
        claimed.end_run("interrupted")
        assert [summary.outcome for summary in store.studies()] == ["interrupted", None]

    def test_a_deleted_study_leaves_nothing(self, store):
        other = store.create("other", {}, VARIANTS, MEMBERS)
        study = store.create("width", {}, VARIANTS, MEMBERS)
        for each in (other, study):
            with each.claim():
                each.begin_run({})
                each.append([(ONE, 0, {"loss": 1.0})])
                each.finish(ONE, WEIGHTS, 1.0)
                each.save_checkpoint("a", 1, {"x": np.zeros(1)}, {})
                each.note("a", "b")
                each.keep_findings([FINDING])
        store.delete("width")
        assert [summary.name for summary in store.studies()] == ["other"]
        assert not study._files.exists()
        assert other.epochs() == [EpochRecord(ONE, 0, {"loss": 1.0})]
        assert len(other.weights(ONE)) == 3
        from kohort.evidence.store.schema import metadata

        left = {
            name: store._database.read(lambda c, table=table: len(c.execute(table.select()).all()))
            for name, table in metadata.tables.items()
        }
        assert left["trash"] == 0
        assert (left["study"], left["run"], left["epoch"], left["finding"]) == (1, 1, 1, 1)
        assert (left["event"], left["checkpoint"], left["holder"]) == (1, 1, 1)

    def test_an_id_never_comes_again(self, store):
        before = store.create("a", {}, [], []).number
        store.delete("a")
        assert store.create("a", {}, [], []).number > before

    def test_who_has_claimed_a_study_can_be_asked_without_harm(self, store, kept):
        assert kept.is_claimed() is False
        with kept.claim():
            assert store.study(kept.name).is_claimed() is True
            kept.begin_run({})  # still claimed
        assert kept.is_claimed() is False

    def test_a_study_that_runs_is_not_deleted(self, store, claimed):
        with pytest.raises(StoreError, match="nobody else runs the study 'width'"):
            store.delete("width")
        assert len(claimed.members()) == 8

    def test_a_deletion_that_was_cut_short_is_ended_by_the_next(self, store, claimed):
        claimed.finish(ONE, WEIGHTS, 1.0)
        store._database.write(
            lambda connection: rows.delete_study(connection, claimed.number, claimed.folder)
        )
        store.create("other", {}, [], [])
        store.delete("other")
        assert not claimed._files.exists()

    def test_what_is_kept_is_there_when_it_is_opened_again_but_in_memory(self, open_here, request):
        with open_here() as store:
            study = store.create("width", {}, VARIANTS, MEMBERS)
            with study.claim():
                study.append([(ONE, 0, {"loss": 1.0})])
                study.finish(ONE, WEIGHTS, 2.5)
        with open_here() as store:
            if "memory" in request.node.callspec.id:
                assert store.studies() == []
                return
            study = store.study("width")
            assert study.epochs() == [EpochRecord(ONE, 0, {"loss": 1.0})]
            assert study.weights(ONE)[0].tolist() == WEIGHTS[0].tolist()

    def test_a_store_that_was_closed_is_so(self, open_here):
        store = open_here()
        study = store.create("width", {}, VARIANTS, MEMBERS)
        store.close()
        for use in (store.studies, study.members, lambda: study.note("a", "b")):
            with pytest.raises(StoreError, match="an open store, got one that was closed"):
                use()


class TestStudy:
    def test_it_grows(self, kept):
        deep = VariantRecord("deep", "def deep(): ...")
        more = [MemberKey("deep", 0), MemberKey("wide", 2), ONE]
        kept.extend({"epochs": 9}, [VariantRecord("wide", "other"), deep], more)
        assert kept.description == {"epochs": 9}
        assert kept.variants() == [*VARIANTS, deep]
        assert [record.key for record in kept.members()] == [*MEMBERS, *more[:2]]

    def test_it_does_not_grow_by_half(self, kept):
        with pytest.raises(StoreError, match=r"got \['deep'\]; give them as well"):
            kept.extend({"epochs": 9}, [], [MemberKey("wide", 5), MemberKey("deep", 0)])
        assert kept.description == {"epochs": 3}
        assert len(kept.members()) == 8

    def test_epochs_keep_every_number(self, claimed):
        logs = {"loss": math.nan, "a": math.inf, "b": -math.inf, "c": 0.1, "d": -0.0, "e": 5e-324}
        claimed.append([(ONE, 0, logs), (ONE, 1, {"loss": np.float32(0.1), "n": 3})])
        first, second = claimed.epochs()
        assert json.dumps(first.logs) == json.dumps(logs)
        assert second == (ONE, 1, {"loss": float(np.float32(0.1)), "n": 3.0})

    def test_epochs_come_by_member_and_epoch(self, claimed):
        claimed.append([(MEMBERS[2], 0, {}), (MEMBERS[1], 1, {})])
        claimed.append([(MEMBERS[1], 0, {})])
        order = [(record.member, record.epoch) for record in claimed.epochs()]
        assert order == [(MEMBERS[1], 0), (MEMBERS[1], 1), (MEMBERS[2], 0)]
        assert [record.epochs for record in claimed.members()] == [0, 2, 1, 0, 0, 0, 0, 0]

    def test_an_epoch_that_comes_again_takes_the_place_of_the_first(self, claimed):
        claimed.append([(ONE, 0, {"loss": 1.0}), (ONE, 1, {"loss": 2.0})])
        claimed.append([(ONE, 0, {"loss": 3.0})])
        assert [record.logs["loss"] for record in claimed.epochs()] == [3.0, 2.0]
        assert claimed.members()[0].epochs == 2

    def test_epochs_of_no_member_are_refused_with_all_others(self, claimed):
        with pytest.raises(StoreError, match=r"a member of the study 'width', got .*deep"):
            claimed.append([(ONE, 0, {}), (MemberKey("deep", 0), 0, {})])
        assert claimed.epochs() == []

    def test_nothing_appended_is_nothing(self, claimed):
        claimed.append([])
        assert claimed.epochs() == []

    def test_a_member_finishes_with_its_weights(self, claimed):
        claimed.append([(ONE, 0, {})])
        claimed.finish(ONE, WEIGHTS, 2.5)
        record, other = claimed.members()[:2]
        assert (record.epochs, record.seconds) == (1, 2.5)
        assert record.finished.tzinfo is UTC
        assert (other.finished, other.weights, other.sha256) == (None, None, None)
        for given, back in zip(WEIGHTS, claimed.weights(ONE), strict=True):
            assert (back.dtype, back.shape) == (given.dtype, given.shape)
            np.testing.assert_array_equal(back, given)
            assert back.flags.writeable
            assert back.flags.aligned

    @pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16, np.int8, ">f4", np.uint64])
    def test_weights_keep_their_kind(self, claimed, dtype):
        weights = np.arange(6).reshape(2, 3).T.astype(dtype)
        claimed.finish(ONE, [weights], 1.0)
        (back,) = claimed.weights(ONE)
        assert back.dtype == weights.dtype.newbyteorder("=")
        assert back.tolist() == weights.tolist()

    @pytest.mark.parametrize("dtype", [object, "U3", np.complex128, "datetime64[s]"])
    def test_arrays_that_could_not_come_back_are_refused(self, claimed, dtype):
        with pytest.raises(StoreError, match=re.escape(f"got {np.dtype(dtype)} named '0'")):
            claimed.finish(ONE, [np.zeros(2, dtype)], 1.0)
        assert claimed.members()[0].finished is None
        assert kept_files(claimed) == []

    def test_finishing_again_keeps_the_new_weights_only(self, claimed):
        claimed.finish(ONE, [np.zeros(2)], 1.0)
        claimed.finish(ONE, [np.ones(2)], 1.0)
        claimed.finish(ONE, [np.ones(2)], 1.0)
        assert claimed.weights(ONE)[0].tolist() == [1.0, 1.0]
        assert kept_files(claimed) == [claimed.members()[0].weights]

    def test_who_has_not_finished_has_no_weights(self, kept):
        with pytest.raises(StoreError, match=r"a member that finished, got .*'narrow'"):
            kept.weights(ONE)

    def test_damaged_weights_are_named(self, claimed):
        claimed.finish(ONE, WEIGHTS, 1.0)
        name = claimed.members()[0].weights
        damage(claimed, name)
        with pytest.raises(StoreError, match=f"{name} as it was written, got a damaged file"):
            claimed.weights(ONE)
        (claimed._files / name).write_bytes(b"")
        with pytest.raises(StoreError, match="a damaged file of 0 bytes"):
            claimed.weights(ONE)
        (claimed._files / name).unlink()
        with pytest.raises(StoreError, match=f"{name} as it was written, got 'No such file"):
            claimed.weights(ONE)

    def test_members_that_end_together_are_stored_together(self, claimed):
        claimed.finish(ONE, WEIGHTS, 1.0)
        ended = [
            EndedMember(member, [np.full(2, n)], float(n), {"found": np.full(3, n)})
            for n, member in enumerate(MEMBERS)
        ]
        digests = claimed.finish_all(ended)
        for n, (member, digest) in enumerate(zip(MEMBERS, digests, strict=True)):
            weights = claimed.weights(member, digest)
            np.testing.assert_array_equal(weights, [np.full(2, n)])
            np.testing.assert_array_equal(weights.beside["found"], np.full(3, n))
        assert [record.seconds for record in claimed.members()] == list(range(len(MEMBERS)))
        assert all(record.finished for record in claimed.members())
        assert len(kept_files(claimed)) == len(MEMBERS), "those of before are removed"
        assert claimed.finish_all([]) == []

    def test_weights_that_are_dropped_are_gone_and_their_member_has_finished(self, claimed):
        for member in MEMBERS:
            claimed.finish(member, WEIGHTS, 1.0)
        before = {record.key: record for record in claimed.members()}
        claimed.drop_weights(MEMBERS[1:])
        assert len(kept_files(claimed)) == 1
        left, *gone = claimed.members()
        assert all(record.finished and record.seconds == 1.0 for record in gone)
        assert [claimed.weights_of(record) for record in gone] == [None] * len(gone)
        assert len(claimed.weights_of(left)) == len(claimed.weights(MEMBERS[0])) == len(WEIGHTS)
        with pytest.raises(StoreError, match="a member that finished"):
            claimed.weights(MEMBERS[1])
        # Whoever asked before they were dropped, or replaced, sees what is there now.
        assert claimed.weights_of(before[MEMBERS[1]]) is None
        claimed.finish(MEMBERS[1], WEIGHTS[:1], 2.0)
        assert len(claimed.weights_of(before[MEMBERS[1]])) == 1
        damage(claimed, next(name for name in kept_files(claimed) if name == left.weights))
        with pytest.raises(StoreError, match="damaged"):
            claimed.weights_of(left)

    def test_what_lies_beside_weights_outlives_them(self, claimed):
        beside = {"found": np.array([3, 1]), "more": np.array([[0.5]], ml_dtypes.bfloat16)}
        for member in MEMBERS[:3]:
            claimed.finish(member, WEIGHTS, 1.0, beside)
        claimed.finish(MEMBERS[3], WEIGHTS, 1.0)
        assert claimed.beside_dropped() == {}
        damage(claimed, claimed.members()[2].weights)
        claimed.drop_weights(MEMBERS[1:4])
        kept = claimed.beside_dropped()
        assert [*kept] == [MEMBERS[1]], "nothing lay beside the others, or was damaged"
        assert {name: array.dtype for name, array in kept[MEMBERS[1]].items()} == {
            name: array.dtype for name, array in beside.items()
        }
        assert {name: array.tolist() for name, array in kept[MEMBERS[1]].items()} == {
            name: array.tolist() for name, array in beside.items()
        }
        claimed.drop_weights(MEMBERS[:2])
        assert [*claimed.beside_dropped()] == MEMBERS[:2], "one whose weights were gone keeps it"
        claimed.finish(ONE, WEIGHTS, 1.0, {"found": np.array([4])})
        claimed.restart(MEMBERS[1])
        assert claimed.beside_dropped() == {}
        assert claimed.weights(ONE).beside["found"].tolist() == [4]

    def test_what_lay_beside_weights_is_left_out_where_its_row_is_damaged(self, claimed, store):
        claimed.finish(ONE, WEIGHTS, 1.0, {"found": np.array([3, 1])})
        claimed.drop_weights([ONE])
        ((_, content, digest),) = store._database.read(
            lambda connection: weight_rows.beside_dropped(connection, claimed.number)
        )
        assert files.digest_of(content) == digest
        damaged = update(schema.member).values(beside=content[:-1] + b"1")
        store._database.write(lambda connection: connection.execute(damaged))
        assert claimed.beside_dropped() == {}

    def test_the_rows_forget_weights_before_their_files_go(self, claimed, monkeypatch):
        claimed.finish(ONE, WEIGHTS, 1.0)

        def fails(_):
            raise OSError("killed")

        monkeypatch.setattr(files, "remove", fails)
        with pytest.raises(OSError, match="killed"):
            claimed.drop_weights([ONE])
        assert next(r for r in claimed.members() if r.key == ONE).weights is None

    def test_restarting_forgets_a_member(self, claimed):
        claimed.append([(ONE, 0, {}), (ONE, 1, {}), (MEMBERS[1], 0, {})])
        claimed.finish(ONE, WEIGHTS, 1.0)
        claimed.restart(ONE)
        record = claimed.members()[0]
        assert (record.epochs, record.finished, record.weights) == (0, None, None)
        assert claimed.epochs() == [EpochRecord(MEMBERS[1], 0, {})]
        assert kept_files(claimed) == []

    def test_a_member_that_is_reopened_keeps_its_weights_until_it_finishes_again(self, claimed):
        claimed.append([(ONE, epoch, {}) for epoch in range(5)])
        digest = claimed.finish(ONE, WEIGHTS, 1.0)
        claimed.reopen(ONE)
        record = claimed.members()[0]
        assert (record.epochs, record.finished, record.seconds) == (5, None, None)
        with pytest.raises(StoreError, match="a member that finished"):
            claimed.weights(ONE)
        assert len(claimed.weights(ONE, digest)) == 3
        later = claimed.finish(ONE, WEIGHTS[:1], 2.0)
        with pytest.raises(StoreError, match="a member that finished"):
            claimed.weights(ONE, digest)
        assert len(claimed.weights(ONE, later)) == len(claimed.weights(ONE)) == 1
        assert len(kept_files(claimed)) == 1

    def test_runs_are_kept_in_order(self, kept):
        with kept.claim():
            first = kept.begin_run({"keras": "3"})
            kept.note("start", "The first.")
            kept.end_run("done")
            kept.note("end", "After it.")
        with kept.claim():
            assert kept.begin_run({}) > first
        with kept.claim():
            kept.begin_run({})
        one, two, three = kept.runs()
        assert (one.outcome, one.environment) == ("done", {"keras": "3"})
        assert one.finished >= one.started
        assert (two.outcome, two.finished, three.outcome) == ("killed", None, None)
        assert [(event.run, event.text) for event in kept.events()] == [
            (first, "The first."),
            (None, "After it."),
        ]

    def test_a_run_ends_that_was_begun(self, claimed):
        with pytest.raises(StoreError, match="a run that was begun, got none"):
            claimed.end_run("done")

    def test_where_members_of_a_run_train_is_replaced(self, claimed):
        with pytest.raises(StoreError, match="a run that was begun, got none"):
            claimed.tell_run(places={})
        claimed.begin_run({"keras": "3"})
        claimed.tell_run(places={"a": ["one"], "b": []})
        claimed.tell_run(places={"b": ["two"]})
        (run,) = claimed.runs()
        assert (run.places, run.environment["keras"]) == ({"b": ["two"]}, "3")

    def test_order_is_not_told_by_clocks(self, kept, monkeypatch):
        times = iter([datetime(2030, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)])
        monkeypatch.setattr(journal, "now", lambda: next(times))
        kept.note("a", "first")
        kept.note("a", "second")
        assert [event.text for event in kept.events()] == ["first", "second"]
        assert kept.events()[0].at == datetime(2030, 1, 1, tzinfo=UTC)

    def test_any_text_can_be_noted(self, kept):
        kept.note("error", "\0 \ud800 \N{SNOWMAN} '; DROP TABLE study; --")
        (event,) = kept.events()
        assert event.text == "\N{REPLACEMENT CHARACTER} ? \N{SNOWMAN} '; DROP TABLE study; --"

    def test_findings_take_the_place_of_those_before(self, kept):
        none = FindingRecord("KH201", None, "not found", "No copies.", "", {"rows": [1, 2]})
        kept.keep_findings([FINDING])
        kept.keep_findings([none, FINDING])
        assert kept.findings() == [none, FINDING]
        kept.keep_findings([])
        assert kept.findings() == []

    def test_what_is_written_twice_is_as_written_once(self, store, kept):
        """As happens where a connection is lost after its transaction was kept."""
        number = kept.number
        run = journal.new_run(number, {})
        event = journal.new_event(number, None, "a", "b")
        member, other = list(store._database.read(lambda c: rows.member_ids(c, number)).values())[
            :2
        ]
        wanted = [(member, 0, '{"loss": 1.0}')]
        works = [
            lambda c: rows.add_study(c, "width", kept.folder, "{}"),
            lambda c: rows.add_parts(c, number, VARIANTS, MEMBERS),
            lambda c: rows.append(c, wanted),
            lambda c: journal.begin_run(c, run),
            lambda c: rows.upsert(c, journal.schema.event, ["token"], [event]),
            lambda c: journal.keep_findings(c, number, [FINDING]),
            lambda c: weight_rows.restart(c, other),
        ]
        for work in works:
            assert store._database.write(work) == store._database.write(work)
        assert len(kept.members()) == 8
        assert kept.epochs() == [EpochRecord(ONE, 0, {"loss": 1.0})]
        assert [record.outcome for record in kept.runs()] == [None]
        assert len(kept.events()) == len(kept.findings()) == len(store.studies()) == 1


class TestCheckpoints:
    def test_the_newest_is_kept(self, claimed):
        for epoch in (1, 2):
            arrays = {"a": np.full(3, epoch, ml_dtypes.bfloat16), "b/c": np.zeros((0, 2), bool)}
            claimed.save_checkpoint(
                "c\N{SNOWMAN}", epoch, arrays, {"rates": [math.nan], "n": epoch}
            )
        claimed.save_checkpoint("other", 7, {}, {})
        found = claimed.checkpoint("c\N{SNOWMAN}")
        assert (found.cohort, found.epoch, found.state["n"]) == ("c\N{SNOWMAN}", 2, 2)
        assert found.arrays["a"].tolist() == [2, 2, 2]
        assert found.arrays["b/c"].shape == (0, 2)
        assert math.isnan(found.state["rates"][0])
        assert claimed.checkpoint("other").arrays == {}
        assert len(kept_files(claimed)) == 2

    def test_there_may_be_none(self, kept):
        assert kept.checkpoint("a") is None
        assert kept.events() == []

    def test_one_that_is_dropped_is_gone(self, claimed):
        claimed.save_checkpoint("a", 1, {"x": np.zeros(2)}, {})
        claimed.drop_checkpoint("a")
        claimed.drop_checkpoint("a")
        assert claimed.checkpoint("a") is None
        assert kept_files(claimed) == []

    @pytest.mark.parametrize("how", [damage, lambda study, name: (study._files / name).unlink()])
    def test_one_that_cannot_be_read_is_noted(self, claimed, how):
        claimed.save_checkpoint("a", 1, {"x": np.zeros(2)}, {})
        (name,) = kept_files(claimed)
        how(claimed, name)
        assert claimed.checkpoint("a") is None
        (event,) = claimed.events()
        assert event.kind == "checkpoint"
        assert name in event.text

    def test_the_old_one_stays_until_the_new_row_is_there(self, claimed, monkeypatch):
        claimed.save_checkpoint("a", 1, {"x": np.zeros(2)}, {})

        def fail(*_):
            raise RuntimeError("killed")

        monkeypatch.setattr(rows, "upsert", fail)
        with pytest.raises(RuntimeError):
            claimed.save_checkpoint("a", 2, {"x": np.ones(2)}, {})
        assert claimed.checkpoint("a").epoch == 1

    def test_a_name_that_the_file_keeps_for_itself_is_refused(self, claimed):
        with pytest.raises(StoreError, match="named '__metadata__'; convert or rename it"):
            claimed.save_checkpoint("a", 1, {"__metadata__": np.zeros(2)}, {})


class TestClaims:
    def test_only_one_at_a_time_runs_a_study(self, store, claimed):
        with pytest.raises(StoreError, match=r"a claim by process \d+ on .*, since 20.* UTC; wait"):
            store.study("width").claim().__enter__()
        with pytest.raises(StoreError, match="nobody else runs"):
            claimed.claim().__enter__()

    def test_others_may_read_and_run_other_studies(self, store, claimed):
        assert len(store.study("width").members()) == 8
        with store.create("other", {}, [], []).claim() as other:
            other.begin_run({})

    def test_a_claim_ends_with_its_block(self, store, kept):
        with pytest.raises(RuntimeError, match="mine"), kept.claim():
            raise RuntimeError("mine")
        with store.study("width").claim(), pytest.raises(StoreError, match="got no claim"):
            kept.begin_run({})

    @pytest.mark.parametrize(
        "write",
        [
            lambda study: study.append([]),
            lambda study: study.finish(ONE, [], 1.0),
            lambda study: study.restart(ONE),
            lambda study: study.save_checkpoint("a", 1, {}, {}),
            lambda study: study.drop_checkpoint("a"),
            lambda study: study.begin_run({}),
        ],
    )
    def test_without_it_training_is_not_written(self, kept, write):
        with pytest.raises(StoreError, match="claimed by who writes to it, got no claim; write in"):
            write(kept)
        assert kept_files(kept) == []

    def test_files_that_no_row_names_are_swept(self, kept):
        with kept.claim():
            kept.finish(ONE, WEIGHTS, 1.0)
            kept.save_checkpoint("a", 1, {}, {})
        named = kept_files(kept)
        files.keep(kept._files, "member-1", {"0": np.ones(9)})
        (kept._files / "abc.new").write_bytes(b"half")
        assert len(kept_files(kept)) == 4
        with kept.claim():
            assert kept_files(kept) == named


class TestReadings:
    def test_they_come_back_in_order(self, kept):
        when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert kept.readings() == []
        kept.add_reading(when, [{"variant": "narrow"}], {"a": np.arange(3, dtype=np.uint8)})
        kept.add_reading(when, [], {})
        first, second = kept.readings()
        assert (first.at, first.about) == (when, [{"variant": "narrow"}])
        assert first.arrays["a"].dtype == np.uint8
        assert first.arrays["a"].tolist() == [0, 1, 2]
        assert (second.about, second.arrays) == ([], {})

    def test_they_are_kept_also_while_another_runs_the_study(self, store, kept):
        with store.study("width").claim():
            kept.add_reading(datetime.now(UTC), [], {})
        assert len(store.study("width").readings()) == 1

    def test_what_is_damaged_is_not_handed_out(self, store, kept):
        kept.add_reading(datetime.now(UTC), ["who"], {"a": np.zeros(3)})
        (row,) = store._database.read(lambda c: c.execute(select(schema.reading)).mappings().all())
        flipped = row["arrays"][:-1] + bytes([row["arrays"][-1] ^ 1])
        store._database.write(lambda c: c.execute(update(schema.reading).values(arrays=flipped)))
        (found,) = kept.readings()
        assert (found.about, found.arrays) == (["who"], None)

    def test_they_go_with_their_study(self, store, kept):
        kept.add_reading(datetime.now(UTC), [], {})
        store.delete("width")
        assert store._database.read(lambda c: c.execute(select(schema.reading)).all()) == []
