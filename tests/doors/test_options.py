"""Wrong arguments and options of the commands `kohort run`, `plan` and `demo`."""

import html
import os
import sys

import numpy as np
import pytest

from kohort.cli.main import main
from tests.doors.refusals import assert_command_refused
from tests.doors.test_study_files import DATA, FROM_BUILD, HEAD, build, settings

PLACES = {
    "no file": ("none.py", "the path of a Python file, got 'none.py': no such file; check"),
    "a folder": ("folder", "the path of a Python file, got 'folder'"),
    "a pipe": ("pipe.py", "the path of a Python file, got 'pipe.py'"),
    "a link to itself": ("loop.py", "the path of a Python file, got 'loop.py'"),
    "a name too long": ("a" * 300 + ".py", "the path of a Python file"),
    "no name": ("", "the path of a Python file, got ''"),
    "a name of the study alone": ("::study", "the path of a Python file, got ''"),
    "an escape in the name": ("a\x1b[31m.py", r"got 'a\\x1b\[31m.py'"),
    "another name": ("study.py::other", "'other' in study.py: a kohort.Study, .*nothing of that"),
    "a number": ("study.py::number", "got int; define it"),
    "a name in a name": ("study.py::study::other", "nothing of that name"),
    "a study that needs data": ("study.py", "data for 'study' of study.py, got none; pass --data"),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "study.py").write_text(HEAD + "number = 5\n" + settings(""))
    (tmp_path / "fails.py").write_text(HEAD + build("raise ValueError('no')"))
    for name in ("data.csv", "data.txt"):
        (tmp_path / name).write_text("1,2\n3,4\n")
    held = {key: getattr(DATA, key) for key in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(tmp_path / "data.npz", **held)
    np.savez(tmp_path / "bad.npz", **(held | {"y_train": np.full(40, np.nan)}))
    return tmp_path


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("case", PLACES)
def test_the_commands_refuse_what_is_no_study(case, command, folder, monkeypatch, capsys):
    place, told = PLACES[case]
    assert_command_refused([command, place], told, folder, monkeypatch, capsys)


OPTIONS = {
    # Data.
    "data that are nowhere": (
        ["--data", "none.npz"],
        "got 'none.npz': no such file; check the path",
    ),
    "data of no name": (["--data", ""], "got ''; name one"),
    "data of another kind": (["--data", "data.txt"], "'data.txt', a file of another kind"),
    "a table without its target": (["--data", "data.csv"], "--target one of the columns 1, 2, got"),
    "data that are wrong": (["--data", "bad.npz"], "finite numbers in y_train"),
    "data in a folder of none": (["--data", "folder"], "at least two class folders"),
    "data of a name that ends in a line": (
        ["--data", "no\nne"],
        r"got 'no\\nne': no such file or folder",
    ),
    "data without a value": (["--data"], "requires an argument"),
    # Numbers.
    "no epochs": (["--data", "data.npz", "--epochs", "0"], "'--epochs'.*see kohort .*--help"),
    "epochs as text": (["--data", "data.npz", "--epochs", "many"], "'--epochs'"),
    "half an epoch": (["--data", "data.npz", "--epochs", "1.5"], "'--epochs'"),
    "epochs without end": (["--data", "data.npz", "--epochs", "1" + "0" * 12], "at most 1,000,000"),
    "no replicates": (["--data", "data.npz", "--replicates", "0"], "'--replicates'"),
    "a race of one variant": (
        ["--data", "data.npz", "--until-decided"],
        "two variants or more for a race, got a",
    ),
    "a race of one replicate": (
        ["--data", "data.npz", "--until-decided", "--replicates", "1"],
        "2 repeats or more for a race, got 1; take 2 repeats or more",
    ),
    "replicates without end": (["--data", "data.npz", "--replicates", "1000000000"], "to 10,000"),
    # Names.
    "an unknown option": (["--fast"], "No such option:? .?--fast"),
    "too many studies": (["study.py"], "unexpected extra argument"),
}


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("case", OPTIONS)
def test_the_commands_refuse_wrong_options(case, command, folder, monkeypatch, capsys):
    given, told = OPTIONS[case]
    assert_command_refused([command, "study.py", *given], told, folder, monkeypatch, capsys)


COMMANDS = {
    "an unknown command": (["rum"], "No such command 'rum'"),
    "a command in capitals": (["RUN"], "No such command 'RUN'"),
    "an unknown option before the command": (["--fast", "run"], "No such option:? .?--fast"),
    "run without a study": (["run"], "Missing argument 'STUDY.py"),
    "plan without a study": (["plan"], "Missing argument 'STUDY.py"),
    "an unknown engine": (["run", "study.py", "--engine", "ray"], "'--engine'.*'ray'"),
    "demo with an argument": (["demo", "letters"], "unexpected extra argument"),
    "demo into a file": (["demo", "--quick", "--out", "data.csv"], "a folder to write to"),
    "plan into a folder": (["plan", "study.py", "--out", "x"], "No such option:? .?--out"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_refuses_a_command(case, folder, monkeypatch, capsys):
    given, told = COMMANDS[case]
    assert_command_refused(given, told, folder, monkeypatch, capsys)


WRITE = "a folder to write to, got "
OUT = {
    "a file": ("data.csv", WRITE + r"data\.csv \(File exists\); name another with --out"),
    "below a file": ("data.csv/x", WRITE + r"data\.csv/x \(Not a directory\)"),
    "a pipe": ("pipe.py", WRITE),
    "a link to itself": ("loop.py", WRITE),
    "below a link to itself": ("loop.py/x", WRITE + ".*symbolic links"),
    "a name too long": ("a" * 300, WRITE + ".*name too long"),
    "a folder, and a name too long": ("new/" + "a" * 300, WRITE + ".*name too long"),
    "of the system": ("/proc/none", WRITE),
    "a device": ("/dev/null", WRITE),
    "with a folder report.html": ("taken", "a folder report.html; name another"),
    "with a folder winner.keras": ("taken too", "a folder winner.keras; name another"),
}


@pytest.mark.parametrize("case", OUT)
def test_run_refuses_where_it_cannot_write(case, folder, monkeypatch, capsys):
    out, told = OUT[case]
    (folder / "taken" / "report.html").mkdir(parents=True)
    (folder / "taken too" / "winner.keras").mkdir(parents=True)
    arguments = ["run", "study.py", "--data", "data.npz", "--out", out]
    assert_command_refused(arguments, told, folder, monkeypatch, capsys)


READ = r"data: read 49 samples, 9 of them to test"
LATE = {
    "a model that cannot be built": (["fails.py"], FROM_BUILD + "ValueError: no"),
    "memory that is no number": (["study.py", "--memory", "lots"], "got 'lots'"),
    "no memory": (["study.py", "--memory", "0"], "memory as a number of bytes.*got '0'"),
    "more folders than one": (["fails.py", "--out", "a/b/c"], FROM_BUILD),
}


@pytest.mark.parametrize("case", LATE)
def test_run_leaves_no_folder_where_it_ends_late(case, folder, monkeypatch, capsys):
    given, told = LATE[case]
    arguments = ["run", *given, "--data", "data.npz"]
    assert_command_refused(arguments, told, folder, monkeypatch, capsys, progress=READ)


def test_an_output_folder_that_was_there_stays(folder, monkeypatch, capsys):
    arguments = ["run", "fails.py", "--data", "data.npz", "--out", "folder/new"]
    assert_command_refused(arguments, FROM_BUILD, folder, monkeypatch, capsys, progress=READ)
    assert (folder / "folder").is_dir()


@pytest.mark.parametrize("out", ["folder", "folder/new"])
def test_refuses_a_folder_that_may_not_be_written(
    out, folder, bound_by_permissions, monkeypatch, capsys
):
    (folder / "folder").chmod(0o500)
    arguments = ["run", "study.py", "--data", "data.npz", "--out", out]
    assert_command_refused(arguments, WRITE + ".*ermission", folder, monkeypatch, capsys)


def test_refuses_a_study_that_may_not_be_read(folder, bound_by_permissions, monkeypatch, capsys):
    (folder / "study.py").chmod(0)
    told = "to run, got PermissionError"
    assert_command_refused(["plan", "study.py"], told, folder, monkeypatch, capsys)


def test_an_interrupt_is_told_and_is_no_error(folder, monkeypatch, capsys):
    (folder / "study.py").write_text("raise KeyboardInterrupt")
    told = "kohort: interrupted"
    assert_command_refused(["plan", "study.py"], told, folder, monkeypatch, capsys, code=130)


@pytest.mark.long
def test_names_that_are_no_text_are_no_matter(folder, monkeypatch, capsys):
    name = os.fsdecode(b"\xff\x1b[31m.npz")
    (folder / "data.npz").rename(folder / name)
    monkeypatch.setattr(sys, "argv", ["kohort", "run", "study.py", "--data", name])
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert not ended.value.code, err
    assert r"\udcff\x1b[31m: read 49 samples" in err
    page = (folder / "study-31m-report" / "report.html").read_text()
    assert r"--data '\udcff\x1b[31m.npz'" in html.unescape(page)
    assert out.splitlines()[-1] == "report: study-31m-report/report.html"
