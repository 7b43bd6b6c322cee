"""The pictures of docs/: the built-in study's live page while it trains, then its report.

    python -m scripts.pictures

It trains the study, which takes minutes, and needs Chromium. With `--store` the study is kept
there, and goes on where it was; one that has ended is not pictured live.
"""

import io
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import kohort  # before Keras, whose backend it chooses

# isort: split
import typer
from PIL import Image
from playwright.sync_api import Browser, Page

from kohort.cli.training.letters_study import letters_study
from kohort.evidence.store import open_store
from scripts import chromium
from scripts.measured import DOCS

WIDE, PHONE = 1220, 400
COLOURS = 128
"""Of a picture: pages have few, and a picture of few is small."""
STATUS = "document.querySelector('#status').textContent"
# A function: the page lets no text be evaluated.
IS_FAR = f"() => {STATUS} === 'done' || document.querySelector('#progress').value >= 0.75"
PATIENCE = 20 * 60 * 1000
"""How many milliseconds training may take until then."""


@dataclass(frozen=True)
class Look:
    """What a page is looked at with: the window in pixels, and what the system asks for."""

    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"


REPORTS = {
    "report.png": Look(WIDE, 860),
    "report-dark.png": Look(WIDE, 860, "dark"),
    "report-phone.png": Look(PHONE, 860),
}
LIVE = {"live.png": Look(WIDE, 1400)}


def study() -> kohort.Study:
    """The built-in study."""
    return letters_study(kohort.load("letters"))


def train(store: str) -> None:
    """Train the study, or what is left of it."""
    study().run(store, verbose=0)


def small(png: bytes) -> bytes:
    """The picture in `COLOURS` colours."""
    # Without dithering flat areas stay flat, which PNG packs best.
    few = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@contextmanager
def opened(browser: Browser, address: str, look: Look) -> Iterator[Page]:
    """A page in a window."""
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height}, color_scheme=look.scheme
    )
    tab = context.new_page()
    tab.goto(address)
    yield tab
    context.close()


def write(name: str, tab: Page) -> None:
    """Write what the window shows."""
    png = small(tab.screenshot())
    (DOCS / name).write_bytes(png)
    print(f"wrote docs/{name}, {len(png) / 1000:.0f} KB", flush=True)


def picture_live(browser: Browser, address: str) -> None:
    """Picture the live page when three quarters are trained, with the pointer on a curve."""
    for name, look in LIVE.items():
        with opened(browser, address, look) as tab:
            tab.set_default_timeout(PATIENCE)
            tab.get_by_role("link", name=study().name).click()
            tab.wait_for_function(IS_FAR)
            if tab.evaluate(STATUS) == "done":
                print(f"the study has ended: docs/{name} stays as it is")
                continue
            box = tab.locator("#charts canvas").last.bounding_box()
            assert box is not None
            tab.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
            write(name, tab)


def main(
    store: Annotated[Path | None, typer.Option(help="Where the study is kept.")] = None,
) -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as folder, chromium.running() as browser:
        place = str(store or Path(folder, "kohort.db"))
        with open_store(place):  # which makes it, for the live page
            pass
        spawn = multiprocessing.get_context("spawn")
        training = spawn.Process(target=train, args=(place,), daemon=True)
        command = [sys.executable, "-m", "kohort", "serve", "--store", place, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:  # noqa: S603
            assert serving.stdout is not None
            try:
                address = serving.stdout.readline().strip()
                training.start()
                picture_live(browser, address)
            finally:
                serving.terminate()
        training.join()
        page = study().run(place, verbose=0).report(Path(folder, "report.html"))
        for name, look in REPORTS.items():
            with opened(browser, page.as_uri(), look) as tab:
                write(name, tab)


if __name__ == "__main__":
    typer.run(main)
