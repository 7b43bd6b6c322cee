"""Opens a page in a real browser, and checks what holds for every page."""

from contextlib import contextmanager


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
