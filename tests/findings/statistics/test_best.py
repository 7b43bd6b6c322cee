"""The best of several against each other one: by hand, by simulation, and by law."""

import numpy as np
import pytest
from scipy import stats

from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.stepwise import holm, simes

ALPHA = 0.05


def better(p, best):
    """By p-values of which none is moderated."""
    return better_than_each(p, 2 * np.minimum(p[best], p[:, best]), best)


def one_sided(values, ratio=0.0):
    """`[variant, variant]` from scores `[variant, replicate]`: the row is no worse."""
    count, n = values.shape
    t = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            if i != j:
                d = values[j] - values[i]
                t[i, j] = d.mean() / np.sqrt((1 / n + ratio) * d.var(ddof=1))
    return stats.t.sf(t, n - 1)


def test_two_variants_need_no_correction():
    values = np.array([[0.1, 0.3, 0.2, 0.25], [0.3, 0.4, 0.45, 0.3]])
    found = better(one_sided(values), 1)

    assert np.isnan(found[1])
    assert found[0] == pytest.approx(stats.ttest_rel(*values).pvalue)


def test_one_that_all_others_beat_costs_about_as_much_as_there_are_variants():
    # p one-sided of the last variant against each of the others; these do not differ.
    p = np.full((5, 5), 0.5)
    p[4, :4] = 0.002, 0.003, 0.004, 0.001
    p[:4, 4] = 1 - p[4, :4]
    np.fill_diagonal(p, np.nan)

    # Simes: 0.004 * 4 / 4; Holm: five times that. Pairs would take 10 times 0.002.
    assert better(p, 0)[4] == pytest.approx(5 * simes(p[4]))
    assert simes(p[4]) == pytest.approx(0.004)
    # What does not differ from the winner stays undecided.
    assert better(p, 0)[1:4] == pytest.approx([1.0] * 3)


def test_a_winner_that_beats_every_other_one_is_decided_by_the_closest_of_them():
    p = np.full((5, 5), 0.5)
    p[1:, 0] = 0.02, 0.01, 0.001, 0.02
    p[0, 1:] = 1 - p[1:, 0]
    np.fill_diagonal(p, np.nan)

    ruled_out = holm([simes(row) for row in p])
    assert ruled_out[1] > ALPHA
    assert better(p, 0)[1:] == pytest.approx([0.04, 0.04, ruled_out[3], 0.04])


def test_nothing_is_decided_that_the_pair_alone_does_not_show():
    # The second is ruled out by the third, and looks hardly worse than the winner.
    p = np.array([[np.nan, 0.9, 0.6], [0.1, np.nan, 0.0001], [0.4, 0.9999, np.nan]])

    assert better(p, 0)[1] == pytest.approx(0.2)


def test_a_pair_that_is_not_known_is_not_beaten():
    p = np.full((3, 3), np.nan)
    p[1, 0], p[0, 1] = 0.02, 0.98
    found = better(p, 0)
    assert found[1] == pytest.approx(0.04)  # the third was never trained
    assert np.isnan(found[2])

    p[2, 1], p[1, 2] = 0.5, 0.5  # now it was, but not beside the winner
    assert better(p, 0)[1] > 0.05


def test_one_that_looks_better_than_the_winner_has_bonferronis():
    p = np.array([[np.nan, 0.001, 0.999], [0.999, np.nan, 0.999], [0.001, 0.001, np.nan]])
    found = better(p, 0)

    assert found[1] == pytest.approx(2 * 2 * 0.001)
    assert found[2] == pytest.approx(3 * 0.001)  # since the second is not beaten


def studies(random, means, spreads, n, fraction=0.0):
    """Scores `[variant, replicate]`; replicates share a fraction of each variant's variance."""
    count = len(means)
    noise = np.sqrt(fraction) * random.normal(size=(count, 1))
    noise = noise + np.sqrt(1 - fraction) * random.normal(size=(count, n))
    return np.asarray(means)[:, None] + np.asarray(spreads)[:, None] * noise


LEVELS = {
    "all alike": np.zeros,
    "two alike, the others far behind": lambda k: np.r_[np.zeros(2), np.full(k - 2, -9.0)],
    "one far behind": lambda k: np.r_[np.zeros(k - 1), -9.0],
    "half of them behind": lambda k: np.r_[np.zeros(k // 2), np.full(k - k // 2, -4.0)],
}


@pytest.mark.parametrize("fraction", [0.0, 0.2])
@pytest.mark.parametrize("spreads", ["equal", "unequal"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [2, 4])
def test_one_of_the_best_is_seldom_called_worse(n, level, spreads, fraction):
    draws, k = 150, 6
    random = np.random.default_rng(90)
    means = LEVELS[level](k)
    sizes = np.ones(k) if spreads == "equal" else np.geomspace(0.25, 4.0, k)
    false = 0
    for _ in range(draws):
        scores = studies(random, means, sizes, n, fraction)
        best = int(scores.mean(axis=1).argmax())
        p = better(one_sided(scores, fraction / (1 - fraction)), best)
        false += bool((p[means >= means[best]] <= ALPHA).any())

    assert false / draws < ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / draws)
