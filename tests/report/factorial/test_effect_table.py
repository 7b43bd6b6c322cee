"""Effects as a table, and as the data of plots."""

import numpy as np
import pandas as pd
import pytest

from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.interval import mean_interval
from kohort.findings.statistics.scale import POINTS
from kohort.report.factorial.effect_plot import effect_panels, effect_points
from kohort.report.factorial.effect_table import effect_rows, effect_table
from tests.findings.factorial.records import grid_of, record_of
from tests.findings.factorial.test_effects import GRID, SCORES, effects_of


def test_a_row_has_an_effect_with_its_interval_and_verdict():
    effects = effects_of(SCORES)
    table = effect_table(effects, "seeds")
    assert table["kind"].tolist() == [
        *("level", "level", "level", "trend", "interaction", "interaction", "range", "range"),
    ]
    first, interaction, reach = table.iloc[0], table.iloc[4], table.iloc[-1]
    assert first[["axis", "level", "reference"]].tolist() == ["units", "16", "1"]
    assert first["effect"] == pytest.approx(np.mean(SCORES[1] - SCORES[0]))
    assert first["low"] < first["effect"] < first["high"]
    assert (first["replicates"], first["contexts"]) == (4, 3)
    assert interaction[["axis", "level", "reference"]].tolist() == [
        *("units x lr", "16 x 0.01", "1 x 0.001"),
    ]
    assert reach[["axis", "level", "reference"]].tolist() == ["units", "16", "1"]
    assert table["verdict"].tolist()[-2:] == ["matters most" * (effects.most == "lr"), ""]


def test_intervals_are_not_corrected_and_p_values_are_for_as_many_as_is_told():
    effects = effects_of(SCORES)
    table = effect_table(effects, "seeds")
    for effect, (_, row) in zip(effects.effects, table.iterrows(), strict=False):
        alone = mean_interval(np.array(effect.comparison.differences))
        assert (row["low"], row["high"]) == (alone.low, alone.high)
        assert row["p_adjusted"] >= alone.p_value
    assert table["corrected_for"].tolist() == [6] * 6 + [pd.NA] * 2
    assert table["corrected_for"][0] == len(effects.effects)


def test_a_plot_has_levels_against_the_first_in_points():
    points = effect_points(effects_of(SCORES), is_proportion=True)
    assert points["axis"].tolist() == ["units"] * 2 + ["lr"] * 3
    assert points["level"].tolist() == ["1", "16", "0.001", "0.01", "0.1"]
    assert points["effect"][0] == 0.0
    assert points["effect"][1] == pytest.approx(100 * np.mean(SCORES[1] - SCORES[0]))
    assert np.isnan(points["low"][0])
    assert points["low"][1] < points["effect"][1] < points["high"][1]


def test_what_never_trained_is_not_drawn():
    scores = SCORES.copy()
    scores[:, 2] = np.nan
    points = effect_points(effects_of(scores), is_proportion=False)
    assert points["level"].tolist() == ["1", "16", "0.001", "0.01"]
    assert points["effect"][1] == pytest.approx(np.mean(SCORES[1, :2] - SCORES[0, :2]))


def test_pictures_name_the_levels_as_they_are():
    effects = effects_of(SCORES[:, 0], grid_of(act=["<b>&", "tanh"]))
    (panel,) = effect_panels(effects, POINTS)
    assert panel["axis"] == "act"
    assert "&lt;b&gt;&amp;" in panel["svg"]
    assert "<b>" not in panel["svg"]


def test_a_level_keeps_its_place_on_the_axis():
    effects = effects_of(SCORES[0], grid_of(lr=[0.1, 0.001, 0.01]))
    svg = effect_panels(effects, POINTS)[0]["svg"]
    assert svg.index(">0.1<") < svg.index(">0.001<") < svg.index(">0.01<")


def test_rows_of_a_page_have_texts():
    effects = effects_of(SCORES, GRID)
    rows = effect_rows(effects, "seeds", POINTS)
    assert len(rows) == 8
    assert rows[0]["text"].startswith("+1.5 points (")
    assert rows[0]["text"].endswith(")")


def test_a_hundred_variants_make_a_table_of_all():
    random = np.random.default_rng(0)
    arguments = grid_of(a=list(range(10)), b=list(range(1, 11)))
    conclusions = Conclusions(record_of(arguments, random.normal(0.5, 0.01, (100, 3))))
    assert len(effect_table(conclusions.effects, "seeds")) == 18 + 2 + 81 + 2
