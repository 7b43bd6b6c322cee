"""The comparisons of a study: which there are, how each family is corrected, how often they err."""

import gc
import itertools
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.families import corrected_comparison, families
from kohort.findings.judged import StudyCurves
from kohort.findings.paired.differences import score_comparison
from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.scale import Scale
from kohort.findings.statistics.stepwise import holm, simes
from tests.findings.curve_builders import (
    numbers,
    percent_of,
    reordered,
    scored_studies,
    study_of,
    variant,
)

ERRORS = np.array(
    [
        [0.30, 0.31, 0.32, 0.33],
        [0.20, 0.22, 0.21, 0.24],
        [0.10, 0.12, 0.11, 0.16],
        [0.25, 0.21, 0.30, 0.22],
    ]
)
STUDY = study_of(ERRORS)  # c wins


def pairs(family):
    return [(comparison.a, comparison.b) for comparison in family]


def p_values(family):
    return [comparison.difference.p_value for comparison in family]


def adjusted(family):
    return [comparison.p_adjusted for comparison in family]


def every(found):
    """All comparisons of scores, of all families."""
    return [*found.baseline, *found.winner, *found.additions]


def paired(a, b):
    """The p-value of a pair alone."""
    return stats.ttest_rel(ERRORS["abcd".index(a)], ERRORS["abcd".index(b)]).pvalue


def helped(a, b, study=STUDY):
    """The moderated p-value of a pair of a study, which the corrections are over."""
    return score_comparison(study, "abcd".index(a), "abcd".index(b)).p_moderated


def corrected(pairs, gate=0.0):
    """Adjusted by Holm's method, but not below a pair's own p-value or the gate."""
    alone = np.array([paired(*pair) for pair in pairs])
    return np.maximum(holm([helped(*pair) for pair in pairs]), np.maximum(alone, gate))


def test_a_score_comparison_is_of_scores_and_not_of_errors():
    found = score_comparison(STUDY, 0, 2)

    assert (found.a, found.b) == ("a", "c")
    assert found.difference.mean == pytest.approx(0.1925)  # c is better, by accuracy
    assert found.differences == pytest.approx([0.20, 0.19, 0.21, 0.17])
    assert found.measure == "validation accuracy at the best epoch"
    assert found.margin == STUDY.margin
    assert found.errors_per_thousand == pytest.approx(192.5)
    assert found.higher_is_better
    assert found.better == "c"


def test_where_lower_is_better_the_difference_is_that_of_the_metric():
    found = score_comparison(study_of(ERRORS, scale=percent_of(0.3, "mae"), margin=0.02), 0, 2)

    assert found.difference.mean == pytest.approx(-0.1925)
    assert found.measure == "validation mae at the best epoch"
    assert not found.higher_is_better
    assert found.better == "c"
    assert found.margin == 0.02


def test_a_metric_that_is_no_proportion_may_be_better_when_higher():
    scale = Scale("r2", higher_is_better=True, reference=0.3)
    found = score_comparison(study_of(-ERRORS, scale=scale), 0, 2)

    assert found.difference.mean == pytest.approx(-0.1925)
    assert found.better == "a"


def test_confidence_and_correction_are_those_of_the_study():
    study = study_of(ERRORS, confidence=0.9, test_to_train=0.25)
    found = score_comparison(study, 1, 3)

    assert found.alpha == pytest.approx(0.1)
    assert found.test_to_train == 0.25
    assert numbers(found.difference) == numbers(study.interval(ERRORS[1] - ERRORS[3]))


def test_which_comparisons_there_are():
    found = families(replace(STUDY, additions=((0, 1), (3, 1)), one_loss=((3, 1),)))

    assert pairs(found.baseline) == [("a", "b"), ("a", "c"), ("a", "d")]
    assert pairs(found.winner) == [("b", "c"), ("d", "c")]
    assert pairs(found.additions) == [("a", "b"), ("d", "b")]
    assert pairs(found.rises) == [("d", "b")]


def test_a_baseline_that_wins_is_compared_with_all():
    found = families(study_of(ERRORS[[2, 1, 0]]))

    assert pairs(found.winner) == [("b", "a"), ("c", "a")]
    assert all(comparison.difference.mean > 0 for comparison in found.winner)
    assert all(comparison.better == "a" for comparison in found.winner)
    assert found.additions == found.rises == []


