"""What is said of a study that trains follows from what counts, and is never a verdict."""

import numpy as np
import pytest

from kohort.serve.live_curves import LiveCurves
from kohort.serve.standing.so_far import so_far
from tests.serve.serving import METRIC, logs, outset

NAMES = ["a", "b"]
PLANNED = {0: 3, 1: 3}


def measured(epochs_of, rise=0.0, best=None):
    """What members measured, by variant and replicate the epochs of each."""
    told = LiveCurves(METRIC)
    for (variant, replicate), epochs in epochs_of.items():
        for epoch in range(epochs):
            accuracy = 0.5 + 0.1 * variant + 0.01 * epoch + 0.001 * replicate
            loss = 1 / (epoch + 1) + rise * epoch + 0.01 * replicate
            told.record(variant, replicate, epoch, logs(loss, accuracy, apart=0.2))
    return told


def stood(told, finished=(), planned=PLANNED, **changes):
    return so_far(outset(NAMES, **changes), told, NAMES, set(finished), planned)


def test_members_that_train_count_up_to_the_epoch_that_all_have_reached():
    found = stood(measured({(0, 0): 3, (0, 1): 2, (0, 2): 4}))
    (standing,) = found.standings
    scores = [0.5 + 0.01 * 1 + 0.001 * replicate for replicate in range(3)]
    assert (standing.variant, standing.replicates) == ("a", 3)
    assert standing.score == pytest.approx(np.mean(scores), abs=1e-4)


def test_of_a_variant_with_members_that_have_finished_those_alone_count():
    found = stood(measured({(0, 0): 4, (0, 1): 4, (0, 2): 1}), [(0, 0), (0, 1)])
    (standing,) = found.standings
    assert standing.replicates == 2
    assert standing.score == pytest.approx(0.5305, abs=1e-4)


def test_one_member_has_no_interval():
    (standing,) = stood(measured({(1, 0): 2})).standings
    assert (standing.variant, standing.low, standing.high) == ("b", None, None)


def test_a_study_of_an_older_kohort_that_kept_less_is_told_of():
    less = outset(NAMES)
    for name in ("builds", "defaults", "untrained_in", "weight_bytes", "measured_losses"):
        del less[name]
    told = measured({(0, 0): 3, (0, 1): 3, (0, 2): 3})
    (standing,) = so_far(less, told, NAMES, set(), PLANNED).standings
    assert standing == stood(told).standings[0]


@pytest.mark.parametrize(("looks", "first"), [((), "b"), ((3, 6), "a")])
def test_in_a_race_those_that_left_stand_behind_those_that_go_on(looks, first):
    """b scores better, and has no more members to train."""
    told = measured({(0, 0): 4, (0, 1): 4, (0, 2): 4, (1, 0): 4, (1, 1): 4, (1, 2): 4})
    settings = outset(NAMES)["settings"] | {"looks": looks}
    found = stood(told, [(1, 0), (1, 1), (1, 2)], {0: 6, 1: 3}, settings=settings)
    assert found.standings[0].variant == first


def test_those_that_lost_a_replicate_stand_last_as_in_the_table():
    """b scores better."""
    told = measured({(0, 0): 4, (0, 1): 4, (1, 0): 4, (1, 1): 3})
    assert [one.variant for one in stood(told).standings] == ["b", "a"]
    told.record(1, 1, 3, logs(float("nan"), 0.6))
    assert [one.variant for one in stood(told).standings] == ["a", "b"]


def test_nothing_is_said_of_nothing():
    assert stood(LiveCurves(METRIC)) == ([], [])


def test_rules_that_judge_an_end_wait_for_it():
    every = {(variant, replicate): 4 for variant in (0, 1) for replicate in range(3)}
    while_training = stood(measured(every))
    assert {f.code for f in while_training.findings} == {"KH101", "KH102", "KH105"}
    ended = stood(measured(every), [(0, 0), (0, 1), (0, 2)])
    codes = {name: {f.code for f in ended.findings if f.variant == name} for name in NAMES}
    assert codes["a"] == {"KH101", "KH102", "KH104", "KH105", "KH107"}
    assert codes["b"] == {"KH101", "KH102", "KH105"}


def test_no_rule_that_compares_variants_speaks_before_the_end():
    every = {(variant, replicate): 4 for variant in (0, 1) for replicate in range(3)}
    found = stood(measured(every), every)
    assert not {"KH103", "KH106", "KH202"} & {f.code for f in found.findings}


def test_a_variant_that_overfits_is_found_while_it_trains():
    every = {(0, replicate): 40 for replicate in range(3)}
    told = LiveCurves(METRIC)
    for variant, replicate in every:
        for epoch in range(40):
            loss = 0.2 + 0.5**epoch + 0.02 * epoch + 0.001 * replicate
            accuracy = 0.9 - 0.001 * epoch
            at_training = logs(loss, accuracy) | {"eval_data_loss": 0.5 / (epoch + 1)}
            told.record(variant, replicate, epoch, at_training)
    found = {f.code: f.verdict for f in stood(told, epochs=60).findings}
    assert found["KH101"] == "found"


def test_every_state_on_the_way_can_be_judged():
    """With warnings as errors: no state may end in a division by nothing."""
    random = np.random.default_rng(0)
    for trial in range(30):
        epochs_of = {(v, r): int(random.integers(0, 5)) for v in (0, 1) for r in range(3)}
        finished = {place for place, epochs in epochs_of.items() if epochs == 4}
        told = measured(epochs_of)
        if trial % 3 == 0:
            told.record(0, 1, 0, logs(np.nan, np.nan))
        found = stood(told, finished)
        begun = {
            NAMES[v]
            for (v, r), epochs in epochs_of.items()
            if epochs or (trial % 3 == 0 and (v, r) == (0, 1))
        }
        assert {s.variant for s in found.standings} == begun


def test_variants_that_the_study_no_longer_has_are_left_out():
    told = measured({(0, 0): 2, (1, 0): 2})
    found = so_far(outset(["b"]), told, NAMES, set(), PLANNED)
    assert [standing.variant for standing in found.standings] == ["b"]
