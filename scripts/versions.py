"""Tests kohort with the oldest and newest versions of what it needs, and tells what came of it.

    python -m scripts.versions
    python -m scripts.versions oldest --tests tests

Each case has an environment of its own in `.venv-versions`, made anew, since what can be had
changes from day to day. At the end stands a table of versions and results; the code is 1 where a
case failed, or where the oldest versions are not those of the bounds in `pyproject.toml`.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv-versions"
UV = "uv==0.13.9"
"""Resolves to the lowest versions that bounds allow, which pip cannot."""
TESTS = (
    "tests/test_public.py",
    "tests/test_fit.py",
    "tests/tracing",
    "tests/design",
    "tests/data",
    "tests/evidence",
    "tests/report/exports",
    "tests/report/study_page/test_overlay.py",  # takes apart what Vega writes
    "tests/report/test_figures.py",
    "tests/cli/test_main.py",
    "tests/doors/test_options.py",
    "tests/parity",
    "tests/serve",
    "tests/sklearn",
)
"""What uses each of the packages that have a bound."""
TOOLS = ("pytest", "pytest-xdist", "hypothesis", "playwright", "axe-playwright-python")
"""What those tests need beside kohort, as pinned in `constraints.txt` in all cases."""
# The suite fails at any warning, since its versions are pinned. Here other packages may warn of
# each other, and only what kohort's own code gives rise to is a fault of it.
WARNINGS = "filterwarnings=default\nerror:::kohort\\."
ASKED = """
import json, platform, re
from importlib.metadata import distributions
found = {re.sub("[-_.]+", "-", d.name).lower(): d.version for d in distributions()}
print(json.dumps({**found, "Python": platform.python_version()}))
"""


@dataclass(frozen=True)
class Case:
    """A way to choose versions.

    Args:
        name: Of its environment, too.
        arguments: Of `uv pip install`, beside kohort.
        python: An interpreter's name on PATH; the one that runs this where it is None.
        instead: Of a package, the one that stands in for it.
    """

    name: str
    arguments: tuple[str, ...] = ()
    python: str | None = None
    instead: Mapping[str, str] = field(default_factory=dict)


CASES = (
    Case("oldest", ("--resolution", "lowest-direct")),
    Case("newest"),
    Case("python3.12", python="python3.12"),
    Case("python3.14", python="python3.14"),
    Case("keras-nightly", instead={"keras": "keras-nightly"}),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Args:
        name: The case.
        versions: Of each package that was there, and of Python.
        counts: Of tests that passed, failed or were skipped.
        failure: Why the case failed; empty where it did not.
        absent: Why it was not run; empty where it was.
    """

    name: str
    versions: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    failure: str = ""
    absent: str = ""


def bounds(text: str) -> dict[str, str]:
    """The lower bound of Python and of each dependency in a `pyproject.toml`, extras too."""
    project = tomllib.loads(text)["project"]
    asked = [project["dependencies"], *project["optional-dependencies"].values()]
    pairs = [
        re.fullmatch(r"([\w-]+)(?:\[.+\])?>=([\d.]+)(?:,<[\d.]+)?", line) for line in chain(*asked)
    ]
    lowest = {pair[1]: pair[2] for pair in pairs if pair}
    return {"Python": project["requires-python"].removeprefix(">=")} | lowest


def pins(text: str, names: Sequence[str]) -> list[str]:
    """The lines of a `constraints.txt` that pin some packages."""
    lines = {line.partition("==")[0]: line for line in text.splitlines()}
    return [lines[name] for name in names]


def higher_than_bounds(lowest: Mapping[str, str], versions: Mapping[str, str]) -> list[str]:
    """What a bound promises and another package's does not allow, a sentence each.

    Args:
        lowest: The bounds.
        versions: Installed, as low as could be.
    """
    return [
        f"{name}>={bound} is promised, and {versions.get(name, 'nothing')} the lowest there is"
        for name, bound in lowest.items()
        if name != "Python" and not f"{versions.get(name)}.".startswith(f"{bound}.")
    ]


def counted(output: str) -> dict[str, int]:
    """How many tests passed, failed and were skipped, by the last lines of pytest."""
    last = [line for line in output.splitlines() if re.search(r"\d+ \w+.* in [\d.]+s", line)][-1:]
    found: Counter[str] = Counter()
    for number, kind in re.findall(r"(\d+) (passed|failed|skipped|error)", "".join(last)):
        found["failed" if kind == "error" else kind] += int(number)
    return {kind: found[kind] for kind in ("passed", "failed", "skipped")}


