"""What `make versions` reads, makes a table of and ends with."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from scripts.versions import (
    TESTS,
    TOOLS,
    Outcome,
    bounds,
    code,
    counted,
    higher_than_bounds,
    interpreter,
    pins,
    table,
)

ROOT = Path(__file__).parents[1]
LOWEST = {"Python": "3.12", "keras": "3.13", "filelock": "3"}
WORKED = Outcome(
    "oldest",
    {"Python": "3.12.1", "keras": "3.13.0", "filelock": "3.0.0"},
    {"passed": 9, "failed": 0, "skipped": 1},
)
BROKE = Outcome("newest", WORKED.versions, {"passed": 8, "failed": 1, "skipped": 1}, "fails")
ABSENT = Outcome("python3.14", absent="no such Python here")


def test_a_bound_of_every_dependency_is_read():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    asked = text.partition("\ndependencies = [")[2].partition("[project.scripts]")[0]
    read = bounds(text)
    assert read.pop("Python") == "3.12"
    assert len(read) == asked.count(">=")
    for name, bound in read.items():
        assert re.search(f'"{name}>={bound}["|,]', asked.replace("[binary]", ""))


def test_what_tests_need_is_pinned():
    kept = pins((ROOT / "constraints.txt").read_text("utf-8"), TOOLS)
    assert [pin.partition("==")[0] for pin in kept] == list(TOOLS)


def test_the_tests_are_there():
    assert all((ROOT / path).exists() for path in TESTS)


def test_the_page_has_every_bound_as_it_is_and_todays_pins():
    page = (ROOT / "docs" / "versions.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    told = {row[0]: row[1:] for row in rows if len(row) >= 4}
    lowest = bounds((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {name: told.get(name, [""])[0] for name in lowest} == lowest
    (start,) = [row for row in rows if row[-1:] == ["in `constraints.txt`"]]
    pinned = {row[0]: row[-1] for row in rows if len(row) == len(start)}
    pins_of = (ROOT / "constraints.txt").read_text("utf-8").lower().splitlines()
    for name in set(pinned) & set(lowest):
        assert f"{name}=={pinned[name]}" in pins_of


def modules_of(path):
    """The modules that a file of tests imports, and the conftests beside and above it."""
    above = [folder / "conftest.py" for folder in path.parents if ROOT in folder.parents]
    for file in filter(Path.is_file, [path, *above]):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(paths):
    """The packages from elsewhere that files import, those of the repository followed."""
    seen, found, left = set(), set(), list(paths)
    while left:
        path = left.pop()
        for module in set() if path in seen else set(modules_of(path)):
            file = ROOT.joinpath(*module.split(".")).with_suffix(".py")
            if file.is_file():
                left.append(file)
            found.add(module.split(".")[0])
        seen.add(path)
    inside = {path.name for path in ROOT.iterdir()} | {"kohort"}
    return found - inside - sys.stdlib_module_names


def test_what_the_tests_import_is_in_their_environment():
    named = [ROOT / path for path in TESTS]
    files = [path for one in named for path in (one.rglob("*.py") if one.is_dir() else [one])]
    comes_from = packages_distributions()
    distributions = {comes_from[module][0] for module in reached(files) if module in comes_from}
    there = {*bounds((ROOT / "pyproject.toml").read_text("utf-8")), *TOOLS}
    canonical = {re.sub(r"[-_.]+", "-", name).lower() for name in there}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in distributions} <= canonical


def test_the_lowest_versions_are_those_of_the_bounds():
    assert higher_than_bounds(LOWEST, WORKED.versions) == []


@pytest.mark.parametrize("version", ["3.14.0", "3.130.0"])
def test_a_bound_that_another_package_forbids_is_told(version):
    told = higher_than_bounds(LOWEST, {**WORKED.versions, "keras": version})
    assert told == [f"keras>=3.13 is promised, and {version} the lowest there is"]


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("...\n9 passed, 1 skipped in 2.31s\n", (9, 0, 1)),
        ("FAILED a in b\n1 failed, 2 passed, 3 warnings in 62.31s (0:01:02)\n", (2, 1, 0)),
        ("1 failed, 2 passed, 4 errors in 1.00s", (2, 5, 0)),
        ("ImportError while loading conftest", (0, 0, 0)),
    ],
)
def test_results_are_read_where_pytest_ends(output, counts):
    assert counted(output) == dict(zip(("passed", "failed", "skipped"), counts, strict=True))


def test_the_table_has_a_column_for_each_case():
    assert table(LOWEST, [WORKED, BROKE, ABSENT]).splitlines() == [
        "|  | bound | oldest | newest | python3.14 |",
        "| --- | --- | --- | --- | --- |",
        "| Python | 3.12 | 3.12.1 | 3.12.1 | - |",
        "| keras | 3.13 | 3.13.0 | 3.13.0 | - |",
        "| filelock | 3 | 3.0.0 | 3.0.0 | - |",
        "| passed |  | 9 | 8 | - |",
        "| failed |  | 0 | 1 | - |",
        "| skipped |  | 1 | 1 | - |",
        "| result |  | works | fails | no such Python here |",
    ]


def test_the_code_tells_of_a_failure_and_not_of_what_is_absent():
    assert code([WORKED, ABSENT]) == 0
    assert code([WORKED, BROKE]) == 1


def test_an_interpreter_that_does_not_work_is_passed_over(tmp_path):
    shim = tmp_path / "python-here"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    works = tmp_path / "later" / "python-here"
    works.parent.mkdir()
    works.symlink_to(sys.executable)
    assert interpreter("python-here", [str(tmp_path)]) is None
    assert interpreter("python-here", [str(tmp_path), str(works.parent)]) == str(works)
