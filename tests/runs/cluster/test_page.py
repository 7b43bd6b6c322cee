"""The Python of the page on clusters runs on one."""

import pytest

from scripts.shown_output import printed
from tests.test_pages import DOCS, with_given

pytestmark = pytest.mark.long


def test_the_lines_of_the_page_on_clusters_run(loopback, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", loopback.address)
    page = (DOCS / "cluster.md").read_text("utf-8")
    page = page.replace("10.0.0.5:6379", loopback.address)
    page = page.replace("/mnt/nfs/kohort-data", str(tmp_path / "data"))
    assert page.count("```python\n") == 2
    printed(with_given(page), tmp_path)
    assert (tmp_path / "kohort.db").is_file()
