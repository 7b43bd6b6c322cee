"""What is released: the wheel, the sdist, and what a new environment does with them."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SHIPPED = [
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md"),
    *("SECURITY.md", "constraints-tensorflow.txt", "constraints.txt", "pyproject.toml"),
    *("benchmarks", "docs", "examples", "scripts", "simulations", "src", "tests"),
]
"""The files and folders of the sdist."""


def test_the_version_is_told_alike():
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "kohort", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"kohort {PROJECT['version']}\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the sdist, as `make dist` builds them."""
    if find_spec("build") is None or find_spec("twine") is None:
        assert "KOHORT_REQUIRE_SITE" not in os.environ, "no build where it is required"
        pytest.skip("build and twine are not installed: make docs-tools")
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def run(*arguments, python=sys.executable, cwd=None, env=None):
    done = subprocess.run(
        [python, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_wheel_and_sdist_are_sound(built):
    assert "FAILED" not in run("-m", "twine", "check", "--strict", *map(str, built))


@pytest.mark.long
def test_the_wheel_has_the_package_and_nothing_else(built):
    wheel, _ = built
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    about = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    files = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "kohort").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names - about == files
    # What is no Python is easily forgotten.
    assert {
        "kohort/py.typed",
        "kohort/data/builtin/letters.npz",
        "kohort/report/templates/report.html.j2",
    } <= files
    licences = {name.partition("licenses/")[2] for name in about} - {""}
    assert licences == set(PROJECT["license-files"])


@pytest.mark.long
def test_the_sdist_has_what_builds_tests_and_documents_it_and_nothing_else(built):
    _, sdist = built
    with tarfile.open(sdist) as archive:
        names = {one.name.partition("/")[2] for one in archive if not one.isdir()}
    added = {".gitignore", "PKG-INFO"}  # by hatchling, which reads the first to build the wheel
    assert {name.split("/")[0] for name in names} == set(SHIPPED) | added
    kept = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *SHIPPED]
    listed = subprocess.run(kept, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:  # not where the tests run from an sdist
        assert names - added == set(listed.stdout.splitlines())


@pytest.mark.long
def test_the_wheel_alone_runs_the_demo(built, tmp_path):
    wheel, _ = built
    run("-m", "venv", str(tmp_path / "new"))
    python = str(tmp_path / "new" / "bin" / "python")
    pinned = ["--quiet", "--constraint", str(ROOT / "constraints.txt")]
    run("-m", "pip", "install", *pinned, str(wheel), python=python)
    kept = ("HOME", "PATH", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "TMPDIR")
    alone = {name: os.environ[name] for name in kept if name in os.environ}
    alone["KOHORT_CACHE"] = str(tmp_path / "cache")
    demo = ["demo", "--quick", "--out", "demo"]
    told = run("-m", "kohort", *demo, python=python, cwd=tmp_path, env=alone)
    assert "report.html" in told
    assert (tmp_path / "demo" / "winner.keras").is_file()
    assert "validation" in (tmp_path / "demo" / "report.html").read_text("utf-8")
    # Extras are not there, and are not asked for until they are used.
    done = subprocess.run(
        [python, "-c", "import kohort.sklearn"],
        capture_output=True, text=True, check=False, env=alone,
    )  # fmt: skip
    assert "pip install 'kohort[sklearn]'" in done.stderr
