"""The comparisons of a study: which there are, how each family is corrected, how often they err."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.choice import choose
from kohort.findings.comparison import holm, simes
from kohort.findings.curves import Scale, StudyCurves
from kohort.findings.families import families, score_comparison
from tests.findings.curve_builders import numbers, percent_of, study_of, variant

ERRORS = np.array(
    [
        [0.30, 0.31, 0.32, 0.33],
        [0.20, 0.22, 0.21, 0.24],
        [0.10, 0.12, 0.11, 0.16],
        [0.25, 0.21, 0.30, 0.22],
    ]
)
STUDY = study_of(ERRORS)


def pairs(family):
    return [(comparison.a, comparison.b) for comparison in family]


def p_values(family):
    return [comparison.difference.p_value for comparison in family]


def adjusted(family):
    return [comparison.p_adjusted for comparison in family]


def paired(a, b):
    return stats.ttest_rel(ERRORS["abcd".index(a)], ERRORS["abcd".index(b)]).pvalue


def test_a_score_comparison_is_of_scores_and_not_of_errors():
    found = score_comparison(STUDY, 0, 2)

    assert (found.a, found.b) == ("a", "c")
    assert found.difference.mean == pytest.approx(0.1925)  # c is better, by accuracy
    assert found.differences == pytest.approx([0.20, 0.19, 0.21, 0.17])
    assert found.measure == "validation accuracy at the best epoch"
    assert found.margin == STUDY.margin
    assert found.errors_per_thousand == pytest.approx(192.5)


def test_where_lower_is_better_the_difference_is_that_of_the_metric():
    found = score_comparison(study_of(ERRORS, scale=percent_of(0.3, "mae"), margin=0.02), 0, 2)

    assert found.difference.mean == pytest.approx(-0.1925)
    assert found.measure == "validation mae at the best epoch"
    assert found.margin == 0.02


def test_a_metric_that_is_no_proportion_may_be_better_when_higher():
    scale = Scale("%", 100.0, "r2", higher_is_better=True)
    assert score_comparison(study_of(-ERRORS, scale=scale), 0, 2).difference.mean == (
        pytest.approx(-0.1925)
    )


def test_confidence_and_correction_are_those_of_the_study():
    study = study_of(ERRORS, confidence=0.9, test_to_train=0.25)
    found = score_comparison(study, 1, 3)

    assert found.alpha == pytest.approx(0.1)
    assert found.test_to_train == 0.25
    assert numbers(found.difference) == numbers(study.interval(ERRORS[1] - ERRORS[3]))


def test_which_comparisons_there_are():
    found = families(STUDY, 2, [(0, 1), (3, 1)], [(3, 1)])

    assert pairs(found.baseline) == [("a", "b"), ("a", "c"), ("a", "d")]
    assert pairs(found.winner) == [("b", "c"), ("d", "c")]
    assert pairs(found.additions) == [("a", "b"), ("d", "b")]
    assert pairs(found.additions_at_the_end) == [("d", "b")]


def test_a_baseline_that_wins_is_compared_with_all():
    study = study_of(ERRORS[[2, 1, 0]])
    found = families(study, 0, [], [])

    assert pairs(found.winner) == [("b", "a"), ("c", "a")]
    assert all(comparison.difference.mean > 0 for comparison in found.winner)
    assert found.additions == found.additions_at_the_end == []


def test_each_family_is_corrected_by_holm_over_its_own():
    found = families(STUDY, 2, [(0, 1)], [])

    own = [paired("a", other) for other in "bcd"]
    gate = simes([paired(*pair) for pair in ("ab", "ac", "ad", "bc", "bd", "cd")])
    assert p_values(found.baseline) == pytest.approx(own)
    assert adjusted(found.baseline) == pytest.approx(np.maximum(holm(own), gate))
    assert [comparison.family for comparison in found.baseline] == [3] * 3
    assert adjusted(found.additions) == pytest.approx([max(paired("a", "b"), gate)])


def test_the_winner_is_corrected_over_all_pairs_of_those_it_was_chosen_from():
    found = families(STUDY, 2, [], [])

    over = [paired("b", "c"), paired("d", "c"), paired("b", "d")]
    assert adjusted(found.winner) == pytest.approx(holm(over)[:2])
    assert [comparison.family for comparison in found.winner] == [3, 3]


def test_a_baseline_that_wins_was_not_chosen_from_the_pairs_of_others():
    found = families(study_of(ERRORS[[2, 1, 0]]), 0, [], [])
    assert adjusted(found.winner) == pytest.approx(holm([paired("c", "b"), paired("c", "a")]))


def test_no_difference_is_decided_unless_the_study_shows_one():
    # One pair of six differs at 0.03: on its own it does, among six it does not.
    random = np.random.default_rng(3)
    for _ in range(200):
        errors = random.normal(size=(4, 5))
        study = study_of(errors)
        raw = [score_comparison(study, 0, b).difference.p_value for b in (1, 2, 3)]
        every = [
            score_comparison(study, a, b).difference.p_value for a in range(4) for b in range(a)
        ]
        if min(holm(raw)) < 0.05 < simes(every):
            break
    found = families(study, 1, [(0, 1), (0, 2), (0, 3)], [])

    assert not any(comparison.is_decided for comparison in found.baseline)
    assert min(adjusted(found.baseline)) == pytest.approx(simes(every))
    assert min(adjusted(found.additions)) == pytest.approx(simes(every))


def losing_at_the_end(errors=0.1):
    """Two variants of eight epochs; the second ends, over two epochs, 0.3 to 0.5 lower."""
    falling = [1.0, 0.8, 0.6, 0.5, 0.5, 0.5]
    ends = [[0.7, 0.9], [0.7, 0.9], [0.8, 0.8]]
    lower = [[0.4, 0.6], [0.3, 0.5], [0.5, 0.5]]
    rows = [[falling + end for end in of] for of in (ends, lower)]
    flat = [[errors] * 8] * 3
    trained = [list(np.linspace(1.0, 0.1, 8))] * 3
    return [
        variant(name, train=trained, valid=own, train_error=flat, valid_error=flat)
        for name, own in zip("ab", rows, strict=True)
    ]


def test_additions_at_the_end_are_by_validation_loss_over_the_last_quarter():
    (found,) = families(
        StudyCurves(tuple(losing_at_the_end())), 0, [(0, 1)], [(0, 1)]
    ).additions_at_the_end

    assert found.differences == pytest.approx([-0.3, -0.4, -0.3])
    assert found.measure == "validation loss over the last quarter of the epochs"
    assert np.isnan([found.margin, found.p_equivalence, found.p_equivalence_adjusted]).all()
    assert not found.is_equivalent
    assert found.replicates_needed is None


def test_equal_losses_at_the_end_are_not_called_equivalent():
    one, _ = losing_at_the_end()
    found = families(
        StudyCurves((one, replace(one, name="b"))), 0, [(0, 1)], [(0, 1)]
    ).additions_at_the_end

    assert found[0].difference.mean == 0.0
    assert not found[0].is_equivalent


def test_losses_at_the_end_open_the_gate_too():
    # Errors that are equal decide nothing and have p = 1: of two p-values the lower counts half.
    found = families(StudyCurves(tuple(losing_at_the_end())), 0, [(0, 1)], [(0, 1)])
    raw = found.additions_at_the_end[0].difference.p_value

    assert raw == pytest.approx(stats.ttest_1samp([0.3, 0.4, 0.3], 0.0).pvalue)
    assert adjusted(found.additions_at_the_end) == pytest.approx([2 * raw])


def test_a_diverged_replicate_is_missing_from_its_own_pairs_only():
    errors = ERRORS.copy()
    errors[3, 1] = np.nan
    found = families(study_of(errors), 2, [], [])

    assert [c.difference.n for c in found.baseline] == [4, 4, 3]
    assert [c.difference.n for c in found.winner] == [4, 3]


def test_one_replicate_decides_nothing():
    found = families(study_of(ERRORS[:, :1]), 2, [(0, 1)], [(0, 1)])

    for family in (found.baseline, found.winner, found.additions, found.additions_at_the_end):
        assert np.isnan(adjusted(family)).all()
        assert not any(c.is_decided or c.is_equivalent for c in family)


def test_one_variant_has_nothing_to_be_compared_with():
    found = families(study_of(ERRORS[:1]), 0, [], [])
    assert found.baseline == found.winner == []


@settings(derandomize=True, deadline=None, max_examples=30)
@given(data=st.data(), replicates=st.integers(2, 6), count=st.integers(2, 4))
def test_order_of_replicates_changes_no_comparison(data, replicates, count):
    # Multiples of 1/64: a sum of them is exact in every order.
    sixtyfourths = st.integers(0, 64).map(lambda n: n / 64)
    rows = st.lists(sixtyfourths, min_size=replicates, max_size=replicates)
    errors = np.array(data.draw(st.lists(rows, min_size=count, max_size=count)))
    order = list(data.draw(st.permutations(range(replicates))))
    additions = [(0, count - 1)]
    one, other = (families(study_of(e), 0, additions, []) for e in (errors, errors[:, order]))

    for family in ("baseline", "winner", "additions"):
        for c, d in zip(getattr(one, family), getattr(other, family), strict=True):
            assert numbers(d.difference) == pytest.approx(numbers(c.difference), nan_ok=True)
            assert d.p_adjusted == pytest.approx(c.p_adjusted, nan_ok=True)
            assert d.p_equivalence_adjusted == pytest.approx(c.p_equivalence_adjusted, nan_ok=True)
            assert d.p_sign_flip == pytest.approx(c.p_sign_flip)
            assert d.replicates_needed == c.replicates_needed


@pytest.mark.parametrize("hard", [0.0, 3.0])
def test_studies_without_a_difference_rarely_show_any(hard):
    # Eight variants of equal quality in five replicates; additions form a chain.
    draws, chain = 80, [(a, a + 1) for a in range(7)]
    random = np.random.default_rng(65)
    errors = random.normal(size=(draws, 8, 5)) + hard * random.normal(size=(draws, 1, 5))
    decided = 0
    for own in errors:
        study = study_of(own)
        found = families(study, choose(study), chain, [])
        every = (*found.baseline, *found.winner, *found.additions)
        decided += any(comparison.is_decided for comparison in every)

    assert decided / draws < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def test_the_gate_opens_in_five_percent_of_studies_without_a_difference():
    # It bounds the above, and is cheap to count more finely.
    draws = 4000
    errors = np.random.default_rng(66).normal(size=(draws, 8, 5))
    above = np.triu_indices(8, 1)
    p = stats.ttest_1samp(errors[:, above[0]] - errors[:, above[1]], 0.0, axis=2).pvalue

    assert np.mean([simes(row) <= 0.05 for row in p]) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def test_a_study_with_a_large_difference_shows_it():
    errors = np.random.default_rng(67).normal(size=(40, 4, 5))
    errors[:, 2] -= 6.0
    shown = [families(study_of(own), 2, [], []).baseline[1].is_decided for own in errors]
    assert np.mean(shown) > 0.9
