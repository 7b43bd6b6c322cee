"""Smoothed curves of a report: they are an exponential moving average, on both scales."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.report.browsing import assert_whole, opened_whole
from tests.report.layouts import reports

POINT = re.compile(r"[ML][^,]+,([^MLZ]+)")
LINES = """(over) => [...document.querySelectorAll(".stack:not([hidden]) .of:not([hidden])")].map(
  (of) => [...of.querySelectorAll(".mark-line path")].filter(
    (line) => line.matches(".smoothed") === over).map((line) => line.getAttribute("d")))"""


def heights(tab, *, smoothed):
    """Of each chosen variant its curves' heights in the picture, training and validation."""
    lines = tab.evaluate(LINES, smoothed)
    return [[np.array(POINT.findall(line), float) for line in of] for of in lines]


def debiased(values, weight):
    return pd.Series(values).ewm(alpha=1 - weight).mean().to_numpy()


@pytest.mark.long
@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (400, "dark")])
def test_smoothing_draws_a_moving_average_of_the_values_over_the_raw_curve(
    browser, tmp_path, width, scheme
):
    page = tmp_path / "report.html"
    page.write_text(reports.classes(), "utf-8")
    with opened_whole(browser, page, width, scheme) as tab:
        assert_whole(tab, width)
        complaints = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.get_by_label("Shown").select_option("loss")
        told = tab.locator(".overlay tbody").inner_text()
        numbers = tab.evaluate(
            "JSON.parse(document.querySelector('.overlay script').textContent).numbers"
        )
        for view, metric, turned in [
            ("loss", "data_loss", np.array),
            ("loss, log scale", "data_loss", np.log),
            ("accuracy", "accuracy", np.array),
        ]:
            tab.get_by_label("Shown").select_option(view)
            before = heights(tab, smoothed=False)
            assert heights(tab, smoothed=True) == [[], [], []], "off by default"
            tab.get_by_label("Smoothing").focus()
            for key, weight in [("ArrowDown", 0.6), ("ArrowDown", 0.9)]:
                tab.keyboard.press(key)
                after = heights(tab, smoothed=True)
                np.testing.assert_array_equal(heights(tab, smoothed=False), before)
                for variant, (raw, drawn) in enumerate(zip(before, after, strict=True)):
                    for place, side in enumerate(("training", "validation")):
                        values = np.array(numbers[metric][variant][side], float)
                        slope, offset = np.polyfit(turned(values), raw[place], 1)
                        expected = slope * turned(debiased(values, weight)) + offset
                        # The numbers have four digits, the picture hundredths of a pixel.
                        np.testing.assert_allclose(drawn[place], expected, atol=0.3)
                        assert abs(drawn[place] - raw[place]).max() > 10
            faint = "Number(getComputedStyle(document.querySelector('.faint')).opacity)"
            assert tab.evaluate(faint) < 0.5
            tab.keyboard.press("Home")
            assert tab.locator(".faint").count() == 0
        tab.get_by_label("Smoothing").select_option("strong")
        tab.get_by_label("Shown").select_option("loss")
        assert tab.locator(".overlay tbody").inner_text() == told, "numbers are never smoothed"
        assert_whole(tab, width)
        assert complaints == []
