"""What is kept of images, and what is told of the rest."""

import numpy as np
import pytest

from kohort.data.linked import told_of_names
from kohort.data.preparing.drawing import draw, draw_apart
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


LABELS = np.arange(400) % 4
GROUPS = np.arange(400) // 5


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize(("train", "test"), [(None, None), (200, 40), (None, 37), (101, None)])
def test_a_draw_parts_no_group_and_is_always_the_same(balance, train, test):
    options = {"train": train, "test": test, "balance": balance}
    drawn = draw(LABELS, GROUPS, **options, seed=3)

    assert not set(GROUPS[drawn.train]) & set(GROUPS[drawn.test])
    assert len(np.unique(np.concatenate(drawn[:2]))) == len(drawn.train) + len(drawn.test)
    wanted = {"train": train, "test": test or 80}
    for side, rows in zip(("train", "test"), drawn[:2], strict=True):
        count = wanted[side]
        if count is not None:
            assert len(rows) == (count // 4 * 4 if balance else count)
        if balance:
            assert len(set(np.bincount(LABELS[rows]))) == 1
    again = draw(LABELS, GROUPS, **options, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert drawn.by_class == (not balance)
    other = draw(LABELS, GROUPS, **options, seed=4)
    assert set(other.test) != set(drawn.test)
    assert not np.array_equal(drawn.train, np.sort(drawn.train))


RARE = np.repeat([0, 1, 2], [900, 80, 20])


@pytest.mark.parametrize("test", [None, 200, 100])
@pytest.mark.parametrize(
    "groups",
    [np.arange(1000), np.repeat(np.arange(500), 2), np.arange(1000) % 450],
    ids=["alone", "of one class", "of several"],
)
def test_each_class_has_its_part_of_the_test_set(groups, test):
    for seed in range(5):
        drawn = draw(RARE, groups, test=test, seed=seed)
        count = test or 200
        assert drawn.by_class
        assert len(drawn.test) == count
        part = np.bincount(RARE[drawn.test], minlength=3)
        assert (np.abs(part - count * np.array([0.9, 0.08, 0.02])) <= [8, 1.5, 1.5]).all()
        assert not set(groups[drawn.train]) & set(groups[drawn.test])


@pytest.mark.parametrize("test", [None, 200])
def test_groups_too_large_for_the_part_of_their_class_are_drawn_at_random(test):
    groups = np.where(RARE == 2, 0, 1 + np.arange(1000))
    drawn = [draw(RARE, groups, test=test, seed=seed) for seed in range(5)]
    assert not any(each.by_class for each in drawn)
    assert {len(each.test) for each in drawn} == {200}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"test": 500}, "500 test images of each kind, got 400"),
        ({"train": 390}, r"390 images of a kind, got 320"),
        ({"test": 400}, "1 training and test images, got 0"),
        ({"test": 404, "balance": True}, "101 test images of each kind, got 100; ask for fewer"),
        ({"test": 2, "balance": True}, "1 training and test images, got 0"),
    ],
)
def test_refuses_more_than_there_are(options, told):
    with pytest.raises(DataError, match=told):
        draw(LABELS, GROUPS, **options)


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
    drawn, left_out = draw_apart(told_apart, begin=lambda _: searches.append, **asked)

    assert len(left_out) > 0
    assert not set(left_out) & {*drawn.train, *drawn.test}
    assert not set(drawn.train % 30) & set(drawn.test % 30)
    if asked:
        assert len(drawn.test) == asked.get("test", len(drawn.test) // 2 * 2)
        assert len(searches) > 1
    else:
        assert len(searches) == 1
        assert len(drawn.train) + len(drawn.test) + len(left_out) == 60
