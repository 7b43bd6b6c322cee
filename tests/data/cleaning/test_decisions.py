"""Decisions: written, edited by a person, read again; and refused where they are of other data."""

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.cleaning.decisions import Decision, checksum, read_decisions, write_decisions
from kohort.errors import DataError

X = np.arange(40, dtype=np.float32).reshape(10, 4) / 7


@pytest.fixture
def data():
    y = np.arange(10) % 2
    return kohort.Dataset(X[:8], y[:8], X[8:], y[8:], class_names=["no", "yes"])


def decision(data, sample, action="keep", new_label=""):
    seen = 'a "copy", or; not'
    return Decision(
        sample, f"place {sample}", "no", "KD104", seen, action, new_label, checksum(data, sample)
    )


@pytest.fixture
def written(data, tmp_path):
    path = tmp_path / "decisions.csv"
    write_decisions(
        path,
        [decision(data, 3), decision(data, 0, "leave out"), decision(data, 9, "relabel", "no")],
    )
    return path


def test_what_was_written_is_read(data, written):
    found, listed = read_decisions(written, data)
    assert listed == 3
    assert [(d.sample, d.decision, d.new_label) for d in found] == [
        (3, "keep", ""), (0, "leave out", ""), (9, "relabel", "no"),
    ]  # fmt: skip
    assert found[0] == decision(data, 3)


def test_what_a_spreadsheet_makes_of_it_is_read(data, written):
    table = pd.read_csv(written, dtype=str, keep_default_na=False)
    table["decision"] = table["decision"].str.upper() + " "
    table[["new_label", "checksum", "decision", "sample", "place"]].to_csv(
        written, sep=";", index=False, encoding="utf-8-sig"
    )
    found, listed = read_decisions(written, data)
    assert listed is None
    assert [d.decision for d in found] == ["keep", "leave out", "relabel"]


def test_every_number_of_a_sample_is_in_its_checksum(data):
    changed = X.copy()
    changed[2, 3] += 1
    other = kohort.Dataset(changed[:8], data.y_train, X[8:], data.y_test)
    assert [checksum(data, n) == checksum(other, n) for n in range(10)] == [
        n != 2 for n in range(10)
    ]
    relabelled = kohort.Dataset(X[:8], 1 - data.y_train, X[8:], data.y_test)
    assert checksum(data, 0) != checksum(relabelled, 0)
    assert checksum(data, 9) == checksum(relabelled, 9)


def test_classes_that_look_like_gaps_are_classes(tmp_path):
    data = kohort.Dataset(X, np.arange(10) % 2, class_names=["NA", "None"])
    write_decisions(tmp_path / "d.csv", [decision(data, 3, "relabel", "NA")])
    assert read_decisions(tmp_path / "d.csv", data).decisions[0].new_label == "NA"


def test_nothing_decided_is_a_table_too(data, written):
    write_decisions(written, [])
    assert read_decisions(written, data) == ([], 0)


def test_of_a_table_that_was_cut_behind_a_row_it_is_known_how_many_there_were(data, written):
    lines = written.read_text().splitlines(keepends=True)
    for left in range(3):
        written.write_text("".join(lines[: left + 1]))
        found, listed = read_decisions(written, data)
        assert (len(found), listed) == (left, 3)


def test_no_checksum_looks_like_a_number(data):
    assert all(checksum(data, n)[0] == "x" and len(checksum(data, n)) == 13 for n in range(10))


CHANGES = {
    "another decision": (("decision", "delete"), "'delete' for sample 3"),
    "none": (("decision", ""), "a decision in keep, leave out, relabel, got '' for sample 3"),
    "a class that is none": (("decision", "relabel"), "a new_label in no, yes, got '' for sample"),
    "another sample": (("sample", "4"), "sample 4 of other data"),
    "a cut row": (("checksum", "x"), "sample 3 with a part of its checksum"),
    "a row cut before": (("checksum", ""), "sample 3 with no checksum"),
    "no number": (("sample", "x"), "sample x of other data"),
    "nothing for a number": (("sample", ""), "sample without a number of other data"),
    "a sample beyond all": (("sample", "10"), "sample 10 of other data"),
    "another checksum": (("checksum", "000000000000"), "sample 3 of other data"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_row_that_means_nothing_is_refused(case, data, written):
    (column, value), told = CHANGES[case]
    table = pd.read_csv(written, dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(written, index=False)
    with pytest.raises(DataError, match=told):
        read_decisions(written, data)


def test_two_decisions_on_a_sample_are_refused(data, written):
    write_decisions(written, [decision(data, 3), decision(data, 5), decision(data, 3, "leave out")])
    with pytest.raises(
        DataError, match=r"one row for each sample, got sample 3 in several of .*; leave one"
    ):
        read_decisions(written, data)


def test_numbers_to_predict_are_not_relabelled(tmp_path):
    data = kohort.Dataset(X, X[:, 0] + 0.5)
    write_decisions(tmp_path / "d.csv", [decision(data, 3, "relabel", "no")])
    with pytest.raises(DataError, match="decisions without relabel, got 'no' for sample 3"):
        read_decisions(tmp_path / "d.csv", data)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "no such file"), (b"", "a table of decisions"), (b"\xff\xfe\x00", "a table of decis"),
     (b"a,b\n1,2\n", "without sample, decision, new_label, checksum"),
     (b'sample,decision\n"1', "without new_label, checksum|a table of decisions")],
)  # fmt: skip
def test_a_file_that_is_no_such_table_is_refused(content, told, data, tmp_path):
    path = tmp_path / "d.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=told) as caught:
        read_decisions(path, data)
    assert len(str(caught.value).splitlines()) == 1
