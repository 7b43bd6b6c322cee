"""Records of races, by their scores."""

from dataclasses import replace

import numpy as np

from kohort.evidence.curves import Curves
from kohort.report.study_page.page import Page, render
from tests.findings.factorial.records import grid_of, record_of


def race_record(scores, looks, arguments=None, kind="seeds"):
    """The record of a race of one epoch.

    Args:
        scores: `[variant, replicate]`; NaN was not trained.
        looks: The replicates that each look sees.
        arguments: By variant; None makes one axis.
        kind: Of the replicates.
    """
    scores = np.asarray(scores, float)
    record = record_of(arguments or grid_of(units=list(range(len(scores)))), scores)
    of_all = record.whole
    trained = Curves(
        of_all.variants, of_all.metrics, of_all.values, np.isfinite(scores).astype(int)
    )
    settings = replace(record.settings, looks=looks, kind=kind)
    return replace(record, settings=settings, curves={1.0: trained})


def noisy(*means, replicates=8, spread=0.004):
    """Scores around some means, `[variant, replicate]`."""
    noise = np.random.default_rng(0).standard_normal((len(means), replicates))
    return np.reshape(means, (-1, 1)) + spread * noise


def rendered(conclusions):
    """The report, of a study without its data."""
    return render(Page(conclusions, None, (), (), None, conclusions.findings, (), "", ""))
