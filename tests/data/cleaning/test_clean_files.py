"""Clean data: what was decided is done, written, and read as it was."""

from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.checking import CENTRED
from kohort.data.cleaning.applying import cleaned
from kohort.data.cleaning.clean_files import write_clean
from kohort.data.inspection.time_facts import time_facts
from kohort.data.labels import as_numbers
from kohort.errors import DataError
from tests.data.cleaning.test_decisions import decision

RANDOM = np.random.default_rng(4)
ARRAYS = ("x_train", "y_train", "x_test", "y_test", "groups", "source_rows")


def pictures():
    pixels = RANDOM.integers(0, 256, (30, 6, 5), np.uint8)
    y = np.arange(30) % 3
    return kohort.Dataset(
        pixels[:20], y[:20], pixels[20:], y[20:], class_names=["A", "B", "ü"], name="glyphs",
        groups=np.arange(20) // 2 - 1, groups_of="names", unreadable=("A/x.png",),
        notes=("turned: 1",), source_files=tuple(f"A/{n}.png" for n in range(30)),
        sample_weight=np.arange(20) / 4,
    )  # fmt: skip


def table():
    frame = pd.DataFrame(
        {
            "kg": RANDOM.normal(size=40),
            "colour": RANDOM.choice(["tan", "grey", None], 40),
            "seen": pd.date_range("2021-03-01", periods=40, freq="36h"),
            "home": np.arange(40) // 4,
            "w": RANDOM.integers(1, 9, 40) / 4,
            "kind": np.array(["cat", "dog"])[np.arange(40) % 2],
        }
    )
    return kohort.Dataset.from_frame(frame, target="kind", group="home", sample_weight="w")


def numbers():
    return kohort.Dataset(RANDOM.normal(size=(20, 3)), RANDOM.normal(size=(20, 2)))


def one_hot():
    x = RANDOM.random((20, 9)).astype(np.float32) - 0.5
    y = np.eye(4, dtype=np.float32)[np.arange(20) % 4]
    return kohort.Dataset(x[:15], y[:15], x[15:], y[15:], pixels=CENTRED)


KINDS = {
    "pictures": pictures,
    "a table": table,
    "numbers, no test set": numbers,
    "one-hot": one_hot,
}


def without(data, *samples):
    return cleaned(data, [decision(data, sample, "leave out") for sample in samples])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_is_read_as_it_was(kind, tmp_path):
    data = KINDS[kind]()
    train, test = len(data.x_train), len(data.x_test)
    left = without(data, 0, 7, *range(train, train + min(test, 2)))
    rows, of_test = np.setdiff1d(np.arange(train), [0, 7]), np.arange(2, max(test, 2))
    write_clean(tmp_path / "clean.h5", left, ["left: some"])
    found = kohort.load(tmp_path / "clean.h5")
    for side, kept in (("train", rows), ("test", of_test)):
        for axis in "xy":
            given = getattr(data, f"{axis}_{side}")[kept]
            array = getattr(found, f"{axis}_{side}")
            assert array.dtype == given.dtype
            np.testing.assert_array_equal(array, given)
    of_rows = {"groups": rows, "test_groups": of_test, "sample_weight": rows}
    for name, kept in of_rows.items():
        given = getattr(data, name)
        np.testing.assert_array_equal(getattr(found, name), given if given is None else given[kept])
    if data.source_rows is not None:
        kept = data.source_rows[[*rows, *train + of_test]]
        np.testing.assert_array_equal(found.source_rows, kept)
    if data.source_files is not None:
        assert found.source_files == tuple(f"A/{n}.png" for n in (*rows, *train + of_test))
    for name in ("class_names", "pixels", "columns", "feature_names", "unreadable", "groups_of"):
        assert getattr(found, name) == getattr(data, name)
    assert found.notes == (*data.notes, "left: some")
    assert found.fingerprint == left.fingerprint
    assert found.raw.fingerprint == data.fingerprint
    np.testing.assert_array_equal(found.raw.rows, rows)
    np.testing.assert_array_equal(found.raw.targets, data.y_train)


@pytest.mark.parametrize("time", [None, "seen"])
def test_columns_that_are_no_inputs_are_kept_for_what_looks_at_them(time, tmp_path):
    frame = pd.DataFrame(
        {
            "kg": RANDOM.normal(size=303).cumsum(),
            "town": [f"town {n % 101}" for n in range(303)],
            "born": pd.date_range("1961-05-08", periods=303, freq="-90D"),
            "seen": pd.date_range("2021-03-01", periods=303, freq="36h"),
        }
    )
    frame.loc[5, ["town", "born"]] = None
    data = kohort.Dataset.from_frame(
        frame.assign(next=frame["kg"].shift(-1, fill_value=0)), target="next", time=time
    )
    left = without(data, 0, 7, 240)
    write_clean(tmp_path / "clean.h5", left, [])
    found = kohort.load(tmp_path / "clean.h5")
    assert list(left.columns.moments) == ([time] if time else ["born", "seen"])
    assert list(left.columns.left_out) == ["town"]
    for name in ("moments", "left_out"):
        given, kept = getattr(left.columns, name), getattr(found.columns, name)
        assert list(kept) == list(given)
        for column in given:
            assert kept[column].dtype == given[column].dtype
            np.testing.assert_array_equal(kept[column], given[column])
    pattern = np.arange(len(left.x_train))
    seen, again = (time_facts(each, None, pattern) for each in (left, found))
    assert repr(seen) == repr(again) != "()"


