"""The page of faults names tests that are there, and every test of faults is named."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_names_every_test_of_faults_and_no_other():
    page = (ROOT / "docs" / "faults.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page))
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), f"{path}::{name}"
    here = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in Path(__file__).parent.glob("test_*.py")
        if path != Path(__file__)
        for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
    }
    assert here <= named
