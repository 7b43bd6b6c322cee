"""What is kept of images, and what is told of the rest."""

from contextlib import closing

import numpy as np
import pytest

from kohort.data.linked import told_of_names
from kohort.data.preparing.drawing_apart import draw_apart
from kohort.data.preparing.own_split import OwnSplit
from kohort.data.preparing.part_file import PartFile
from kohort.data.preparing.sifting import sift
from kohort.errors import DataError

RANDOM = np.random.default_rng(12)
DIFFERENT = RANDOM.integers(0, 256, (60, 8, 8), np.uint8)


@pytest.fixture
def folder(tmp_path, png):
    def write(images, name="glyphs"):
        for path, image in images.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(image if isinstance(image, bytes) else png(image))
        return tmp_path / name

    return write


def plain():
    """Sixty different images in two classes, a font for each two."""
    return {f"{'AB'[n % 2]}/font{n // 2}.png": image for n, image in enumerate(DIFFERENT)}


def test_different_images_are_all_kept(folder):
    sifted = sift([folder(plain())])
    assert len(sifted.images) == sifted.read == 60
    assert (sifted.copies, sifted.disputed, sifted.near, sifted.constant) == (0, 0, 0, 0)
    assert len(np.unique(sifted.groups)) == 30
    assert sifted.class_names == ("A", "B")


def test_copies_are_kept_once_and_disputed_ones_not_at_all(folder):
    copies = {
        # Two copies of A's first, one of B's first, and one of that in A.
        "A/x.png": DIFFERENT[0], "A/y.png": DIFFERENT[0], "B/x.png": DIFFERENT[1],
        "A/z.png": DIFFERENT[3],
        "A/full.png": np.full((8, 8), 255), "A/also.png": np.full((8, 8), 255),
        "B/bad.png": b"", "A/none.jpg": b"text",
    }  # fmt: skip
    sifted = sift([folder(plain() | copies)])

    assert sifted.read == 66
    assert sifted.unreadable == ("A/none.jpg", "B/bad.png")
    assert (sifted.copies, sifted.disputed, sifted.disputed_copies) == (5, 1, 2)
    assert sifted.constant == 2
    kept = {image.tobytes() for image in sifted.images}
    assert len(kept) == len(sifted.images) == 60
    assert DIFFERENT[3].tobytes() not in kept
    assert DIFFERENT[0].tobytes() in kept
    later = "A/full.png, A/x.png, A/y.png, B/font1.png, B/x.png"
    assert sifted.told() == [
        "images read: 66",
        "could not be read: 2 (A/none.jpg, B/bad.png)",
        "of one colour, blank or full: 2 (A/also.png, A/full.png)",
        f"exact copies of another image: 5 left out ({later}); 61 images differ",
        "copies with different labels, left out: 1 image, 2 copies (A/z.png, B/font1.png)",
        "near copies, on one side of every split: 0",
        "copies that are moved or resized could not be looked for",
        *told_of_names(path.rpartition("/")[2] for path in plain() if "B/font1." not in path),
        f"images left: 60, in {len(np.unique(sifted.groups))} groups",
    ]


def test_what_is_counted_is_named_for_programs_too(folder):
    near = DIFFERENT[10].copy()
    near[0, 0] ^= 8
    copies = {
        "A/x.png": DIFFERENT[0],
        "B/else.png": near,
        "B/full.png": np.full((8, 8), 9, np.uint8),
    }
    sifted = sift([folder(plain() | copies | {"B/z.png": DIFFERENT[2]})])
    told = sifted.as_json()
    assert told["read"] == 64
    assert told["constant"] == ["B/full.png"]
    assert told["copies"] == ["A/x.png", "B/z.png"]
    assert (told["disputed"], told["disputed_images"]) == (["A/font1.png", "B/z.png"], 1)
    assert told["near"] == ["A/font5.png", "B/else.png"]
    assert (told["moved"], told["moved_sought"]) == ([], False)
    assert told["left"] == len(sifted.images) == len(sifted.files) == 61
    shown = {image.tobytes(): name for image, name in zip(sifted.images, sifted.files, strict=True)}
    assert shown == {
        image.tobytes(): name
        for name, image in (copies | plain()).items()
        if name not in ("A/x.png", "A/font1.png")
    }
    assert all(len(told[name]) == getattr(sifted, name) for name in ("constant", "copies", "near"))


