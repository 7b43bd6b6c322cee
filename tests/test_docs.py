"""The documentation says what the code does."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from kohort.cli import app

ROOT = Path(__file__).parents[1]
PAGES = runpy.run_path(str(ROOT / "scripts" / "docs.py"))["PAGES"]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_up_to_date(name):
    written = (ROOT / "docs" / name).read_text("utf-8")
    assert written == PAGES[name](), "run `make docs`"


def test_every_command_and_code_is_documented():
    commands, findings = (
        (ROOT / "docs" / n).read_text("utf-8") for n in ("commands.md", "findings.md")
    )
    for name in get_command(app).commands:
        assert f"## kohort {name}\n" in commands
    for code in ("KH101", "KH102", "KH103", "KH104", "KH105"):
        assert f"## {code}: " in findings


def test_the_readmes_commands_exist():
    blocks = "".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))
    shown = re.findall(r"^(?:kohort|make) .*$", blocks, re.MULTILINE)
    assert len(shown) >= 5
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for line in shown:
        program, first, *rest = shlex.split(line, comments=True)
        if program == "make":
            assert first in targets, line
            continue
        options = {o for p in get_command(app).commands[first].params for o in p.opts}
        assert {word for word in rest if word.startswith("--")} <= options, line
        files = [word.split("::")[0] for word in rest if word.startswith("examples/")]
        assert all((ROOT / file).is_file() for file in files), line


def test_the_readmes_python_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    # They are read in order, as one session; and made small, which changes no name and no call.
    session = "\n".join(blocks).replace("epochs=20", "epochs=1").replace("repeats=5", "repeats=2")
    assert session != "\n".join(blocks)
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", session],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "verdict" in done.stdout
    assert (tmp_path / "study" / "winner.keras").is_file()


def test_links_and_pictures_are_there():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