def test_where_nothing_trained_there_is_nothing_to_compare():
    found = families(study_of(np.full((2, 3), np.nan), additions=((0, 1),), one_loss=((0, 1),)))
    assert every(found) == found.rises == []


def test_each_family_is_corrected_by_holm_over_its_own():
    alone = [paired("a", other) for other in "bcd"]
    gate = simes([helped(*pair) for pair in ("ab", "ac", "ad", "bc", "bd", "cd")])
    found = families(replace(STUDY, additions=((3, 1),)))

    assert p_values(found.baseline) == pytest.approx(alone)
    assert adjusted(found.baseline) == pytest.approx(corrected(["ab", "ac", "ad"], gate))
    assert [comparison.family for comparison in found.baseline] == [3] * 3
    # Of the pair that no other family has.
    assert adjusted(found.additions) == pytest.approx(corrected(["db"], gate))
    assert found.additions[0].family == 1


def winners(best="c"):
    """Adjusted p-values of the winner against each, by two-sided ones of all pairs."""
    not_worse = np.full((4, 4), np.nan)
    for a, b in itertools.permutations("abcd", 2):
        i, j, half = "abcd".index(a), "abcd".index(b), helped(a, b) / 2
        not_worse[i, j] = half if ERRORS[i].mean() > ERRORS[j].mean() else 1 - half
    alone = np.array([paired(best, other) if other != best else np.nan for other in "abcd"])
    found = better_than_each(not_worse, alone, "abcd".index(best))
    return dict(zip("abcd", found, strict=True))


def test_the_winner_is_corrected_for_having_been_chosen():
    found, each = families(STUDY), winners()

    gate = simes([helped(*pair) for pair in ("ab", "ac", "ad", "bc", "bd", "cd")])
    assert adjusted(found.winner) == pytest.approx([max(each["b"], gate), max(each["d"], gate)])
    assert [comparison.family for comparison in found.winner] == [2, 2]


def test_a_large_difference_is_decided_among_many_variants():
    # 26 variants in 4 splits: the winner is 66 points (47 to 85) above the last.
    random = np.random.default_rng(7)
    steps = np.array([-0.14, 0.02, 0.02, 0.10])  # of standard deviation 0.102
    best = np.array([0.10, 0.11, 0.12, 0.11])
    rest = [best + 0.03 * number + random.normal(0, 0.02, 4) for number in range(1, 24)]
    study = study_of([best + 0.5, *rest, best, best + 0.66 + 1.17 * steps], names=_many(26))
    last = families(study).winner[-1]

    assert (last.a, last.b) == ("v25", "v24")
    assert last.difference.low == pytest.approx(0.47, abs=0.005)
    assert last.difference.high == pytest.approx(0.85, abs=0.005)
    assert 325 * last.difference.p_value > 0.4
    assert last.better == "v24"


def _many(count):
    return [f"v{number}" for number in range(count)]


def test_what_the_study_says_of_any_pair_is_corrected():
    study = replace(STUDY, additions=((0, 3),))
    found = families(study)
    in_the_report = [*found.baseline, *found.winner, *found.additions]
    for one in in_the_report:
        for a, b in ((one.a, one.b), (one.b, one.a)):
            told = corrected_comparison(study, "abcd".index(a), "abcd".index(b))
            assert (told.a, told.b, told.better) == (a, b, one.better)
            assert told.p_adjusted == one.p_adjusted
            assert told.alone.p_adjusted == told.difference.p_value

    # b and d are in no family: corrected over all pairs.
    over = ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert pairs(found.others) == [("b", "d")]
    told = corrected_comparison(study, 1, 3)
    assert told.p_adjusted == pytest.approx(corrected(over, simes([helped(*o) for o in over]))[4])
    assert told.family == 6


def test_a_baseline_that_wins_was_not_chosen_from_the_pairs_of_others():
    study = study_of(ERRORS[[2, 1, 0]])
    found = families(study)

    # The families are one, but for the sign.
    expected = holm([helped(*pair, study) for pair in ("ab", "ac")])
    assert adjusted(found.winner) == pytest.approx(
        np.maximum(expected, [paired("c", "b"), paired("c", "a")])
    )
    assert adjusted(found.baseline) == pytest.approx(adjusted(found.winner))
    assert [c.family for c in found.winner] == [2, 2]