def table(lowest: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
    """Versions and results as Markdown: a column for each case.

    Args:
        lowest: The bounds, whose packages have a row each.
        outcomes: Of the cases.
    """
    rows = [["", "bound", *(outcome.name for outcome in outcomes)]]
    rows.append(["---"] * len(rows[0]))
    rows += [[n, low, *(o.versions.get(n, "-") for o in outcomes)] for n, low in lowest.items()]
    kinds = ("passed", "failed", "skipped")
    rows += [[kind, "", *(str(o.counts.get(kind, "-")) for o in outcomes)] for kind in kinds]
    told = [outcome.absent or outcome.failure or "works" for outcome in outcomes]
    rows.append(["result", "", *told])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def code(outcomes: Sequence[Outcome]) -> int:
    """The exit code: 1 where a case failed."""
    return int(any(outcome.failure for outcome in outcomes))


def interpreter(name: str, path: Sequence[str]) -> str | None:
    """The first interpreter of a name in some folders that works; None where there is none."""
    for folder in path:
        found = shutil.which(name, path=folder)
        # A name may be there and not work: a shim without an interpreter behind it.
        if found and _said([found, "-c", "print(1)"]) is not None:
            return found
    return None


def tried(case: Case, tests: Sequence[str], processes: int, uv: Callable[..., bool]) -> Outcome:
    """Make a case's environment, and run the tests in it."""
    base = interpreter(case.python, os.get_exec_path()) if case.python else sys.executable
    if base is None:
        return Outcome(case.name, absent="no such Python here")
    home = FOLDER / case.name
    python = str(home / "bin" / "python")
    if not _installed(case, base, home, uv):
        return Outcome(case.name, failure="cannot be installed")
    versions: dict[str, str] = json.loads(_said([python, "-c", ASKED]) or "{}")
    for name, other in case.instead.items():
        versions[name] = versions.get(other, "-")
    ended, output = _tested([python, "-m", "pytest", "-q", "-n", str(processes), *tests])
    counts = counted(output)
    failure = "" if ended == 0 else "fails"
    if not failure and "lowest-direct" in case.arguments:
        untrue = higher_than_bounds(bounds((ROOT / "pyproject.toml").read_text("utf-8")), versions)
        print(*untrue, sep="\n")
        failure = "bounds too low" if untrue else ""
    return Outcome(case.name, versions, counts, failure)


def _installed(case: Case, base: str, home: Path, uv: Callable[..., bool]) -> bool:
    """Whether kohort and the tools of its tests could be installed."""
    without = FOLDER / f"{case.name}.txt"
    without.write_text("".join(f"{name}; python_version < '3'\n" for name in case.instead))
    into = ("pip", "install", "--quiet", "--python", str(home))
    tools = pins((ROOT / "constraints.txt").read_text("utf-8"), TOOLS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = ",".join(project["optional-dependencies"])
    kohort = (
        "--editable",
        f"{ROOT}[{extras}]",
        *case.instead.values(),
        "--overrides",
        str(without),
    )
    return (
        uv("venv", "--quiet", "--clear", "--python", base, str(home))
        and uv(*into, *case.arguments, *kohort)
        and uv(*into, *tools)
    )


def _uv() -> Callable[..., bool]:
    """The tool uv, in an environment of its own: whether a call of it did what it should."""
    home = FOLDER / "uv"
    _run([sys.executable, "-m", "venv", str(home)])
    _run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", UV])
    return lambda *arguments: _run([str(home / "bin" / "uv"), *arguments], check=False)


def _run(command: Sequence[str], *, check: bool = True) -> bool:
    """Run a command; gives whether it ended well."""
    return subprocess.run(command, check=check).returncode == 0  # noqa: S603 # names from here


def _said(command: Sequence[str]) -> str | None:
    """What a command prints; None where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 # as above
    return done.stdout if done.returncode == 0 else None


def _tested(command: Sequence[str]) -> tuple[int, str]:
    """Run pytest and show what it prints; gives its code and that."""
    settings = ["--dist", "loadfile", "--no-loadscope-reorder", "--disable-warnings"]
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    lines = []
    with subprocess.Popen(  # noqa: S603 # as above
        [*command, *settings, "-o", WARNINGS], cwd=ROOT, env=own, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return running.returncode, "".join(lines)


def main() -> int:
    """Try some cases, or all; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [case.name for case in CASES]
    parser.add_argument("cases", nargs="*", default=names, metavar="case", help=", ".join(names))
    parser.add_argument("--tests", nargs="+", default=TESTS, help="files or folders")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.cases) - set(names):
        parser.error(f"no case is called {', '.join(sorted(unknown))}")
    FOLDER.mkdir(exist_ok=True)
    uv = _uv()
    outcomes = []
    for case in CASES:
        if case.name in options.cases:
            print(f"\n{case.name}", flush=True)
            outcomes.append(tried(case, options.tests, options.processes, uv))
    print("", table(bounds((ROOT / "pyproject.toml").read_text("utf-8")), outcomes), sep="\n")
    return code(outcomes)


if __name__ == "__main__":
    sys.exit(main())
