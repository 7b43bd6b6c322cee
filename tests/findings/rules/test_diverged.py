"""KH105: a member met NaN or infinity, or ended worse than it began."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.judged import WORSE_THRESHOLD
from kohort.findings.rules.diverged import RULE
from tests.findings.curve_builders import judge, percent_of, reordered, scaled, variant, variants
from tests.findings.curve_builders import with_replicate as adding

SOUND = variant(train=[[1.0, 0.5, 0.25]] * 3, valid=[[1.0, 0.5, 2.0]] * 3)


@pytest.mark.parametrize(
    "bad",
    [
        {"train_loss": [1.0, np.nan, np.nan]},
        {"train_loss": [1.0, np.inf, 0.5]},
        {"train_loss": [-np.inf, 0.5, 0.5]},
        {"valid_loss": [1.0, 0.5, np.nan]},
        {"valid_loss": [np.inf, 0.5, 0.5]},
        {"train_loss": [1.0, 0.5, 1.5]},
    ],
)
def test_fires_and_counts_the_replicates(bad):
    found = judge(RULE, adding(SOUND, **bad))

    assert (found.code, found.title, found.verdict) == ("KH105", "diverged", "found")
    assert found.evidence == {"replicates that diverged": 1, "replicates": 4}
    assert found.sentence == "v diverged in 1 of 4 replicates."
    assert "learning rate" in found.advice


def test_one_replicate_is_told_in_the_singular():
    found = judge(RULE, variant(train=[[np.nan]], valid=[[1.0]]))
    assert found.sentence == "v diverged in 1 of 1 replicate."


def test_fires_where_all_diverged():
    curves = variant(train=[[np.nan], [np.inf]], valid=[[1.0], [1.0]])
    assert judge(RULE, curves).evidence == {"replicates that diverged": 2, "replicates": 2}


def test_is_silent_where_validation_alone_ends_worse():
    found = judge(RULE, SOUND)

    assert found.verdict == "not found"
    assert found.evidence == {"replicates that diverged": 0, "replicates": 3}
    assert found.advice == ""


def test_is_silent_where_train_loss_rises_on_its_way():
    assert judge(RULE, adding(SOUND, train_loss=[1.0, 7.0, 0.9])).verdict == "not found"


def test_is_silent_where_the_loss_ends_where_it_began():
    assert judge(RULE, adding(SOUND, train_loss=[1.0, 0.5, 1.0])).verdict == "not found"


@pytest.mark.parametrize(("loss", "verdict"), [(1.0, "not found"), (np.nan, "found")])
def test_one_replicate_of_one_epoch(loss, verdict):
    assert judge(RULE, variant(train=[[loss]], valid=[[1.0]])).verdict == verdict


def test_a_replicate_that_stopped_early_did_not_diverge():
    curves = variant(train=[[1.0, 0.5], [1.0, 0.5, 0.4, 0.3]], valid=[[1.0, 0.5], [1.0] * 4])
    assert judge(RULE, curves).verdict == "not found"


def test_a_replicate_that_stopped_early_is_read_at_its_own_end():
    curves = variant(train=[[1.0, 1.5], [1.0, 0.5, 0.4, 0.3]], valid=[[1.0, 0.5], [1.0] * 4])

    assert judge(RULE, curves).evidence["replicates that diverged"] == 1
    assert list(curves.sound) == [1]
    assert curves.epochs == 4


def test_other_variants_do_not_matter():
    broken = variant("other", train=[[np.nan]] * 3, valid=[[1.0]] * 3)
    assert judge(RULE, SOUND, broken) == judge(RULE, SOUND)


@settings(derandomize=True)
@given(curves=variants(), power=st.integers(-20, 20), data=st.data())
def test_neither_order_of_replicates_nor_unit_of_the_loss_matters(curves, power, data):
    order = list(data.draw(st.permutations(range(len(curves.lengths)))))
    assert judge(RULE, scaled(reordered(curves, order), 2.0**power)) == judge(RULE, curves)


def test_is_silent_up_to_the_threshold():
    assert WORSE_THRESHOLD == 0.25
    assert judge(RULE, adding(SOUND, train_loss=[1.0, 0.5, 1.24])).verdict == "not found"
    assert judge(RULE, adding(SOUND, train_loss=[1.0, 0.5, 1.26])).verdict == "found"


def test_the_end_is_the_mean_of_the_last_quarter():
    calm = [1.0, *[0.5] * 6]
    rows = [[*calm, 0.5], [*calm, 2.4]]  # means of the last two: 0.5 and 1.45
    assert judge(RULE, variant(train=rows, valid=rows)).evidence["replicates that diverged"] == 1
    rows = [[*calm, 0.5], [*calm, 1.9]]  # 1.2
    assert judge(RULE, variant(train=rows, valid=rows)).verdict == "not found"


def test_a_loss_below_zero_rises_too():
    rows = {"valid": [[-1.0, -2.0, -3.0]] * 2}

    assert judge(RULE, variant(train=[[-1.0, -2.0, -0.7]] * 2, **rows)).verdict == "found"
    assert judge(RULE, variant(train=[[-1.0, -2.0, -0.8]] * 2, **rows)).verdict == "not found"


def test_a_first_epoch_that_is_worse_than_no_training_is_no_beginning():
    # It blew up in the first epoch, and comes back but halfway.
    curves = variant(train=[[9.0, 4.0, 3.0]] * 2, valid=[[9.0, 4.0, 3.0]] * 2)

    assert judge(RULE, curves).verdict == "not found"
    assert judge(RULE, replace(curves, untrained_loss=2.3)).verdict == "found"
    assert judge(RULE, replace(curves, untrained_loss=2.8)).verdict == "not found"


def test_noise_of_a_model_that_learned_in_its_first_epoch_is_no_divergence():
    easy = variant(train=[[0.010, 0.008, 0.006, 0.0135]] * 2, valid=[[0.01] * 4] * 2)
    assert judge(RULE, easy).verdict == "found"
    assert judge(RULE, replace(easy, untrained_loss=2.3)).verdict == "not found"


def test_the_scale_of_the_errors_does_not_matter():
    assert judge(RULE, SOUND, scale=percent_of(0.1)) == judge(RULE, SOUND)


def test_what_ends_above_its_start_in_inference_mode_alone_has_not_diverged():
    """Moving averages are young: training itself goes well."""
    losses = [[1.9, 3.0, 4.0]] * 3
    young = variant(train=losses, valid=losses, untrained_loss=1.5)
    assert judge(RULE, young).verdict == "found"
    fell = replace(young, running_loss=np.full((3, 3), [1.2, 0.8, 0.5]))
    found = judge(RULE, fell)
    assert found.verdict == "not found"
    assert (
        "in 3 of 3 replicates train loss ended above where it began in inference" in found.sentence
    )
    assert "BatchNormalization" in found.sentence
    assert fell.sound.tolist() == [0, 1, 2]
    # Where the running loss rose as well, or never came below the start, it has diverged.
    for running in ([1.2, 8.0, 9.0], [1e9, 1e8, 1e7], [1.2, np.nan, np.nan]):
        assert judge(RULE, replace(young, running_loss=np.full((3, 3), running))).verdict == "found"
    broken = replace(fell, valid_loss=np.full((3, 3), [1.0, np.nan, 1.0]))
    assert broken.diverged.all()
    assert not broken.misled.any()
    assert fell.first(1).misled.tolist() == [True]


def test_of_weighted_classes_it_is_what_training_lowers_that_must_rise():
    """Train loss is measured without the weights, and rises where these move what is learned."""
    losses = [[1.0, 1.2, 1.6]] * 3
    moved = {"train": losses, "valid": losses, "untrained_loss": 0.7, "weighting": "balanced"}
    falls, rises = np.full((3, 3), [9.0, 5.0, 4.0]), np.full((3, 3), [9.0, 5.0, 12.0])

    assert judge(RULE, variant(**moved)).verdict == "found"
    assert judge(RULE, variant(**moved, running_loss=falls)).verdict == "not found"
    assert judge(RULE, variant(**moved, running_loss=rises)).verdict == "found"
    assert variant(**moved, running_loss=falls).first(2).diverged.tolist() == [False, False]
