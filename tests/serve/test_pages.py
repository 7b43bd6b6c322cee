"""The live page in a real browser."""

from contextlib import contextmanager
from urllib.parse import quote

import keras
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import kohort
from kohort.evidence.store import VariantRecord, open_store
from tests.models import build_mlp
from tests.report.browsing import brightness
from tests.serve.serving import HELD, PUSHED, logs, make_study, measure, outset, serving
from tests.serve.test_trying import NAMES, PICTURE, PIXELS, WEIGHTS, png, text_of

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
        wait(tab, "So far c leads: validation accuracy", "#answer")
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


@pytest.fixture
def pictured(store):
    """A study on images that has ended, of one linear model."""
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


def said_of_the_picture():
    """What that model says of `PICTURE` first, by its formula."""
    inputs = PICTURE.astype("float32").ravel() / 255 - 0.5
    scores = np.exp(inputs @ WEIGHTS[0] + WEIGHTS[1])
    best = int(scores.argmax())
    return f"{NAMES[best]} {100 * scores[best] / scores.sum():.1f} %"


@pytest.mark.long
def test_a_picture_is_drawn_chosen_and_told_of(browser, live, pictured, tmp_path):
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
        wait(tab, said_of_the_picture(), "#answers")
        assert tab.locator("#answers tbody").inner_text() != drawn
        tab.get_by_role("button", name="Clear").click()
        assert tab.locator("#answers").is_hidden()
        tab.locator("#file").set_input_files(tmp_path / "text.png")
        wait(tab, "expected an image file", "#tried")
        assert any("400" in text for text in tab.complaints), "the browser notes the refusal"
        tab.complaints.clear()


@pytest.mark.long
def test_a_picture_that_is_dropped_is_told_of(browser, live, pictured):
    with opened(browser, live, page_of("width")) as tab:
        tab.wait_for_selector("#picture:not([hidden])")
        blank = tab.evaluate("document.querySelector('#pad').toDataURL()")
        dropped = tab.evaluate_handle(DROPPED, [*png(PICTURE)])
        pad = tab.locator("#pad")
        # What is not prevented is left to the browser, which would open the file.
        for kind in ("dragover", "drop"):
            prevented = "(pad, [kind, data]) => !pad.dispatchEvent(new DragEvent(kind,"
            prevented += " { dataTransfer: data, bubbles: true, cancelable: true }))"
            assert pad.evaluate(prevented, [kind, dropped]), kind
            assert ("over" in (pad.get_attribute("class") or "")) == (kind == "dragover")
        wait(tab, said_of_the_picture(), "#answers")
        shown = "(blank) => document.querySelector('#pad').toDataURL() !== blank"
        tab.wait_for_function(shown, arg=blank)
        tab.evaluate("document.querySelector('#pad').dispatchEvent(new DragEvent('drop',"
                     " { dataTransfer: new DataTransfer(), cancelable: true }))")  # fmt: skip
        assert said_of_the_picture() in tab.locator("#answers").inner_text(), "no file, no change"


