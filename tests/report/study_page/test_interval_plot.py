"""The picture of all scores: who is in it, how each stands, and how far the axis goes."""

import numpy as np
import pytest

from kohort.findings.conclusions import Conclusions
from kohort.report.answers import score_table
from kohort.report.study_page.interval_plot import (
    AS_GOOD,
    BEST,
    NARROW,
    OPEN,
    WIDE,
    WORSE,
    are_cut,
    described,
    interval_plot,
    interval_svg,
)
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy


def of(scores):
    conclusions = Conclusions(record_of(grid_of(units=list(range(len(scores)))), scores))
    return interval_plot(conclusions, score_table(conclusions))


def test_variants_stand_as_the_comparisons_decide():
    scores = noisy(0.6, 0.9, 0.897, 0.88, spread=0.0005)
    scores[3] = 0.9 + np.resize([0.1, -0.12], 8)  # as good on average, and nobody knows
    plot = of(scores)
    assert dict(zip(plot.points["variant"], plot.points["standing"], strict=True)) == {
        "v1": BEST, "v2": AS_GOOD, "v3": OPEN, "v0": WORSE,
    }  # fmt: skip
    assert plot.points["variant"].iloc[0] == "v1"
    assert plot.margin == pytest.approx(0.01)
    assert plot.others == 0


def test_its_numbers_are_those_of_the_table():
    conclusions = Conclusions(record_of(grid_of(units=[1, 2]), noisy(0.6, 0.9)))
    table = score_table(conclusions)
    plot = interval_plot(conclusions, table)
    points = plot.points.set_index("variant")
    assert points.loc["v1", "mean"] == table.loc["v1", "val_accuracy"]
    assert points.loc["v0", ["low", "high"]].tolist() == table.loc["v0", ["low", "high"]].tolist()
    assert described(plot, ["90.1 %", "60.2 %"]) == "v1 90.1 %, best; v0 60.2 %, worse"


def test_of_many_variants_the_best_ten_are_shown_and_those_without_a_score_never():
    scores = noisy(*np.linspace(0.5, 0.9, 14), 0.3)
    scores[14] = np.nan
    plot = of(scores)
    assert plot.points["variant"].to_list() == [f"v{n}" for n in range(13, 3, -1)]
    assert plot.others == 4
    assert len(of(scores[:12]).points) == 12


def test_there_is_none_without_a_winner():
    assert of(np.full((2, 3), np.nan)) is None


def test_an_interval_far_wider_than_the_scores_are_apart_is_cut():
    assert not are_cut(of(noisy(0.6, 0.8, 0.9)))
    wide = noisy(0.80, 0.81, 0.82, replicates=2, spread=0.02)
    wide[0] = 0.7, 0.9
    assert are_cut(of(wide))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_it_has_its_width_its_names_and_its_verdicts(width):
    svg = interval_svg(of(noisy(0.6, 0.9)), width)
    assert float(svg.split('width="')[1].split('"')[0]) == pytest.approx(width, rel=0.05)
    for text in ("v0", "v1", "best", "worse", "validation accuracy, %"):
        assert f">{text}</text>" in svg