def test_a_pair_in_several_families_has_the_largest_of_its_p_values_in_all():
    # Additions: one of the baseline's pairs, two of the winner's, one of them the other way round.
    found = families(replace(STUDY, additions=((0, 3), (1, 2), (2, 3))))

    gate = simes([helped(*pair) for pair in ("ab", "ac", "ad", "bc", "bd", "cd")])
    ab, ac, ad = corrected(["ab", "ac", "ad"])
    bc, dc = winners()["b"], winners()["d"]
    added_ad, added_bc, added_dc = corrected(["ad", "bc", "dc"])
    assert (added_bc, added_dc) != (bc, dc)  # so that there is something to agree on
    ad, bc, dc = (max(*pair, gate) for pair in ((ad, added_ad), (bc, added_bc), (dc, added_dc)))
    assert adjusted(found.baseline) == pytest.approx([max(ab, gate), max(ac, gate), ad])
    assert adjusted(found.winner) == pytest.approx([bc, dc])
    assert adjusted(found.additions) == pytest.approx([ad, bc, dc])
    assert [c.difference.mean > 0 for c in found.additions] == [True, True, False]
    assert [c.better for c in found.additions] == ["d", "c", "c"]
    assert [c.better for c in found.winner] == ["c", "c"]


def test_a_pair_that_one_family_alone_would_decide_is_undecided_in_all():
    # Two deviations of 0.02 in three replicates: t = 4.85, p = 0.04; twice that among the
    # baseline's two pairs.
    error = 0.02 / np.sqrt(3)
    base = np.array([0.1, 0.3, 0.2])
    better = base - 4.85 * error + [-0.02, 0.0, 0.02]
    far = base + 1.0 + [0.001, 0.0, -0.001]  # so that the study shows a difference
    beside = base - 0.001 * np.array([1.0, -1.0, 2.0])
    study = study_of([base, better, far, beside], additions=((0, 1),))
    found = families(study)
    raw = found.additions[0].difference.p_value

    assert raw == pytest.approx(0.04, abs=1e-3)
    assert min(adjusted(found.baseline)) < 0.01
    twice = 2 * found.additions[0].p_moderated
    assert found.additions[0].p_adjusted == found.baseline[0].p_adjusted == pytest.approx(twice)
    assert twice > 0.05
    assert found.additions[0].better is found.baseline[0].better is None
    assert found.additions[0].family == found.baseline[0].family == 3


def test_equivalence_is_agreed_on_as_well():
    # Each pair is equivalent on its own; among the baseline's three not all are.
    steps = np.array([-0.006, 0.0, 0.006])
    base = np.array([0.1, 0.3, 0.2])
    study = study_of(
        [base, base + steps, base + 9 * steps, base - 0.5 + steps[::-1]], additions=((0, 1),)
    )
    found = families(study)

    assert found.additions[0].p_equivalence < found.additions[0].p_equivalence_adjusted
    of_three = holm([comparison.p_equivalence_moderated for comparison in found.baseline])[0]
    assert found.additions[0].p_equivalence_adjusted == pytest.approx(of_three)
    assert of_three > found.additions[0].p_equivalence_moderated
    assert found.baseline[0].p_equivalence_adjusted == found.additions[0].p_equivalence_adjusted


def judged(comparison):
    return (
        comparison.is_decided,
        comparison.is_equivalent,
        comparison.better,
        comparison.difference.is_formed,
        comparison.replicates_needed,
        *map(repr, (comparison.p_adjusted, comparison.p_equivalence_adjusted)),
    )


@pytest.mark.long
@settings(derandomize=True, max_examples=150)
@given(study=scored_studies())
def test_no_pair_has_two_verdicts(study):
    verdicts = {}
    for comparison in every(families(study)):
        pair = frozenset((comparison.a, comparison.b))
        assert verdicts.setdefault(pair, judged(comparison)) == judged(comparison)
        assert not comparison.p_adjusted < comparison.difference.p_value
        assert not comparison.p_equivalence_adjusted < comparison.p_equivalence


