"""The live page's curves in a browser: who is drawn, on which scale, what a pointer is told."""

from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.serve.serving import logs, make_study, measure
from tests.serve.test_pages import opened, page_of, wait

LOSS = "#charts figure:first-child"
HEIGHTS = """([canvas, parts]) => {
  // How far down the first variant's line, which is blue, is at parts of the picture's width.
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return parts.map((part) => {
    const { data } = copy.getImageData(Math.round(part * width), 0, 1, height);
    const rows = [...Array(height).keys()].filter((row) => data[4 * row + 3] > 120
      && data[4 * row + 2] - data[4 * row] > 80);
    return rows.reduce((sum, row) => sum + row, 0) / rows.length / height;
  });
}"""

IS_ON_ONE_LINE = """([at, name]) => {
  const cell = [...document.querySelectorAll(at)].find((one) => one.textContent === name);
  if (!cell) return false;
  const range = document.createRange();
  range.selectNodeContents(cell);
  return new Set([...range.getClientRects()].map(({ top }) => top)).size === 1;
}"""


def fill(kept, rows):
    with kept.claim():
        kept.append(rows)


@contextmanager
def shown(browser, live, *, width=1400, scheme="light"):
    with opened(browser, live, page_of("width"), width, scheme) as tab:
        tab.wait_for_selector("#shown li")
        yield tab


def serious(tab):
    violations = Axe().run(tab).response["violations"]
    return [one["id"] for one in violations if one["impact"] in ("serious", "critical")]


def heights(tab, *parts):
    canvas = tab.query_selector(f"{LOSS} canvas")
    return tab.evaluate(HEIGHTS, [canvas, parts])


@pytest.mark.long
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (400, "dark")])
def test_losses_are_drawn_on_a_log_scale_when_it_is_asked_for(browser, live, store, width, scheme):
    kept, members = make_study(store, ["one"], replicates=1, epochs=5)
    fill(kept, [(members[0], epoch, logs(10.0**-epoch, 0.5)) for epoch in range(5)])
    with shown(browser, live, width=width, scheme=scheme) as tab:
        wait(tab, "5", "#epoch-shown")
        assert tab.locator(f"{LOSS} figcaption").inner_text() == "loss"
        near = (0.4, 0.6, 0.8)
        assert all(height > 0.75 for height in heights(tab, *near)), "near its lowest"
        tab.locator("#log").focus()
        tab.keyboard.press("Space")
        wait(tab, "loss, log scale", LOSS)
        first, second, third = heights(tab, *near)
        # The losses fall by the same factor each epoch.
        assert second - first == pytest.approx(third - second, abs=0.02)
        assert second - first > 0.1
        captions = tab.locator("#charts figcaption").all_inner_texts()
        assert captions == ["loss, log scale", "accuracy"]
        assert serious(tab) == []
        tab.keyboard.press("Space")
        tab.wait_for_function(f"() => document.querySelector('{LOSS}').innerText === 'loss'")


@pytest.mark.long
def test_losses_that_have_no_logarithm_stay_on_a_linear_scale_which_says_so(browser, live, store):
    kept, members = make_study(store, ["one"], replicates=1)
    fill(kept, [(members[0], epoch, logs(1.0 - epoch, 0.5)) for epoch in range(4)])
    with shown(browser, live) as tab:
        before = heights(tab, 0.4, 0.6)
        tab.locator("#log").check()
        wait(tab, "loss, linear scale: not all of it is above 0", LOSS)
        assert heights(tab, 0.4, 0.6) == before


def told_at(tab, part, of_height=0.5):
    """What is told with the pointer at a part of the loss's curves, from the first epoch on."""
    box = tab.locator(f"{LOSS} canvas").bounding_box()
    left, right = 52, box["width"] - 8
    tab.mouse.move(box["x"] + left + part * (right - left), box["y"] + of_height * box["height"])
    # Moves are told with the next frame.
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    lines = tab.locator(f"{LOSS} .tip p").all_inner_texts()
    return [" ".join(line.split()) for line in lines]


