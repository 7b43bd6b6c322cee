"""One look of a race: what is compared, and what those that left do to the corrections."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.families import families
from kohort.findings.paired.look import Measured, Stand, of_look
from kohort.findings.race import shares
from tests.findings.curve_builders import study_of

RANDOM = np.random.default_rng(3)
ERRORS = 0.2 + 0.01 * (
    RANDOM.standard_normal((5, 6)) + RANDOM.standard_normal(6) + [[0], [1], [2], [2], [0]]
)
ALL = study_of(ERRORS, margin=0.03)
NEAR = (0, 1, 2)


def looked(numbers=NEAR, before=None, share=1.0, whole=ALL, **left):
    """The comparisons after a look at which these stand, and others left."""
    part = study_of(ERRORS[list(numbers)], names=["abcde"[n] for n in numbers], margin=0.03)
    part = replace(part, share=share)
    stand = Stand(numbers, numbers[part.lowest], **left)
    return of_look(whole, part, stand, before or Measured())


def leaders(measured, of="p_adjusted"):
    """By pair with the leader, a, a p-value."""
    return {pair: getattr(c, of) for pair, c in measured.scores.items() if 0 in pair}


def test_where_nobody_left_and_all_is_spent_it_decides_as_a_study_whose_winner_is_no_baseline():
    turned = study_of(ERRORS[[1, 0, 2]], margin=0.03)
    found, now = families(turned), looked()

    assert now.scores[0, 2].p_adjusted == pytest.approx(found.winner[0].p_adjusted)


@pytest.mark.parametrize("left", ["equivalent", "undecided"])
def test_those_that_left_undecided_stay_in_the_correction(left):
    alone, kept = looked(), looked(**{left: (3, 4)})

    assert all(kept.scores[pair].p_adjusted >= p for pair, p in leaders(alone).items())
    assert any(kept.scores[pair].p_adjusted > p for pair, p in leaders(alone).items())


def test_those_that_left_as_worse_are_done_with():
    before = Measured(differs=True)
    alone, gone, kept = (
        looked(before=before, **left) for left in ({}, {"worse": (3, 4)}, {"equivalent": (3, 4)})
    )

    for pair in leaders(alone):
        assert alone.scores[pair].p_adjusted <= gone.scores[pair].p_adjusted + 1e-12
        assert gone.scores[pair].p_adjusted <= kept.scores[pair].p_adjusted
    assert leaders(gone) != leaders(kept)


def test_of_equivalence_it_is_the_other_way_round():
    alike = "p_equivalence_adjusted"
    alone, worse, equivalent = looked(), looked(worse=(3, 4)), looked(equivalent=(3, 4))

    assert leaders(equivalent, alike) == leaders(alone, alike)
    assert all(leaders(worse, alike)[pair] >= p for pair, p in leaders(alone, alike).items())
    assert leaders(worse, alike) != leaders(alone, alike)


def test_what_a_look_may_spend_divides_what_is_decided_and_not_a_pairs_own_p_value():
    usual, look = looked(), looked(share=shares(1)[0])

    for pair, c in look.scores.items():
        assert c.difference.p_value == usual.scores[pair].difference.p_value
        assert c.p_adjusted >= usual.scores[pair].p_adjusted


def test_once_anything_differs_the_gate_is_open_and_before_it_counts_all_pairs():
    first = looked(numbers=(0, 1, 2, 3, 4))
    left = {"numbers": (0, 1), "worse": (2, 3, 4)}
    shut = looked(before=replace(first, differs=False), **left).scores[0, 1]
    wide = looked(before=replace(first, differs=True), **left).scores[0, 1]

    assert shut.p_adjusted == pytest.approx(min(1.0, 10 * wide.p_moderated))
    assert wide.p_adjusted < shut.p_adjusted
    assert looked(before=Measured(differs=True)).differs


def test_pairs_of_those_that_left_keep_what_they_had():
    first = looked(numbers=(0, 1, 2, 3, 4))
    then = looked(before=first, worse=(3, 4))

    assert set(then.scores) == set(first.scores)
    assert then.scores[3, 4] is first.scores[3, 4]
    assert then.scores[0, 3] is first.scores[0, 3]
    assert then.scores[0, 1] is not first.scores[0, 1]


def test_a_family_counts_the_pairs_of_those_that_left_and_were_not_decided():
    first = looked(numbers=(0, 1, 2, 3, 4))
    then = looked(before=first, undecided=(3, 4))
    open_ones = [pair for pair, c in first.scores.items() if not c.is_decided and max(pair) > 2]

    assert then.scores[1, 2].family == 3 + len(open_ones)