def test_what_is_compared_is_found_once_for_a_study_and_forgotten_with_it():
    study = study_of(ERRORS)
    found, other = families(study), replace(study, additions=((0, 1),))

    assert families(study) is found
    assert families(other) is not found
    assert len(families(other).additions) == 1
    forgotten = weakref.ref(study)
    del study
    gc.collect()
    assert forgotten() is None


def test_no_difference_is_decided_unless_the_study_shows_one():
    # One pair of six differs at 0.03: on its own it does, among six it does not.
    random = np.random.default_rng(3)
    for _ in range(400):
        study = study_of(random.normal(size=(4, 5)), additions=((0, 1), (0, 2), (0, 3)))
        ours = [score_comparison(study, 0, b) for b in (1, 2, 3)]
        least = holm([comparison.p_moderated for comparison in ours])
        alone = [comparison.difference.p_value for comparison in ours]
        of_all = [score_comparison(study, a, b).p_moderated for a in range(4) for b in range(a)]
        if np.maximum(least, alone).min() < 0.05 < simes(of_all):
            break
    found = families(study)

    assert not any(comparison.is_decided for comparison in found.baseline)
    assert min(adjusted(found.baseline)) == pytest.approx(simes(of_all))
    assert min(adjusted(found.additions)) == pytest.approx(simes(of_all))


FALLING = [1.0, 0.8, 0.6, 0.5, 0.5, 0.5]


def rising(name, *ends, errors=0.1, at_best=0.5):
    """A variant of eight epochs, the fourth the best, whose last two are told."""
    falling = [*FALLING[:3], *[at_best] * 3]
    return variant(
        name,
        train=[list(np.linspace(1.0, 0.1, 8))] * len(ends),
        valid=[falling + end for end in ends],
        train_error=[[errors] * 8] * len(ends),
        valid_error=[[errors] * 8] * len(ends),
    )


# By 60 % each; by 20, 10 and 10 %.
STEEP = rising("a", [0.7, 0.9], [0.7, 0.9], [0.8, 0.8])
GENTLE = rising("b", [0.5, 0.7], [0.55, 0.55], [0.5, 0.6])


def two(a, b, **study):
    return StudyCurves((a, b), additions=((0, 1),), one_loss=((0, 1),), **study)


def test_rises_are_compared_in_percent_of_the_loss_at_the_best_epoch():
    (found,) = families(two(STEEP, GENTLE)).rises

    assert found.differences == pytest.approx([-40, -50, -50])
    assert found.measure == "rise of validation loss after the best epoch"
    assert np.isnan([found.margin, found.p_equivalence, found.p_equivalence_adjusted]).all()
    assert not found.is_equivalent
    assert found.replicates_needed is None


@pytest.mark.parametrize("scale", [Scale(), percent_of(0.5)])
def test_a_rise_is_better_when_lower_whatever_the_metric(scale):
    for a, b in ((STEEP, GENTLE), (GENTLE, STEEP)):
        (found,) = families(two(a, b, scale=scale)).rises
        assert found.is_decided
        assert found.better == "b"  # the gentle one, by name


def test_rises_open_the_gate_too():
    # Errors that are equal decide nothing and have p = 1: of two p-values the lower counts half.
    found = families(two(STEEP, GENTLE))
    raw = found.rises[0].difference.p_value

    assert raw == pytest.approx(stats.ttest_1samp([40, 50, 50], 0.0).pvalue)
    assert found.additions[0].p_adjusted == 1.0
    assert adjusted(found.rises) == pytest.approx([2 * raw])


def test_rises_are_a_family_of_their_own():
    # The pair's scores decide nothing, and its rises have no part in that.
    steeper = rising("c", [0.9, 1.1], [1.0, 1.0], [0.9, 1.0])  # by 100, 100, 90 %
    pairs_of_three = ((0, 1), (0, 2), (1, 2))
    study = StudyCurves((STEEP, GENTLE, steeper), additions=pairs_of_three, one_loss=pairs_of_three)
    found = families(study)
    raw = [stats.ttest_1samp(d, 0.0).pvalue for d in ([-40, -50, -50], [40, 40, 30], [80, 90, 80])]
    gate = simes([*raw, 1.0, 1.0, 1.0])

    assert adjusted(found.rises) == pytest.approx(np.maximum(holm(raw), gate))
    assert [c.family for c in found.rises] == [3, 3, 3]
    assert adjusted(found.additions) == [1.0] * 3


