import numpy as np
import pytest
from scipy import stats

from kohort.findings.curves.ends import lowest_by_others
from kohort.findings.statistics.choosers import choosers


@pytest.mark.parametrize("replicates", range(3, 22))
def test_no_two_choose_for_each_other_and_as_many_choose_for_each_as_can(replicates):
    chooses = choosers(replicates)

    assert not (chooses & chooses.T).any()
    half = (replicates - 1) // 2
    assert set(chooses.sum(axis=0)) == set(chooses.sum(axis=1)) == {half}


def test_two_choose_for_each_other_and_one_for_itself():
    assert choosers(2).tolist() == [[False, True], [True, False]]
    assert choosers(1).tolist() == [[True]]


@pytest.mark.parametrize("replicates", [3, 5, 8, 20])
def test_the_spread_of_readings_tells_how_far_their_mean_is_off(replicates):
    # All epochs are equally good and all noise is between epochs. If all others chose for each,
    # 10 % of studies of 3 replicates would find two equal variants apart, and 37 % of 20.
    studies, epochs = 2000, 20
    losses = np.random.default_rng(7).standard_normal((2, studies, replicates, epochs))
    lengths = np.full(replicates, epochs)

    def read(loss):
        return loss[np.arange(replicates), lowest_by_others(loss, lengths)]

    one, other = ([read(loss) for loss in losses_of] for losses_of in losses)
    p_values = stats.ttest_rel(one, other, axis=1).pvalue
    assert np.mean(one) == pytest.approx(0, abs=4 / np.sqrt(studies * replicates))
    assert np.mean(p_values < 0.05) == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / studies))