def test_two_runs_write_the_same_bytes(tmp_path):
    left = without(pictures(), 3)
    for name in ("a.h5", "b.h5"):
        write_clean(tmp_path / name, left, [])
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_new_label_is_given_on_its_side_alone():
    data = pictures()
    left = cleaned(
        data, [decision(data, 4, "relabel", "ü"), decision(data, 21, "relabel", "A"),
               decision(data, 5, "keep", "A"), decision(data, 0, "leave out")]
    )  # fmt: skip
    y_train, y_test = data.y_train.copy(), data.y_test.copy()
    y_train[4], y_test[1] = 2, 0
    assert left.y_train.tolist() == y_train[1:].tolist()
    assert left.y_test.tolist() == y_test.tolist()
    assert data.y_train[4] == 1  # as it was read


def test_no_test_set_is_left_where_all_of_it_is_left_out(tmp_path):
    left = without(pictures(), *range(20, 30))
    write_clean(tmp_path / "clean.h5", left, [])
    assert len(kohort.load(tmp_path / "clean.h5").x_test) == 0


def test_nothing_is_left_to_train_on():
    with pytest.raises(DataError, match="training samples that are kept, got none"):
        without(pictures(), *range(20))


def test_clean_data_are_not_cleaned_again():
    with pytest.raises(DataError, match="clean the raw data with all decisions"):
        without(without(pictures(), 3), 4)


def test_a_part_of_clean_data_is_no_clean_data():
    left = without(pictures(), 3)
    part = {"x_train": left.x_train[:5], "y_train": left.y_train[:5]}
    part |= {"groups": None, "sample_weight": None}
    with pytest.raises(DataError, match="19 of them and 5 training samples; leave raw out"):
        replace(left, **part)
    assert len(replace(left, **part, raw=None).x_train) == 5


def test_numbers_do_not_become_classes_by_what_is_left():
    y = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 2.5])
    data = kohort.Dataset(RANDOM.normal(size=(7, 3)), y)
    assert data.classes is None
    with pytest.raises(DataError, match="targets that are still numbers"):
        without(data, 6)


DAMAGE = {
    "rows that do not ascend": ("raw_rows", lambda rows: rows[::-1]),
    "rows beyond all": ("raw_rows", lambda rows: rows + 100),
    "rows of fractions": ("raw_rows", lambda rows: rows / 2),
    "too few rows": ("raw_rows", lambda rows: rows[1:]),
    "too few groups": ("groups", lambda groups: groups[1:]),
    "too few weights": ("sample_weight", lambda weights: weights[1:]),
    "weights below 0": ("sample_weight", lambda weights: -weights),
    "no text": ("cleaned", lambda about: about[:-5]),
    "a list": ("cleaned", lambda _: np.frombuffer(b"[]", np.uint8)),
    "a number": ("cleaned", lambda _: np.frombuffer(b"7", np.uint8)),
    "nothing told of it": ("cleaned", lambda _: np.frombuffer(b"{}", np.uint8)),
    "text": ("cleaned", lambda _: np.frombuffer(b'"raw"', np.uint8)),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_file_is_refused(case, tmp_path):
    key, damage = DAMAGE[case]
    path = tmp_path / "clean.h5"
    write_clean(path, without(pictures(), 3), [])
    with h5py.File(path, "a") as file:
        damaged = damage(file[key][:])
        del file[key]
        file[key] = damaged
    with pytest.raises(DataError) as caught:
        kohort.load(path)
    assert len(str(caught.value).splitlines()) == 1


def test_columns_that_are_not_those_of_the_rows_are_refused(tmp_path):
    path, left = tmp_path / "clean.h5", without(table(), 3)
    fewer = replace(left.columns, columns=left.columns.columns[:1])
    assert fewer.inputs != left.columns.inputs
    write_clean(path, replace(left, columns=fewer), [])
    with pytest.raises(DataError, match="inputs as its columns make them"):
        kohort.load(path)


@pytest.mark.parametrize("places", [np.zeros((1, 39), int), np.zeros(39, int), None])
def test_moments_of_fewer_rows_than_the_table_are_refused(places, tmp_path):
    path = tmp_path / "clean.h5"
    write_clean(path, without(table(), 3), [])
    with h5py.File(path, "a") as file:
        del file["source_rows" if places is None else "moments"]
        if places is not None:
            file["moments"] = places
    with pytest.raises(DataError, match="rows of the table, got rows beyond it in"):
        kohort.load(path)


def test_files_that_are_not_those_of_the_samples_are_refused(tmp_path):
    path, left = tmp_path / "clean.h5", without(pictures(), 3)
    write_clean(path, replace(left, source_files=left.source_files[1:]), [])
    with pytest.raises(DataError, match="a file for each sample, got 28 in"):
        kohort.load(path)


@pytest.mark.parametrize("named", [False, True], ids=["a matrix", "by name"])
def test_ratings_that_are_cleaned_are_numbers_where_a_study_asks_for_them(named, tmp_path):
    frame = pd.DataFrame({"kg": RANDOM.normal(size=40), "stars": np.arange(40) % 5 + 1})
    raw = kohort.Dataset.from_frame(frame, target="stars")
    write_clean(tmp_path / "clean.h5", without(raw, 3, 35), [])
    clean = kohort.load(tmp_path / "clean.h5")
    if named:
        raw, clean = raw.by_name(), clean.by_name()
    told = "the study asks for them"
    wanted, found = as_numbers(raw, told), as_numbers(clean, told)
    assert found.raw.fingerprint == wanted.fingerprint
    assert found.raw.targets.tolist() == wanted.y_train.tolist()
    assert found.y_train.tolist() == wanted.y_train[clean.raw.rows].tolist()
    assert without(pictures(), 3).raw.as_numbers == ""