def test_equal_rises_are_not_called_equivalent():
    (found,) = families(two(STEEP, replace(STEEP, name="b"))).rises

    assert found.difference.mean == 0.0
    assert found.difference.is_formed
    assert not found.is_equivalent


def test_two_that_do_not_rise_are_not_shown_to_be_alike_but_where_they_are_one():
    # Both are best in their last epoch: no rise in any replicate.
    one, other = (rising(n, *[[0.4, best]] * 3) for n, best in (("a", 0.30), ("b", 0.31)))

    assert not families(two(one, other)).rises[0].difference.is_formed
    assert families(two(one, replace(one, name="b"))).rises[0].difference.is_formed


@pytest.mark.parametrize(
    ("ratio", "is_formed"),
    [(1.0, True), (1.0009, True), (1.0010005, True), (1.0012, False), (1.5, False)],
)
def test_ties_of_scores_form_an_interval_only_where_the_losses_agree(ratio, is_formed):
    # 0.1 % of the larger loss, whichever is the first.
    one, other = STEEP, rising("b", [0.7, 0.9], [0.7, 0.9], [0.8, 0.8], at_best=0.5 * ratio)
    for a, b in ((one, other), (other, one)):
        study = StudyCurves((a, b))
        for found in (*every(families(study)), score_comparison(study, 1, 0)):
            assert found.differences == (0.0,) * 3
            assert found.difference.is_formed is is_formed
            assert found.is_equivalent is is_formed
            assert found.better is None


def test_one_loss_that_differs_is_enough_to_tell_two_apart():
    other = replace(STEEP, name="b", valid_loss=STEEP.valid_loss * [[1.0], [1.0], [1.01]])
    assert not score_comparison(StudyCurves((STEEP, other)), 0, 1).difference.is_formed


def test_one_under_two_names_diverges_in_the_same_replicates():
    lost = STEEP.train_loss.copy()
    lost[1, -1] = np.nan
    one, other = replace(STEEP, train_loss=lost), replace(STEEP, name="b", train_loss=lost)

    both = score_comparison(StudyCurves((one, other)), 0, 1)
    assert (both.difference.n, both.difference.is_formed) == (2, True)
    for pair in ((one, replace(STEEP, name="b")), (STEEP, other)):
        alone = score_comparison(StudyCurves(pair), 0, 1)
        assert (alone.difference.n, alone.difference.is_formed) == (2, False)


def test_losses_that_differ_do_not_matter_where_scores_do():
    errors = [[0.1, 0.1, 0.1], [0.1, 0.1, 0.2]]
    a, b = study_of(errors).variants
    b = replace(b, valid_loss=2 * b.valid_loss)

    assert score_comparison(StudyCurves((a, b)), 0, 1) == score_comparison(study_of(errors), 0, 1)


def test_a_diverged_replicate_is_missing_from_its_own_pairs_only():
    errors = ERRORS.copy()
    errors[3, 1] = np.nan
    found = families(study_of(errors))

    assert [c.difference.n for c in found.baseline] == [4, 4, 3]
    assert [c.difference.n for c in found.winner] == [4, 3]


def test_one_that_lost_a_replicate_and_is_better_elsewhere_is_named_as_better():
    errors = ERRORS[[0, 1, 2]]
    errors[2, 1:] = 0.13, 0.11, np.nan  # b wins, since c is not whole
    found = families(study_of(errors, additions=((1, 2),)))

    assert pairs(found.winner) == [("c", "b")]
    assert found.winner[0].better == found.baseline[1].better == found.additions[0].better == "c"
    assert found.baseline[0].better == "b"


def test_one_replicate_decides_nothing():
    found = families(study_of(ERRORS[:, :1], additions=((0, 1),), one_loss=((0, 1),)))

    for comparison in (*every(found), *found.rises):
        assert np.isnan(comparison.p_adjusted)
        assert not comparison.is_equivalent
        assert comparison.better is None


