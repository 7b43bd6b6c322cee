"""Races: what a look decides, who leaves and comes back, how a race ends, how often it errs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kohort.findings.cheapest import cheapest
from kohort.findings.choice import choose, optimism
from kohort.findings.families import corrected_comparison, families
from kohort.findings.judged import StudyCurves
from kohort.findings.race import SLIM, SPENT, RaceState, raced, replay, shares
from kohort.findings.statistics.power import chance_of_a_verdict
from tests.findings.curve_builders import study_of

SIZES = (4, 6, 9)
STEPS = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.005, -0.005, 0.015, -0.015]) / 4
"""What replicates do to all variants."""
NOISE = np.array([[1, -1, 2, -2, 1, -1, 2, -2, 0], [2, 1, -2, -1, 0, 1, -1, 0, 0]]) / 1000


def errors_of(*means):
    """Errors `[variant, replicate]` of such means, whose differences vary a little."""
    rows = [mean + NOISE[n % 2] * (1 + n) + STEPS for n, mean in enumerate(means)]
    return np.array(rows)


def race_of(errors, looks=SIZES, trained=None, **study) -> StudyCurves:
    """A race over errors `[variant, replicate]`; NaN diverged.

    Args:
        errors: The errors.
        looks: The replicates that each look sees.
        trained: How many replicates each variant trained; None for all.
        study: Further settings.
    """
    study = study_of(errors, looks=looks, **study)
    counts = [np.shape(errors)[1]] * len(errors) if trained is None else trained
    return replace(study, variants=tuple(map(_stopped, study.variants, counts)))


def _stopped(curves, count):
    """The same variant, where replicates from this one on were not trained."""
    there = np.arange(len(curves.lengths)) < count
    names = ("train_loss", "valid_loss", "train_error", "valid_error")
    tables = {name: np.where(there[:, None], getattr(curves, name), np.nan) for name in names}
    return replace(curves, **tables, lengths=np.where(there, curves.lengths, 0))


def verdicts(state: RaceState):
    return [look.verdicts for look in state.looks]


CLEAR = errors_of(0.30, 0.10, 0.11, 0.31)
"""b leads, c is behind by a point, and the others by far."""


NEAR = np.random.default_rng(0).normal(0.1, 0.01, (3, 9))
"""Within a margin of 0.008, and not shown to be."""


def test_what_is_worse_leaves_and_what_is_near_goes_on():
    state = replay(race_of(CLEAR, margin=0.001), SIZES)

    assert state.leader == 1
    assert state.looks[0].replicates == 4
    assert state.looks[0].verdicts[0] == state.looks[0].verdicts[3] == "worse"
    assert set(state.left) >= {0, 3}
    assert all(state.left[number] is state.looks[0] for number in (0, 3))
    assert all(not {0, 3} & set(look.standings) for look in state.looks[1:])


def test_what_is_as_good_within_the_margin_leaves_too():
    state = replay(race_of(CLEAR, margin=0.05), SIZES)

    assert state.looks[0].verdicts == {0: "worse", 2: "equivalent", 3: "worse"}
    assert (state.ends, state.open) == ("decided", ())
    assert (
        state.looks[0].standings[2].p_equivalent <= 0.05 < state.looks[0].standings[0].p_equivalent
    )


def test_a_margin_of_zero_makes_nothing_equivalent():
    twins = errors_of(0.1, 0.3)[[0, 0, 1]]
    for errors in (errors_of(0.1, 0.1, 0.3), twins):
        state = replay(race_of(errors, margin=0.0), SIZES)

        assert "equivalent" not in {v for found in verdicts(state) for v in found.values()}


def test_a_look_waits_for_all_that_are_open_and_for_no_other():
    begun = race_of(CLEAR, trained=[4, 4, 4, 3], margin=0.001)
    state = replay(begun, SIZES)
    assert (state.looks, state.open, state.ends, state.leader) == ((), (0, 1, 2, 3), None, None)

    state = replay(race_of(CLEAR, trained=[4, 4, 4, 4], margin=0.001), SIZES)
    assert (len(state.looks), state.open, state.ends) == (1, (1, 2), None)

    state = replay(race_of(CLEAR, trained=[4, 6, 6, 4], margin=0.001), SIZES)
    assert len(state.looks) == 2


def test_no_replicate_was_trained_that_the_curves_do_not_even_have():
    state = replay(race_of(CLEAR[:, :5], margin=0.001), SIZES)

    assert (len(state.looks), state.ends) == (1, None)


def test_after_the_last_look_a_race_ends_with_some_open():
    state = replay(race_of(NEAR, margin=0.008), SIZES)

    assert (len(state.looks), state.ends, state.open) == (3, "last look", ())
    assert set(state.looks[-1].verdicts.values()) == {"open"}


def test_what_may_come_is_held_against_what_the_next_look_may_spend():
    study = race_of(np.random.default_rng(6).normal(0.1, 0.01, (3, 9)), looks=SIZES, margin=0.006)
    first = replay(study, SIZES).looks[0]
    assert (first.leader, first.verdicts[2]) == (1, "unlikely")
    compared = raced(study, SIZES).measured.scores[1, 2]

    def chance(share):
        return chance_of_a_verdict(
            compared.difference.mean,
            compared.spread.deviation,
            compared.difference.n,
            margin=0.006,
            level=0.05 * share,
            test_to_train=0.0,
            most=SIZES[-1],
        )

    # At the level of this look it would still go on.
    assert chance(shares(2)[1]) < SLIM < chance(shares(2)[0])


def test_a_pair_that_the_looks_to_come_would_hardly_decide_is_given_up():
    near = errors_of(0.1, 0.1001, 0.1)
    state = replay(race_of(near, margin=1e-6), SIZES)
    assert (len(state.looks), state.ends) == (1, "unlikely")
    assert set(state.looks[0].verdicts.values()) == {"unlikely"}

    # With replicates enough it is none of these, and is decided.
    assert replay(race_of(near, margin=1e-6), (4, 6, 100_000)).open == (0, 1, 2)


def test_shares_never_spend_all_and_do_not_depend_on_what_follows():
    assert shares(5)[:3] == shares(3)
    assert shares(3) == pytest.approx([SPENT, SPENT * (1 - SPENT), SPENT * (1 - SPENT) ** 2])
    assert sum(shares(100)) <= 1
    looks = replay(race_of(NEAR, margin=0.008), SIZES).looks
    assert [look.level for look in looks] == pytest.approx([0.05 * s for s in shares(3)])
    assert looks[-1].spent == pytest.approx(0.05 * sum(shares(3)))


def test_one_that_diverges_leaves_and_cannot_lead():
    errors = CLEAR.copy()
    errors[1, 2] = np.nan
    state = replay(race_of(errors, margin=0.001), SIZES)

    assert state.looks[0].verdicts[1] == "diverged"
    assert state.leader == 2
    assert state.left[1] is state.looks[0]
    assert choose(race_of(errors, margin=0.001)) == 2


def test_where_all_lost_a_replicate_they_go_on_with_what_they_have():
    errors = CLEAR.copy()
    errors[[0, 1, 2, 3], [0, 1, 2, 3]] = np.nan
    state = replay(race_of(errors, margin=0.001), SIZES)

    assert "diverged" not in state.looks[0].verdicts.values()
    assert state.leader == 1


def test_where_nothing_is_left_the_race_ends_as_diverged():
    race = race_of(np.full((3, 9), np.nan))
    state = replay(race, SIZES)

    assert (state.ends, state.leader, state.open) == ("diverged", None, ())
    assert verdicts(state) == [{0: "diverged", 1: "diverged", 2: "diverged"}]
    assert choose(race) is None
    assert all(c.better is None for c in families(race).baseline)


def test_those_that_lost_to_a_leader_are_back_when_it_diverges():
    errors = CLEAR.copy()
    errors[1, 5] = np.nan
    at_first = replay(race_of(errors, trained=[4, 6, 6, 4], margin=0.001), SIZES)
    assert at_first.looks[0].verdicts[0] == "worse"
    assert at_first.looks[1].verdicts == {1: "diverged"}
    assert at_first.looks[1].back == (0, 3)
    assert at_first.open == (0, 2, 3)
    assert set(at_first.left) == {1}

    state = replay(race_of(errors, margin=0.001), SIZES)
    assert state.looks[2].verdicts == {0: "worse", 3: "worse"}
    assert state.ends == "decided"


def test_those_that_are_back_at_the_last_look_are_judged_by_what_they_trained():
    noise = np.random.default_rng(0).normal(0, 0.01, (4, 9))
    errors = np.reshape([0.30, 0.10, 0.103, 0.31], (-1, 1)) + noise
    errors[1, 8] = np.nan
    state = replay(race_of(errors, trained=[4, 9, 9, 4], margin=0.001), SIZES)
    last = state.looks[-1]
    assert (last.replicates, last.back) == (9, (0, 3))
    assert set(last.verdicts) == {0, 1, 3}
    assert last.verdicts[1] == "diverged"
    assert (state.leader, state.open) == (2, ())
    worse = {number for number, verdict in last.verdicts.items() if verdict == "worse"}
    assert all(state.left[number] is last for number in worse)
    assert state.ends == ("last look" if "open" in last.verdicts.values() else "decided")


def test_one_that_diverged_is_not_back_with_its_leader_gone():
    errors = CLEAR.copy()
    errors[1, 5] = errors[3, 0] = np.nan
    state = replay(race_of(errors, trained=[4, 6, 6, 4], margin=0.001), SIZES)

    assert state.looks[1].back == (0,)


def test_overlapping_splits_end_a_race_that_no_repeats_would_decide():
    noise = np.random.default_rng(5).normal(0.1, 0.01, (3, 9))
    noise += 0.1 - noise.mean(axis=1, keepdims=True)
    state = replay(race_of(noise, margin=0.001, test_to_train=0.25), SIZES)
    alone = replay(race_of(noise, margin=0.001), SIZES)

    assert state.ends == "undecidable"
    assert "undecidable" in state.looks[-1].verdicts.values()
    assert state.looks[0].standings[2 if state.looks[0].leader != 2 else 1].width > 0.001
    assert alone.ends == "unlikely"
    assert alone.looks[0].standings[2 if alone.looks[0].leader != 2 else 1].width == 0


def test_two_replicates_are_too_few_to_give_anything_up():
    noise = np.random.default_rng(5).normal(0.1, 0.01, (2, 3))
    noise -= noise.mean(axis=1, keepdims=True)
    state = replay(race_of(noise + 0.1, looks=(2, 3), margin=1e-4, test_to_train=9.0), (2, 3))

    assert state.ends == "last look"


def test_comparisons_are_those_of_the_last_look_in_which_both_stood():
    race = race_of(CLEAR, margin=0.001)
    state, found = replay(race, SIZES), families(race)

    assert [c.difference.n for c in found.baseline] == [4, 4, 4]
    assert [(c.a, c.b, c.difference.n) for c in found.winner] == [
        ("c", "b", state.looks[-1].replicates),
        ("d", "b", 4),
    ]
    assert [c.share for c in found.baseline] == [shares(1)[0]] * 3
    assert found.baseline[0].better == "b"
    assert corrected_comparison(race, 1, 0).better == "b"
    assert corrected_comparison(race, 1, 0).difference.mean == pytest.approx(
        -corrected_comparison(race, 0, 1).difference.mean
    )
    assert choose(race) == state.leader


def test_before_the_first_look_nothing_is_decided():
    race = race_of(CLEAR, trained=[4, 4, 4, 3], additions=((0, 1),), one_loss=((0, 1),))
    found = families(race)

    assert choose(race) is None
    assert optimism(race) is None
    assert len(found.baseline) == 3
    assert not found.winner
    for compared in (*found.baseline, *found.additions, *found.rises, *found.others):
        assert not compared.is_decided
        assert not compared.is_equivalent


def test_additions_and_rises_of_a_race_are_compared_as_well():
    race = race_of(CLEAR, margin=0.001, additions=((0, 3), (2, 1)), one_loss=((2, 1),))
    found = families(race)

    assert [(c.a, c.b) for c in found.additions] == [("a", "d"), ("c", "b")]
    assert found.additions[1].p_adjusted == found.winner[0].p_adjusted
    assert [(c.a, c.b) for c in found.rises] == [("c", "b")]
    assert {frozenset((c.a, c.b)) for c in found.others} == {frozenset("cd"), frozenset("ac")} - {
        frozenset((c.a, c.b)) for c in found.baseline
    }


def test_the_cheapest_may_have_left_as_equivalent():
    race = race_of(CLEAR, margin=0.05)
    sized = [replace(v, parameters=n) for v, n in zip(race.variants, (9, 9, 5, 1), strict=True)]

    assert cheapest(replace(race, variants=tuple(sized)), [1.0] * 4) == 2


def test_optimism_is_of_those_that_stood_to_the_end():
    errors = np.vstack([CLEAR[0], np.random.default_rng(1).normal(0.1, 0.01, (2, 9))])
    race = race_of(errors, margin=1e-6, trained=[4, 9, 9])
    found = optimism(race)

    assert found is not None
    assert set(found.winners) <= {1, 2}


@st.composite
def races(draw):
    """Races of three to five variants, some far from the rest, some that diverge."""
    count = draw(st.integers(3, 5))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    behind = [[draw(st.sampled_from([0, 0, 1, 3]))] for _ in range(count)]
    errors = 0.2 + 0.01 * (random.standard_normal((count, 12)) + behind)
    errors += 0.01 * random.standard_normal(12)
    errors[random.random(errors.shape) < draw(st.sampled_from([0, 0, 0.05]))] = np.nan
    return race_of(
        errors,
        looks=(3, 5, 8, 12),
        margin=draw(st.sampled_from([0.0, 0.01, 0.02, 0.05])),
        test_to_train=draw(st.sampled_from([0.0, 0.25])),
        additions=((0, 1), (2, 1)),
    )


def alike(looks):
    """Looks in a form that compares NaN as equal."""
    return repr(looks)


@settings(max_examples=30)
@given(races(), st.integers(1, 3))
def test_more_looks_revise_no_earlier_one_until_one_is_given_up_for_too_few(race, count):
    state, earlier = replay(race, race.looks), replay(race, race.looks[:count])
    given_up = [
        number
        for looks in (state.looks, earlier.looks)
        for number, look in enumerate(looks)
        if "unlikely" in look.verdicts.values()
    ]
    until = min(given_up, default=count)

    assert alike(earlier.looks[:until]) == alike(state.looks[: min(until, count)])


@settings(max_examples=30)
@given(races())
def test_replicates_that_a_race_does_not_use_change_nothing(race):
    state = replay(race, race.looks)
    used = np.zeros(len(race.variants), int)
    for look in state.looks:
        used[[n for n in (*look.standings, look.leader) if n is not None]] = look.replicates
    found = families(race)
    less = replace(race, variants=tuple(map(_stopped, race.variants, used)))

    assert alike(replay(less, less.looks)) == alike(state)
    # What no look compared is shown with all that there is.
    for name in ("baseline", "winner", "additions", "others"):
        for one, other in zip(getattr(families(less), name), getattr(found, name), strict=True):
            assert np.isnan(other.p_adjusted) or alike(one) == alike(other)
    assert choose(less) == choose(race)


@settings(max_examples=30)
@given(races(), st.data())
def test_the_order_of_variants_does_not_matter(race, data):
    order = data.draw(st.permutations(range(len(race.variants))))
    other = replace(race, variants=tuple(race.variants[n] for n in order))
    state, moved = replay(race, race.looks), replay(other, race.looks)
    near = [
        p
        for look in state.looks
        for s in look.standings.values()
        for p in (s.p_worse, s.p_equivalent)
    ]
    assume(not any(abs(p - 0.05) < 1e-4 for p in near))

    assert moved.ends == state.ends
    assert len(moved.looks) == len(state.looks)
    for one, two in zip(state.looks, moved.looks, strict=True):
        assert one.leader == (None if two.leader is None else order[two.leader])
        assert one.verdicts == {order[n]: verdict for n, verdict in two.verdicts.items()}
        for number, standing in two.standings.items():
            same = one.standings[order[number]]
            assert standing.p_worse == pytest.approx(same.p_worse, rel=1e-3, nan_ok=True)
            assert standing.p_equivalent == pytest.approx(same.p_equivalent, rel=1e-3, nan_ok=True)


@settings(max_examples=30)
@given(races())
def test_verdicts_comparisons_and_intervals_agree(race):
    state = replay(race, race.looks)
    names = [curves.name for curves in race.variants]
    for number, look in state.left.items():
        verdict, standing = look.verdicts[number], look.standings[number]
        if verdict in ("worse", "equivalent"):
            compared = corrected_comparison(race, number, look.leader)
            assert compared.difference.n <= look.replicates
            assert compared.is_equivalent or verdict == "worse"
            assert compared.better == (names[look.leader] if verdict == "worse" else None)
            assert compared.p_adjusted == standing.p_worse
    found = families(race)
    for compared in (*found.baseline, *found.winner, *found.additions, *found.others):
        if compared.is_decided:
            assert compared.excludes_zero
        if compared.is_equivalent and not compared.is_decided:
            shown = compared.shown_interval
            assert -race.margin <= shown.low <= shown.high <= race.margin


@pytest.mark.long
def test_races_of_equal_variants_rarely_call_one_worse():
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        race = race_of(random.normal(0.2, 0.01, (4, 12)), looks=(3, 6, 12), margin=1e-6)
        wrong += any("worse" in found.values() for found in verdicts(replay(race, race.looks)))

    assert 0 < wrong <= 15  # 5 % of 200 are 10, with a standard error of 3
