"""What a study records of its data."""

import numpy as np
import pytest

import kohort
from tests.data.inspection.test_group_facts import patients
from tests.models import build_mlp


@pytest.mark.long
@pytest.mark.parametrize("given", [True, False])
def test_a_study_says_what_it_knows_of_groups_and_keeps_it(given, tmp_path):
    x = patients()
    y = np.arange(200) % 3
    data = kohort.Dataset(x, y, groups=x[:, 0].astype(int) if given else None)
    study = kohort.Study(
        "patients", [kohort.Variant("net", build_mlp, features=5)], data,
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=50,
    )  # fmt: skip
    result = study.run(tmp_path / "k.db", verbose=0)
    (leak,) = (finding for finding in result.findings() if finding.code == "KH201")
    assert leak.verdict == "not found"
    assert ("no split parts the groups that are given" in leak.sentence) == given
    assert ("column 0 may number groups" in leak.sentence) == (not given)
    assert (leak.advice == "") == given
    (kept,) = (f for f in kohort.open(tmp_path / "k.db", "patients").findings() if f == leak)
    assert kept.sentence == leak.sentence
