"""The documentation says what the code does."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command

from kohort.cli.main import app
from kohort.findings.checks.data_rules import DATA_RULES
from kohort.findings.diagnosis import RULES, STUDY_RULES, TEST_RULES
from scripts.docs import PAGES
from scripts.examples import example
from scripts.figures import CAPTIONS, DRAWINGS, figure
from scripts.pictures import LIVE, REPORTS
from tests.cli import in_process

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_up_to_date(name):
    written = (ROOT / "docs" / name).read_text("utf-8")
    assert written == PAGES[name](), "run `make docs`"


def test_every_command_is_documented():
    commands = (ROOT / "docs" / "commands.md").read_text("utf-8")
    names = set(commands_of(get_command(app)))
    assert {"run", "data info", "data check", "data clean", "data prepare", "data fetch"} <= names
    for name in names:
        assert f"## kohort {name}\n" in commands


def commands_of(group):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from (f"{name} {inner}" for inner in commands_of(command))
        else:
            yield name


@pytest.mark.parametrize(
    "rule", [*RULES, *STUDY_RULES, *TEST_RULES, *DATA_RULES], ids=lambda rule: rule.code
)
def test_every_code_has_a_page_that_the_index_names(rule):
    index, page = PAGES["findings.md"](), PAGES[f"findings/{rule.code}.md"]()
    assert f"[{rule.code}](findings/{rule.code}.md)" in index
    for told in (rule.title, rule.rule, rule.why, rule.mend, rule.source[1:]):
        assert told in page


@pytest.mark.parametrize(("code", "level"), [("KH101", "5"), ("KH104", "1"), ("KH104", "2")])
def test_the_pages_tell_how_often_nothing_is_found_of_what_is_there(code, level):
    of_code = json.loads((ROOT / "docs" / "simulations.json").read_text("utf-8"))["results"]
    cells = [c for noise in of_code["rules"][code].values() for c in noise[level].values()]
    rates = [100 * cell["not found"]["mean"] for cell in cells]
    least, most = f"{min(rates):.0f}", f"{max(rates):.0f}"
    told = f" in {most} %" if least == most else f" in {least} to {most} %"
    for page in ("findings.md", f"findings/{code}.md"):
        assert told in " ".join(PAGES[page]().split())
        assert "rest on no interval" in PAGES[page]().replace("rests", "rest")


@pytest.mark.long
@pytest.mark.parametrize("code", DRAWINGS)
def test_an_example_is_found_and_drawn(code):
    shown = example(code)
    assert shown.finding.verdict == "found"
    assert shown.finding.sentence in PAGES[f"findings/{code}.md"]()
    assert CAPTIONS[code]
    # What the drawing of letters depends on differs between machines, so it is not compared.
    written = (ROOT / "docs" / "findings" / f"{code}.svg").read_text("utf-8")
    for svg in (written, figure(code, shown)):
        assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_every_picture_is_made_by_the_script_small_and_told_in_words():
    docs = ROOT / "docs"
    assert {path.name for path in docs.glob("*.png")} == {*REPORTS, *LIVE}, "scripts.pictures"
    pages = {path.name: path.read_text("utf-8") for path in docs.glob("*.md")}
    for page, names in [("report.md", REPORTS), ("live.md", LIVE)]:
        for name in names:
            assert re.search(rf"!\[[^\]]{{30,}}\]\({name}\)", pages[page]), name
            assert (docs / name).stat().st_size < 200_000, name


def test_the_readmes_commands_exist():
    blocks = "".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))
    shown = re.findall(r"^(?:kohort|make) .*$", blocks, re.MULTILINE)
    assert len(shown) >= 5
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for line in shown:
        program, first, *rest = shlex.split(line, comments=True)
        if program == "make":
            assert first in targets, line
            continue
        command = get_command(app).commands[first]
        if hasattr(command, "commands"):
            command = command.commands[rest[0]]
        options = {o for p in command.params for o in p.opts}
        assert {word for word in rest if word.startswith("--")} <= options, line
        files = [word.split("::")[0] for word in rest if word.startswith("examples/")]
        assert all((ROOT / file).is_file() for file in files), line


def run_as_a_user(code, folder):
    """Run code where nothing has chosen a backend of Keras before it."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_the_readmes_python_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    # They are read in order, as one session; and made small, which changes no name and no call.
    session = "\n".join(blocks).replace("epochs=20", "epochs=1").replace("repeats=5", "repeats=2")
    session = session.replace("repeats=20", "repeats=8").replace("trials=32", "trials=4")
    assert session != "\n".join(blocks)
    done = run_as_a_user(session, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "verdict" in done.stdout
    assert (tmp_path / "study" / "winner.keras").is_file()


@pytest.mark.long
def test_the_python_of_the_page_on_data_runs_and_its_model_takes_raw_rows(tmp_path):
    page = (ROOT / "docs" / "data.md").read_text("utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        trained = run_as_a_user(block, tmp_path)
        assert trained.returncode == 0, trained.stderr
    done = in_process.kohort("predict", "pets/winner.keras", "pets/new.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 200


@pytest.mark.long
def test_four_data_sets_come_from_files_to_predictions(tmp_path):
    page = (ROOT / "docs" / "demos.md").read_text("utf-8")
    session = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    trained = run_as_a_user(session, tmp_path)
    assert trained.returncode == 0, trained.stderr
    told = {}
    for line in re.findall(r"^kohort (predict .*)$", page, re.MULTILINE):
        done = in_process.kohort(*shlex.split(line), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        name = shlex.split(line)[1].removesuffix(".keras")
        told[name] = re.findall(r": (\w+) \(\d", done.stdout)
        assert "test samples" in (tmp_path / f"{name}.html").read_text("utf-8")
    assert told["pictures"] == ["disc", "ring"]
    pets, visits = (pd.read_csv(tmp_path / f"new-{name}.csv") for name in ("pets", "visits"))
    are_dogs = (pets["kg"] + 6 * (pets["fur"] == "short") > 13)[pets.notna().all(axis=1)]
    guesses = pd.Series(told["pets"])[are_dogs.index] == "dog"
    assert (guesses == are_dogs).mean() > 0.8
    are_ill = visits.groupby("patient").mean().sum(axis=1).gt(0)[visits["patient"]].to_numpy()
    assert ((np.array(told["visits"]) == "ill") == are_ill).mean() > 0.7
    assert len(told["faults"]) == 200
    assert [told["faults"][row] for row in range(0, 200, 50)].count("yes") >= 3


@pytest.mark.long
def test_the_python_of_the_page_on_shipping_runs_and_its_models_predict(tmp_path):
    page = (ROOT / "docs" / "shipping.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    trained = run_as_a_user(block, tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.count(", the single model, units=") == 2
    (tmp_path / "rows.csv").write_text("a,b,c,d,e\n2,0,0,0,0\n0,0,2,0,0\n")
    for name in ("best", "refit", "ensemble"):
        done = in_process.kohort("predict", f"ship/{name}.keras", "rows.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 2


@pytest.mark.long
def test_the_python_of_the_page_on_searches_runs(tmp_path):
    page = (ROOT / "docs" / "search.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    small = block.replace("epochs=27", "epochs=2").replace("trials=64", "trials=6")
    assert small != block
    done = run_as_a_user(small, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "It tried 6 trials" in done.stdout
    assert (tmp_path / "search" / "winner.keras").is_file()


def test_links_and_pictures_are_there():
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
