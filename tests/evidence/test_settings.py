"""What is kept of how a study was run."""

import numpy as np
import pytest

import kohort
from kohort.evidence.settings import sizes_of
from tests.models import build_mlp


@pytest.mark.parametrize("replicates", [[(80, 20)] * 5, [(455, 114), (456, 113), (455, 114)]])
def test_replicates_of_one_size_have_that_of_the_first(replicates):
    assert sizes_of(replicates) == (replicates[0], 0.0)


def test_of_uneven_replicates_means_are_kept():
    samples, ratio = sizes_of([(300, 300), *[(525, 75)] * 4])
    assert samples == (480, 120)
    assert ratio == pytest.approx((1 + 4 / 7) / 5)


def test_intervals_over_uneven_folds_use_the_mean_of_all_and_not_the_first(blobs):
    groups = np.r_[np.zeros(250, int), np.arange(1, len(blobs.x_train) - 249)]
    data = kohort.Dataset(blobs.x_train, blobs.y_train, groups=groups)
    study = kohort.Study(
        "uneven",
        [kohort.Variant("a", build_mlp), kohort.Variant("b", build_mlp, dropout=0.5)],
        data,
        replicates=kohort.KFold(5),
        epochs=1,
        batch_size=20,
    )
    settings = study.run(verbose=0).settings
    folds = [study.spec.replicate(number, 1.0) for number in range(5)]
    ratios = [len(fold.valid) / len(fold.train) for fold in folds]
    assert max(ratios) > 2 * min(ratios)
    assert settings.test_to_train == pytest.approx(np.mean(ratios))
    assert "validate, on average" in dict(settings.facts())["replicates"]
