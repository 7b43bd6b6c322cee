"""`kohort data info` and `kohort data check`, as a user meets them."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.cli.in_process import kohort
from tests.data.readers.test_idx import idx
from tests.doors.refusals import held
from tests.report.checks.test_check_page import images


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    x, y = images(150)
    sides = {"x_train": x[:120], "y_train": y[:120], "x_test": x[120:], "y_test": y[120:]}
    np.savez(folder / "sound.npz", **sides)
    np.savez(folder / "leaks.npz", **{**sides, "x_test": x[:30], "y_test": y[:30]})
    random = np.random.default_rng(0)
    np.savez(folder / "numbers.npz", x_train=random.normal(size=(60, 3)), y_train=random.random(60))
    for number, (pixels, label) in enumerate(zip(x, y, strict=True)):
        path = folder / "pictures" / "KLM"[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "pictures" / "K" / "broken.png").write_bytes(b"")
    (folder / "text.txt").write_text("no data")
    return folder


def test_info_tells_what_the_data_are(folder):
    done = kohort("data", "info", "sound.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    told = {name.strip(): fact.strip() for name, fact in told.items()}
    assert told["training samples"] == "120"
    assert told["test samples"] == "30 (as the source gives them)"
    assert told["a sample"] == "8 x 8 of uint8"
    assert told["its target"] == "one number of int32, classes"
    assert told["classes"] == "3 (train + test): 0: 40 + 10, 1: 40 + 10, 2: 40 + 10"
    assert told["groups of training samples"] == "none given"
    assert len(told["SHA-256"]) == 64


def test_info_of_a_folder_names_what_cannot_be_read_and_who_held_out_the_test_set(folder):
    told = kohort("data", "info", "pictures", cwd=folder).stdout
    assert "30 (held out by kohort" in told
    assert "K/broken.png" in told
    assert re.search(r"groups of training samples +\d+, made of equal file names and exact", told)
    checked = kohort("data", "check", "pictures", "--quick", cwd=folder).stdout
    assert "KD102 not applicable: Nobody has said which samples belong together" in checked
    assert "Groups are given" not in checked
    assert checked.splitlines()[0] == "files that could not be read: 1 (K/broken.png)"


@pytest.fixture
def mine(folder, tmp_path):
    """Data of a user: a table, pictures, and IDX files."""
    (tmp_path / "t.csv").write_text("a,ill\n" + "1,yes\n2,no\n" * 20)
    (tmp_path / "link.csv").symlink_to(tmp_path / "t.csv")
    (tmp_path / "hard.html").hardlink_to(tmp_path / "t.csv")
    shutil.copytree(folder / "pictures", tmp_path / "pictures")
    x, y = images(150)
    for name, array in (("train-images-idx3-ubyte", x), ("train-labels-idx1-ubyte", y)):
        (tmp_path / "idx").mkdir(exist_ok=True)
        (tmp_path / "idx" / name).write_bytes(idx(array.astype(np.uint8)))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "out", "told"),
    [
        ("t.csv", "t.csv", "t.csv for both"),
        ("t.csv", "../{}/t.csv", "for both"),
        ("t.csv", "link.csv", "link.csv for both"),
        ("link.csv", "t.csv", "t.csv for both"),
        ("t.csv", "hard.html", "hard.html for both"),
        ("pictures", "pictures/K/0.png", "pictures/K/0.png, which lies among them"),
        ("idx", "idx/train-labels-idx1-ubyte", "ubyte, which lies among them"),
        ("idx/train-images-idx3-ubyte", "idx/train-labels-idx1-ubyte", "which lies among them"),
    ],
)
def test_data_are_not_written_over_by_a_page(source, out, told, mine):
    before = held(mine)
    target = ("--target", "ill") if source.endswith(".csv") else ()
    done = kohort("data", "check", source, *target, "--out", out.format(mine.name), cwd=mine)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "expected another file than the data, got " in line
    assert told in line
    assert held(mine) == before


def test_data_are_not_written_over_by_a_report(mine):
    before = held(mine)
    data = ("--data", "t.csv", "--target", "ill")
    done = kohort("report", "any", *data, "--out", "t.csv", cwd=mine)
    assert done.returncode == 2
    assert "another file than the data, got t.csv for both" in done.stderr
    assert held(mine) == before


def test_a_page_among_pictures_is_written_over(mine):
    command = ("data", "check", "pictures", "--quick", "--out", "pictures/check.html")
    first = kohort(*command, cwd=mine)
    (mine / "pictures" / "check.html").write_text("<!DOCTYPE HTML>old")
    again = kohort(*command, cwd=mine)
    assert (first.returncode, first.stdout) == (again.returncode, again.stdout) != (2, "")
    assert "</html>" in (mine / "pictures" / "check.html").read_text("utf-8")


def test_a_page_and_decisions_are_two_files(mine):
    before = held(mine)
    (mine / "here").symlink_to(mine)
    files = ("--out", "new.csv", "--decisions", "here/new.csv")
    done = kohort("data", "check", "t.csv", "--target", "ill", *files, cwd=mine)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "a page and decisions in two files, got new.csv for both; name another with" in done.stderr
    )
    (mine / "here").unlink()
    assert held(mine) == before


def test_the_latest_rows_of_a_table_are_the_test_set_where_that_is_asked_for(tmp_path):
    walk = np.random.default_rng(0).normal(size=100).cumsum()
    days = pd.date_range("2020-01-01", periods=100)
    table = pd.DataFrame({"day": days, "size": np.arange(100) % 7, "price": walk})
    table.to_csv(tmp_path / "t.csv", index=False)
    read = ["t.csv", "--target", "price"]
    told = kohort("data", "info", *read, cwd=tmp_path).stdout
    assert "20 (20 of 100 samples are held out as the test set, at random)" in told
    assert "day holds moments, and splits are random" in told
    told = kohort("data", "info", *read, "--time", "day", cwd=tmp_path).stdout
    assert "the latest by day: from 2020-03-21 on; training samples end at 2020-03-20" in told
    assert "splits are random" not in told
    checked = kohort("data", "check", *read, "--time", "day", "--quick", cwd=tmp_path).stdout
    assert "KD111 found: Over 80 rows in order of day the target has a serial rank corr" in checked
    wrong = kohort("data", "info", *read, "--time", "month", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "expected --time one of the columns day, size, price, got 'month'; name" in wrong.stderr


def test_info_of_a_table_tells_who_held_out_the_test_set_whatever_its_columns_are_called(tmp_path):
    rows = [f"{n},{n % 3}.5,{'xy'[n % 2]}" for n in range(50)]
    (tmp_path / "t.csv").write_text("\n".join(["test set,size,kind", *rows]))
    told = kohort("data", "info", "t.csv", "--target", "kind", cwd=tmp_path).stdout
    assert re.search(r"test samples +10 \(10 of 50 samples are held out as the test set", told)


def test_info_as_json(folder):
    told = json.loads(kohort("data", "info", "letters", "--json", cwd=folder).stdout)
    assert (told["train"], told["test"], told["groups"]) == (10880, 1930, 499)
    assert told["classes"][0] == {"name": "A", "train": 1088, "test": 193}
    assert told["bytes"] == 12810 * (784 + 4)


def test_info_of_numbers_without_a_test_set(folder):
    told = kohort("data", "info", "numbers.npz", cwd=folder).stdout
    assert "classes" not in told
    assert "one number of float32, numbers" in told


@pytest.mark.long
def test_check_ends_with_0_where_nothing_serious_is_found(folder, tmp_path):
    done = kohort("data", "check", folder / "sound.npz", "--out", "check.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:10]] == [f"KD{n}" for n in range(101, 111)]
    assert lines[-1] == "page: check.html"
    (line,) = done.stderr.splitlines()
    assert line.startswith("looking for doubtful labels, 5 members, ")
    html = (tmp_path / "check.html").read_text("utf-8")
    assert lines[-2].endswith("stands above.")
    assert "stands below.</p>" in html


def test_check_ends_with_1_where_something_serious_is_found(folder, tmp_path):
    done = kohort("data", "check", folder / "leaks.npz", "--quick", cwd=tmp_path)
    assert done.returncode == 1
    assert "KD101 found: 30 of 30 test samples (100 %)" in done.stdout
    assert "see to: copies across train and test (KD101)" in done.stdout
    assert "cohort" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_as_json_holds_the_evidence_and_the_suspects(folder, tmp_path):
    done = kohort("data", "check", folder / "leaks.npz", "--json", cwd=tmp_path)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    findings = {finding["code"]: finding for finding in told["findings"]}
    assert told["serious"] == [c for c, f in findings.items() if c == "KD101" and f]
    assert findings["KD101"]["evidence"]["of them exact"] == 30
    assert set(findings["KD105"]["evidence"]["part of 0 taken for 1"]) == {"mean", "low", "high"}
    assert told["data"]["train"] == 120
    for row in told["suspects"]:
        assert row["given"] != row["suggested"]


WRONG = {
    "no such data": (["nowhere"], "'nowhere': no such file or folder; check"),
    "no such table": (["nowhere.csv"], "'nowhere.csv': no such file; check the path"),
    "data that are none": (["text.txt"], "a file of another kind"),
    "a folder without images": (["empty"], "at least two class folders"),
    "a page that is a folder": (["sound.npz", "--out", "pictures", "--quick"], "got the folder"),
    "a page below a file": (["sound.npz", "--out", "text.txt/x.html", "--quick"], "expected to"),
    "no source": ([], "Missing argument"),
    "no such option": (["sound.npz", "--fast"], "No such option"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_line_and_code_2(folder, case):
    (folder / "empty").mkdir(exist_ok=True)
    before = sorted(folder.rglob("*"))
    arguments, told = WRONG[case]
    done = kohort("data", "check", *arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert sorted(folder.rglob("*")) == before


def test_a_table_is_read_by_its_columns(tmp_path):
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(80), 5)
    ill = random.integers(0, 2, 80)[patient]
    frame = pd.DataFrame(
        {
            "patient": patient,
            "born": random.integers(1930, 2000, 80)[patient],
            "weight": random.normal(80, 9, 400),
            "code": np.where(ill, "C50", "Z00"),
            "ill": np.where(ill, "yes", "no"),
        }
    )
    frame.to_csv(tmp_path / "visits.csv", index=False)
    source = ("visits.csv", "--target", "ill", "--test", "0.25")
    told = kohort("data", "info", *source, cwd=tmp_path).stdout
    assert "samples are held out as the test set" in told
    assert "no: " in told
    done = kohort("data", "check", *source, "--quick", "--out", "c.html", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "KD107 found: By itself code and patient tell" in done.stdout
    assert "patient looks as if it numbered what belongs together" in done.stdout
    page = (tmp_path / "c.html").read_text("utf-8")
    assert "kohort data check visits.csv --target ill --test 0.25 --quick" in page
    grouped = kohort("data", "check", *source, "--group", "patient", "--quick", cwd=tmp_path)
    assert "Groups are given" in grouped.stdout
    wrong = kohort("data", "check", "visits.csv", "--target", "none", cwd=tmp_path)
    assert wrong.returncode == 2
    assert len(wrong.stderr.strip().splitlines()) == 1


def test_the_group_shows_its_commands(folder):
    assert kohort("data", "--help", cwd=folder).stdout.count("check") >= 1
