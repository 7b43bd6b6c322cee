"""The built-in letters, their provenance and their notices."""

import csv
import re
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest

from kohort.data.builtin import load_letters

FOLDER = files("kohort.data.builtin")
PACKAGE_LIMIT = 8 * 2**20  # bytes, of all files together
LETTER_I = 8


@pytest.fixture(scope="module")
def letters():
    return load_letters()


@pytest.fixture(scope="module")
def faces():
    return list(csv.DictReader((FOLDER / "faces.csv").read_text("utf-8").splitlines()))


@pytest.fixture(scope="module")
def stored():
    with (FOLDER / "letters.npz").open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


def test_are_grey_images_of_ten_classes(letters):
    assert letters.class_names == tuple("ABCDEFGHIJ")
    assert letters.input_shape == (28, 28)
    assert letters.x_train.dtype == letters.x_test.dtype == np.uint8
    assert letters.name == "letters"
    assert len(letters.x_train) > 10_000
    assert len(letters.x_test) > 1_000


def test_classes_are_balanced_on_both_sides(letters):
    for y in (letters.y_train, letters.y_test):
        assert set(np.bincount(y, minlength=10)) == {len(y) // 10}


def test_images_are_white_on_black(letters):
    pixels = np.concatenate([letters.x_train, letters.x_test]).reshape(-1, 28 * 28)
    labels = np.concatenate([letters.y_train, letters.y_test])
    brightest, darkest = pixels.max(axis=1), pixels.min(axis=1)

    assert (brightest > 150).all()
    # A plain I fills its box, and is white all over.
    assert (darkest[labels != LETTER_I] < 100).all()


def test_no_image_is_on_both_sides(letters):
    train, test = ({image.tobytes() for image in x} for x in (letters.x_train, letters.x_test))
    assert not train & test


def test_copies_of_an_image_are_in_one_group(letters):
    pairs = {(x.tobytes(), group) for x, group in zip(letters.x_train, letters.groups, strict=True)}
    assert len(pairs) == len({image for image, _ in pairs}) < len(letters.x_train)


@pytest.mark.parametrize("of", ["group", "family"])
def test_no_group_or_family_is_on_both_sides(faces, of):
    sides = [{face[of] for face in faces if face["split"] == side} for side in ("train", "test")]

    assert all(sides)
    assert not sides[0] & sides[1]
    assert {face["split"] for face in faces} == {"train", "test"}


def test_a_family_is_one_group(faces):
    pairs = {(face["family"], face["group"]) for face in faces}
    assert len(pairs) == len({face["family"] for face in faces})


def test_samples_have_the_groups_of_their_faces(letters, faces, stored):
    rows = [faces[number] for number in stored["face"]]
    train = [row["split"] == "train" for row in rows]

    assert letters.groups.tolist() == [
        int(row["group"]) for row, is_train in zip(rows, train, strict=True) if is_train
    ]
    assert np.array_equal(letters.x_train, stored["images"][train])
    assert np.array_equal(letters.y_test, stored["labels"][~np.array(train)])


def test_every_image_has_its_row_of_provenance(faces, stored):
    assert [int(face["face"]) for face in faces] == list(range(len(faces)))
    # Each face gives each letter once.
    drawn = Counter(zip(stored["face"].tolist(), stored["labels"].tolist(), strict=True))
    assert set(drawn) == {(face, label) for face in range(len(faces)) for label in range(10)}
    assert set(drawn.values()) == {1}
    for face in faces:
        for column in ("family", "font_file", "source_package", "licence"):
            assert face[column].strip(), (face["face"], column)


def test_every_licence_tag_and_its_faces_are_in_the_notice(faces):
    notice = (FOLDER / "NOTICE.md").read_text("utf-8")
    table = notice.split("## Faces by recorded licence")[1].split("\n## ")[0]
    told = dict(re.findall(r"^\| ([^|]+?) \| (\d+) \|", table, re.MULTILINE))
    counted = Counter(_tag(face["licence"]) for face in faces)

    assert {tag: int(number) for tag, number in told.items()} == dict(counted)


def _tag(licence):
    # The notice calls this one by its author and quotes it further below.
    return "Brian Kent (below)" if licence.startswith("Brian Kent free licence") else licence


@pytest.mark.parametrize(
    ("tag", "heading"),
    [
        ("ofl", "SIL Open Font License"),
        ("lppl", "LaTeX Project Public License"),
        ("gfl", "GUST Font License"),
        ("apache", "Apache License"),
        ("mit", "MIT"),
        ("bsd", "BSD"),
        ("ufl", "Ubuntu Font Licence"),
        ("brian kent", "Aenigma, by Brian Kent"),
    ],
)
def test_licences_that_faces_are_under_are_quoted(faces, tag, heading):
    notice = (FOLDER / "NOTICE.md").read_text("utf-8")

    assert any(tag in face["licence"].lower() for face in faces)
    assert re.search(rf"^## .*{re.escape(heading)}", notice, re.MULTILINE)


def test_the_package_files_are_small():
    sizes = {file.name: len(file.read_bytes()) for file in FOLDER.iterdir() if file.is_file()}

    assert {"letters.npz", "faces.csv", "NOTICE.md"} <= set(sizes)
    assert sum(sizes.values()) <= PACKAGE_LIMIT
