"""What reports draw stands out from the page, light and dark."""

import functools

import pytest

from tests.report.browsing import opened_whole
from tests.report.contrasts import contrasts, too_weak
from tests.report.layouts import reports


@functools.cache
def written(kind):
    return getattr(reports, kind)()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "kind", ["two_classes", "numbers", "searched", "raced", "sized", "crowded"]
)
def test_text_and_marks_of_pictures_stand_out(browser, tmp_path, kind, scheme):
    page = tmp_path / "report.html"
    page.write_text(written(kind), "utf-8")
    with opened_whole(browser, page, 1400, scheme) as tab:
        found = contrasts(tab)
    assert {one["kind"] for one in found} == {"text", "mark"}
    assert too_weak(found) == []


WEAK = """
<body style="background: white"><svg>
<g class="mark-text role-axis-label"><text fill="#777">4.48</text></g>
<g class="mark-text role-axis-label"><text fill="#767676">4.54</text></g>
<g class="mark-line role-mark"><path d="M0 0L9 9" stroke="#e69f00" fill="none"/></g>
<g class="mark-line role-mark" opacity="0.5"><path d="M0 0L9 9" stroke="#0072b2" fill="none"/></g>
<g class="mark-area role-mark"><path d="M0 0L9 9" fill="#0072b2" fill-opacity="0.2"/></g>
<g class="mark-rect role-mark" fill-opacity="0.2"><path fill="#0072b2" stroke="#0072b2"/></g>
<g class="mark-rule role-axis-grid"><line stroke="#eee"/></g>
</svg></body>
"""


def test_what_does_not_stand_out_is_found(browser):
    tab = browser.new_page()
    tab.set_content(WEAK)
    found = contrasts(tab)
    tab.close()
    assert len(found) == 6
    assert too_weak(found) == [
        "1.33 mark-area role-mark",
        "2.14 mark-line role-mark",
        "2.25 mark-line role-mark",
        "4.48 text 4.48",
    ]
