"""`kohort data prepare` of folders to train and to test: the split is kept, and told."""

import json
import tarfile

import h5py
import numpy as np
import pytest
from PIL import Image

from kohort import load
from tests.cli.in_process import kohort

PER_CLASS = {"train/A": 30, "train/B": 40, "test/A": 12, "test/B": 9}


@pytest.fixture
def split(tmp_path):
    """Images of numbers for names; the last of the test folder A has copies that train."""
    random = np.random.default_rng(4)
    for folder, count in PER_CLASS.items():
        for number in range(count):
            save(tmp_path / "data" / folder / f"{folder[:2]}{number}.png", noise(random))
    last = np.asarray(Image.open(tmp_path / "data/test/A/te11.png"))
    near = last.copy()
    near[0, 0] ^= 8
    save(tmp_path / "data/train/A/exact.png", last)
    save(tmp_path / "data/train/A/near.png", near)
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "data", "data")
    return tmp_path


def noise(random):
    return random.integers(0, 256, (8, 8), np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def prepared(folder, *arguments, sources=("data",)):
    done = kohort("data", "prepare", *sources, "--out", "out.h5", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    data = load(folder / "out.h5")
    files = data.source_files
    return done.stdout.splitlines(), data, files[: len(data.x_train)], files[len(data.x_train) :]


def stands_for(folder, data, files):
    pixels = np.rint(np.concatenate([data.x_train, data.x_test]) * 255 + 127.5)
    return all(
        np.array_equal(np.asarray(Image.open(folder / name)).ravel(), image)
        for name, image in zip(files, pixels, strict=True)
    )


@pytest.mark.parametrize("sources", [("data",), ("data.tar.gz",), ("data/train", "data/test")])
def test_images_of_the_test_folder_test_and_no_others(split, sources):
    told, data, train, test = prepared(split, sources=sources)
    assert len(test) == 21
    assert all(name.startswith("test/") for name in test)
    assert len(train) == 70
    assert all(name.startswith("train/") for name in train)
    assert stands_for(split / "data", data, (*train, *test))
    assert not {"train/A/exact.png", "train/A/near.png"} & set(train)
    assert "test/A/te11.png" in test
    assert told[-6:] == [
        "images in folders to test, which alone test: 21",
        "images in other folders: 72; exact copies of those to test, left out: 1",
        "images left: 92, in 52 groups",
        (
            "near copies of images in the folders to test, moved ones too, left out: 1 "
            "(train/A/near.png)"
        ),
        "train: 70; test: 21",
        "data: out.h5",
    ]
    with h5py.File(split / "out.h5") as file:
        assert json.loads(file["provenance"][:].tobytes())["told"] == told[:-1]


def prepared_with_six_more(split, place):
    random = np.random.default_rng(9)
    for number in range(6):
        save(split / place / "AB"[number % 2] / f"more{number}.png", noise(random))
    _, _, train, test = prepared(split, sources=("data", place))
    return train, test


def test_a_source_without_such_folders_trains(split):
    train, test = prepared_with_six_more(split, "more")
    assert len(train) == 76
    assert {name.partition("/")[0] for name in train} == {"data", "more"}
    assert len(test) == 21
    assert all(name.startswith("data/test/") for name in test)


def test_a_source_that_is_a_folder_to_test_tests_beside_one_with_both(split):
    train, test = prepared_with_six_more(split, "more/test")
    assert len(train) == 70
    assert len(test) == 27


@pytest.mark.parametrize("options", [("--train", "50"), ("--test", "8"), ("--balance",)])
def test_numbers_are_drawn_of_either_side(split, options):
    told, data, train, test = prepared(split, *options)
    assert all(name.startswith("test/") for name in test)
    assert all(name.startswith("train/") for name in train)
    of_each = [np.bincount(data.y_train).tolist(), np.bincount(data.y_test).tolist()]
    if options == ("--balance",):
        assert of_each == [[30, 30], [9, 9]]
        assert told[-3].startswith("left out, so that each class has equally many: 13 (")
    else:
        assert len(train) == (50 if "--train" in options else 70)
        assert len(test) == (8 if "--test" in options else 21)
        number = 20 if "--train" in options else 13
        assert told[-3].startswith(f"left out, as fewer were asked for: {number} (")


REFUSED = {
    "more to test": (
        ("--test", "22"),
        (
            "expected 22 or more images to test, got 21 in the folders to test, copies left out; "
            "ask for --test 21 or fewer"
        ),
    ),
    "more to train": (("--train", "71"), "got 70 in the folders to train, copies left out; ask"),
    "of each": (
        ("--balance", "--test", "20"),
        (
            "expected 10 or more images of each class to test, got 9 of B in the folders to test, "
            "copies left out; ask for --test 18 or fewer"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_more_than_a_side_has_is_refused(split, case):
    options, told = REFUSED[case]
    done = kohort("data", "prepare", "data", "--out", "out.h5", *options, cwd=split)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (split / "out.h5").exists()


def test_names_on_both_sides_part_nothing_and_are_told(split):
    (split / "data/train/A/tr0.png").rename(split / "data/train/A/te0.png")
    told, data, train, test = prepared(split)
    assert (len(train), len(test)) == (70, 21)
    assert any("one group that no split parts, but that by folders: " in line for line in told)
    # te0 to te8 are files of both classes, and one name trains.
    assert "images to test in one group with others that train, as the folders part it: 2" in told
    assert len(set(data.groups) & set(data.test_groups)) == 1


def test_programs_get_the_same(split):
    done = kohort("data", "prepare", "data", "--out", "out.h5", "--json", cwd=split)
    told = json.loads(done.stdout)
    assert (told["train"], told["test"]) == (70, 21)
    assert told["copies"] == ["train/A/exact.png"]
    assert told["near_a_test_image"] == ["train/A/near.png"]
    assert "images in folders to test, which alone test: 21" in told["notes"]
