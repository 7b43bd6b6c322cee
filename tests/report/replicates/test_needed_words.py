"""What would tell the winner from others: why they are undecided, and what follows from that."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.judged import StudyCurves
from kohort.findings.rules.too_few import needed_if_as_seen
from kohort.findings.statistics.comparison import compare
from kohort.report.replicates.needed_words import what_would_tell

STUDY = StudyCurves((), kind="splits")
NOISE = np.array([-0.02, 0.0, 0.02, -0.01, 0.01])


def pair(name, mean, *, p=0.9, family=39, **more):
    """The winner, W, against another; corrected to a p-value."""
    more = {"margin": 0.01, "confidence": 0.95, "test_to_train": 0.0, **more}
    scores = 0.5 + mean + more.pop("scale", 1.0) * NOISE[: more.pop("n", 5)]
    compared = compare(name, "W", np.full(len(scores), 0.5), scores, measure="accuracy", **more)
    return replace(compared, p_adjusted=p, p_equivalence_adjusted=p, family=family)


def test_where_the_correction_alone_keeps_a_pair_undecided_that_is_the_reason():
    far = pair("X", 0.317, scale=5.0, test_to_train=0.25)
    assert far.excludes_zero
    assert far.replicates_needed is None
    told = what_would_tell(STUDY, [far])
    assert told == (
        "The correction for all that is compared keeps W and X undecided: by themselves they "
        "differ. A study of fewer variants, such as of two alone with another seed, is corrected "
        "for less."
    )
    two = what_would_tell(STUDY, [far, replace(far, a="Y")])
    assert "keeps W and X and Y undecided: by itself each pair differs. " in two
    decided = replace(far, p_adjusted=0.01)
    assert what_would_tell(STUDY, [decided]) == ""


def test_the_others_have_their_number_or_the_reason_why_there_is_none():
    far = pair("X", 0.317, scale=5.0, test_to_train=0.25)
    near, far_off = pair("Y", 0.001), pair("Z", 0.001, test_to_train=0.25)
    told = what_would_tell(STUDY, [far, near, far_off])
    assert told.startswith("The correction for all that is compared keeps W and X undecided")
    assert told.endswith(
        f" About {near.replicates_needed} replicates in all would tell whether W and Y differ by "
        "1 point."
    )
    assert what_would_tell(STUDY, [far_off]) == (
        "No number of replicates would tell W from Z by as little as 1 point, since the splits "
        "share training samples, so that they share their luck however many there are: get more "
        "data, or name a larger margin."
    )
    seen = pair("Z", 0.1, scale=3.5, test_to_train=0.25, family=1)
    assert (seen.replicates_needed, seen.excludes_zero) == (None, False)
    assert needed_if_as_seen(seen) == 12
    assert what_would_tell(STUDY, [seen, far_off]).endswith(
        "or name a larger margin. If W and Z truly differ by the 10 points that are seen, about "
        "12 replicates would show it."
    )
    seeds = pair("Z", 0.001, scale=50.0)
    assert what_would_tell(StudyCurves((), kind="seeds"), [seeds]).endswith(
        ", since scores vary too much from seed to seed: steady the training, or name a larger "
        "margin."
    )


def test_where_the_correction_asks_for_too_many_the_number_for_two_alone_is_told():
    many = pair("X", 0.001, test_to_train=0.04)
    assert many.replicates_needed is None
    assert replace(many, family=1).replicates_needed == 101  # told with two digits, rounded up
    assert what_would_tell(STUDY, [many]) == (
        "No number of replicates would tell W from X by as little as 1 point beside all others, "
        "for which it is corrected: in a study of it and X alone about 110 replicates would."
    )


@pytest.mark.parametrize("n", [1, 2])
def test_of_a_pair_with_two_replicates_in_common_nothing_is_said_to_be_impossible(n):
    assert what_would_tell(STUDY, [pair("X", 0.001, n=n)]) == ""


def test_without_a_margin_it_is_the_margin_that_is_missing():
    told = what_would_tell(replace(STUDY, margin=0.0), [pair("X", 0.001, margin=0.0)])
    assert told.startswith("Name a margin above 0: ")
    assert "share" not in told
