"""What is checked of the folder that a run writes to, before anything trains."""

import re
import shlex

import pytest

import kohort
from kohort.cli.options import report_folder, shown_command
from kohort.cli.outputs import Earlier, check_report, earlier, replaced

PAGE = "<dl><dt>data</dt><dd>Dataset(&#39;a&amp;b&#39;, 9 train), SHA-256 {}</dd></dl>"


@pytest.mark.parametrize(
    ("place", "source", "folder"),
    [
        ("dir/study.py", None, "study-report"),
        ("dir/study.py", "tables/a.csv", "study-a-report"),
        ("study.py::early", "b.tar.gz", "study-early-b-report"),
        ("study.py", "images/", "study-images-report"),
        ("notmnist.py", "notmnist", "notmnist-report"),  # said once
        ("study.py", "\x1b[3 4\udcff.csv", "study-3-4-report"),
        ("study.py", "/", "study-report"),
    ],
)
def test_the_folder_is_named_after_the_file_the_study_and_the_data(place, source, folder):
    assert str(report_folder(place, source)) == folder


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"data": "pets.csv", "target": None, "test": 0.25}, "--data pets.csv --test 0.25"),
        ({"target": "the owner", "group": "it's"}, "--target 'the owner' --group 'it'\"'\"'s'"),
        ({"store": "postgresql://u@h/db?a=1&b=2"}, "--store 'postgresql://u@h/db?a=1&b=2'"),
    ],
)
def test_a_shown_command_can_be_pasted(options, told):
    place = "my study.py::early"
    command = shown_command("data check", place, options, "--quick")
    assert command == f"kohort data check 'my study.py::early' {told} --quick"
    given = [part for name, value in options.items() if value for part in (f"--{name}", str(value))]
    assert shlex.split(command) == ["kohort", "data", "check", place, *given, "--quick"]


def test_the_report_of_other_data_is_not_overwritten(tmp_path):
    check_report(tmp_path / "none", "12ab")
    (tmp_path / "report.html").write_text(PAGE.format("12ab"), "utf-8")
    check_report(tmp_path, "12ab")
    told = "got one of Dataset('a&b', 9 train); name another folder with --out, or move"
    with pytest.raises(kohort.DesignError, match=re.escape(told)):
        check_report(tmp_path, "12ac")


@pytest.mark.parametrize("page", [b"<dt>data</dt><dd>not given</dd>", b"\xff"])
def test_what_tells_of_no_data_is_overwritten(tmp_path, page):
    (tmp_path / "report.html").write_bytes(page)
    check_report(tmp_path, "12ab")


REPORT = (
    "<title>a &amp; b: kohort report</title>"
    "<dl><dt>ran</dt><dd>2026-11-28 17:32 UTC, for 9 seconds</dd>" + PAGE.format("12ab")
)


def test_what_a_folder_has_of_an_earlier_run_is_read_from_its_report(tmp_path):
    assert earlier(tmp_path / "none") == Earlier((), "", "", "")
    (tmp_path / "report.html").write_text(REPORT, "utf-8")
    (tmp_path / "winner.keras").touch()
    found = earlier(tmp_path)
    assert found == Earlier(
        ("report.html", "winner.keras"), "a & b", "12ab", "2026-11-28 17:32 UTC"
    )
    (tmp_path / "report.html").write_bytes(b"\xff")
    assert earlier(tmp_path) == Earlier(("report.html", "winner.keras"), "", "", "")


BOTH = ("report.html", "winner.keras")
BEFORE = Earlier(BOTH, "a", "12ab", "2026-11-28 17:32 UTC")
TOLD = "report.html and winner.keras of an earlier run: 'a', which ran 2026-11-28 17:32 UTC"


@pytest.mark.parametrize(
    ("before", "after", "is_anew", "told"),
    [
        (BEFORE, BEFORE, False, ""),  # it went on
        (BEFORE, BEFORE, True, TOLD),
        (BEFORE, BEFORE._replace(study="b"), False, TOLD),
        (BEFORE, BEFORE._replace(data="12ac"), False, TOLD),
        (BEFORE, BEFORE._replace(files=BOTH[:1]), True, TOLD.replace(" and winner.keras", "")),
        (Earlier((), "", "", ""), BEFORE, True, ""),
        (Earlier(BOTH[1:], "", "", ""), BEFORE, False, "winner.keras of an earlier run"),
    ],
)
def test_what_was_written_over_is_told_unless_the_study_went_on(before, after, is_anew, told):
    assert replaced(before, after, is_anew=is_anew) == told
