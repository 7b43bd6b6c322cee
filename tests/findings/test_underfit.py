"""KH103: even the training data are not fitted as well as another variant fits them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.underfit import EXCESS_THRESHOLD, FLAT_THRESHOLD, RULE
from tests.findings.curve_builders import assert_same, judge, reordered, variant, variants
from tests.findings.curve_builders import with_replicate as adding

FLAT = [1.0, 0.6, 0.5, 0.49]  # falls by 2 % in its last quarter
EXCESS = "train error above the best variant's"


def with_errors(name, train_errors, valid_errors, losses=FLAT):
    """Replicates whose errors are the same at all epochs."""
    epochs, n = len(losses), len(train_errors)
    return variant(
        name,
        train=[losses] * n,
        valid=[losses] * n,
        train_error=[[error] * epochs for error in train_errors],
        valid_error=[[error] * epochs for error in valid_errors],
    )


BEST = with_errors("best", [0.05, 0.06, 0.07], [0.10, 0.10, 0.10])
FIRES = with_errors("weak", [0.15, 0.17, 0.19], [0.20, 0.20, 0.20])  # 0.10, 0.11, 0.12 above
SILENT = with_errors("near", [0.055, 0.066, 0.077], [0.20, 0.20, 0.20])  # 0.005, 0.006, 0.007
UNDECIDED = with_errors("wide", [0.05, 0.10, 0.15], [0.20, 0.20, 0.20])  # 0, 0.04, 0.08


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, FIRES, BEST)

    assert (found.code, found.title, found.verdict) == ("KH103", "underfit", "found")
    # Paired: mean 0.11, s = 0.01, n = 3; Student's t of 2 degrees of freedom: 4.302653.
    half = 4.302653 * 0.01 / np.sqrt(3)
    excess = found.evidence[EXCESS]
    assert (excess.mean, excess.low, excess.high) == pytest.approx((0.11, 0.11 - half, 0.11 + half))
    assert found.evidence["fall of train loss in the last quarter"] == pytest.approx(0.02)
    assert "weak underfits: its train error is 11.0 points" in found.sentence
    assert "above that of best" in found.sentence
    assert found.advice


def test_the_best_of_all_does_not_underfit():
    assert judge(RULE, BEST, FIRES, SILENT).verdict == "not found"


def test_a_variant_alone_does_not_underfit():
    assert judge(RULE, FIRES).verdict == "not found"


def test_is_silent_where_train_error_is_nearly_the_best():
    found = judge(RULE, SILENT, BEST)

    assert found.verdict == "not found"
    assert found.evidence[EXCESS].high < EXCESS_THRESHOLD


def test_is_silent_where_validation_error_is_not_worse():
    regularised = with_errors("regularised", [0.15, 0.17, 0.19], [0.05, 0.05, 0.05])
    found = judge(RULE, regularised, BEST)

    assert found.verdict == "not found"
    assert "validation error is not worse" in found.sentence


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    found = judge(RULE, UNDECIDED, BEST)

    assert found.verdict == "inconclusive"
    assert found.evidence[EXCESS].low < EXCESS_THRESHOLD < found.evidence[EXCESS].high
    assert "replicates" in found.advice


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ([1.0, 0.75, 0.5, 0.25], "inconclusive"),  # halved in the last quarter
        ([1.0, 1.0, 1.0, 0.875], "inconclusive"),  # 12.5 %
        ([1.0, 1.0, 1.0, 0.9375], "found"),  # 6.25 %
        ([1.0, 0.25, 0.25, 0.25], "found"),
        ([1.0] * 4 + [0.5] * 4, "found"),  # of eight epochs the last quarter is two
        ([1.0] * 5 + [0.8, 0.6, 0.5], "inconclusive"),
    ],
)
def test_only_a_flat_curve_underfits(losses, verdict):
    found = judge(RULE, with_errors("v", [0.2, 0.2], [0.3, 0.3], losses), BEST_OF_TWO)
    assert found.verdict == verdict
    assert (found.evidence["fall of train loss in the last quarter"] < FLAT_THRESHOLD) == (
        verdict == "found"
    )


BEST_OF_TWO = with_errors("best", [0.05, 0.06], [0.1, 0.1])


def test_each_variant_is_read_at_its_own_best_epoch():
    # The best one's errors are 0.05 only where its validation loss is lowest.
    best = variant(
        "best",
        train=[FLAT] * 2,
        valid=[[1.0, 0.3, 0.5, 0.6]] * 2,
        train_error=[[0.9, 0.05, 0.9, 0.9], [0.9, 0.06, 0.9, 0.9]],
        valid_error=[[0.9, 0.10, 0.9, 0.9]] * 2,
    )
    weak = with_errors("weak", [0.15, 0.17], [0.2, 0.2])

    assert judge(RULE, weak, best).evidence[EXCESS].mean == pytest.approx(0.105)
    assert judge(RULE, weak, best).verdict == "found"


def test_does_not_apply_where_no_accuracy_is_measured():
    curves = variant(train=[FLAT] * 2, valid=[FLAT] * 2)
    assert judge(RULE, curves, BEST_OF_TWO).verdict == "not applicable"


def test_a_variant_without_accuracy_is_nobodys_best():
    blind = variant("blind", train=[FLAT] * 3, valid=[FLAT] * 3)
    assert_same(judge(RULE, FIRES, blind, BEST), judge(RULE, FIRES, BEST))


def test_does_not_apply_where_no_replicate_is_sound():
    broken = with_errors("v", [0.2] * 3, [0.3] * 3, [1.0, np.nan])
    assert judge(RULE, broken, BEST).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    one = with_errors("v", [0.9], [0.9])
    assert judge(RULE, one, with_errors("best", [0.1], [0.1])).verdict == "inconclusive"


def test_unequal_lengths_are_read_up_to_the_shortest():
    longer = [*FLAT, 0.1, 0.1]
    curves = variant(
        "weak",
        train=[FLAT, longer, longer],
        valid=[FLAT, longer, longer],
        train_error=[[0.15] * 4, [0.17] * 4 + [0.0] * 2, [0.19] * 4 + [0.0] * 2],
        valid_error=[[0.20] * 4, [0.20] * 4 + [0.0] * 2, [0.20] * 4 + [0.0] * 2],
    )
    assert_same(judge(RULE, curves, BEST), judge(RULE, FIRES, BEST))


@pytest.mark.parametrize("curves", [FIRES, SILENT, UNDECIDED], ids=["fires", "silent", "undecided"])
@pytest.mark.parametrize("whose", ["own", "the best variant's"])
def test_a_diverged_replicate_among_sound_ones_counts_for_nothing(curves, whose):
    broken = {"train_loss": [1.0, 0.5, np.nan, np.nan], "train_error": 0.9, "valid_error": 0.9}
    sound = {"train_loss": FLAT, "train_error": 0.5, "valid_error": 0.2}
    own, other = (broken, sound) if whose == "own" else (sound, broken)

    found = judge(RULE, adding(curves, **own), adding(BEST, **(other | {"train_error": 0.01})))

    expected = judge(RULE, curves, BEST)
    assert found.verdict == expected.verdict
    assert found.evidence[EXCESS] == expected.evidence[EXCESS]


def test_variants_without_a_common_sound_replicate_are_inconclusive():
    gone, here = [1.0, np.nan, np.nan, np.nan], FLAT
    weak = variant(
        "weak",
        train=[here, here, gone, gone],
        valid=[FLAT] * 4,
        train_error=[[0.4] * 4] * 4,
        valid_error=[[0.4] * 4] * 4,
    )
    best = variant(
        "best",
        train=[gone, gone, here, here],
        valid=[FLAT] * 4,
        train_error=[[0.1] * 4] * 4,
        valid_error=[[0.1] * 4] * 4,
    )
    assert judge(RULE, weak, best).verdict == "inconclusive"


@settings(derandomize=True, deadline=None)
@given(data=st.data(), replicates=st.integers(1, 5))
def test_order_of_replicates_does_not_matter(data, replicates):
    curves, other = (data.draw(variants(name, replicates)) for name in "ab")
    order = list(data.draw(st.permutations(range(replicates))))

    assert_same(
        judge(RULE, reordered(curves, order), reordered(other, order)), judge(RULE, curves, other)
    )
