"""The command line, as a user meets it: real files, and real processes where nothing is wrong."""

import builtins
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from kohort.data.system import bytes_text
from tests.cli.in_process import kohort

STUDY = """
import keras, kohort

def build(units, input_shape):
    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),
                              keras.layers.Dense(units, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def study(data):
    return kohort.Study("tiny", kohort.grid(build, units=[2, 16], input_shape=data.input_shape),
                        data, replicates=kohort.Holdout(0.2, 3), epochs=4, batch_size=20)

def too_fast(input_shape):
    model = build(2, input_shape)
    model.compile(keras.optimizers.SGD(1e30), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    return model

def hopeless(data):
    fast = kohort.Variant("fast", too_fast, input_shape=data.input_shape)
    return kohort.Study("hopeless", [fast], data,
                        replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=20)

def fails(data):
    return 1 / 0

def wrong(data):
    return data

number = 5
"""


def process(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "kohort", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study file, and images of three classes, one of them unreadable."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "study.py").write_text(STUDY)
    random = np.random.default_rng(0)
    for label, name in enumerate("KLM"):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(0, 80, (8, 8), dtype=np.uint8)
            pixels[:, 3 * label : 3 * label + 2] += 150
            Image.fromarray(pixels).save(folder / "images" / name / f"{name}{number}.png")
    (folder / "images" / "K" / "broken.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def ran(folder):
    return process("run", "study.py", "--data", "images", "--epochs", 6, cwd=folder)


def test_run_ends_with_a_table_a_report_and_a_winner(folder, ran):
    assert ran.returncode == 0, ran.stderr
    assert "units=16" in ran.stdout
    assert "does best on validation data" in ran.stdout
    assert ran.stdout.split("\n", 1)[0].split()[-1] == "verdict"
    assert (folder / "study-images-report" / "winner.keras").is_file()
    size = (folder / "study-images-report" / "winner.keras").stat().st_size
    assert f"winner: study-images-report/winner.keras ({bytes_text(size)})" in ran.stdout
    report = (folder / "study-images-report" / "report.html").read_text("utf-8")
    assert "kohort run study.py --data images --epochs 6" in report
    assert "K/broken.png" in report


@pytest.mark.long
def test_a_study_trains_until_it_is_decided(folder):
    arguments = ["study.py", "--data", "images", "--until-decided", "--replicates", 5]
    planned = kohort("plan", *arguments, cwd=folder)
    assert "at most 10 members in 2 looks (4, 5 replicates)" in planned.stdout
    done = kohort("run", *arguments, "--store", "raced.db", "--out", "raced", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "\nThe race\n" in done.stdout
    assert "of at most 10 members" in done.stdout
    assert "Look 1 of 2, after 4 replicates: " in done.stderr
    report = (folder / "raced" / "report.html").read_text("utf-8")
    assert "--replicates 5 --store raced.db --until-decided" in report
    for told in (done.stdout, report):
        assert len(re.findall("The race (?:was decided|ended)", told)) == 1
    other = kohort("run", *arguments[:3], "--store", "raced.db", "--out", "raced", cwd=folder)
    assert other.returncode == 2
    assert "replicates: in looks before, all now" in other.stderr.splitlines()[-1]


def test_a_study_that_diverges_ends_with_an_answer_and_a_report_and_no_winner(folder):
    (folder / "study-hopeless-images-report").mkdir()
    (folder / "study-hopeless-images-report" / "winner.keras").write_text("of an earlier run")
    arguments = ["run", "study.py::hopeless", "--data", "images"]
    done = kohort(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (
        "No variant trained to the end, so there is no winner. fast diverged in all" in done.stdout
    )
    assert [word for word in ("NaN", "NA>", "winner:", "help next") if word in done.stdout] == []
    assert [path.name for path in (folder / "study-hopeless-images-report").iterdir()] == [
        "report.html"
    ]
    assert (
        "removed the winner.keras of an earlier run from study-hopeless-images-report"
        in done.stderr
    )


def test_progress_goes_to_stderr(ran):
    assert "images: read 120 samples, 24 of them to test" in ran.stderr
    assert "could not read K/broken.png" in ran.stderr
    assert "cohort 1/2: units=2" in ran.stderr
    assert "cohort" not in ran.stdout
    assert "Traceback" not in ran.stderr


REGRESSION = """
import keras, kohort

def build(units):
    layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("adam", "mse")
    return model

def study(data):
    return kohort.Study("sums", kohort.grid(build, units=[2, 8]), data,
                        replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=20)
"""


@pytest.mark.long
def test_a_regression_without_a_test_set_runs_to_its_report_and_predicts(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 3))
    np.savez(tmp_path / "data.npz", x_train=x, y_train=x.sum(axis=1))
    np.savetxt(tmp_path / "rows.csv", x[:2], delimiter=",")
    (tmp_path / "study.py").write_text(REGRESSION)
    done = kohort("run", "study.py", "--data", "data.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "data: read 100 samples, none of them to test" in done.stderr
    assert "does best on validation data: loss" in done.stdout
    report = (tmp_path / "study-data-report" / "report.html").read_text("utf-8")
    assert "<dt>test set</dt><dd>none</dd>" in report
    predicted = kohort("predict", "study-data-report/winner.keras", "rows.csv", cwd=tmp_path)
    assert [line.split(":")[0] for line in predicted.stdout.splitlines()] == [
        "rows.csv, row 0",
        "rows.csv, row 1",
    ]


def test_predict_tells_letter_and_probability(folder, ran):
    images = [f"images/{name}/{name}3.png" for name in "KLM"]
    done = process("predict", "study-images-report/winner.keras", *images, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == images
    assert [line.split(": ")[1].split()[0] for line in lines] == list("KLM")
    assert all(line.endswith(" %)") for line in lines)


def test_predict_resizes_to_the_models_size(folder, ran):
    with Image.open(folder / "images" / "L" / "L1.png") as image:
        image.convert("RGB").resize((64, 64)).save(folder / "large.png")
    done = kohort("predict", "study-images-report/winner.keras", "large.png", cwd=folder)
    assert done.stdout.startswith("large.png: L (")


def test_plan_prints_the_plan(folder):
    done = kohort("plan", "study.py::study", "--data", "images", "--replicates", 2, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Study 'tiny': 4 members; programs to compile, one for each cohort: 2" in done.stdout


WRONG = {
    "no such study file": (["run", "none.py"], "path of a Python file, got 'none.py'"),
    "no such study": (["plan", "study.py::none"], "got nothing of that name"),
    "a study that is none": (["plan", "study.py::number"], "got int"),
    "a study without data": (["run", "study.py"], "pass --data SRC"),
    "a function that returns none": (
        ["plan", "study.py::wrong", "--data", "images"],
        "got Dataset; return a Study",
    ),
    "a function that fails": (
        ["plan", "study.py::fails", "--data", "images"],
        "ZeroDivisionError at line 26",
    ),
    "a file that is no Python": (["plan", "broken.py"], "SyntaxError at line 1"),
    "no such data": (
        ["run", "study.py", "--data", "nowhere"],
        "'nowhere': no such file or folder",
    ),
    "data that are no data": (
        ["run", "study.py", "--data", "study.py"],
        "'study.py', a file of another kind",
    ),
    "no epochs": (["run", "study.py", "--epochs", "0"], "Invalid value for '--epochs'"),
    "an output folder that is a file": (
        ["run", "study.py", "--data", "images", "--out", "study.py"],
        "a folder to write to",
    ),
    "an output folder below a file": (
        ["run", "study.py", "--data", "images", "--out", "study.py/x"],
        "name another with --out",
    ),
    "no such model": (["predict", "none.keras", "x.png"], "got none.keras"),
    "a model that is none": (["predict", "study.py", "x.png"], "a .keras file"),
    "a cut model": (["predict", "cut.keras", "x.png"], "a .keras file"),
    "no such image": (
        ["predict", "study-images-report/winner.keras", "x.png"],
        "'x.png': no such file",
    ),
    "no image at all": (
        ["predict", "study-images-report/winner.keras", "study.py"],
        "an image file",
    ),
    "no such command": (["rum"], "No such command"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_ends_with_code_2_and_says_how_to_mend_it(folder, ran, case):
    (folder / "broken.py").write_text("this is no Python")
    whole = (folder / "study-images-report" / "winner.keras").read_bytes()
    (folder / "cut.keras").write_bytes(whole[: len(whole) // 2])
    before = sorted(folder.rglob("*"))
    arguments, told = WRONG[case]
    done = kohort(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(p for p in folder.rglob("*") if p.name != "__pycache__") == before


def test_errors_of_kohort_are_one_line(folder):
    done = kohort("run", "study.py::fails", "--data", "images", cwd=folder)
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("kohort: expected ")


def test_the_shell_completes_commands(monkeypatch, tmp_path):
    asked = {"_KOHORT_COMPLETE": "complete_bash", "COMP_WORDS": "kohort sh", "COMP_CWORD": "1"}
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    assert kohort(cwd=tmp_path).stdout.split() == ["show"]


def test_help_and_an_interrupt(folder, monkeypatch, capsys):
    assert "predict" in process("--help", cwd=folder).stdout

    from kohort.cli import main

    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 130
    assert "interrupted" in capsys.readouterr().err


LATE = {
    "kohort.cli.prediction", "kohort.cli.study_files", "kohort.cli.told_as_json",
    "kohort.cli.training.outcome", "kohort.report.exports.export",
    "kohort.report.screen.printing", "kohort.runs.checks.data_check", "kohort.runs.loading",
    "kohort.serve.server",
}  # fmt: skip
"""Modules that import Keras and JAX, which takes seconds."""


@pytest.fixture
def refused_early(tmp_path, monkeypatch):
    """Runs a command that is refused; returns what it says, once it has imported none of `LATE`."""
    (tmp_path / "study.py").write_text("")
    (tmp_path / "x.csv").write_text("a\n1\n")
    with zipfile.ZipFile(tmp_path / "m.keras", "w"):
        pass
    imported = []

    def importing(name, *given, **more):
        imported.append(name)
        return true_import(name, *given, **more)

    true_import = builtins.__import__

    def run(*command):
        monkeypatch.setattr(builtins, "__import__", importing)
        done = kohort(*command, cwd=tmp_path)
        monkeypatch.undo()
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert not LATE & set(imported)
        return done.stderr

    return run


@pytest.mark.parametrize("command", [["run", "study.py"], ["search", "study.py"], ["serve"]])
def test_a_store_without_a_folder_is_refused_before_what_trains_is_imported(command, refused_early):
    told = refused_early(*command, "--store", "nowhere/k.db")
    assert "got no folder " in told
    assert told.rstrip().endswith("nowhere; make the folder first")


GONE = "'gone.csv': no such file"
EARLY = {
    "run": (["run", "study.py", "--data", "gone.csv"], GONE),
    "run without a study": (["run", "gone.py"], "'gone.py': no such file"),
    "run on clean data": (["run", "study.py", "--clean", "gone.h5"], "'gone.h5': no such file"),
    "run with an option alone": (["run", "study.py", "--target", "a"], "--data beside --target"),
    "run, an address": (["run", "study.py", "--address", "a"], "--executor ray beside --address"),
    "plan": (["plan", "study.py", "--data", "gone.csv"], GONE),
    "search": (["search", "study.py", "--data", "gone.csv"], GONE),
    "search without one": (["search", "gone.py"], "'gone.py': no such file"),
    "run, GPUs": (["run", "study.py", "--gpus", "1"], "--executor ray beside --gpus, got none"),
    "run, a GPU and a half": (
        ["run", "study.py", "--executor", "ray", "--gpus", "1.5"],
        "a part of one such as 0.25, or a whole number, got 1.5",
    ),
    "run, NaN GPUs": (
        ["run", "study.py", "--executor", "ray", "--gpus", "nan"],
        "got nan",
    ),
    "search, GPUs": (["search", "study.py", "--gpus", "1"], "beside --gpus"),
    "search, an address": (["search", "study.py", "--address", "a"], "beside --address"),
    "info": (["data", "info", "gone.csv"], GONE),
    "info, a size": (["data", "info", "letters", "--size", "3"], "--size as HEIGHTxWIDTH"),
    "check": (["data", "check", "gone.csv"], GONE),
    "check, an option": (["data", "check", "x.csv", "--size", "2x2"], "no --size for a table"),
    "clean": (["data", "clean", "gone.csv", "--out", "c.h5"], GONE),
    "decisions": (["data", "clean", "x.csv", "--out", "c.h5", "--decisions", "gone.csv"], GONE),
    "predict": (["predict", "gone.keras", "x.csv"], "gone.keras: no such file"),
    "predict rows": (["predict", "m.keras", "gone.csv"], GONE),
    "predict, a scale": (["predict", "m.keras", "x.csv", "--scale", "a"], "--scale as a number"),
    "report": (["report", "any", "--data", "gone.csv"], GONE),
    "report of no store": (["report", "any"], "got no file kohort.db"),
    "show": (["show", "any"], "got no file kohort.db"),
    "compare": (["compare", "any", "a", "b"], "got no file kohort.db"),
    "export": (["export", "any", "out"], "got no file kohort.db"),
}


@pytest.mark.parametrize("case", EARLY)
def test_what_is_not_there_is_told_before_what_trains_is_imported(case, refused_early):
    command, told = EARLY[case]
    assert told in refused_early(*command)
