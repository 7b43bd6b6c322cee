"""What is exported of a study that has ended, against what was recorded and judged."""

import math
from dataclasses import replace

import kohort
from kohort.evidence.curves import SharedRecorder
from kohort.evidence.store import open_store
from kohort.findings.conclusions import Conclusions
from kohort.report.exports.export import tables
from kohort.report.exports.study_export import of_conclusions, of_stored
from scripts.kills import build_small
from tests.findings.factorial.records import record_of


def logs_of(loss, **more):
    measured = {"loss": loss, "eval_data_loss": loss, "val_data_loss": loss}
    return measured | {"eval_accuracy": 0.5, "val_accuracy": 0.5} | more


def ended(curves, share=1.0):
    """The conclusions of a study of two variants, by the logs of each member's epochs."""
    record = record_of([{"units": "1"}, {"units": "2"}], [[0.5], [0.5]], epochs=[4, 4])
    recorder = SharedRecorder(record.variant_names, 1, 4, [1.0, share])
    for variant, epochs in enumerate(curves):
        for part in {1.0, share}:
            for epoch, logs in enumerate(epochs):
                recorder.record(part, variant, 0, epoch, logs)
    shares = dict.fromkeys(record.variant_names, () if share == 1 else (share,))
    settings = replace(record.settings, shares=shares)
    return Conclusions(replace(record, settings=settings, curves=recorder.curves()))


def test_metrics_that_a_model_does_not_have_are_no_numbers_of_it():
    told = ended([[logs_of(0.5)] * 2, [logs_of(0.5, odd_loss=math.nan)] * 2])
    plain, watched = of_conclusions(told).members
    assert (set(plain.epochs[1]), set(watched.epochs[1])) == (
        set(logs_of(0.5)),
        {*logs_of(0.5), "odd_loss"},
    )
    curves = tables(of_conclusions(told))["curves"]
    tidy = told.record.whole.tidy()
    for table in (curves, tidy):
        odd = table[table["metric"] == "odd_loss"]
        assert list(odd["variant"]) == ["v1", "v1"], "the one that has it, though it is NaN"
        assert list(odd["epoch"]) == [1, 2]
        assert len(table) == 2 * (5 + 6)


def test_a_member_has_failed_where_the_study_finds_that_it_diverged():
    falls, rises = ([logs_of(loss) for loss in (1.0, at, at, at)] for at in (0.5, 30.0))
    exported = of_conclusions(ended([falls, rises], share=0.5))
    assert {(m.key.variant, m.key.share): m.has_failed for m in exported.members} == {
        ("v0", 1.0): False,
        ("v0", 0.5): False,
        ("v1", 1.0): True,
        ("v1", 0.5): True,
    }
    unjudged = [replace(member, diverged=None) for member in exported.members]
    assert not any(member.has_failed for member in unjudged)


def times(study):
    ends = {m.key: (m.finished, m.seconds) for m in study.members if not m.key.is_refit}
    return ends, study.started


def test_times_are_those_at_which_members_trained_whatever_ran_later(blobs, tmp_path):
    place = tmp_path / "kohort.db"

    def run(repeats):
        small = kohort.Study(
            "timed", kohort.grid(build_small, units=[4]), blobs,
            replicates=kohort.Holdout(0.2, repeats=repeats), epochs=1, batch_size=200, sizes=(0.5,),
        )  # fmt: skip
        return times(of_conclusions(small.run(place, verbose=0).conclusions))

    ends, begun = run(1)
    assert run(1) == run(1), "nothing trained"
    more, still_begun = run(2)
    assert ends.items() < more.items()
    assert len(more) == 2 * len(ends) == 4
    assert all(seconds for _, seconds in more.values())
    with open_store(place) as store:
        assert times(of_stored(store.study("timed"))) == (more, still_begun)
    assert times(of_conclusions(kohort.open(place, "timed").conclusions)) == (more, still_begun)
    assert still_begun == begun
