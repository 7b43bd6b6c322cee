"""`kohort data prepare`: a file of images, and what is told."""

import json
from math import prod

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from kohort import load
from kohort.data.checking import CENTRED, PixelScale
from kohort.data.copies import find_copies
from kohort.errors import DataError
from kohort.report.checks.thumbnails import Thumbnails
from kohort.report.exports.deployable import pixels_of, taking_raw_inputs
from kohort.report.templates.rendering import png_url
from tests.cli.in_process import kohort
from tests.doors.refusals import held


@pytest.fixture
def glyphs(tmp_path):
    random = np.random.default_rng(2)
    for number in range(120):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"font{number // 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(path)
    (tmp_path / "glyphs" / "A" / "font1.png").rename(tmp_path / "glyphs" / "A" / "copy.png")
    for name in ("font1", "font2"):
        (tmp_path / "glyphs" / "A" / f"{name}.png").write_bytes(
            (tmp_path / "glyphs" / "A" / "copy.png").read_bytes()
        )
    (tmp_path / "glyphs" / "B" / "bad.png").write_bytes(b"")
    return tmp_path


def prepared(folder, *options, out="data.h5"):
    done = kohort("data", "prepare", "glyphs", "--out", out, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_rows_are_those_of_the_blog_study(glyphs):
    told = prepared(glyphs)
    whole = told.copy()
    named = told.pop(7)
    assert named.startswith("images of one file name, in several folders, are one group that no ")
    assert "116 images of 58 such names, as 2 of font0.png; where names are alike by" in named
    assert told == [
        "images read: 121",
        "could not be read: 1 (B/bad.png)",
        "of one colour, blank or full: 0",
        "exact copies of another image: 2 left out (A/font1.png, A/font2.png); 119 images differ",
        "copies with different labels, left out: 0 images, 0 copies",
        "near copies, on one side of every split: 0",
        "copies that are moved or resized could not be looked for",
        "images left: 119, in 61 groups",
        "train: 95; test: 24, as large a part of each class, or nearly",
        "data: data.h5",
    ]
    with h5py.File(glyphs / "data.h5") as file:
        train, test = file["trainData"][:], file["testData"][:]
        provenance = json.loads(file["provenance"][:].tobytes())
    assert (train.shape, test.shape) == ((95, 65), (24, 65))
    assert train.dtype == np.float32
    pixels = np.rint(np.concatenate([train, test])[:, :-1] * 255 + 127.5).astype(np.uint8)
    images = {
        np.asarray(Image.open(path)).tobytes(): path.parent.name
        for path in (glyphs / "glyphs").rglob("*.png")
        if path.stat().st_size
    }
    labels = np.concatenate([train, test])[:, -1]
    found = {p.tobytes(): "AB"[int(label)] for p, label in zip(pixels, labels, strict=True)}
    assert found == images
    assert provenance["sources"] == ["glyphs"]
    assert provenance["told"] == whole[:-1]

    data = load(glyphs / "data.h5")
    assert data.class_names == ("A", "B")
    assert data.pixels is not None
    assert len(data.groups) == 95
    assert len(np.unique(data.groups)) < 60


def test_a_compact_file_holds_the_same_images(glyphs):
    prepared(glyphs)
    prepared(glyphs, "--layout", "compact", out="small.h5")
    rows, compact = load(glyphs / "data.h5"), load(glyphs / "small.h5")

    assert compact.x_train.dtype == np.uint8
    assert compact.input_shape == (8, 8)
    for side in ("train", "test"):
        given = compact.inputs(getattr(compact, f"x_{side}")).reshape(-1, 64)
        assert np.allclose(given, getattr(rows, f"x_{side}"), atol=1e-6)
        assert np.array_equal(getattr(compact, f"y_{side}"), getattr(rows, f"y_{side}"))
    assert np.array_equal(compact.groups, rows.groups)
    assert compact.groups_of == rows.groups_of == "equal file names and copies, exact or near"
    assert compact.class_names == rows.class_names


@pytest.mark.parametrize("layout", ["blog", "compact"])
def test_a_file_keeps_which_file_each_image_was(glyphs, layout):
    prepared(glyphs, "--layout", layout)
    data = load(glyphs / "data.h5")
    pixels = np.concatenate([data.x_train, data.x_test]).reshape(-1, 64)
    if layout == "blog":
        pixels = np.rint(pixels * 255 + 127.5)
    assert len(data.source_files) == len(pixels) == 119
    for name, image in zip(data.source_files, pixels, strict=True):
        assert np.array_equal(np.asarray(Image.open(glyphs / "glyphs" / name)).ravel(), image)


@pytest.mark.parametrize(("low", "high"), [(0, 199), (56, 256), (90, 150), (0, 40)])
@pytest.mark.parametrize("side", [5, 8])
def test_pictures_that_are_dim_or_pale_are_pictures(low, high, side, tmp_path):
    random = np.random.default_rng(4)
    for number in range(60):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(low, high, (side, side), np.uint8)).save(path)
    prepared(tmp_path)
    data = load(tmp_path / "data.h5")
    assert (data.pixels, data.notes) == (CENTRED, ())
    told = kohort("data", "info", "data.h5", cwd=tmp_path).stdout
    assert "column" not in told
    left = kohort("data", "clean", "data.h5", "--out", "clean.h5", cwd=tmp_path)
    assert left.returncode == 0, left.stderr
    assert load(tmp_path / "clean.h5").pixels == CENTRED


