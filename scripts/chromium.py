"""The browser of this machine, for pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright


def path() -> str | None:
    """Where it is; None where there is none."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def running() -> Iterator[Browser]:
    """The browser, which ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=["--no-sandbox"])
        yield browser
        browser.close()
