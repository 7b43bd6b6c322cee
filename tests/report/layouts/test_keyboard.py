"""A report by keyboard alone: parts, checkboxes, evidence, sorting and filter."""

import pytest

from tests.report.browsing import opened_whole
from tests.report.layouts import reports

FOCUSED = "document.activeElement"


def press_until(tab, key, condition, most=400):
    """Press a key until what has the focus meets a condition, of JavaScript on `e`."""
    for _ in range(most):
        tab.keyboard.press(key)
        if tab.evaluate(f"(() => {{ const e = {FOCUSED}; return Boolean({condition}); }})()"):
            # Who sees must see where the keyboard is.
            assert tab.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle") != "none"
            return
    raise AssertionError(f"{key} never leads to {condition}")


def summary(part):
    return f"e.tagName === 'SUMMARY' && e.querySelector('#{part}')"


@pytest.mark.long
def test_parts_filter_sorting_evidence_and_checkboxes_work_by_keyboard_alone(browser, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(reports.many(epochs=4), "utf-8")
    with opened_whole(browser, page, 1100, "light") as tab:
        press_until(tab, "Tab", summary("table"))
        tab.keyboard.press("Enter")
        rows = tab.locator("table.variants tbody tr:visible th")
        assert rows.count() == 10

        press_until(tab, "Tab", "e.type === 'search'")
        tab.keyboard.type("l2=0.0003")
        assert rows.count() == 3
        for _ in range(len("l2=0.0003")):
            tab.keyboard.press("Backspace")
        press_until(tab, "Tab", "e.textContent === 'Show 20 others'")
        tab.keyboard.press("Space")
        assert rows.count() == 30

        best = rows.first.inner_text()
        press_until(tab, "Tab", "e.closest('th') && e.textContent === 'validation accuracy'")
        tab.keyboard.press("Enter")
        assert tab.locator("[aria-sort=ascending]").count() == 1
        assert rows.first.inner_text() != best
        tab.keyboard.press("Enter")
        assert tab.locator("[aria-sort=descending]").count() == 1
        assert rows.first.inner_text() == best

        press_until(tab, "Tab", summary("findings"))
        tab.keyboard.press("Enter")
        press_until(tab, "Tab", "e.matches('.matrix a')")
        tab.keyboard.press("Enter")
        assert tab.locator(".evidence li:target, details[open] li:target").is_visible()

        drawn = tab.locator(".stack:visible .of:visible")
        press_until(tab, "Shift+Tab", summary("findings"))
        press_until(tab, "Tab", "e.type === 'checkbox' && !e.checked")
        assert drawn.count() == 3
        tab.keyboard.press("Space")
        assert drawn.count() == 4
