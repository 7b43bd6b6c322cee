"""On paper: all parts, on few pages of A4."""

import re

import pytest

from tests.report.browsing import opened_whole
from tests.report.layouts import reports

MOST_PAGES = 6


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report as large as that of the built-in study."""
    path = tmp_path_factory.mktemp("classes") / "report.html"
    path.write_text(reports.classes(), "utf-8")
    return path


@pytest.mark.long
def test_eight_variants_of_eight_replicates_are_on_at_most_six_pages(browser, page, tmp_path):
    with opened_whole(browser, page, 1400, "light") as tab:
        paper = tmp_path / "report.pdf"
        tab.pdf(path=paper, format="A4")
        pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
        assert tab.locator("table.variants tbody tr").count() == 8
        assert tab.locator(".mistakes li").count() == 30
        assert 3 <= pages <= MOST_PAGES
        assert not tab.locator("table").first.is_visible()  # what was folded is folded again


@pytest.mark.long
def test_on_paper_nothing_is_wider_than_the_page(browser, page):
    with opened_whole(browser, page, 700, "light") as tab:  # A4 less its margins
        tab.emulate_media(media="print")
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("table.variants").is_visible()
        widths = tab.locator("table").evaluate_all(
            "tables => tables.map(t => [t.scrollWidth, t.parentElement.clientWidth])"
        )
        assert [w for w, room in widths if w > room] == []
