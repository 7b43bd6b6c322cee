"""The site of docs/ builds without a warning, and its pages stand by themselves."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.browsing import UNREACHABLE, opened_whole
from tests.report.conftest import browser  # noqa: F401 (a fixture)

ROOT = Path(__file__).parents[1]
LOADED = re.compile(
    r"<(?:script|img|iframe)\b[^>]*\bsrc=\"(?:https?:)?//|<link\b[^>]*stylesheet[^>]*//"
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `make site` does."""
    if importlib.util.find_spec("sphinx") is None:
        assert "KOHORT_REQUIRE_SITE" not in os.environ, "no Sphinx where it is required"
        pytest.skip("Sphinx is not installed: make docs-tools")
    folder = tmp_path_factory.mktemp("site")
    strict = ["--fail-on-warning", "--keep-going", "--quiet", "-b", "html", "-c", "docs"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *strict, ".", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_loads_from_another_place(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        assert not LOADED.search(page.read_text("utf-8")), page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text("utf-8"))


def test_every_public_name_is_in_the_reference(site):
    import kohort

    page = (site / "docs" / "reference.html").read_text("utf-8")
    for name in kohort.__all__:
        assert f'id="kohort.{name}"' in page, name
    assert 'id="kohort.Result.to_frame"' in page
    assert 'id="kohort.sklearn.KohortClassifier.predict_proba"' in page


def test_names_of_other_libraries_lead_to_their_references(site):
    pages = "".join(page.read_text("utf-8") for page in site.rglob("*.html"))
    spec = importlib.util.spec_from_file_location("conf", ROOT / "docs" / "conf.py")
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    for name, target in conf.ELSEWHERE.items():
        link = rf'href="{re.escape(target)}"><code[^>]*>(<[^>]+>)*{re.escape(name)}[<(]'
        assert re.search(link, pages), name


def test_the_notebook_is_there_with_what_it_shows(site):
    page = (site / "examples" / "story.html").read_text("utf-8")
    assert "192 of 192 member epochs" in page  # it was executed
    assert page.count('class="output text_html"') >= 8
    assert "does best on validation data" in page
    assert 'class="marks"' in page
    (picture,) = set(re.findall(r'src="\.\./_images/(\w+\.svg)"', page))
    assert (site / "_images" / picture).read_text("utf-8").startswith("<svg")
    assert "Traceback" not in page


def test_its_first_page_leads_to_every_page_of_docs(site):
    page = (site / "docs" / "index.html").read_text("utf-8")
    names = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert names <= set(re.findall(r'href="([\w-]+)\.html"', page))


def test_links_between_folders_lead_to_pages(site):
    page = (site / "docs" / "benchmarks.html").read_text("utf-8")
    assert 'href="../benchmarks/results/growth.html"' in page
    assert 'href="docs/index.html"' in (site / "index.html").read_text("utf-8")


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_a_screen(site, browser, width, scheme):  # noqa: F811 (the fixture)
    of_docs = ("index", "tutorial", "reference", "simulations", "findings/KH101", "coming-from")
    for name in (*(f"docs/{name}" for name in of_docs), "examples/story"):
        with opened_whole(browser, site / f"{name}.html", width, scheme) as tab:
            assert tab.title()
            assert name != "examples/story" or tab.evaluate(UNREACHABLE) == []
