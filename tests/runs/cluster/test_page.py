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
    of_gpus = page[page.index("## GPUs") : page.index("## What may die")]
    assert (page.count("```python\n"), of_gpus.count("```python\n")) == (3, 1)
    printed(with_given(page.replace(of_gpus, "")), tmp_path)
    assert (tmp_path / "kohort.db").is_file()
    with pytest.raises(RuntimeError, match=r"0\.25 GPUs and 1 cores .* has 0 GPUs at most"):
        printed(with_given(of_gpus), tmp_path)
