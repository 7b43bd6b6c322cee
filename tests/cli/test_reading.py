"""Tables and images from files to a report and to predictions, by commands."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kohort as library
from kohort.cli.options import spelt_as_options
from kohort.errors import DataError
from tests.cli.in_process import kohort

STUDY = """
import keras, kohort

def build(inputs, classes):
    model = keras.Sequential([keras.Input(inputs), keras.layers.Dense(classes, "softmax")])
    adam = keras.optimizers.Adam(0.1)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def study(data):
    variant = kohort.Variant("softmax", build, inputs=data.input_shape, classes=data.classes)
    return kohort.Study("pets", [variant], data, replicates=kohort.Holdout(0.2, repeats=3),
                        epochs=5, batch_size=16)
"""
OPTIONS = ("--data", "pets.csv", "--target", "species", "--group", "owner")


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A folder with a table, and with what a study on it has written."""
    folder = tmp_path_factory.mktemp("pets")
    (folder / "study.py").write_text(STUDY)
    random = np.random.default_rng(5)
    is_dog = random.random(160) < 0.5
    frame = pd.DataFrame(
        {
            "kg": np.where(is_dog, 9.0, 4.0) + random.normal(size=160),
            "colour": np.where(random.random(160) < 0.7, np.where(is_dog, "tan", "black"), "grey"),
            "species": np.where(is_dog, "dog", "cat"),
            "owner": [f"o{k // 2}" for k in range(160)],
        }
    )
    frame.loc[::9, "kg"] = np.nan
    frame.loc[::7, "colour"] = None
    frame.to_csv(folder / "pets.csv", index=False)
    return folder, kohort("run", "study.py", *OPTIONS, "--test", "0.25", cwd=folder)


def test_a_table_is_read_as_the_options_say_and_told(pets):
    folder, done = pets
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert told[0] == "pets: read 160 samples, 40 of them to test"
    assert told[1] == "target 'species': 2 classes, cat, dog"
    assert "40 of 160 samples are held out as the test set, in whole groups (20 of 80)" in told
    report = (folder / "study-pets-report" / "report.html").read_text()
    assert "missing cells became 0, and another input is 1 there: kg (18), colour (23)" in report
    command = "--data pets.csv --target species --group owner --test 0.25"
    assert command in report


def test_raw_rows_are_predicted_as_the_model_was_trained(pets):
    folder, _ = pets
    data = library.load(folder / "pets.csv", target="species", group="owner", test=0.25)
    best = library.open(folder / "kohort.db", "pets", data).best()
    rows = pd.read_csv(folder / "pets.csv").drop(columns="species")
    rows = pd.concat([rows.head(9), rows.head(1).assign(colour="mauve")])
    # Columns in another order, one more, and one fewer that is no input.
    rows[["colour", "kg"]].assign(more="x").to_csv(folder / "new.csv", index=False)

    done = kohort("predict", "study-pets-report/winner.keras", "new.csv", cwd=folder)

    assert done.returncode == 0, done.stderr
    made = pd.DataFrame(
        {
            "kg": rows.kg.fillna(0),
            "kg is missing": rows.kg.isna(),
            **{f"colour={c}": rows.colour == c for c in ("black", "grey", "tan")},
            "colour is missing": rows.colour.isna(),
        }
    )
    assert tuple(made) == data.feature_names
    scores = best.model().predict(made.to_numpy(np.float32), verbose=0)
    expected = [
        f"new.csv, row {k}: {['cat', 'dog'][row.argmax()]} ({100 * row.max():.1f} %)"
        for k, row in enumerate(scores)
    ]
    assert done.stdout.splitlines() == expected
    assert done.stderr == (
        "kohort: in new.csv a cell holds a category that no training row had, and so none of those "
        "known: colour=mauve\n"
    )