def test_one_variant_has_nothing_to_be_compared_with():
    found = families(study_of(ERRORS[:1]))
    assert every(found) == found.rises == []


@settings(derandomize=True, max_examples=30)
@given(study=scored_studies(), data=st.data())
def test_order_of_replicates_changes_no_comparison(study, data):
    # Multiples of 1/64: a sum of them is exact in every order.
    order = list(data.draw(st.permutations(range(study.errors.shape[1]))))
    shuffled = replace(study, variants=tuple(reordered(c, order) for c in study.variants))

    for c, d in zip(every(families(study)), every(families(shuffled)), strict=True):
        assert numbers(d.difference) == pytest.approx(numbers(c.difference), nan_ok=True)
        assert d.p_adjusted == pytest.approx(c.p_adjusted, nan_ok=True)
        assert d.p_equivalence_adjusted == pytest.approx(c.p_equivalence_adjusted, nan_ok=True)
        assert d.p_sign_flip == pytest.approx(c.p_sign_flip, nan_ok=True)
        assert d.replicates_needed == c.replicates_needed


@settings(derandomize=True, max_examples=40)
@given(study=scored_studies())
def test_the_better_one_is_the_same_by_a_metric_and_by_its_opposite(study):
    other = replace(study, scale=percent_of(0.5))
    assume(np.isfinite(study.errors).any())

    for c, d in zip(every(families(study)), every(families(other)), strict=True):
        assert (d.better, d.is_equivalent) == (c.better, c.is_equivalent)
        assert d.difference.mean == pytest.approx(-c.difference.mean, nan_ok=True)


@pytest.mark.parametrize("hard", [0.0, 3.0])
def test_studies_without_a_difference_rarely_show_any(hard):
    # Eight variants of equal quality in five replicates; additions form a chain.
    draws, chain = 80, [(a, a + 1) for a in range(7)]
    random = np.random.default_rng(65)
    errors = random.normal(size=(draws, 8, 5)) + hard * random.normal(size=(draws, 1, 5))
    decided = 0
    for of_study in errors:
        study = study_of(of_study, additions=tuple(chain))
        found = families(study)
        decided += any(comparison.is_decided for comparison in every(found))

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
    shown = [families(study_of(of_study)).baseline[1].is_decided for of_study in errors]
    assert np.mean(shown) > 0.9


def test_one_a_margin_behind_the_winner_is_seldom_called_equivalent_to_it():
    # Five that are behind by the margin itself, and two that are best.
    draws, random = 100, np.random.default_rng(68)
    scores = np.r_[np.zeros(5), np.full(2, 0.5)][:, None] * np.ones((draws, 7, 5))
    false = 0
    for drawn in scores + 0.1 * random.normal(size=scores.shape):
        found = families(study_of(1 - drawn, margin=0.5)).winner
        false += any(c.is_equivalent for c in found if c.a in "abcde")

    assert false / draws < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize("samples", [60, 100, 120, 200, 997])
@pytest.mark.parametrize("replicates", [2, 3, 5])
def test_one_sample_more_in_each_replicate_is_no_certainty_of_float32(samples, replicates):
    random = np.random.default_rng(samples)
    for _ in range(40):
        right = random.integers(samples // 2, samples - 1, replicates)
        accuracies = np.float32([right, right + 1]) / np.float32(samples)
        found = score_comparison(study_of(1 - accuracies.astype(float)), 0, 1)
        assert not found.difference.is_formed
        assert not found.is_conclusive
        assert found.difference.mean == pytest.approx(1 / samples, rel=1e-4)


def test_scores_that_differ_by_rounding_alone_are_the_same():
    right = np.float32([0.7, 0.81, 0.64])
    apart = np.stack([right, np.nextafter(right, np.float32(1))]).astype(float)
    found = score_comparison(study_of(1 - apart), 0, 1)
    assert found.differences == (0.0, 0.0, 0.0)


def test_small_differences_of_small_errors_are_no_rounding():
    errors = 1e-9 * np.array([[5.0, 6.0, 7.0, 5.5], [7.0, 8.1, 9.0, 7.4]])
    found = score_comparison(study_of(errors, scale=percent_of(1e-8), margin=1e-10), 0, 1)
    assert found.is_decided
