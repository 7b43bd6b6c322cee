"""`kohort data clean`, after `kohort data check --decisions`, as a user meets them."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kohort import load
from tests.cli.in_process import kohort
from tests.doors.refusals import held
from tests.report.checks.test_check_page import images

THEN = "raw.npz --decisions decisions.csv --out clean.h5"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """150 pictures, of which two test samples are copies, and three labels are wrong."""
    folder = tmp_path_factory.mktemp("raw")
    x, y = images(150)
    x[130:132], y[130:132] = x[4:6], y[4:6]
    y[[7, 8, 140]] = (y[[7, 8, 140]] + 1) % 3
    np.savez(folder / "raw.npz", x_train=x[:120], y_train=y[:120], x_test=x[120:], y_test=y[120:])
    return folder


@pytest.fixture(scope="module")
def decided(raw):
    done = kohort("data", "check", "raw.npz", "--decisions", "decisions.csv", cwd=raw)
    assert done.returncode == 1, done.stderr
    what, then = done.stdout.splitlines()[-2:]
    assert what == "decisions: decisions.csv"
    assert then == f"edit the column decision there, then: kohort data clean {THEN}"
    return pd.read_csv(raw / "decisions.csv", dtype=str, keep_default_na=False)


def test_decisions_list_doubtful_labels_and_keep_them(decided):
    doubted = decided[decided["codes"].str.contains("KD104")]
    assert {"7", "8", "140"} <= set(doubted["sample"])
    assert set(doubted["decision"]) == {"keep"}
    wrong = doubted.set_index("sample").loc[["7", "8", "140"]]
    assert wrong["new_label"].tolist() == ["1", "2", "2"]
    copies = decided[decided["codes"] == "KD101"]
    assert copies[["sample", "decision", "seen"]].to_numpy().tolist() == [
        ["130", "leave out", "exact copy of train 4"],
        ["131", "leave out", "exact copy of train 5"],
    ]  # fmt: skip


def test_what_was_decided_is_done(raw, decided, tmp_path):
    mine = decided.set_index("sample")
    mine.loc[["7", "8"], "decision"] = "relabel"
    mine.loc["140", "decision"] = "leave out"
    mine.to_csv(tmp_path / "mine.csv")
    command = ("data", "clean", raw / "raw.npz", "--decisions", "mine.csv", "--out", "clean.h5")
    done = kohort(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert "left out, copies across train and test (KD101): 2" in told
    assert "left out, doubtful labels (KD104): 1 (test 20)" in told
    assert "left out in all: 3" in told
    assert "kept: 147 (train: 120 of 120, test: 27 of 30)" in told
    assert "kept with a new label: 2 (train 7 from 2 to 1, train 8 from 0 to 2)" in told
    assert told[-2] == (
        "still there: exact copies of another sample 0, sets of them with different labels 0, "
        "test samples with an exact copy in train 0, with a near one 0"
    )
    assert told[-1] == "data: clean.h5"
    data, left = load(raw / "raw.npz"), load(tmp_path / "clean.h5")
    assert left.raw.fingerprint == data.fingerprint
    y = data.y_train.copy()
    y[[7, 8]] = 1, 2
    assert left.y_train.tolist() == y.tolist()
    assert left.x_test.tolist() == np.delete(data.x_test, [10, 11, 20], axis=0).tolist()
    assert "kept with a new label: 2 (train 7 from 2 to 1, train 8 from 0 to 2)" in left.notes


def test_what_is_written_over_and_rows_that_are_lacking_are_told(raw, decided, tmp_path):
    rows = (raw / "decisions.csv").read_text().splitlines(keepends=True)
    (tmp_path / "cut.csv").write_text("".join(rows[:3]))
    command = ("data", "clean", raw / "raw.npz", "--decisions", "cut.csv", "--out", "clean.h5")
    done = kohort(*command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == (
        f"cut.csv has 2 of the {len(rows) - 1} rows that were written to it: samples without a row "
        "are kept"
    )
    again = kohort(*command, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert again.stderr == "clean.h5 is there, and is written over\n"


def test_without_decisions_copies_alone_are_left_out(raw, tmp_path):
    done = kohort("data", "clean", raw / "raw.npz", "--out", "clean.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert "kept: 148 (train: 120 of 120, test: 28 of 30)" in told
    assert (
        "doubtful labels were not looked for: kohort data check --decisions FILE lists them" in told
    )
    assert "cohort" not in done.stderr  # nothing was trained
    as_json = kohort("data", "clean", raw / "raw.npz", "--out", "x.h5", "--json", cwd=tmp_path)
    assert json.loads(as_json.stdout) == {
        "out": "x.h5", "told": told[:-1], "left_out": [130, 131],
    }  # fmt: skip


def test_a_table_is_cleaned_as_it_is_read(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(500, 6)), columns=list("abcdef"))
    frame["town"] = random.choice(["Ulm", "Bonn", None], 500)
    frame["patient"] = np.arange(500) // 4
    frame["ill"] = np.where(frame["a"] > 0, "yes", "no")
    frame.iloc[400:420] = frame.iloc[:20]
    frame.to_csv(tmp_path / "visits.csv", index=False)
    options = ("visits.csv", "--target", "ill", "--group", "patient")
    done = kohort("data", "clean", *options, "--out", "clean.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out in all: 20\nkept: 480 (train: 3" in done.stdout
    left = load(tmp_path / "clean.h5")
    assert left.feature_names[-2:] == ("town=Ulm", "town is missing")
    assert len(left.x_train) + len(left.x_test) == 480
    assert len(left.groups) == len(left.x_train)
    # What reads a source without these options reads other data.
    kohort("data", "check", *options, "--quick", "--decisions", "d.csv", cwd=tmp_path)
    again = ("visits.csv", "--target", "ill", "--out", "x.h5", "--decisions", "d.csv")
    refused = kohort("data", "clean", *again, cwd=tmp_path)
    assert refused.returncode == 2
    assert "read the data with the same options as kohort data check did" in refused.stderr


def test_pictures_are_cleaned(tmp_path):
    x, y = images(90)
    for number, (pixels, label) in enumerate(zip(x, y, strict=True)):
        path = tmp_path / "pictures" / "KLM"[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    Image.fromarray(x[0]).save(tmp_path / "pictures" / "K" / "again.png")
    Image.fromarray(x[0]).save(tmp_path / "pictures" / "L" / "other.png")
    (tmp_path / "pictures" / "K" / "broken.png").write_bytes(b"")
    done = kohort("data", "clean", "pictures", "--out", "clean.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "files that could not be read: 1 (K/broken.png)" in done.stdout
    assert "left out, copies with different labels (KD103): 3\n" in done.stdout
    kohort("data", "check", "pictures", "--quick", "--decisions", "d.csv", cwd=tmp_path)
    places = pd.read_csv(tmp_path / "d.csv")["place"].str.partition(" (")[0]
    assert set(places) == {"K/again.png", "K/0.png", "L/other.png"}
    left = load(tmp_path / "clean.h5")
    assert len(left.x_train) + len(left.x_test) == 89
    assert not set(places) & set(left.source_files)
    assert left.class_names == ("K", "L", "M")
    assert left.unreadable == ("K/broken.png",)


def test_data_are_not_written_over_by_what_is_left_of_them(raw, tmp_path):
    made = kohort("data", "clean", "raw.npz", "--out", "one.h5", cwd=raw)
    assert made.returncode == 0, made.stderr
    (raw / "linked.h5").symlink_to(raw / "one.h5")
    before = held(raw)
    for out in ("one.h5", "linked.h5"):
        done = kohort("data", "clean", "one.h5", "--out", out, cwd=raw)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"another file than the data, got {out} for both" in done.stderr
        assert held(raw) == before


BAD = {
    "no such data": (["nowhere", "--out", "x.h5"], "'nowhere': no such file or folder; check"),
    "another ending": (["raw.npz", "--out", "x.npz"], "a file that ends in .h5, got x.npz"),
    "no out": (["raw.npz"], "Missing option '--out'"),
    "no decisions": (["raw.npz", "--out", "x.h5", "--decisions", "n.csv"], "n.csv': no such file"),
    "no table": (["raw.npz", "--out", "x.h5", "--decisions", "raw.npz"], "a table of decisions"),
    "other data": (
        ["letters", "--out", "x.h5", "--decisions", "decisions.csv"], "other data in decisions.csv",
    ),
    "nowhere to write": (["raw.npz", "--out", "/dev/null/x.h5"], "to write /dev/null/x.h5, got '"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refuses_in_a_line_and_leaves_nothing(case, raw, decided):
    arguments, told = BAD[case]
    before = held(raw)
    done = kohort("data", "clean", *arguments, cwd=raw)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert held(raw) == before


def test_decisions_that_were_made_are_not_written_over(raw, decided):
    before = held(raw)
    done = kohort("data", "check", "raw.npz", "--quick", "--decisions", "decisions.csv", cwd=raw)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a new file for decisions, got decisions.csv, which is there" in done.stderr
    assert held(raw) == before


def test_a_full_disk_leaves_the_old_file(raw, tmp_path, monkeypatch):
    (tmp_path / "clean.h5").write_bytes(b"old")

    def full(*_, **__):
        raise RuntimeError("Unable to flush file (No space left on device)")

    monkeypatch.setattr("h5py.Group.create_dataset", full)
    done = kohort("data", "clean", raw / "raw.npz", "--out", "clean.h5", cwd=tmp_path)
    assert done.returncode == 2
    assert "to write clean.h5, got 'Unable to flush file" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["clean.h5"]
    assert (tmp_path / "clean.h5").read_bytes() == b"old"