@pytest.mark.long
@pytest.mark.parametrize(("width", "scheme"), [(1400, "dark"), (400, "light")])
def test_a_pointer_is_told_the_epoch_the_names_and_the_values(browser, live, store, width, scheme):
    kept, members = make_study(store, ["high " * 8, "low"], replicates=1)
    fill(kept, [(members[0], n, logs(2.0 + n, 0.5, apart=0.25)) for n in range(4)])
    fill(kept, [(members[1], n, logs(1.0, 0.5, apart=0.5)) for n in range(3)])
    with shown(browser, live, width=width, scheme=scheme) as tab:
        wait(tab, "4", "#epoch-shown")
        wait(tab, "So far", "#answer")  # which moves what is below it
        tip = tab.locator(f"{LOSS} .tip")
        assert tip.is_hidden()
        tab.locator("#charts").scroll_into_view_if_needed()
        name = ("high " * 8).strip()
        assert told_at(tab, 0.3) == [
            "epoch 2: validation (training)", f"{name} 3 (2.75)", "low 1 (0.5)",
        ]  # fmt: skip
        assert told_at(tab, 0.7, 0.95)[1:] == [f"{name} 4 (3.75)", "low 1 (0.5)"]
        assert tab.locator(f"{LOSS} .tip .near").inner_text().startswith("low")
        told_at(tab, 0.7, 0.3)
        assert tab.locator(f"{LOSS} .tip .near").inner_text().startswith("high")
        assert told_at(tab, 1.0)[0].startswith("epoch 4")
        assert len(told_at(tab, 1.0)) == 2, "who has not come to this epoch is not told"
        box = tip.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert serious(tab) == []
        fill(kept, [(members[1], 3, logs(1.5, 0.5, apart=0.5))])
        tab.wait_for_function("() => document.querySelector('.tip').innerText.includes('1.5')")
        tab.keyboard.press("Escape")
        assert tip.is_hidden()
        told_at(tab, 0.5)
        assert tip.is_visible()
        tab.mouse.move(5, 5)
        assert tip.is_hidden()


@pytest.mark.long
def test_losses_of_a_price_are_told_in_four_digits(browser, live, store):
    kept, members = make_study(store, replicates=1)
    for scale, member in ((1.81271e9, members[0]), (45_098.3, members[1])):
        fill(kept, [(member, n, logs(scale, 0.5, apart=0.0)) for n in range(3)])
    with shown(browser, live) as tab:
        wait(tab, "3", "#epoch-shown")
        told = told_at(tab, 0.5)
        assert told[1:] == ["narrow 1.813e+09 (1.813e+09)", "wide 45,100 (45,100)"]


@pytest.mark.long
def test_a_finger_is_told_until_it_touches_another_place(browser, live, store):
    kept, members = make_study(store)
    with kept.claim():
        measure(kept, members, range(3))
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    tab = context.new_page()
    tab.goto(live.url + page_of("width"))
    tab.wait_for_selector("#shown li")
    tab.locator(f"{LOSS} canvas").tap()
    assert tab.locator(f"{LOSS} .tip").is_visible()
    tab.locator("#of-curves").tap()
    assert tab.locator(f"{LOSS} .tip").is_hidden()
    context.close()


@pytest.mark.long
@pytest.mark.parametrize("width", [1400, 400])
def test_of_many_variants_those_that_are_drawn_are_seen(browser, live, store, width):
    names = [f"variant {number}" for number in range(60)]
    kept, members = make_study(store, names, replicates=2)
    with kept.claim():
        measure(kept, members, [0, 1])  # the later a variant comes, the better it is
    with shown(browser, live, width=width) as tab:
        wait(tab, "So far variant 59", "#answer")
        wait(tab, "variant 59", "#shown")
        drawn = tab.locator("#shown li").all_inner_texts()
        assert drawn == [f"variant {n}" for n in (59, 58, 57, 0)], "the best, and the baseline"
        boxes = tab.locator("#variants :checked")
        assert sorted(boxes.locator("xpath=..").all_inner_texts()) == sorted(drawn)
        assert drawn == tab.locator("#numbers tbody th").all_inner_texts()
        rows = tab.locator("#variants tbody tr")
        beyond = [name for name in drawn if int(name.split()[1]) < 10]
        assert rows.count() == 50 + len(beyond)
        assert rows.last.locator("th").inner_text() == "variant 0"
        assert tab.locator("#rest").inner_text().startswith("The best 50, and below them")
        rows.last.locator("input").focus()
        tab.keyboard.press("Space")
        tab.wait_for_function("() => document.querySelectorAll('#shown li').length === 3")
        assert tab.evaluate("document.activeElement.closest('th')?.innerText") == "variant 0"
        assert rows.count() == 50 + len(beyond), "its row stays, and the focus with it"
        assert "variant 0" not in tab.locator("#shown li").all_inner_texts()
        tab.get_by_role("button", name="Show all 60").click()
        tab.wait_for_function("() => document.querySelectorAll('#variants tbody tr').length === 60")
        assert tab.locator("#rest").is_hidden()
        assert serious(tab) == []


@pytest.mark.long
def test_a_short_name_is_not_broken_on_a_phone(browser, live, store):
    kept, members = make_study(store, ["linear", "256-256"])
    with kept.claim():
        measure(kept, members, range(3))
    with shown(browser, live, width=400) as tab:
        for cell in ("#numbers tbody th", "#variants tbody th label > span:last-child"):
            tab.wait_for_function(IS_ON_ONE_LINE, arg=[cell, "linear"])
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