SHAPES = {"wide": (9, 16), "colour": (6, 8, 3), "a colour square of rows": (3, 9, 3)}


@pytest.mark.parametrize("kind", SHAPES)
def test_the_shape_of_pictures_is_kept_beside_their_rows(kind, tmp_path):
    random, shape = np.random.default_rng(4), SHAPES[kind]
    for number in range(40):
        path = tmp_path / "glyphs" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(path)
    prepared(tmp_path)
    done = kohort("data", "clean", "data.h5", "--out", "clean.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    inner = keras.Sequential([keras.Input((prod(shape),)), keras.layers.Activation("linear")])
    for name in ("data.h5", "clean.h5"):
        data = load(tmp_path / name)
        assert data.input_shape == (prod(shape),)
        assert pixels_of(data)["shape"] == list(shape)
        image = np.asarray(Image.open(tmp_path / "glyphs" / data.source_files[0]))
        taking = taking_raw_inputs(inner, data)
        assert taking.input_shape == (None, *shape)
        np.testing.assert_allclose(taking(image[None])[0], data.x_train[0], atol=1e-6)
        assert Thumbnails(data).of(0) == png_url(image)


@pytest.mark.parametrize(
    "shape", [None, [12, 8], [4.0, 16], [-4, -16], "4x16", [64], [2, 32, 1, 1]]
)
def test_a_shape_that_is_not_of_the_rows_tells_nothing(shape, glyphs):
    prepared(glyphs)
    with h5py.File(glyphs / "data.h5", "a") as file:
        how = json.loads(file["provenance"][:].tobytes()) | {"shape": shape}
        del file["provenance"]
        file["provenance"] = np.frombuffer(json.dumps(how).encode(), np.uint8)
    assert load(glyphs / "data.h5").pixels == CENTRED


def test_a_file_whose_rows_were_changed_since_is_judged_by_its_range(glyphs):
    prepared(glyphs)
    for factor, offset, pixels in ((1, 0.5, PixelScale(1 / 255, 0.0)), (3, 0, None)):
        with h5py.File(glyphs / "data.h5", "a") as file:
            for name in ("trainData", "testData"):
                rows = file[name][:]
                rows[:, :-1] = rows[:, :-1] * factor + offset
                file[name][:] = rows
        data = load(glyphs / "data.h5")
        assert data.pixels == pixels
        assert any("are taken for pixels" in told for told in data.notes) == (pixels is not None)


def test_a_file_with_fewer_names_than_images_is_refused(glyphs):
    prepared(glyphs)
    with h5py.File(glyphs / "data.h5", "a") as file:
        del file["files"]
        file["files"] = np.frombuffer(b'["A/font0.png"]', np.uint8)
    told = "a file's name for each of 119 images in files, got 1 in "
    with pytest.raises(DataError, match=told):
        load(glyphs / "data.h5")


def test_counts_are_as_asked_and_two_runs_write_the_same_bytes(glyphs):
    options = ("--train", "60", "--test", "20", "--balance", "--seed", "5")
    told = prepared(glyphs, *options)
    prepared(glyphs, *options, out="again.h5")

    assert told[-3].startswith("left out, as fewer were asked for: 39 (A/")
    assert told[-2] == "train: 60; test: 20"
    data = load(glyphs / "data.h5")
    assert np.bincount(data.y_train).tolist() == [30, 30]
    assert np.bincount(data.y_test).tolist() == [10, 10]
    assert (glyphs / "data.h5").read_bytes() == (glyphs / "again.h5").read_bytes()


STAGES = (
    "reading glyphs", "looking for copies", "looking for moved copies",
    "looking for copies of test images", "writing data.h5",
)  # fmt: skip


def test_each_stage_and_the_time_left_are_told_beside_the_results(glyphs, monkeypatch):
    monkeypatch.setattr("kohort.cli.on_data.stages.SHOWN_EVERY", 0.0)
    done = kohort("data", "prepare", "glyphs", "--out", "data.h5", cwd=glyphs)
    lines = done.stderr.splitlines()
    assert list(dict.fromkeys(line.partition(":")[0] for line in lines)) == list(STAGES)
    assert [line for line in lines if "100 %" in line] == [f"{stage}: 100 %" for stage in STAGES]
    assert lines[60].startswith("reading glyphs: 50 %, 0:0")
    assert lines[60].endswith(" left")
    assert done.stdout.startswith("images read: 121\n")


def test_a_short_run_tells_nothing_beside_the_results(glyphs):
    done = kohort("data", "prepare", "glyphs", "--out", "data.h5", cwd=glyphs)
    assert done.stderr == ""


def test_json_is_for_programs(glyphs):
    (line,) = prepared(glyphs, "--json")
    told = json.loads(line)
    assert told["out"] == "data.h5"
    assert told["unreadable"] == ["B/bad.png"]
    assert told["copies"] == ["A/font1.png", "A/font2.png"]
    numbers = {"read": 121, "left": 119, "groups": 61, "train": 95, "test": 24}
    assert {name: told[name] for name in numbers} == numbers
    assert (told["near_after_the_draw"], told["more_than_asked_for"]) == ([], [])


def test_images_that_were_not_asked_for_are_named(glyphs):
    lines = prepared(glyphs, "--train", "80", "--test", "20")
    (line,) = [line for line in lines if line.startswith("left out, as fewer were asked for: 19 (")]
    (told,) = prepared(glyphs, "--train", "80", "--test", "20", "--json", out="again.h5")
    names = json.loads(told)["more_than_asked_for"]
    assert len(set(names)) == 19
    assert line.endswith(f"({', '.join(names[:5])} and 14 more)")
    data, whole = load(glyphs / "again.h5"), load(glyphs / "glyphs", test=0)
    images = {np.asarray(Image.open(glyphs / "glyphs" / name)).tobytes() for name in names}
    kept = data.pixels and np.rint(np.concatenate([data.x_train, data.x_test]) * 255 + 127.5)
    assert not images & {image.astype(np.uint8).tobytes() for image in kept}
    assert len(whole.x_train) == 121


BAD = {
    "no source": (
        ["none", "--out", "x.h5"],
        "an archive, got none: no such file or folder; check",
    ),
    "no images": (["empty", "--out", "x.h5"], "at least two class folders"),
    "another ending": (["glyphs", "--out", "x.npz"], "a file that ends in .h5, got x.npz"),
    "a folder to write": (["glyphs", "--out", "folder.h5"], "a file that ends in .h5"),
    "too many": (
        ["glyphs", "--out", "x.h5", "--train", "900"],
        "takes 24 of 119; ask for --train 95 or fewer",
    ),
    "no size": (["glyphs", "--out", "x.h5", "--size", "8"], "--size as HEIGHTxWIDTH, got '8'"),
    "nowhere to write": (["glyphs", "--out", "/dev/null/x.h5"], "to write /dev/null/x.h5, got '"),
    "no out": (["glyphs"], "Missing option '--out'"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_in_a_line_and_leaves_nothing(case, glyphs):
    arguments, told = BAD[case]
    (glyphs / "empty").mkdir()
    (glyphs / "folder.h5").mkdir()
    before = held(glyphs)
    done = kohort("data", "prepare", *arguments, cwd=glyphs)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert held(glyphs) == before


@pytest.mark.long
def test_the_real_notmnist_small(shared_data, tmp_path):
    source = shared_data("notMNIST_small.tar.gz")
    done = kohort("data", "prepare", source, "--out", "data.h5", cwd=tmp_path)
    told = done.stdout.splitlines()
    assert told[0] == "images read: 18,724"
    assert told[1] == (
        "could not be read: 2 (A/RGVtb2NyYXRpY2FCb2xkT2xkc3R5bGUgQm9sZC50dGY=.png, "
        "F/Q3Jvc3NvdmVyIEJvbGRPYmxpcXVlLnR0Zg==.png)"
    )
    assert told[3].startswith("exact copies of another image: 492 left out (")
    assert told[3].endswith(" and 487 more); 18,232 images differ")
    assert told[4].startswith("copies with different labels, left out: 2 images, 8 copies (")
    assert told[5].startswith("near copies, on one side of every split: 549 (")
    assert told[6].startswith("moved, resized or saved anew, on one side too: 70 (")
    assert told[-2].endswith(", as large a part of each class, or nearly")
    assert not find_copies(load(tmp_path / "data.h5")).test.any()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pets.csv", "pets.csv, a table; it needs no preparing: kohort data check pets.csv"),
        ("arrays.npz", "arrays.npz, an .npz file; it needs no preparing"),
        ("notes.txt", "name a folder of images, or an archive of them"),
        ("cut.tar.gz", "fetch the archive again"),
    ],
)
def test_what_is_no_archive_is_not_to_be_fetched_again(tmp_path, name, told):
    (tmp_path / name).write_text("a,b,species\n1,2,cat\n3,4,dog\n")
    done = kohort("data", "prepare", name, "--out", "data.h5", cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert ("fetch" in done.stderr) == (name == "cut.tar.gz")
    assert not (tmp_path / "data.h5").exists()
