"""What the live page draws on its canvases stands out from it, light and dark."""

import pytest

from kohort.report.charts import COLOURS
from tests.report.contrasts import contrasts, too_weak
from tests.serve.serving import logs, make_study, measure
from tests.serve.test_pages import opened, page_of, wait

PIXELS = """(at) => {
  // The colours of a canvas that fill 30 pixels or more: what is between two colours is an edge.
  const canvas = document.querySelector(at);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const counts = {};
  for (let place = 0; place < data.length; place += 4) {
    if (data[place + 3] < 255) continue;
    const colour = `rgb(${data[place]}, ${data[place + 1]}, ${data[place + 2]})`;
    counts[colour] = (counts[colour] ?? 0) + 1;
  }
  return Object.keys(counts).filter((colour) => counts[colour] >= 30);
}"""
STYLE = "([of, at]) => getComputedStyle(document.querySelector(at))[of]"


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_and_members_stand_out(browser, live, store, scheme):
    kept, members = make_study(store, [f"v{n}" for n in range(8)], replicates=2)
    with kept.claim():
        measure(kept, members[:15], [0, 1])
        kept.append([(members[0], 2, logs(float("nan"), 0.5))])
        kept.finish(members[1], [], 1.0)
        with opened(browser, live, page_of("width"), 1400, scheme) as tab:
            wait(tab, "So far", "#answer")
            wait(tab, "1 waiting", "#legend")
            wait(tab, "1 diverged", "#legend")
            wait(tab, "1 finished", "#legend")
            for place in range(8):
                tab.locator("#variants tbody input").nth(place).check()
            tab.wait_for_function("() => document.querySelectorAll('#shown li').length === 8")
            found = contrasts(tab)
            swatches = [one for one in found if one["what"] == "swatch"]
            assert len(swatches) >= 8 + 4, "a variant each, and a state each"
            assert too_weak(found) == []
            # What is drawn has these colours: the swatches are of HTML, and these of a canvas.
            shown = tab.locator("#shown .swatch").evaluate_all(
                "all => all.map((one) => getComputedStyle(one).backgroundColor)"
            )
            rgb = [tuple(int(code[at : at + 2], 16) for at in (1, 3, 5)) for code in COLOURS[:8]]
            assert set(shown) == {f"rgb{colour}" for colour in rgb}
            assert set(tab.evaluate(PIXELS, "#charts figure:last-child canvas")) > set(shown)
            states = {
                tab.evaluate(STYLE, [of, f"#legend .swatch[data-state={state}]"])
                for state, of in [
                    ("begun", "backgroundColor"), ("finished", "backgroundColor"),
                    ("diverged", "backgroundColor"), ("waiting", "borderTopColor"),
                    ("waiting", "backgroundColor"),
                ]
            }  # fmt: skip
            assert set(tab.evaluate(PIXELS, "#members")) == states
