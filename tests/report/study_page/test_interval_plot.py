"""The picture of all scores: who is in it, how each stands, and how far the axis goes."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import score_table
from kohort.report.charts import PURPLE
from kohort.report.study_page.interval_picture import NARROW, WIDE, _layers, interval_svg
from kohort.report.study_page.interval_plot import (
    AS_GOOD,
    BEST,
    BETTER,
    OPEN,
    REFERENCE,
    WORSE,
    are_cut,
    described,
    domain_of,
    interval_plot,
)
from tests.findings.factorial.records import grid_of, record_of
from tests.findings.test_from_record import scored_by_loss
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


def test_a_better_one_that_lost_a_replicate_has_a_word_of_its_own():
    scores = noisy(0.6, 0.9, 0.8)
    scores[1, 3] = np.nan
    plot = of(scores)
    stands = zip(plot.points["variant"], plot.points["standing"], strict=True)
    assert list(stands) == [("v2", BEST), ("v0", WORSE), ("v1", BETTER)]
    svg = interval_svg(plot, WIDE)
    assert f">{BETTER}</text>" in svg
    assert PURPLE in svg


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


def with_mean(losses, reference):
    """A plot of losses, beside which it is known what always answering the mean scores."""
    record = scored_by_loss(losses, "'mse'")
    told = np.full(len(losses[0]), reference)
    constant = ConstantAnswer("the mean of the training targets", told, told, None)
    conclusions = Conclusions(replace(record, constant=constant))
    return interval_plot(conclusions, score_table(conclusions))


def test_one_answer_for_all_samples_stands_where_it_scores():
    plot = with_mean([[8.0, 8.2], [2.0, 2.1], [3.0, 3.1]], 5.0)
    assert plot.points["variant"].to_list() == ["v1", "v2", "always the mean", "v0"]
    assert plot.points["standing"].to_list()[2] == REFERENCE
    assert plot.points["mean"][2] == 5.0
    assert "always the mean 5, reference" in described(plot, ["2", "3", "5", "8"])


def test_one_that_is_better_than_all_does_not_move_the_band_from_the_winner():
    plot = with_mean([[8.0, 8.2], [4.0, 4.1]], 3.5)
    assert plot.points["variant"].to_list() == ["always the mean", "v1", "v0"]
    low, high = band_of(plot)
    assert (low, high) == pytest.approx((4.05 * 0.95, 4.05 * 1.05))


def test_one_that_is_far_from_all_is_left_to_the_table():
    assert REFERENCE not in set(with_mean([[2.0, 2.1], [2.3, 2.2]], 50.0).points["standing"])
    assert REFERENCE not in set(with_mean([[80.0, 81.0], [82.0, 83.0]], 5.0).points["standing"])


def band_of(plot):
    (band,) = [layer for layer in _layers(plot, 0, is_narrow=True) if layer.mark.type == "rect"]
    return band.data["from"][0], band.data["to"][0]


def test_losses_that_are_far_apart_are_drawn_by_their_logarithms():
    far = with_mean([[80.0, 81.0], [2.0, 2.1], [3.0, 3.1]], 5.0)
    assert far.is_log
    assert "always the mean" in set(far.points["variant"])
    svg = interval_svg(far, WIDE)
    assert ">validation loss (mean squared error), logarithmic</text>" in svg
    assert not with_mean([[8.0, 8.1], [2.0, 2.1]], 5.0).is_log


def test_on_such_an_axis_a_bound_of_zero_and_a_tiny_loss_of_training_are_cut():
    plot = with_mean([[80.0, 81.0], [0.1, 4.0]], 5.0)
    train = plot.points.assign(train=1e-9)
    assert plot.points["low"][0] == 0.0
    assert are_cut(plot)
    cut = replace(plot, points=train)
    assert interval_svg(cut, NARROW).count("NaN") == 0
    assert domain_of(cut)[0] > 0.01


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


@pytest.mark.parametrize(("best", "end"), [(0.999, 1.0), (0.004, 0.0)])
def test_no_axis_goes_beyond_what_a_proportion_can_be(best, end):
    scores = np.clip(noisy(0.5, best, spread=0.002), 0, 1)
    plot = of(scores if end else scores[1:])
    assert domain_of(plot)[int(end)] == end
    svg = interval_svg(plot, WIDE)
    numbers = [float(text) for text in re.findall(r">(-?[\d.]+)</text>", svg)]
    assert numbers
    assert 0 <= min(numbers) <= max(numbers) <= 100
    low, high = band_of(plot)
    assert 0 <= low < high <= 1


def test_the_axis_of_a_loss_that_is_never_negative_begins_at_zero_at_the_least():
    assert domain_of(with_mean([[0.1, 0.2, 1.5], [1.1, 1.2, 1.3]], 9.0))[0] == 0
    assert domain_of(of(noisy(0.6, 0.9)))[1] < 1  # where there is room the axis has a margin