BAD = {
    "a column fewer": ("kg\n4\n", "the column 'colour' of the training data, got a table of kg"),
    "no names": (
        "4,tan\n5,tan\n",
        "the columns 'kg', 'colour' of the training data, got a table of 4, tan",
    ),
    "text": ("kg,colour\n4,tan\nheavy,tan\n", "got 'heavy' in row 1 (from 0)"),
    "nothing": ("", "a CSV file, the names of its columns in the first line, got bad.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_rows_that_cannot_be_inputs_are_refused_in_a_line(case, pets):
    folder, _ = pets
    content, told = BAD[case]
    (folder / "bad.csv").write_text(content)
    done = kohort("predict", "study-pets-report/winner.keras", "bad.csv", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line


def test_the_report_is_written_again_with_the_data(pets):
    folder, _ = pets
    data = (*OPTIONS, "--test", "0.25")
    done = kohort("report", "pets", *data, "--out", "again.html", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "2 classes, cat, dog" in (folder / "again.html").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "pets.csv"], "expected --target one of the columns kg, colour, species, owner"),
        (["--target", "species"], "expected --data beside --target, got none; name a source"),
        (["--data", "letters", "--target", "x"], "no --target for the built-in letters, got 'x'"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_line(options, told, pets):
    done = kohort("plan", "study.py", *options, cwd=pets[0])
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line


@pytest.mark.parametrize("flags", [(), ("--fresh",)])
def test_another_table_of_the_same_name_does_not_take_the_place_of_a_report(pets, flags):
    folder, _ = pets
    (folder / "other").mkdir(exist_ok=True)
    table = pd.read_csv(folder / "pets.csv").iloc[1:]
    table.to_csv(folder / "other" / "pets.csv", index=False)
    arguments = ("run", "study.py", "--data", "other/pets.csv", *OPTIONS[2:])
    done = kohort(*arguments, "--store", "other.db", *flags, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert (
        "expected no report of other data in study-pets-report, got one of Dataset('pets'" in line
    )
    assert not (folder / "other.db").exists()


@pytest.mark.long
def test_images_are_resized_and_made_grey_as_the_options_say(tmp_path):
    (tmp_path / "study.py").write_text(
        STUDY.replace("keras.Input(inputs), ", "keras.Input(inputs), keras.layers.Flatten(), ")
    )
    random = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (6, 4, 3) if number % 3 else (9, 5)
        Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(path)
    glyphs = ("run", "study.py", "--data", "glyphs", "--epochs", "1", "--replicates", "2")
    for options, told in (
        ([], r"26 of 6 x 4 \(such as A/10.png\), 14 of 9 x 5 .*such as --size 6x4"),
        (["--size", "6x4"], r"26 colour \(such as .*, 14 grey"),
        (["--size", "6by4", "--color", "rgb"], "--size as HEIGHTxWIDTH, got '6by4'"),
        (["--size", "6x4", "--color", "blue"], "'--color'"),
    ):
        done = kohort(*glyphs, *options, cwd=tmp_path)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert re.search(told, line)
    done = kohort(*glyphs, "--size", "6x4", "--color", "rgb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "images that were resized to 6 x 4 (height x width): 14" in done.stderr
    image = "glyphs/A/0.png"
    done = kohort("predict", "study-glyphs-report/winner.keras", image, cwd=tmp_path)
    assert done.stdout.startswith(f"{image}: ")
    assert "data:image/png" in (tmp_path / "study-glyphs-report" / "report.html").read_text()


@pytest.mark.long
def test_rows_of_numbers_alone_need_no_names(tmp_path):
    (tmp_path / "study.py").write_text(STUDY)
    x = np.random.default_rng(0).normal(size=(80, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(sign=np.where(x[:, 0] > 0, "up", "down"))
    frame.to_csv(tmp_path / "signs.csv", index=False)
    done = kohort("run", "study.py", "--data", "signs.csv", "--target", "sign", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, header in (("named.csv", True), ("bare.csv", False)):
        frame[["a", "b"]].head(3).to_csv(tmp_path / name, index=False, header=header)
    found = [
        kohort("predict", "study-signs-report/winner.keras", name, cwd=tmp_path).stdout.replace(
            name, ""
        )
        for name in ("named.csv", "bare.csv")
    ]
    assert found[0] == found[1]
    assert len(found[0].splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["pets.csv"], "--target one of the columns kg, colour, species, owner, got none"),
        (["pets.csv", "--target", "age"], "--target one of the columns"),
        (["wide.csv"], "c9 and 5 more (the last is c14), got none"),
        (["eleven.csv"], "c9, c10, got none"),
        (["pets.csv", "--target", "species", "--size", "9x9"], "no --size for a table"),
        (["letters", "--target", "kg"], "no --target for the built-in letters"),
        (["images"], "such as --size 9x9"),
        (["images", "--size", "8x8"], "such as --color grey or --color rgb"),
        (["images", "--size", "0x8"], "--size as HEIGHTxWIDTH, got '0x8'; give --size 28x28"),
    ],
)
@pytest.mark.parametrize("command", [["data", "info"], ["plan", "study.py", "--data"]])
def test_errors_about_options_spell_them_as_they_are_given(pets, options, told, command):
    folder, _ = pets
    for number, (kind, side) in enumerate([("L", 9), ("L", 9), ("L", 9), ("RGB", 7)]):
        path = folder / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(kind, (side, side)).save(path)
    for name, count in (("wide.csv", 15), ("eleven.csv", 11)):
        header = ",".join(f"c{number}" for number in range(count))
        (folder / name).write_text(f"{header}\n" + f"{','.join('1' * count)}\n" * 3)
    done = kohort(*command, *options, cwd=folder)
    assert done.returncode == 2
    assert told in done.stderr
    assert "=" not in done.stderr, "an argument of Python's"


def test_the_library_spells_them_as_arguments(pets):
    folder, _ = pets
    with pytest.raises(library.DataError, match="target= one of the columns"):
        library.load(folder / "pets.csv")


@pytest.mark.parametrize(
    ("argument", "option"),
    [
        ("time='day'", "--time day"),
        ("time='a day'", "--time 'a day'"),
        ('group="owner"', "--group owner"),
        ("size=(28, 14)", "--size 28x14"),
        ("test=0.2", "--test 0.2"),
        ("color=", "--color"),
    ],
)
def test_errors_name_options_where_python_has_arguments(argument, option):
    with pytest.raises(DataError) as caught, spelt_as_options():
        raise DataError(f"numbers in {argument}, say", "none", f"give {argument}")
    assert str(caught.value) == f"expected numbers in {option}, say, got none; give {option}"


def test_rows_of_parquet_are_predicted_as_those_of_csv(pets, tmp_path):
    """Text, gaps and decimal numbers are those of Parquet there, and not what a file is read as."""
    folder, _ = pets
    rows = pd.read_csv(folder / "pets.csv").drop(columns="species")
    rows = pd.concat([rows.head(20), rows.head(1).assign(colour="mauve")])
    rows.to_csv(tmp_path / "new.csv", index=False)
    decimals = rows.kg.map(lambda kg: None if np.isnan(kg) else Decimal(repr(kg)))
    rows.assign(kg=decimals).to_parquet(tmp_path / "decimals.parquet", index=False)
    rows.to_parquet(tmp_path / "new.PARQUET", index=False)
    model = folder / "study-pets-report" / "winner.keras"
    told = {}
    for name in ("new.csv", "new.PARQUET", "decimals.parquet"):
        done = kohort("predict", model, name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "none of those known: colour=mauve" in done.stderr
        told[name] = done.stdout.replace(name, "FILE")
    assert len(told["new.csv"].splitlines()) == 21
    assert len(set(told.values())) == 1


def test_rows_in_files_that_are_no_tables_are_refused_as_where_data_are_loaded(pets, tmp_path):
    folder, _ = pets
    model = folder / "study-pets-report" / "winner.keras"
    rows = pd.read_csv(folder / "pets.csv")
    rows.drop(columns="colour").to_parquet(tmp_path / "few.parquet")
    rows.to_csv(tmp_path / "rows.csv.gz", index=False)
    np.savez(tmp_path / "rows.npz", x=np.zeros(3))
    for name in ("book.xlsx", "bad.parquet"):
        (tmp_path / name).write_bytes(b"PK\3\4 no more")
    for name, words in {
        "book.xlsx": "a table as .csv, .tsv or .parquet, got 'book.xlsx', a workbook; save it",
        "rows.csv.gz": "a file that is not compressed, got 'rows.csv.gz'; unpack it first",
        "rows.npz": "rows to predict as a table, .csv, .tsv or .parquet, got rows.npz, an .npz",
        "few.parquet": "the column 'colour' of the training data, got a table of kg, species",
        "bad.parquet": "expected a Parquet file, got bad.parquet",
    }.items():
        done = kohort("predict", model, name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert words in line