def test_many_names_are_cut_on_the_screen_alone(folder):
    blank = {f"A/{n:02}.png": np.full((8, 8), n) for n in range(30)}
    sifted = sift([folder(plain() | blank)])
    (line,) = [line for line in sifted.told() if line.startswith("of one colour")]
    assert line.startswith("of one colour, blank or full: 30 (A/00.png, A/01.png, ")
    assert line.endswith("A/04.png and 25 more)")
    assert sifted.as_json()["constant"] == sorted(blank)


def test_near_copies_and_images_of_a_font_are_one_group(folder):
    near = DIFFERENT[10].copy()
    near[0, 0] ^= 8
    sifted = sift([folder(plain() | {"B/else.png": near})])
    of = {image.tobytes(): group for image, group in zip(sifted.images, sifted.groups, strict=True)}
    assert sifted.near == 2
    assert of[near.tobytes()] == of[DIFFERENT[10].tobytes()] == of[DIFFERENT[11].tobytes()]
    assert len(np.unique(sifted.groups)) == 30


def test_moved_copies_are_one_group_and_told(folder):
    images = np.random.default_rng(1).integers(0, 256, (40, 20, 20), np.uint8)
    named = {f"{'AB'[n % 2]}/font{n}.png": image for n, image in enumerate(images)}
    for n in range(10):
        named[f"{'AB'[n % 2]}/moved{n}.png"] = np.roll(images[n], (1, -1), (0, 1))
    sifted = sift([folder(named)])
    of = {image.tobytes(): group for image, group in zip(sifted.images, sifted.groups, strict=True)}
    assert sifted.moved == 20
    moved = sorted(f"{'AB'[n % 2]}/{name}{n}.png" for n in range(10) for name in ("font", "moved"))
    told = f"moved, resized or saved anew, on one side too: 20 ({', '.join(moved[:5])} and 15 more)"
    assert told in sifted.told()
    assert sifted.as_json()["moved"] == moved
    assert len(np.unique(sifted.groups)) == 40
    for n in range(10):
        assert of[images[n].tobytes()] == of[np.roll(images[n], (1, -1), (0, 1)).tobytes()]
    drawn, _ = draw_apart(sifted)
    assert not set(sifted.groups[drawn.train]) & set(sifted.groups[drawn.test])


def test_sources_come_together_by_the_names_of_classes(folder):
    one = folder({name: image for name, image in plain().items() if "font1" not in name}, "one")
    two = {name.replace("B/", "C/"): image for name, image in plain().items() if "font1" in name}
    sifted = sift([one, folder(two, "two")])
    assert sifted.class_names == ("A", "B", "C")
    label = dict(
        zip([image.tobytes() for image in sifted.images], sifted.labels.tolist(), strict=True)
    )
    assert label[DIFFERENT[0].tobytes()] == 0
    assert label[DIFFERENT[1].tobytes()] == 1
    assert label[DIFFERENT[3].tobytes()] == 2


def test_refuses_sources_of_several_sizes(folder):
    one = folder(plain(), "one")
    two = folder({n: i[:4] for n, i in plain().items()}, "two")
    with pytest.raises(DataError, match=r"one shape, \(8, 8\) as in .*one, got \(4, 8\) in .*two"):
        sift([one, two])
    assert sift([one, two], size=(4, 4)).images.shape[1:] == (4, 4)


