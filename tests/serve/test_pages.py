"""The live page in a real browser."""

from contextlib import contextmanager
from urllib.parse import quote

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from kohort.evidence.store import open_store
from tests.report.browsing import brightness
from tests.serve.serving import logs, make_study, measure, serving
from tests.serve.test_trying import NAMES, PIXELS, WEIGHTS, text_of

EVIL = '<img src=x onerror="document.title=1"><script>alert("x")</script>&é'


@contextmanager
def opened(browser, live, path="/", width=1400, scheme="light", script=""):
    """A page in a tab, which asks for nothing elsewhere, does not complain, and fits the width."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    tab.set_default_timeout(8000)
    tab.add_init_script(script)
    tab.asked, tab.complaints = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("dialog", lambda dialog: tab.complaints.append(dialog.message) or dialog.dismiss())
    tab.goto(live.url + path)
    try:
        yield tab
        assert tab.complaints == []
        ours = (live.url, "data:", f"blob:{live.url}")
        assert [url for url in tab.asked if not url.startswith(ours)] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        context.close()


def page_of(name):
    return f"/study?name={quote(name)}"


def wait(tab, text, at="body"):
    tab.wait_for_function(
        "([at, text]) => document.querySelector(at).innerText.includes(text)", arg=[at, text]
    )


@pytest.fixture
def running(store):
    """A study on images that trains, with a hostile name and hostile variants."""
    kept, members = make_study(store, names=(EVIL, "b" * 150, "c"), name=EVIL, pixels=PIXELS)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0, 1])
        kept.append([(members[0], 2, logs(float("nan"), 0.5))])
        kept.note("odd", EVIL)
        kept.finish(members[-1], [], 1.0)
        yield kept, members


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 768, 400])
def test_it_is_whole_and_can_be_read_by_all(browser, live, running, width, scheme):
    for path, text in [("/", "1 of 9"), (page_of(EVIL), "So far"), (page_of("none"), "expected")]:
        with opened(browser, live, path, width, scheme) as tab:
            wait(tab, text)
            violations = Axe().run(tab).response["violations"]
            assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
            background, ink = tab.evaluate(
                "[getComputedStyle(document.body).backgroundColor,"
                " getComputedStyle(document.body).color]"
            )
            assert (brightness(background) > brightness(ink)) == (scheme == "light")
            assert tab.locator("script").count() == 1
            assert tab.locator("img").count() == 0
            if path == "/":
                assert tab.locator("#studies a").inner_text() == EVIL
            else:
                room = "[...document.querySelectorAll('.scroll')]"
                wide = f"{room}.map(e => [e.scrollWidth - e.clientWidth, e.ariaLabel])"
                cut_off = [told for told in tab.evaluate(wide) if told[0] > 0]
                assert cut_off == []


@pytest.mark.long
def test_a_page_grows_while_its_study_trains(browser, live, running):
    kept, members = running
    with opened(browser, live, page_of(EVIL)) as tab:
        wait(tab, "So far c has the best validation accuracy", "#answer")
        wait(tab, "That is no verdict", "#answer")
        before = tab.evaluate("document.querySelector('#charts canvas').toDataURL()")
        assert tab.locator("#epoch-shown").inner_text() == "3"
        measure(kept, members, [2, 3])
        tab.wait_for_function("() => document.querySelector('#epoch-shown').textContent === '4'")
        assert tab.evaluate("document.querySelector('#charts canvas').toDataURL()") != before
        wait(tab, "KH105 so far", "#findings")
        assert tab.locator("#report").is_hidden()
        assert sum("feed" in url for url in tab.asked) == 1, "nothing is loaded again"


@pytest.mark.long
def test_an_end_is_asked_for_by_the_keyboard(browser, live, running):
    kept, _ = running
    with opened(browser, live, page_of(EVIL)) as tab:
        tab.get_by_role("button", name="End after this epoch").focus()
        tab.keyboard.press("Enter")
        wait(tab, "Asked: it ends after its epoch")
        wait(tab, "ending after this epoch", "#status")
        assert kept.runs()[-1].asked_to_end
        kept.end_run("interrupted")
        wait(tab, "interrupted", "#status")
        assert tab.get_by_role("button", name="End after").is_hidden()


@pytest.mark.long
def test_the_keyboard_alone_reaches_all(browser, live, running):
    with opened(browser, live, page_of(EVIL)) as tab:
        wait(tab, "2 of 9")
        seen = set()
        tab.evaluate("document.activeElement.blur()")
        for _ in range(40):
            tab.keyboard.press("Tab")
            seen.add(tab.evaluate(
                "(() => { const at = document.activeElement; return at.id || at.textContent.trim()"
                " || at.closest('label')?.textContent.trim() || at.tagName; })()"
            ))  # fmt: skip
        assert {"All studies", "stop", EVIL, "b" * 150, "c", "epoch", "clear", "file"} <= seen
        tab.get_by_role("checkbox", name="c", exact=True).focus()
        tab.keyboard.press("Space")
        tab.wait_for_function("() => document.querySelectorAll('#numbers tbody th').length === 2")
        assert "c" not in tab.locator("#numbers tbody th").all_inner_texts()
        tab.locator("#epoch").focus()
        tab.keyboard.press("Home")
        wait(tab, "1", "#epoch-shown")


@pytest.mark.long
def test_it_survives_another_server(browser, store, place, running):
    kept, members = running
    with serving(store, place) as live:
        context = browser.new_context()
        tab = context.new_page()
        tab.set_default_timeout(8000)
        tab.goto(live.url + page_of(EVIL))
        wait(tab, "2 of 9")
    wait(tab, "The server does not answer", "#link")
    measure(kept, members, [2, 3])
    with serving(store, place, port=live.port):
        tab.wait_for_function("() => document.querySelector('#epoch-shown').textContent === '4'")
        wait(tab, "", "#link")
        tab.get_by_role("button", name="End after this epoch").click()
        wait(tab, "Asked: it ends after its epoch")
        context.close()


@pytest.mark.long
def test_a_picture_is_drawn_chosen_and_told_of(browser, live, store, tmp_path):
    import keras

    from kohort.evidence.store import VariantRecord
    from tests.serve.serving import outset
    from tests.serve.test_trying import PICTURE, png

    linear = text_of(keras.layers.Flatten(), keras.layers.Dense(3, "softmax"))
    _, members = make_study(store, ["one"], replicates=1)
    store.delete("width")
    described = {"epochs": {"one": 4}, "outset": outset(["one"], pixels=PIXELS)}
    kept = store.create("width", described, [VariantRecord("one", model=linear)], members)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, range(4))
        kept.finish(members[0], WEIGHTS, 1.0)
        kept.end_run("done")
    (tmp_path / "picture.png").write_bytes(png(PICTURE))
    (tmp_path / "text.png").write_bytes(b"no picture")
    with opened(browser, live, page_of("width")) as tab:
        pad = tab.locator("#pad")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        tab.mouse.move(box["x"] + 50, box["y"] + 50)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 200, box["y"] + 200, steps=5)
        tab.mouse.up()
        tab.wait_for_selector("#answers:not([hidden])")
        assert set(tab.locator("#answers tbody td").first.inner_text().split()[:1]) <= {*NAMES}
        drawn = tab.locator("#answers tbody").inner_text()
        tab.locator("#file").set_input_files(tmp_path / "picture.png")
        inputs = PICTURE.astype("float32").ravel() / 255 - 0.5
        scores = np.exp(inputs @ WEIGHTS[0] + WEIGHTS[1])
        best = int(scores.argmax())
        wait(tab, f"{NAMES[best]} {100 * scores[best] / scores.sum():.1f} %", "#answers")
        assert tab.locator("#answers tbody").inner_text() != drawn
        tab.get_by_role("button", name="Clear").click()
        assert tab.locator("#answers").is_hidden()
        tab.locator("#file").set_input_files(tmp_path / "text.png")
        wait(tab, "expected an image file", "#tried")
        assert any("400" in text for text in tab.complaints), "the browser notes the refusal"
        tab.complaints.clear()


@pytest.mark.long
def test_a_thousand_members_at_twenty_updates_a_second_do_not_freeze_it(browser, place):
    names = [f"variant {n}" for n in range(250)]
    with open_store(place) as store:
        kept, members = make_study(store, names, replicates=4, epochs=400)
        with kept.claim(), serving(store, place) as live:
            kept.begin_run({})
            measure(kept, members, range(50))
            with opened(browser, live, page_of("width"), script=HELD) as tab:
                wait(tab, "0 of 1,000")
                wait(tab, "So far variant 249", "#answer")
                updates, longest = tab.evaluate(UPDATES, 6)
                wait(tab, str(50 + updates), "#epoch-shown")
    print(f"{updates / 6:.1f} updates a second, frames up to {longest:.0f} ms apart")
    # Half of what it does alone on a slow machine, which may have other work.
    assert updates > 60
    assert longest < 1000


HELD = """{
  const Real = EventSource;
  window.EventSource = class extends Real {
    constructor(place) { super(place); window.held = this; }
  };
}"""
UPDATES = """(seconds) => new Promise((resolve) => {
  let [updates, longest, last] = [0, 0, performance.now()];
  const began = last;
  const frame = (now) => {
    longest = Math.max(longest, now - last); last = now;
    if (now - began < 1000 * seconds + 500) requestAnimationFrame(frame);
    else resolve([updates, longest]);
  };
  requestAnimationFrame(frame);
  // Each tells of all members, and of an epoch of all variants.
  const timer = setInterval(() => {
    if (performance.now() - began > 1000 * seconds) { clearInterval(timer); return; }
    const epoch = 50 + updates;
    const members = Array.from({ length: 1000 }, (_, n) =>
      [n, Math.floor(n / 4), n % 4, 1, epoch + 1, "begun"]);
    const cells = Array.from({ length: 250 }, (_, n) =>
      [n, epoch, Array(12).fill(0.5 + 0.3 * Math.sin(epoch + n))]);
    held.onmessage({ data: JSON.stringify({ all: false, members, cells }) });
    updates += 1;
  }, 50);
})"""


@pytest.mark.long
def test_the_colours_of_variants_do_not_change_with_who_is_best_or_chosen(browser, live, store):
    kept, members = make_study(store, names=tuple("abcdefghi"))
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0, 1])
    with opened(browser, live, page_of("width")) as tab:
        tab.wait_for_function("document.querySelectorAll('#variants :checked').length === 4")
        tab.wait_for_timeout(300)

        def colours():
            return tab.evaluate(
                "Object.fromEntries([...document.querySelectorAll('#variants :checked')].map(box =>"
                " [box.closest('tr').querySelector('label').innerText.trim(),"
                " box.closest('tr').querySelector('.swatch').style.background]))"
            )

        before = colours()
        assert len(set(before.values())) == 4
        assert before["a"] == "rgb(59, 157, 221)"  # the first of the study, and not of the table
        tab.locator("#variants :checked").first.uncheck()
        tab.wait_for_function("document.querySelectorAll('#variants :checked').length === 3")
        tab.wait_for_timeout(300)
        assert colours() == {name: before[name] for name in colours()}
