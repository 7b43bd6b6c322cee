"""Opens a page in a real browser, and checks what holds for every page."""

from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe

UNREACHABLE = """
() => {
  const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const around = (e) => {
    for (e = e.parentElement; e && !scrolls(e); e = e.parentElement);
    return e;
  };
  const wrong = [];
  const tell = (e, why) => wrong.push(`${why}: ${e.tagName} ${e.textContent.trim().slice(0, 60)}`);
  const told = "td, th, p, li, dt, dd, figcaption, label, h2, svg text";
  for (const e of document.querySelectorAll(told)) {
    const { left, right, width } = e.getBoundingClientRect();
    if (!width || e.closest(".spoken")) continue;
    const { display, position } = getComputedStyle(e);
    const box = around(e);
    if (!box && (left < -1 || right > innerWidth + 1)) tell(e, "beyond the page");
    const isBlock = display !== "inline" && e.tagName !== "text";
    if (isBlock && e.scrollWidth > e.clientWidth + 1) tell(e, "wider than its place");
    const isHeld = position === "sticky" && box && box.scrollWidth > box.clientWidth;
    if (isHeld && width > 0.6 * box.clientWidth) tell(e, "covers what scrolls beside it");
  }
  return wrong;
}
"""
"""What nobody can read: it is cut, or lies beyond the page where nothing scrolls."""


@contextmanager
def opened_whole(browser, path, width, scheme):
    """The page in a tab, offline: it asks for nothing, complains of nothing and fits the width."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    tab = context.new_page()
    asked, complaints = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(path.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    background, ink = tab.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (brightness(background) > brightness(ink)) == (scheme == "light")
    yield tab
    context.close()


def brightness(colour):
    return sum(int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3


def assert_whole(tab, width):
    """All parts, opened, fit the page and can be read; axe finds nothing serious."""
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(UNREACHABLE) == []
    violations = Axe().run(tab).response["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