@pytest.mark.parametrize("asked", [{}, {"test": 8}, {"balance": True}])
def test_what_is_near_after_the_draw_is_left_out(folder, asked):
    sifted = sift([folder(plain())])
    # Images that are near, in groups that do not tell it.
    images = sifted.images.copy()
    images[30:] = images[:30]
    images[30:, 0, 0] ^= 8
    groups = np.arange(60)
    told_apart = type(sifted)(**{**vars(sifted), "images": images, "groups": groups})
    searches = []
    drawn, others = draw_apart(told_apart, begin=lambda _: searches.append, **asked)
    left_out = others.pop("near_after_the_draw")

    assert len(left_out) > 0
    assert not set(left_out) & {*drawn.train, *drawn.test}
    assert not set(drawn.train % 30) & set(drawn.test % 30)
    if asked:
        assert len(drawn.test) == asked.get("test", len(drawn.test) // 2 * 2)
        assert len(searches) > 1
    else:
        assert len(searches) == 1
        assert len(drawn.train) + len(drawn.test) + len(left_out) == 60
        assert not any(map(len, others.values()))


@pytest.mark.parametrize("asked", [{}, {"train": 20}])
def test_what_is_near_after_the_draw_does_not_train_where_folders_split(folder, asked):
    sifted = sift([folder(plain())])
    images = sifted.images.copy()
    images[30:] = images[:30]
    images[30:, 0, 0] ^= 8
    split = OwnSplit(np.arange(60) < 15, np.arange(15, 17), (15, 45), 0, 0)
    parted = type(sifted)(**{**vars(sifted), "images": images, "split": split})
    drawn, others = draw_apart(parted, **asked)

    assert sorted(drawn.test) == list(range(15))
    near = {15, 16, *range(30, 45)}
    assert set(others["near_a_test_image"]) <= near
    assert not near & set(drawn.train)
    if asked:
        assert len(drawn.train) == 20
    else:
        assert set(others["near_a_test_image"]) == near
        assert len(drawn.train) == 28


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"test": 7}, {"in_a_group_that_tests": 1}),
        ({"test": 7, "train": 40}, {"in_a_group_that_tests": 1, "more_than_asked_for": 12}),
        ({"balance": True}, {"in_a_group_that_tests": 1, "more_than_the_smallest_class": 9}),
        ({"balance": True, "train": 40}, {"in_a_group_that_tests": 1, "more_than_asked_for": 17}),
    ],
)
def test_it_is_told_why_images_are_in_neither_set(folder, asked, why):
    more = np.random.default_rng(5).integers(0, 256, (10, 8, 8), np.uint8)
    named = {f"A/more{n}.png": image for n, image in enumerate(more)} if "balance" in asked else {}
    sifted = sift([folder(plain() | named)])
    drawn, others = draw_apart(sifted, **asked)
    assert {kind: len(rows) for kind, rows in others.items() if len(rows)} == why
    rows = np.concatenate([drawn.train, drawn.test, *others.values()])
    assert sorted(rows) == list(range(len(sifted.images)))
    beside = others["in_a_group_that_tests"]
    assert set(sifted.groups[beside]) <= set(sifted.groups[drawn.test])


def test_what_was_found_of_another_split_is_not_taken_for_this_one(folder, tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (40, 20, 20), np.uint8)
    with closing(PartFile(tmp_path / "data.h5", {})) as part:
        for sides in (("test", "train"), ("train", "test")):
            named = {
                f"{n % 2}/{sides[n % 2]}/{'AB'[n // 2 % 2]}/{n}.png": image
                for n, image in enumerate(images)
            }
            named[f"1/{sides[1]}/A/copy.png"] = images[0]
            named["2/train/A/moved.png"] = np.roll(images[0], 1, 0)
            sifted = sift([folder(named, sides[0])], part_file=part)
            (near,) = sifted.split.near
            assert sifted.files[near] == "2/train/A/moved.png"
