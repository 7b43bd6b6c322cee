"""`kohort.load`: data from wherever they are."""

import sys
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.load import load
from kohort.data.readers.new_rows import number_rows, raw_rows
from kohort.data.readers.table_files import read_csv
from kohort.errors import DataError
from tests.doors.refusals import assert_refused


@pytest.fixture
def arrays():
    random = np.random.default_rng(70)
    return {
        "x_train": random.integers(0, 256, (8, 4, 4), np.uint8),
        "y_train": np.arange(8) % 3,
        "x_test": random.integers(0, 256, (3, 4, 4), np.uint8),
        "y_test": np.arange(3),
    }


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "mine.npz", **arrays)
        return tmp_path / "mine.npz"

    return write


@pytest.mark.parametrize("as_type", [str, lambda path: path], ids=["string", "path"])
def test_npz_round_trip(save, arrays, as_type):
    data = load(as_type(save(**arrays)))

    for key, array in arrays.items():
        assert np.array_equal(getattr(data, key), array)
    assert data.x_train.dtype == np.uint8
    assert data.name == "mine"
    assert data.classes == 3


def test_npz_may_hold_more(save, arrays):
    assert load(save(**arrays, notes=np.arange(3))).classes == 3


def test_compressed_npz_is_read(tmp_path, arrays):
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    assert np.array_equal(load(tmp_path / "small.npz").x_train, arrays["x_train"])


def test_refuses_npz_with_missing_arrays(save, arrays):
    del arrays["x_test"], arrays["y_train"]
    with pytest.raises(DataError, match=r"mine\.npz without y_train, x_test; save them with"):
        load(save(**arrays))


def test_refuses_pickles_and_does_not_run_them(save, arrays, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path / "sprung").write_text, ("x",)

    arrays["y_train"] = np.array([Trap()] * 8, object)
    with pytest.raises(DataError, match=r"a NumPy \.npz file.*allow_pickle=False"):
        load(save(**arrays))
    assert not (tmp_path / "sprung").exists()


