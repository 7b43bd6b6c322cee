"""What axes do: against statsmodels and SciPy, in unbalanced sets, and how often it errs."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from kohort.findings.conclusions import Conclusions
from kohort.findings.factorial import effects as factorial
from kohort.findings.factorial.axes import axes_of
from kohort.findings.families import corrected_comparison
from kohort.findings.from_record import study_curves
from kohort.findings.statistics.scale import Scale
from kohort.report.factorial.effect_words import what_axes_do
from tests.findings.factorial.records import grid_of, record_of

# [units, learning rate, replicate]
SCORES = (
    np.array(
        [
            [[701, 689, 712, 694], [742, 731, 738, 749], [733, 741, 729, 750]],
            [[718, 709, 721, 698], [779, 762, 781, 770], [731, 738, 744, 742]],
        ]
    )
    / 1000
)
GRID = grid_of(units=[1, 16], lr=[0.001, 0.01, 0.1])
NAN = np.nan


def effects_of(scores, arguments=GRID, **more):
    return Conclusions(
        record_of(arguments, np.reshape(scores, (len(arguments), -1)), **more)
    ).effects


def only(effects, kind, *levels):
    (found,) = [e for e in effects.effects if e.kind == kind and e.levels == levels]
    return found


def test_effects_are_those_of_an_analysis_of_variance_with_repeated_measures():
    # statsmodels 0.15.0: AnovaRM(data, "score", "replicate", ["units", "lr"]), with the first two
    # learning rates; each effect has one degree of freedom, so that F is the square of t.
    f_and_p = {
        ("level", "16"): (43.969912, 0.006987),
        ("level", "0.01"): (135.710441, 0.001359),
        ("interaction", "16", "0.01"): (17.694737, 0.024531),
    }
    effects = effects_of(SCORES[:, :2], grid_of(units=[1, 16], lr=[0.001, 0.01]))
    assert len(effects.effects) == len(f_and_p)
    for (kind, *levels), (f, p) in f_and_p.items():
        found = only(effects, kind, *levels).comparison
        t = stats.ttest_1samp(found.differences, 0).statistic
        assert t**2 == pytest.approx(f, rel=1e-5)
        assert found.difference.p_value == pytest.approx(p, abs=1e-6)


def test_an_effect_of_one_axis_is_a_mean_over_all_of_the_other():
    # statsmodels 0.15.0, with all three learning rates: F = 19.207262, p = 0.021995.
    found = only(effects_of(SCORES), "level", "16")
    contrast = (SCORES[1] - SCORES[0]).mean(axis=0)
    assert found.comparison.differences == pytest.approx(contrast)
    assert stats.ttest_1samp(contrast, 0).statistic ** 2 == pytest.approx(19.207262, rel=1e-5)
    assert found.comparison.difference.p_value == pytest.approx(0.021995, abs=1e-6)
    assert (found.contexts, found.of, found.references) == (3, 3, ("1",))


def test_an_interaction_is_the_difference_of_effects():
    found = only(effects_of(SCORES), "interaction", "16", "0.1")
    contrast = (SCORES[1, 2] - SCORES[0, 2]) - (SCORES[1, 0] - SCORES[0, 0])
    assert found.comparison.differences == pytest.approx(contrast)
    assert (found.axes, found.references) == (("units", "lr"), ("1", "0.001"))


def test_the_trend_of_numbers_is_along_a_line_over_logarithms():
    found = only(effects_of(SCORES), "trend", "0.1")
    slopes = np.polyfit([0, 1, 2], SCORES.mean(axis=0), 1)[0]
    assert found.comparison.differences == pytest.approx(2 * slopes)
    assert found.is_logarithmic
    assert found.references == ("0.001",)


def reached(arguments, levels):
    """The largest trend over all scores of none and all, and what it is told to have at most."""
    every = itertools.product([0.0, 1.0], repeat=len(arguments))
    scores = np.array([[cells, cells] for cells in every])
    found = [only(effects_of(s.T, arguments), "trend", levels[-1]) for s in scores]
    return max(f.comparison.difference.mean for f in found), found[0].most


@pytest.mark.parametrize("rates", [[0, 1, 2], [0.01, 0.02, 0.05], [1, 2, 3, 4], [1, 2, 30]])
def test_a_trend_is_at_most_what_scores_of_none_and_all_make_of_it(rates):
    largest, most = reached(grid_of(rate=rates), list(map(repr, rates)))
    assert most == pytest.approx(largest)
    assert 1 <= most < 1.3


def test_so_is_one_whose_levels_are_each_over_settings_of_their_own():
    arguments = grid_of(rate=[0, 1, 2], act=["relu", "tanh"])
    del arguments[2]  # a rate of 1, of relu
    largest, most = reached(arguments, ["0", "1", "2"])
    assert most == pytest.approx(largest)


def test_two_numbers_and_choices_have_no_trend():
    effects = effects_of(SCORES, grid_of(units=[1, 16], act=["relu", "tanh", "gelu"]))
    assert {e.kind for e in effects.effects} == {"level", "interaction"}


def test_all_effects_are_one_family_of_holm():
    effects = effects_of(SCORES)
    raw = [e.comparison.difference.p_value for e in effects.effects]
    assert len(raw) == 6  # three levels, a trend, two interactions
    adjusted = [e.comparison.p_adjusted for e in effects.effects]
    order = np.argsort(raw)
    expected = np.maximum.accumulate(np.arange(6, 0, -1) * np.sort(raw)).clip(max=1)
    assert np.array(adjusted)[order] == pytest.approx(expected)


def test_a_metric_that_is_better_when_lower_keeps_its_sign():
    record = record_of(GRID, SCORES.reshape(6, -1))
    settings = replace(
        record.settings, metric="data_loss", higher_is_better=False, is_proportion=False
    )
    effects = Conclusions(replace(record, settings=settings)).effects
    contrast = -(SCORES[1] - SCORES[0]).mean(axis=0)  # losses are 1 - accuracy
    assert only(effects, "level", "16").comparison.differences == pytest.approx(contrast)
    assert not only(effects, "level", "16").comparison.higher_is_better
    reach = {r.axis: r for r in effects.ranges}["lr"]
    assert (reach.worst, reach.best) == ("0.001", "0.01")


def test_a_missing_cell_leaves_its_context_out():
    effects = effects_of(SCORES.reshape(6, -1)[:-1], GRID[:-1])
    found = only(effects, "level", "16")
    contrast = (SCORES[1, :2] - SCORES[0, :2]).mean(axis=0)
    assert found.comparison.differences == pytest.approx(contrast)
    assert (found.contexts, found.of) == (2, 2)
    # Each level is compared where both are there: 0.1 beside 0.001 only with one unit.
    assert only(effects, "level", "0.1").comparison.differences == pytest.approx(
        SCORES[0, 2] - SCORES[0, 0]
    )
    assert [e.levels for e in effects.effects if e.kind == "interaction"] == [("16", "0.01")]


def test_a_cell_that_diverged_leaves_its_context_out_and_no_replicate():
    scores = SCORES.copy()
    scores[1, 2, 1] = NAN
    found = only(effects_of(scores), "level", "16")
    assert found.comparison.differences == pytest.approx(
        (SCORES[1, :2] - SCORES[0, :2]).mean(axis=0)
    )
    assert (found.contexts, found.of) == (2, 3)


def test_where_all_contexts_lost_a_replicate_it_is_left_out():
    scores = SCORES[:, :1].copy()
    scores[1, 0, 1] = NAN
    effects = effects_of(scores, grid_of(units=[1, 16]))
    found = only(effects, "level", "16")
    kept = [0, 2, 3]
    assert found.comparison.differences == pytest.approx(SCORES[1, 0, kept] - SCORES[0, 0, kept])


def test_a_level_that_never_trained_has_no_effect_and_takes_none_from_others():
    scores = SCORES.copy()
    scores[:, 2] = NAN
    effects = effects_of(scores)
    assert only(effects, "level", "0.1").comparison.difference.n == 0
    assert not only(effects, "level", "0.1").comparison.is_decided
    assert only(effects, "level", "0.01").comparison.difference.n == 4
    assert {r.axis for r in effects.ranges} == {"units", "lr"}


def test_where_nothing_trained_nothing_is_told():
    effects = effects_of(np.full((6, 4), NAN))
    assert not any(e.comparison.is_decided for e in effects.effects)
    assert (effects.ranges, effects.most) == ((), None)


def test_one_replicate_decides_nothing():
    effects = effects_of(SCORES[..., :1])
    assert not any(e.comparison.is_decided for e in effects.effects)
    assert effects.most is None


def test_replicates_in_another_order_say_the_same():
    one, other = effects_of(SCORES), effects_of(SCORES[..., [2, 0, 3, 1]])
    assert [e.comparison.p_adjusted for e in one.effects] == pytest.approx(
        [e.comparison.p_adjusted for e in other.effects]
    )
    assert [r.size.mean for r in one.ranges] == pytest.approx([r.size.mean for r in other.ranges])


def test_scores_that_are_equal_by_chance_are_not_sure_to_be():
    scores = np.full((2, 4), 0.5)
    record = record_of(grid_of(units=[1, 16]), scores)
    curves = record.whole
    curves.values[1, :, :, curves.metrics.index("val_data_loss")] += 0.1
    (found,) = Conclusions(record).effects.effects
    assert not found.comparison.difference.is_formed
    assert not found.comparison.is_equivalent


def test_an_argument_that_changes_nothing_at_all_has_no_effect():
    (found,) = effects_of(np.full((2, 4), 0.5), grid_of(units=[1, 16])).effects
    assert (found.comparison.difference.low, found.comparison.difference.high) == (0.0, 0.0)
    assert found.comparison.is_equivalent


def test_an_effect_that_is_a_pair_of_variants_has_their_verdict():
    random = np.random.default_rng(0)
    for _ in range(200):
        means = random.uniform(0.5, 0.53, (4, 1))
        scores = means + 0.01 * random.normal(size=(4, 4))
        conclusions = Conclusions(record_of(grid_of(units=[1, 2, 4, 8]), scores))
        compared = {(c.a, c.b): c for c in conclusions.families.baseline}
        for number, effect in enumerate(conclusions.effects.of_axis("units"), 1):
            same = compared["v0", f"v{number}"]
            assert effect.comparison.difference == same.difference
            assert effect.comparison.p_adjusted == same.p_adjusted
            assert effect.comparison.p_equivalence_adjusted == same.p_equivalence_adjusted


def test_the_axis_that_matters_most_moves_the_score_furthest():
    random = np.random.default_rng(0)
    scores = 0.5 + 0.002 * random.normal(size=(2, 3, 6))
    scores[:, 1] += 0.1
    scores[1] += 0.02
    effects = effects_of(scores)
    assert effects.most == "lr"
    assert [(r.axis, r.worst, r.best) for r in effects.ranges][1] == ("units", "1", "16")
    assert effects.ranges[0].size.low < 0.1 < effects.ranges[0].size.high


def test_none_matters_most_where_two_move_it_alike_or_there_is_one_axis():
    random = np.random.default_rng(0)
    scores = 0.5 + 0.002 * random.normal(size=(2, 2, 6))
    scores[:, 1] += 0.1
    scores[1] += 0.1
    assert effects_of(scores, grid_of(units=[1, 16], lr=[0.001, 0.01])).most is None
    assert effects_of(scores[:, 0], grid_of(units=[1, 16])).most is None


def simulate(random, effect, draws, replicates=5):
    """Studies of a 2 x 3 design, replicates with effects of their own on every cell."""
    for _ in range(draws):
        shared = 0.01 * random.normal(size=(1, 1, replicates))
        yield 0.5 + effect[:, :, None] + shared + 0.01 * random.normal(size=(2, 3, replicates))


@pytest.mark.long
@pytest.mark.parametrize("missing", [0, 1])
def test_intervals_cover_and_where_nothing_does_anything_little_is_decided(missing):
    random = np.random.default_rng(3)
    covers, decided, most, draws = [], [], [], 400
    for scores in simulate(random, np.zeros((2, 3)), draws):
        scores[1, 2, :missing] = NAN
        effects = effects_of(scores)
        intervals = [e.comparison.difference for e in effects.effects]
        covers += [i.low <= 0 <= i.high for i in intervals]
        decided.append(any(e.comparison.is_decided for e in effects.effects))
        most.append(effects.most is not None)
    assert np.mean(covers) == pytest.approx(0.95, abs=0.02)
    assert np.mean(decided) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / draws)
    assert np.mean(most) <= 0.05


@pytest.mark.long
def test_along_one_axis_as_little_is_decided_where_it_does_nothing():
    random, draws, decided = np.random.default_rng(5), 400, []
    for _ in range(draws):
        scores = 0.5 + 0.01 * random.normal(size=(4, 5))
        effects = effects_of(scores, grid_of(units=[1, 2, 4, 8]))
        decided.append(any(e.comparison.is_decided for e in effects.effects))
    assert np.mean(decided) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / draws)


@pytest.mark.long
def test_a_true_effect_and_interaction_are_covered_and_found():
    effect = np.zeros((2, 3))
    effect[1], effect[1, 2] = 0.05, 0.15
    truth = {("16",): (0.05 + 0.05 + 0.15) / 3, ("16", "0.1"): 0.10, ("16", "0.01"): 0.0}
    random, covers, found = np.random.default_rng(4), [], []
    for scores in simulate(random, effect, 200):
        effects = effects_of(scores)
        for levels, true in truth.items():
            kind = "level" if len(levels) == 1 else "interaction"
            interval = only(effects, kind, *levels).comparison.difference
            covers.append(interval.low <= true <= interval.high)
        found.append(only(effects, "interaction", "16", "0.1").comparison.is_decided)
    assert np.mean(covers) == pytest.approx(0.95, abs=0.03)
    assert np.mean(found) > 0.8


def test_a_hundred_variants_take_little_work():
    arguments = grid_of(a=list(range(10)), b=list(range(1, 11)))
    scores = np.random.default_rng(0).normal(0.5, 0.01, (100, 3))
    effects = effects_of(scores, arguments)
    kinds = [effect.kind for effect in effects.effects]
    assert [kinds.count(k) for k in ("level", "trend", "interaction")] == [18, 2, 81]


def test_three_axes_have_interactions_of_each_pair():
    arguments = grid_of(a=[1, 2], b=[1, 2], c=["x", "y"])
    scores = np.random.default_rng(0).normal(0.5, 0.01, (8, 3))
    effects = effects_of(scores, arguments)
    pairs = [e.axes for e in effects.effects if e.kind == "interaction"]
    assert pairs == list(itertools.combinations("abc", 2))
    assert [e.of for e in effects.effects] == [4, 4, 4, 2, 2, 2]


def test_of_a_race_the_replicates_before_its_first_look_count():
    record = record_of(GRID, SCORES.reshape(6, -1))
    race = replace(study_curves(record), looks=(3, 4))
    raced = factorial.effects_of(race, axes_of(record))

    for found, usual in zip(raced.effects, effects_of(SCORES[..., :3]).effects, strict=True):
        assert found.comparison.differences == pytest.approx(usual.comparison.differences)
        assert found.comparison.difference.low == pytest.approx(usual.comparison.difference.low)


def test_an_effect_of_two_variants_of_a_race_is_the_races_comparison():
    arguments = grid_of(units=[1, 16, 32])
    record = record_of(arguments, SCORES[1])
    race = replace(study_curves(record), looks=(3, 4))
    found = factorial.effects_of(race, axes_of(record)).of_axis("units")
    one = corrected_comparison(race, 0, 1)

    assert found[0].comparison == replace(one, a="1", b="16")
    assert one.share < 1


def test_a_range_that_is_surely_not_seen_is_not_surely_zero():
    """Who is best in the next two is worst in each: the interval lies below zero."""
    apart = np.array([0.20, -0.11, -0.1, 0.21, -0.09, -0.1])
    effects = effects_of([0.7 + apart / 2, 0.7 - apart / 2], grid_of(units=[1, 16]))
    (reach,) = effects.ranges
    assert reach.size.mean == 0.0
    assert not reach.size.is_formed


def test_a_range_that_is_zero_in_all_replicates_is_not_surely_zero():
    effects = effects_of(np.full((2, 4), 0.5), grid_of(units=[1, 16]))
    (reach,) = effects.ranges
    assert reach.size.mean == 0.0
    assert not reach.size.is_formed
    (effect,) = effects.of_axis("units")
    assert effect.comparison.difference.is_formed  # of variants that are equal


def test_a_level_that_is_never_beside_the_first_may_do_anything():
    random = np.random.default_rng(0)
    arguments = [
        {"scale": "1.0", "width": "16"}, {"scale": "1.1", "width": "16"},
        {"scale": "1.1", "width": "17"}, {"scale": "0.0", "width": "17"},
    ]  # fmt: skip
    scores = 0.9 + 0.001 * random.normal(size=(4, 6))
    alike, scores[3] = effects_of(scores, arguments), 0.5 + 0.001 * random.normal(size=6)
    found = effects_of(scores, arguments)
    assert not alike.none_matters  # nor is it known where all scores are near
    assert not found.none_matters
    told = what_axes_do(found, Scale())
    assert "0.0 is never beside 1.0 with all else equal" in told[0]
    assert "never beside" not in told[1]


def test_a_grid_without_a_difference_still_says_so():
    scores = 0.9 + 1e-4 * np.random.default_rng(0).normal(size=(2, 3, 8))
    assert effects_of(scores).none_matters


def test_levels_that_are_one_model_are_a_line_of_it():
    scores = np.broadcast_to([[0.7, 0.8, 0.75]], (3, 3))
    found = effects_of(scores, grid_of(units=[1, 2, 3]))
    (trend,) = found.of_axis("units", "trend")
    assert (trend.comparison.difference.low, trend.comparison.difference.high) == (0.0, 0.0)
    assert trend.comparison.is_equivalent


def test_one_level_that_exploded_hides_no_other_effect():
    random = np.random.default_rng(1)
    scores = np.array([0.5, 0.3, 0.4, 5e6])[:, None] + 0.01 * random.normal(size=(4, 5))
    record = record_of(grid_of(lr=[0.001, 0.01, 0.1, 10.0]), scores)
    study = replace(study_curves(record), scale=Scale("mse", higher_is_better=False, reference=0.3))
    found = factorial.effects_of(study, axes_of(record))
    # The record keeps accuracies, which are turned: errors are 1 less these.
    for level, apart in (("0.01", scores[0] - scores[1]), ("0.1", scores[0] - scores[2])):
        compared = only(found, "level", level).comparison
        assert compared.differences == pytest.approx(apart, abs=1e-9)
        assert compared.difference.has_width
