"""The trials of a search, as its store has them before it has come to its end and after."""

from dataclasses import fields

import numpy as np
import pytest

from kohort.errors import Interrupted, StoreError
from kohort.evidence.store import MemberKey, VariantRecord, open_store
from kohort.evidence.trials import kept_name
from kohort.evidence.trials_so_far import _SoFar, lowest_loss, score_after, trials_in
from tests.runs.searches.searched import at_breath, build, small

LOGS = {
    0: {"val_data_loss": 0.5, "val_accuracy": 0.7},
    1: {"val_data_loss": 0.3, "val_accuracy": 0.6},
    2: {"val_data_loss": 0.4, "val_accuracy": 0.9},
}


def test_a_score_is_that_of_the_epoch_of_lowest_loss_so_far():
    assert [score_after(LOGS, epochs, "accuracy") for epochs in (1, 2, 3)] == [0.7, 0.6, 0.6]
    assert np.isnan(score_after({}, 3, "accuracy"))
    ended = LOGS | {3: {"val_data_loss": np.nan, "val_accuracy": 0.9}}
    assert np.isnan(score_after(ended, 4, "accuracy"))
    assert [lowest_loss(ended, epochs) for epochs in (0, 1, 4)] == [np.inf, 0.5, 0.3]


def failing(units=4, rate=0.01, dropout=0.1):
    if units == 8 and rate > 0.1:
        raise ValueError("never")
    return build(units, rate, dropout)


def told(record):
    """All that is known of the trials but what a sampler drew, as text, in which NaN is NaN."""
    return [
        repr({field.name: getattr(trial, field.name) for field in fields(trial)} | {"asked": None})
        for trial in record.trials
    ]


def test_what_follows_from_the_curves_is_what_the_search_recorded(blobs, tmp_path):
    space = {"units": [4, 8], "rate": [1e-2, 0.2, 1e38], "dropout": [0.1, 0.2, 0.3]}
    result = small(blobs, build=failing, space=space, trials=18, epochs=4).run(
        tmp_path / "k.db", verbose=0, confirm=2
    )
    with open_store(tmp_path / "k.db") as store:
        kept = store.study(kept_name("small"))
        assert told(trials_in(kept)) == told(result.searched)
        found = _SoFar(kept).record()
    assert len({trial.state for trial in found.trials}) > 2
    assert told(found) == told(result.searched)
    assert (found.metric, found.rungs) == (result.searched.metric, result.searched.rungs)


@pytest.mark.parametrize("breath", [1, 4, 7])
def test_a_search_that_is_stopped_tells_who_left_and_who_is_open(
    blobs, tmp_path, monkeypatch, breath
):
    whole = {trial.number: trial for trial in small(blobs).run(verbose=0).searched.trials}
    at_breath(monkeypatch, breath)
    with pytest.raises(Interrupted):
        small(blobs).run(tmp_path / "k.db", verbose=0, checkpoint_seconds=0)
    with open_store(tmp_path / "k.db") as store:
        found = trials_in(store.study(kept_name("small")))
    assert found.finalists == ()
    states = [trial.state for trial in found.trials]
    assert "open" in states
    assert ("left" in states) == (breath > 1)
    for trial in found.trials:
        then = whole[trial.number]
        assert trial.arguments == then.arguments
        assert trial.bracket == then.bracket
        if trial.state == "open":
            assert max(trial.scores, default=0) == trial.epochs
            assert trial.epochs <= then.epochs
        else:
            assert (trial.state, trial.scores) == (then.state, then.scores)


def test_a_search_that_an_earlier_version_left_unfinished_is_refused_in_one_line(tmp_path):
    with open_store(tmp_path / "k.db") as store:
        kept = store.create(
            kept_name("small"), {"kind": "search"},
            [VariantRecord("trial 0", "", {}, "")], [MemberKey("trial 0", 0)],
        )  # fmt: skip
        with pytest.raises(StoreError, match="of an earlier version, which did not end"):
            trials_in(kept)