def test_refuses_what_is_no_npz(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_text("not an archive")
    with pytest.raises(DataError, match=r"expected a NumPy \.npz file, got .*save it again"):
        load(path)


def test_an_error_in_the_arrays_names_them(save, arrays):
    arrays["y_train"] = arrays["y_train"][:2]
    with pytest.raises(DataError, match="x_train and y_train of equal length"):
        load(save(**arrays))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_refuses_a_cut_npz(save, arrays):
    path = save(**arrays)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        load(path)
    except DataError:
        refused = True
    except zipfile.BadZipFile:  # holds NumPy's open file; it must not outlive this test
        refused = False
    assert refused


def test_refuses_an_empty_npz(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(b"")
    with pytest.raises(DataError):
        load(path)


def test_refuses_an_unknown_source():
    told = '"letters", "notmnist", or the path .*got .lettters.: no such file or folder'
    with pytest.raises(DataError, match=told):
        load("lettters")


@pytest.mark.parametrize("source", ["no/such/file", "no/such/folder/"])
def test_a_path_of_nothing_is_told_to_be_no_file_and_no_folder(source):
    told = f"expected a file or folder that is there, got .{source}.: no such file or folder; check"
    with pytest.raises(DataError, match=told):
        load(source)


def test_refuses_a_file_of_another_kind(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("x")
    with pytest.raises(DataError, match=r"data\.txt', a file of another kind"):
        load(path)


@pytest.mark.parametrize("ending", ["h5", "hdf5"])
def test_hdf5_is_told_by_its_ending(tmp_path, ending):
    rows = np.array([[0.0, 1.0, 0], [1.0, 0.0, 1]])
    with h5py.File(tmp_path / f"mine.{ending}", "w") as file:
        file["trainData"] = file["testData"] = rows

    assert load(tmp_path / f"mine.{ending}").input_shape == (2,)


def test_a_folder_is_read_as_images(tmp_path, png):
    random = np.random.default_rng(71)
    for number in range(10):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(random.integers(0, 256, (4, 4))))

    data = load(tmp_path / "glyphs")

    assert data.class_names == ("A", "B")
    assert len(data.x_train) + len(data.x_test) == 10


def test_letters_are_built_in():
    assert load("letters").name == "letters"


def test_is_public():
    assert kohort.load is load


ROWS = "kg,colour,species,patient\n" + "".join(
    f"{k}.5,{['red', 'blue', ''][k % 3]},{['cat', 'dog'][k % 2]},p{k // 4}\n" for k in range(40)
)


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_csv_file_is_read_as_its_frame(tmp_path):
    path = written(tmp_path / "pets.csv", ROWS)
    data = load(path, target="species", group="patient", test=0.2)
    frame = pd.read_csv(path)
    expected = kohort.Dataset.from_frame(frame, target="species", group="patient", test=0.2)

    assert data.fingerprint == expected.fingerprint
    assert (data.name, data.class_names) == ("pets", ("cat", "dog"))
    assert data.feature_names == ("kg", "colour=blue", "colour=red", "colour is missing")
    assert data.groups.tolist() == expected.groups.tolist()
    assert data.notes == expected.notes
    given = load(frame, target="species", group="patient", test=0.2)
    assert given.fingerprint == data.fingerprint


SPELLINGS = {
    "semicolons": ("x.csv", ROWS.replace(",", ";"), ("columns are separated by ';'",)),
    "tabs": ("x.tsv", ROWS.replace(",", "\t"), ("columns are separated by '\\t'",)),
    "bars": ("x.csv", ROWS.replace(",", "|"), ("columns are separated by '|'",)),
    "decimal commas": (
        "x.csv",
        ROWS.replace(",", ";").replace(".5", ",5"),
        ("columns are separated by ';'", "numbers have decimal commas"),
    ),
    "blanks behind commas": ("x.CSV", ROWS.replace(",", ", "), ()),
    "a mark of UTF-8": ("x.csv", b"\xef\xbb\xbf" + ROWS.encode(), ()),
    "lines of Windows": ("x.csv", ROWS.replace("\n", "\r\n"), ()),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_csv_files_of_any_spelling_are_the_same_data(case, tmp_path):
    name, text, told = SPELLINGS[case]
    expected = load(written(tmp_path / "pets.csv", ROWS), target="species")
    data = load(written(tmp_path / name, text), target="species")
    assert data.fingerprint == expected.fingerprint
    assert data.feature_names == expected.feature_names
    assert data.notes == told + expected.notes


def test_a_column_that_numbers_the_rows_is_no_input(tmp_path):
    frame = pd.read_csv(written(tmp_path / "pets.csv", ROWS))
    frame.to_csv(tmp_path / "numbered.csv")
    data = load(tmp_path / "numbered.csv", target="species")
    assert data.feature_names == load(frame, target="species").feature_names
    told = "the first column, which has no name and numbers the rows, is left out"
    assert data.notes[0] == told


def test_columns_without_a_name_are_told(tmp_path):
    path = written(tmp_path / "x.csv", 'x,,"", y,target\n1,2,3,4,a\n5,7,9,8,b\n')
    data = load(path, target="target", test=0)
    assert data.feature_names == ("x", "Unnamed: 1", "Unnamed: 2", "y")
    told = "columns without a name, called so by their place: Unnamed: 1, Unnamed: 2"
    assert data.notes[0] == told
    # One that numbers the rows is left out, and no other is without a name.
    path = written(tmp_path / "n.csv", ",x,target\n0,2,a\n1,3,b\n")
    assert len(load(path, target="target", test=0).notes) == 4


CODES = "zip;kg;line;flag;kind\n" + "".join(
    f"{['01067', '1067'][k % 2]};{k}.5;{['', '01E5', '1'][k % 3]};1;{['01', '1', '02'][k % 3]}\n"
    for k in range(40)
)


def test_codes_with_a_zero_in_front_are_text_and_two_of_one_number_stay_two(tmp_path):
    path = written(tmp_path / "codes.csv", CODES)
    data = load(path, target="kind", test=0)
    assert data.class_names == ("01", "02", "1")
    assert data.y_train[:3].tolist() == [0, 2, 1]
    expected = ("zip=01067", "zip=1067", "kg", "line=01E5", "line=1", "line is missing", "flag")
    assert data.feature_names == expected
    told = (
        "text, and no numbers, as some cells have a zero in front: zip (such as 01067), line (such "
        "as 01E5), kind (such as 01); where they are numbers, write them without"
    )
    assert data.notes[:2] == ("columns are separated by ';'", told)
    # What pandas makes of the file says otherwise, and text in a frame is text already.
    frame = pd.read_csv(path, sep=";")
    assert load(frame, target="kind", test=0).feature_names[:2] == ("zip", "kg")
    as_text = pd.read_csv(path, sep=";", dtype=dict.fromkeys(("zip", "line", "kind"), object))
    assert load(as_text, target="kind", test=0).fingerprint == data.fingerprint
    # Rows to predict become what they were in training.
    assert np.array_equal(raw_rows(path, data.columns)[0], data.x_train)


def test_groups_are_told_apart_by_the_zero_in_front(tmp_path):
    path = written(tmp_path / "codes.csv", CODES)
    data = load(path, target="kind", group="zip", test=0)
    assert data.groups.tolist() == [0, 1] * 20


@pytest.mark.parametrize("cells", ["0", "0.5", "-0", "0,7", "1.0", "2020-01-01", "00 h"])
def test_a_zero_alone_or_before_a_fraction_makes_no_code(cells, tmp_path):
    path = written(tmp_path / "x.csv", "a;b;y\n" + f"{cells};0.25;u\n5;1.5;v\n" * 30)
    notes = load(path, target="y", test=0).notes
    assert not any("zero in front" in note for note in notes)


def test_codes_among_which_others_hold_letters_are_no_numbers_with_a_mark(tmp_path):
    departments = [f"{k:02}" for k in range(1, 96)] + ["2A", "2B"]
    path = written(
        tmp_path / "x.csv", "it,y\n" + "".join(f"{d},{d[-1]}\n" for d in departments * 2)
    )
    assert len(load(path, target="y", test=0).feature_names) == 97


def test_numbers_with_zeros_in_front_are_no_time_and_no_target_and_it_is_told_why(tmp_path):
    rows = "".join(f"{k:03}.5,01{k % 12 + 1:02}2020\n" for k in range(40))
    path = written(tmp_path / "x.csv", "y,day\n" + rows)
    with pytest.raises(DataError, match="or write numbers without zeros in front"):
        load(path, target="y")
    # As numbers, days with the year last would be in another order than in time.
    path = written(
        tmp_path / "x.csv",
        "x,day,y\n" + rows.replace("2020\n", "2020,u\n", 20).replace("2020\n", "2020,v\n"),
    )
    with pytest.raises(DataError, match="numbers without zeros in front"):
        load(path, target="y", time="day")


def test_rows_to_predict_have_no_two_columns_of_one_name(tmp_path):
    columns = load(written(tmp_path / "a.csv", "x,y,z\n1,2,a\n3,5,b\n"), target="z", test=0).columns
    path = written(tmp_path / "new.csv", "x,y,x\n1,2,3\n")
    with pytest.raises(DataError, match=r"names in .*new\.csv, got two columns 'x'"):
        raw_rows(path, columns)
    # Without names the first line is a row, whose numbers may be equal.
    assert raw_rows(written(tmp_path / "rows.csv", "1,1\n2,3\n"), columns)[0].tolist() == [
        [1, 1],
        [2, 3],
    ]


def test_a_parquet_file_is_read_as_its_frame(tmp_path):
    frame = pd.read_csv(written(tmp_path / "pets.csv", ROWS))
    frame = frame.assign(colour=frame.colour.astype("category"))
    frame.to_parquet(tmp_path / "pets.parquet")
    data = load(tmp_path / "pets.parquet", target="species")
    assert data.fingerprint == load(frame, target="species").fingerprint


def test_without_pyarrow_parquet_is_refused(tmp_path, monkeypatch):
    written(tmp_path / "pets.parquet", b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"pyarrow.*pip install 'kohort\[parquet\]'"):
        load(tmp_path / "pets.parquet", target="species")


NO_TABLE = {
    "no target": ("x.csv", ROWS, {}, "target= one of the columns kg, colour, species, patient, go"),
    "names alone": ("x.csv", "a,b\n", {"target": "a"}, r"a CSV file with rows, got .*with none"),
    "nothing": ("x.csv", "", {"target": "a"}, "a CSV file, the names of its columns in the first"),
    "an image": ("x.csv", b"\x89PNG\r\n\xff\xfe\0", {"target": "a"}, "a CSV file.*save the table"),
    "a separator at the end of each row": (
        *("x.csv", "a,b,c\n1,2,3,\n4,5,6,\n", {"target": "a"}),
        r"as many cells in each row of .*x\.csv as names in its first line, 3, got 4 in its first",
    ),
    "one at the end of each row that has a number": (
        *("x.csv", "id,b,c\n1,2,3,\n2,5,6,\n", {"target": "c"}),
        "got 4 in its first row; name each column in the first line",
    ),
    "a column without a name": (
        "x.csv",
        "a,b\n1,2,3\n4,5,6\n",
        {"target": "a"},
        "got 3 in its first",
    ),
    "one whose text repeats": (
        "x.csv",
        "a,b\ny,2,3\ny,5,6\n",
        {"target": "a"},
        "got 3 in its first",
    ),
    "two of them": ("x.csv", "a,b\n1,2,3,4\n4,5,6,7\n", {"target": "a"}, "got 4 in its first"),
    "two columns of one name": (
        *("x.csv", "a/b,c, a/b\n1,2,3\n4,5,6\n", {"target": "c"}),
        r"columns of different names in .*x\.csv, got two columns 'a/b'; rename one",
    ),
    "rows of several lengths": ("x.csv", "a,b\n1,2\n1,2,3\n", {"target": "a"}, "a CSV file.*Expec"),
    "no parquet": ("x.parquet", b"text", {"target": "a"}, r"a Parquet file, got .*x\.parquet \("),
    "nothing as parquet": ("x.parquet", b"", {"target": "a"}, "a Parquet file, got"),
}


CUT = {
    "in the middle of a row": ("a,b,c\n1,2,3\n4,5,6\n7,8", "3 cells .*, got 2 in the last, line 4"),
    "behind a separator": (
        "a,b,c\n1,2,3\n4,",
        "3 cells in each row of .*, got 2 in the last, line 3",
    ),
    "the only row": ('a,b,c\n"1\n0"\n', "3 cells in each row of .*, got 1 in the last, line 3"),
    "beside numbers of rows": ("b,c\n0,2,3\n1,5,6\n2,8", "3 cells .*, got 2 in the last, line 4"),
    "semicolons": ("a;b;c\n1;2;3\n4;5\n\n", "got 2 in the last, line 3: .*cut off; get"),
    "in a row between": (
        "a,b,c\n1,2,3\n4\n7,8,9\n",
        "3 cells .*, got 1 in line 3; complete or drop",
    ),
    "in several rows": (
        'a,b,c\n"1\n0",2,3\n4,5\n7,8\n9\n',
        "got 2 in line 4, and too few in 2 more rows; .*a pandas DataFrame of it",
    ),
    "in a category": ("a,b\n1,yes\n2,no\n3,yes\n4,no\n5,ye", "'ye' at its end.*others have 'yes'"),
}


@pytest.mark.parametrize("rows", [("1", "2"), ("0", "1"), ('"first"', '"second"')])
def test_names_of_rows_as_r_writes_them_are_no_column(rows, tmp_path):
    first, second = rows
    text = f'"a","b"\n{first},3,4\n{second},5,6\n'
    frame = read_csv(written(tmp_path / "x.csv", text)).frame
    assert frame.to_dict("list") == {"a": [3, 5], "b": [4, 6]}


@pytest.mark.parametrize("case", CUT)
def test_refuses_a_csv_file_that_is_cut_off(case, tmp_path):
    """pandas takes the cells that are not there for missing ones."""
    text, told = CUT[case]
    path = written(tmp_path / "x.csv", text)
    for read in (lambda: load(path, target="a"), lambda: read_csv(path)):
        assert_refused(read, told, tmp_path)


def test_rows_with_empty_last_cells_are_not_short(tmp_path):
    for text in ("a,b,c\n1,2,\n\n3,4,5\n6,7,\n", "b,c\n0,2,3\n1,5,\n", 'a,b\n1,"x,\ny"\n2,""\n'):
        frame = read_csv(written(tmp_path / "x.csv", text)).frame
        assert pd.isna(frame.iat[-1, -1])


def test_a_last_cell_that_begins_another_is_no_cut_file_where_it_may_be_whole(tmp_path):
    kinds = "a,b\n1,yes\n2,no\n3,yes\n4,no\n5,"
    whole = (kinds + "ye\n", kinds + "yes", kinds + "maybe", "a,b\n1,Anna\n2,Bert\n3,Ann")
    for text in whole:
        assert (
            len(read_csv(written(tmp_path / "x.csv", text)).frame)
            == text.count("\n") + (not text.endswith("\n")) - 1
        )


@pytest.mark.parametrize("case", NO_TABLE)
def test_refuses_what_is_no_table(case, tmp_path):
    name, content, options, told = NO_TABLE[case]
    path = written(tmp_path / name, content)
    assert_refused(lambda: load(path, **options), told, tmp_path)


def test_refuses_a_cut_parquet_file(tmp_path):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a": [1.0] * 99}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="a Parquet file, got"):
        load(path, target="a")


def test_a_part_of_arrays_is_held_out_when_asked(save, arrays):
    whole = {"x_train": np.arange(80.0).reshape(40, 2), "y_train": [0, 1, 1, 1] * 10}
    path = save(**whole)
    assert len(load(path).x_test) == len(load(path, test=0).x_test) == 0

    data = load(path, test=0.2)

    assert np.bincount(data.y_test).tolist() == [2, 6]
    together = np.concatenate([data.x_train, data.x_test])
    assert np.array_equal(together[np.argsort(together[:, 0])], whole["x_train"])
    assert np.array_equal(
        data.y_train, np.take(whole["y_train"], data.x_train[:, 0].astype(int) // 2)
    )
    assert data.notes == (
        "8 of 40 samples are held out as the test set, as large a part of each class",
    )


def test_refuses_a_part_of_a_file_with_a_test_set(save, arrays):
    with pytest.raises(DataError, match=r"no test= for data with a test set, got 0\.2 for .*npz"):
        load(save(**arrays), test=0.2)


@pytest.mark.parametrize(
    ("source", "option", "told"),
    [
        ("letters", {"test": 0.2}, r"no test= for the built-in letters, got 0\.2; leave it out"),
        ("mine.npz", {"target": "a"}, "no target= for an .npz file, got 'a'"),
        ("mine.h5", {"group": "a"}, "no group= for an HDF5 file, which has its test set, got 'a'"),
        ("mine", {"target": "a"}, "no target= for a folder or an archive of images, got 'a'"),
    ],
)
def test_refuses_options_that_a_source_does_not_take(source, option, told, tmp_path):
    (tmp_path / "mine").mkdir()
    for name in ("mine.npz", "mine.h5"):
        written(tmp_path / name, b"x")
    with pytest.raises(DataError, match=told):
        load(source if source == "letters" else tmp_path / source, **option)


def test_a_table_that_is_not_there_is_no_damaged_one(tmp_path):
    told = r"nowhere\.csv'?: no such file; check the path"
    for read in (kohort.load, read_csv, lambda path: number_rows(path, 3)):
        with pytest.raises(DataError, match=told):
            read(tmp_path / "nowhere.csv")


def test_a_known_category_that_pandas_takes_for_a_gap_stays_one(tmp_path):
    frame = pd.DataFrame({"kg": np.arange(40.0), "it": ["None", "NA", "red", "n/a"] * 10})
    data = load(frame.assign(y=[0, 1] * 20), target="y", test=0)
    assert data.columns.columns[1].categories == ("NA", "None", "n/a", "red")
    frame.to_csv(tmp_path / "new.csv", index=False)
    rows, notice = raw_rows(tmp_path / "new.csv", data.columns)
    assert np.array_equal(rows, data.x_train)
    assert notice == ""


def test_a_missing_cell_among_categories_of_which_none_was_missing_is_told(tmp_path):
    frame = pd.DataFrame({"kg": np.arange(40.0), "it": ["red", "blue"] * 20, "y": [0, 1] * 20})
    columns = load(frame, target="y", test=0).columns
    path = written(tmp_path / "new.csv", "it,kg\nred,1\n,2\nmauve,3\nNA,4\n")
    rows, notice = raw_rows(path, columns)
    assert rows.tolist() == [[1, 0, 1], [2, 0, 0], [3, 0, 0], [4, 0, 0]]
    assert notice == (
        f"in {path} a cell holds a category that no training row had, and so none of those known: "
        f"it=mauve; in {path} cells are empty in columns that had no empty one in training, and so "
        "none of the categories: it (2)"
    )


@pytest.mark.parametrize("names", ["wide,long", "Long,Wide", "long_cm,wide_cm", "1st,2nd"])
def test_columns_of_other_names_are_not_taken_by_their_places(names, tmp_path):
    frame = pd.DataFrame({"long": np.arange(40.0), "wide": np.arange(40.0) ** 2, "y": [0, 1] * 20})
    columns = load(frame, target="y", test=0).columns
    path = written(tmp_path / "new.csv", f"{names}\n1,2\n")
    if names == "wide,long":
        assert raw_rows(path, columns)[0].tolist() == [[2, 1]]
        return
    with pytest.raises(DataError, match="the columns 'long', 'wide' of the training data, got a"):
        raw_rows(path, columns)


def test_points_between_thousands_are_refused_beside_decimal_commas(tmp_path):
    rows = "".join(f"{k}.234;{k},5;{'ab'[k % 2]}\n" for k in range(1, 41))
    path = written(tmp_path / "x.csv", "people;share;y\n999;0,1;a\n" + rows)
    with pytest.raises(DataError, match=r"without points between thousands in .*'1\.234' in col"):
        load(path, target="y")
    both = rows.replace(".234", ".234,50")

    path = written(tmp_path / "y.csv", "people;share;y\n" + both)
    with pytest.raises(DataError, match=r"got '1\.234,50' in column 'people'; write them without"):
        load(path, target="y")
    # Addresses, dates and decimal points are no such numbers.
    cells = ["10.0.0.1;1.1.2020;1.5", "192.168.100.200;31.1.2021;22.75"] * 20
    rows = "".join(f"{cell};{'ab'[k % 2]}\n" for k, cell in enumerate(cells))
    assert load(written(tmp_path / "z.csv", "ip;day;kg;y\n" + rows), target="y", test=0).x_train[
        :2, -1
    ].tolist() == [1.5, 22.75]


def test_decimal_commas_stand_beside_tabs_too_but_not_where_they_may_be_thousands(tmp_path):
    rows = "".join(f"{k},{k % 9}25\t{'ab'[k % 2]}\n" for k in range(1, 41))
    data = load(written(tmp_path / "x.tsv", "kg\ty\n0,125\ta\n" + rows), target="y", test=0)
    assert data.x_train[:3, 0].tolist() == pytest.approx([0.125, 1.125, 2.225])
    assert "numbers have decimal commas" in data.notes
    path = written(tmp_path / "y.tsv", "kg\tx\ty\n" + rows.replace("\t", "\t1\t"))
    data = load(path, target="y", test=0)
    assert data.feature_names == ("x",)
    assert "columns left out: kg (40 numbers written as text, such as 1,125)" in data.notes


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x.xlsx", r"a table as \.csv, \.tsv or \.parquet, got .*x\.xlsx', a workbook; save it as"),
        ("x.csv.gz", r"that is not compressed, got .*x\.csv\.gz'; unpack it first, to x\.csv"),
        ("x.npz.zip", r"that is not compressed, got .*x\.npz\.zip'; unpack it first, to x\.npz"),
    ],
)
def test_workbooks_and_compressed_tables_are_refused_with_what_to_do(name, told, tmp_path):
    with pytest.raises(DataError, match=told):
        load(written(tmp_path / name, b"PK\3\4"), target="y")


def test_a_table_in_other_letters_than_utf_8_is_refused_with_what_to_do(tmp_path):
    path = written(tmp_path / "x.csv", "a,y\n1,caf\u00e9\n2,tea\n".encode("latin-1"))
    with pytest.raises(DataError, match="save the table again, as CSV in UTF-8"):
        load(path, target="y")


def test_an_npz_file_of_other_names_is_told_what_it_has(tmp_path):
    np.savez(tmp_path / "x.npz", X=np.zeros((3, 2)), y=np.zeros(3))
    with pytest.raises(DataError, match=r"without x_train, y_train, x_test, y_test, with X, y; sa"):
        load(tmp_path / "x.npz")


def test_groups_that_differ_in_blanks_are_one(tmp_path):
    frame = pd.DataFrame({"kg": np.arange(40.0), "who": ["p1", "p1 ", "p2", " p2"] * 10})
    data = load(frame.assign(y=[0, 1] * 20), target="y", group="who", test=0)
    assert data.groups.tolist() == [0, 0, 1, 1] * 10
