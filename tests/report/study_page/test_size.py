"""The size of a report of many variants."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.conclusions import Conclusions
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy, rendered


@pytest.mark.long
def test_a_report_of_a_hundred_variants_is_smaller_than_a_megabyte():
    arguments = grid_of(units=[8, 16, 32, 64], rate=[1, 2, 3, 4, 5], dropout=[0, 1, 2, 3, 4])
    plain = record_of(arguments, noisy(*np.linspace(0.6, 0.8, 100), replicates=5))
    # Thirty epochs, in which accuracies rise to those of the record and losses fall to its.
    steps = np.linspace(0.3, 0.0, 30)[:, None] * np.array([-1, -1, 1, 1])
    values = plain.whole.values + steps
    curves = replace(plain.whole, values=values, lengths=np.full((100, 5), 30))
    settings = replace(plain.settings, epochs=dict.fromkeys(plain.settings.epochs, 30))
    conclusions = Conclusions(replace(plain, curves={1.0: curves}, settings=settings))
    page = rendered(conclusions)
    assert all(f">{name}<" in page for name in plain.variant_names)
    assert "What each axis does" in page
    assert len(page.encode()) < 1_000_000
