"""A real browser, for pages."""

import os

import pytest

from scripts import chromium


@pytest.fixture(scope="module")
def browser():
    if chromium.path() is None:
        assert "KOHORT_REQUIRE_BROWSER" not in os.environ, "no chromium where one is required"
        pytest.skip("no chromium on this machine")
    with chromium.running() as started:
        yield started
