"""The choice of the winner, and how far its score flatters it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kohort.findings.choice import Optimism, choose, optimism
from kohort.findings.judged import StudyCurves
from tests.findings.curve_builders import reordered, scaled, study_of, variants

NAN = np.nan


def names_of(study):
    return [curves.name for curves in study.variants]


def test_chooses_the_lowest_mean_error():
    assert choose(study_of([[0.3, 0.3], [0.1, 0.3], [0.0, 0.5]])) == 1


def test_the_first_wins_a_tie():
    assert choose(study_of([[0.3, 0.3], [0.1, 0.3], [0.1, 0.3]])) == 1


def test_does_not_choose_the_survivors_of_divergence_beside_a_whole_one():
    assert choose(study_of([[0.4, 0.5, 0.6], [0.1, NAN, 0.1]])) == 0
    assert choose(study_of([[0.4, NAN, 0.6], [0.1, NAN, 0.1]])) == 1


@pytest.mark.parametrize("errors", [[[NAN, NAN]], [[NAN], [NAN]]])
def test_chooses_none_where_nothing_trained_to_the_end(errors):
    assert choose(study_of(errors)) is None
    assert optimism(study_of(errors)) is None


@settings(derandomize=True)
@given(data=st.data(), replicates=st.integers(1, 4))
def test_neither_order_nor_names_nor_unit_of_the_loss_change_who_wins(data, replicates):
    drawn = [data.draw(variants(name, replicates)) for name in "abcd"]
    study = StudyCurves(tuple(drawn))
    winner = choose(study)
    assume(winner is not None)
    means = np.nanmean(np.where(np.isfinite(study.errors), study.errors, 9.0), axis=1)
    assume(np.sum(means == means[winner]) == 1)

    order = list(data.draw(st.permutations(range(4))))
    replicated = list(data.draw(st.permutations(range(replicates))))
    other = StudyCurves(tuple(scaled(reordered(drawn[i], replicated), 4.0) for i in order))

    assert other.variants[choose(other)].name == drawn[winner].name


def test_optimism_by_hand():
    # Without the first replicate the sums of the others are 0.50 and 0.21: b, whose error there
    # is 0.30. Without the second 0.40 and 0.41: a, 0.20. Without the third 0.30 and 0.40: a, 0.30.
    found = optimism(study_of([[0.1, 0.2, 0.3], [0.3, 0.1, 0.11]]))

    assert found.estimate == pytest.approx(0.8 / 3 - 0.51 / 3)
    assert found.replicates == 3
    assert found.winners == {0: 2, 1: 1}


def test_rounding_does_not_choose_among_variants_that_are_level():
    first, noise = np.array([0.1, 0.2, 0.3]), np.array([6e-8, -6e-8, 3e-8])
    found = optimism(study_of([first.tolist(), (first + noise).tolist(), [0.5, 0.6, 0.7]]))
    assert found == Optimism(0.0, 3, {0: 3})


def test_optimism_looks_at_whole_variants_only_and_keeps_their_numbers():
    whole = [[0.1, 0.2, 0.3], [0.3, 0.1, 0.11]]
    found = optimism(study_of([whole[0], [0.0, 0.0, NAN], whole[1]]))

    assert found == Optimism(pytest.approx(0.29 / 3), 3, {0: 2, 2: 1})


def test_a_clear_winner_is_not_flattered():
    assert optimism(study_of([[0.1, 0.2, 0.3], [0.7, 0.8, 0.9]])) == Optimism(
        pytest.approx(0.0), 3, {0: 3}
    )


@pytest.mark.parametrize(
    "errors",
    [
        [[0.1, 0.2], [0.2, 0.1]],  # two replicates
        [[0.1], [0.2]],
        [[0.1, 0.2, 0.3]],  # one variant
        [[0.1, 0.2, 0.3], [0.1, NAN, 0.3]],
    ],
)
def test_there_is_no_estimate_from_too_little(errors):
    assert optimism(study_of(errors)) is None


@settings(derandomize=True)
@given(data=st.data(), replicates=st.integers(3, 5))
def test_optimism_does_not_depend_on_the_order_of_replicates(data, replicates):
    numbers = st.integers(0, 64).map(lambda n: n / 64)
    rows = st.lists(numbers, min_size=replicates, max_size=replicates)
    errors = np.array(data.draw(st.lists(rows, min_size=2, max_size=4)))
    order = list(data.draw(st.permutations(range(replicates))))
    one, other = optimism(study_of(errors)), optimism(study_of(errors[:, order]))

    assert (other.winners, other.replicates) == (one.winners, one.replicates)
    assert other.estimate == pytest.approx(one.estimate)


def simulated(qualities, *, shared=0.0, draws=1000, n=5):
    """Mean estimate, and what the winner's mean error truly lacked, with its Monte Carlo error.

    Errors have a deviation of one over replicates, and `shared` of luck that is a variant's own in
    all replicates.
    """
    random = np.random.default_rng(64)
    qualities = np.asarray(qualities, float)
    size = (draws, len(qualities))
    luck = shared * random.normal(size=(*size, 1))
    errors = qualities[:, None] + luck + random.normal(size=(*size, n))
    estimates, lacks = [], []
    for of_study in errors:
        study = study_of(of_study, names=map(str, range(len(of_study))))
        winner = choose(study)
        estimates.append(optimism(study).estimate)
        lacks.append(qualities[winner] - of_study[winner].mean())
    return np.mean(estimates), np.mean(lacks), 4 * np.std(estimates) / np.sqrt(draws)


def test_optimism_of_equal_variants_is_what_the_best_lacks():
    # The expected maximum of six normal deviates is 1.267 (any table of order statistics).
    estimate, lacked, chance = simulated(np.zeros(6))

    assert lacked == pytest.approx(1.267 / np.sqrt(5), abs=0.03)
    assert estimate == pytest.approx(1.267 / np.sqrt(5), abs=chance)
    assert chance < 0.1


def test_optimism_of_unequal_variants_is_a_little_too_large():
    # The others choose by one replicate less, so that they choose a worse variant more often.
    estimate, lacked, chance = simulated([0.0, 0.3, 0.6, 0.9])

    assert lacked - chance < estimate < 1.3 * lacked + chance


def test_optimism_does_not_see_the_luck_that_all_replicates_share():
    estimate, lacked, _ = simulated(np.zeros(6), shared=1.0)

    assert lacked == pytest.approx(1.267 * np.sqrt(1 + 1 / 5), abs=0.06)
    assert estimate < 0.5 * lacked
