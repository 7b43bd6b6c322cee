"""Reports of all kinds of studies, opened whole on a phone and on a screen."""

import functools

import pytest

from tests.report.browsing import UNREACHABLE, assert_whole, opened_whole
from tests.report.layouts import reports


@functools.cache
def written(kind):
    return getattr(reports, kind)()


@pytest.mark.long
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize(
    ("kind", "has"),
    [
        ("numbers", "figure > div[aria-label^='observed over predicted']"),
        ("two_classes", "figure > div[aria-label^='precision of class']"),
        ("searched", "figure.parallel"),
        ("raced", "figure.chart"),
        ("many", "p.tools"),
    ],
)
def test_all_parts_fit_and_can_be_read(browser, tmp_path, kind, has, width):
    page = tmp_path / "report.html"
    page.write_text(written(kind), "utf-8")
    with opened_whole(browser, page, width, "light") as tab:
        assert_whole(tab, width)
        assert tab.locator(has).first.is_visible()


CUT = """
<p style="width: 3rem">a_long_word_in_a_narrow_place</p>
<table style="margin-left: 99vw"><tr><td>beyond the page</td></tr></table>
<div style="overflow-x: auto"><table><tr>
<th style="position: sticky; left: 0"><p style="width: 90vw">a name</p></th>
<td><p style="width: 90vw">x</p></td></tr></table></div>
<div style="overflow-x: auto"><p style="width: 200vw">but this is scrolled</p></div>
"""


def test_what_nobody_can_read_is_found(browser):
    tab = browser.new_page(viewport={"width": 400, "height": 800})
    tab.set_content(CUT)
    found = tab.evaluate(UNREACHABLE)
    tab.close()
    assert [told.partition(":")[0] for told in found] == [
        "wider than its place",
        "beyond the page",
        "covers what scrolls beside it",
    ]
