"""The chart of learning curves fits a phone, and its letters can be read there."""

import numpy as np
import pandas as pd
import pytest

from kohort.report.charts import LEARNING_WIDTH, learning_svg
from tests.report.browsing import opened_whole
from tests.report.layouts import reports


@pytest.mark.long
@pytest.mark.parametrize("width", [400, 1400])
def test_the_learning_curves_of_a_study_with_sizes_fit_the_page(browser, tmp_path, width):
    page = tmp_path / "sized.html"
    page.write_text(reports.sized(), "utf-8")
    with opened_whole(browser, page, width, "light") as tab:
        tab.get_by_role("heading", name="What would help").click()
        chart = tab.locator("figure.chart > div")
        assert chart.get_attribute("aria-label").endswith("over the number of training samples")
        widths = "e => [e.scrollWidth, e.clientWidth]"
        within, room = chart.evaluate(widths)
        assert within <= room <= width
        texts = chart.locator("svg text")
        boxes = [texts.nth(n).bounding_box() for n in range(texts.count())]
        assert {"45,000", "2,812"} <= set(texts.all_text_contents())
        assert min(box["x"] for box in boxes) >= 0
        assert max(box["x"] + box["width"] for box in boxes) <= width
        assert min(min(box["width"], box["height"]) for box in boxes) > 9, "letters are too small"


def test_a_long_legend_has_rows_and_is_no_wider_than_the_picture():
    points = pd.DataFrame(
        [
            (f"units=(600, 400, 20{n}), learning_rate=0.00{n}, dropout=0.{n}", size, *4 * [0.5])
            for n in range(8)
            for size in (100, 200)
        ],
        columns=["variant", "samples", "value", "low", "high", "law"],
    )
    svg = learning_svg(points.assign(law=np.nan), "validation accuracy")
    assert float(svg.split('width="')[1].split('"')[0]) < LEARNING_WIDTH + 80
    assert len({text for text in svg.split("</text>") if "…" in text}) == 8