DROPPED = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "picture.png", { type: "image/png" }));
  return data;
}"""


@pytest.mark.long
def test_the_report_of_a_study_that_has_ended_is_opened(browser, live, place, blobs):
    study = kohort.Study(
        EVIL, kohort.grid(build_mlp, units=[(2,), (8,)]), blobs,
        replicates=kohort.Holdout(0.2, 3), epochs=2, batch_size=50,
    )  # fmt: skip
    result = study.run(place, verbose=0)
    with opened(browser, live, page_of(EVIL)) as tab:
        wait(tab, result.answer(), "#answer")
        rows = tab.locator("#variants tr").all_inner_texts()
        assert rows[0].split("\t")[-2:] == ["against best", "verdict"]
        shown = {row.split("\t")[0].strip(): row.split("\t")[-2:] for row in rows[1:]}
        verdicts = result.table()["verdict"]
        assert list(shown) == [name.strip() for name in verdicts.index]
        assert [told for _, told in shown.values()] == verdicts.to_list()
        stands = [stand for stand, _ in shown.values()]
        assert len(stands) == 3, "with what one answer for all samples scores"
        assert (stands[0], stands[2]) == ("best", "")
        assert stands[1] in ("as good", "cannot tell", "worse")
        tab.set_default_timeout(60_000)  # It is written when it is asked for.
        tab.get_by_role("link", name="Report").click()
        tab.wait_for_url("**/report?name=*")
        assert tab.locator("h1").inner_text() == EVIL
        wait(tab, result.winner)
        parts = tab.locator("details.part")
        assert parts.count() > 3
        tab.get_by_role("button", name="Open all").click()  # Its script is allowed to run.
        assert tab.locator("details.part[open]").count() == parts.count()
        tab.go_back()
        wait(tab, result.answer(), "#answer")


@pytest.mark.long
def test_updates_that_come_faster_than_they_are_drawn_are_folded_and_leave_it_usable(
    browser, place
):
    names = [f"variant {n}" for n in range(250)]
    with open_store(place) as store:
        kept, members = make_study(store, names, replicates=4, epochs=400)
        with kept.claim(), serving(store, place) as live:
            kept.begin_run({})
            measure(kept, members, range(50))
            with opened(browser, live, page_of("width"), script=HELD) as tab:
                tab.set_default_timeout(60_000)  # However slow the machine is.
                wait(tab, "0 of 1,000")
                wait(tab, "So far variant 249", "#answer")
                tab.evaluate(PUSHED)
                tab.evaluate(PUSHING)
                shown = "Number(document.querySelector('#epoch-shown').textContent)"
                tab.wait_for_function(f"() => {shown} > 60")
                chosen = "document.querySelectorAll('#numbers tbody tr').length"
                before = tab.evaluate(chosen)
                tab.locator("#variants input").first.click()
                tab.wait_for_function(f"(before) => {chosen} !== before", arg=before)
                tab.locator("#epoch").focus()
                tab.keyboard.press("Home")
                tab.wait_for_function(f"() => {shown} === 1")
                before = tab.evaluate("told.updates")
                tab.wait_for_function("(before) => told.updates > before + 20", arg=before)
                assert tab.evaluate(shown) == 1, "who looks at an epoch is left there"
                tab.keyboard.press("End")
                updates = tab.evaluate("told.ends = true, told.updates")
                # Only the last one shows this epoch, so that none was lost.
                tab.wait_for_function(f"() => {shown} === {50 + updates}")
                drawn = tab.evaluate("told.drawn")
    # Two come at once: they are drawn together. Three times it was drawn for who used it.
    assert 2 <= drawn <= updates / 2 + 3


PUSHING = """() => {
  const real = requestAnimationFrame;
  window.told = { updates: 0, drawn: 0, ends: false };
  // The page asks for a frame for each time that it draws.
  window.requestAnimationFrame = (work) => { told.drawn += 1; return real(work); };
  const two = () => {
    if (told.ends) return;
    const began = performance.now();
    push(50 + told.updates++);
    push(50 + told.updates++);
    // On a slow machine fewer: to take them is not to be all that the page does.
    setTimeout(two, Math.max(50, 3 * (performance.now() - began)));
  };
  two();
}"""


@pytest.mark.long
def test_the_colours_of_variants_do_not_change_with_who_is_best_or_chosen(browser, live, store):
    kept, members = make_study(store, names=tuple("abcdefghi"))
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0, 1])
    with opened(browser, live, page_of("width")) as tab:
        tab.wait_for_function("() => document.querySelectorAll('#variants :checked').length === 4")
        tab.wait_for_timeout(300)

        def colours():
            return tab.evaluate(
                "Object.fromEntries([...document.querySelectorAll('#variants :checked')].map(box =>"
                " [box.closest('tr').querySelector('label').innerText.trim(),"
                " box.closest('tr').querySelector('.swatch').style.background]))"
            )

        before = colours()
        assert len(set(before.values())) == 4
        assert before["a"] == "rgb(0, 114, 178)"  # the first of the study, and not of the table
        tab.locator("#variants :checked").first.uncheck()
        tab.wait_for_function("() => document.querySelectorAll('#variants :checked').length === 3")
        tab.wait_for_timeout(300)
        assert colours() == {name: before[name] for name in colours()}
