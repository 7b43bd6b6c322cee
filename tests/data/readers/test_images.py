"""Folders and archives of images sorted into one folder per class."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from kohort.data.readers.images import load_images
from kohort.data.splits import NEVER_HELD_OUT
from kohort.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Writes files below `letters/` and gives that folder."""

    def write(files):
        for name, content in files.items():
            path = tmp_path / "letters" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / "letters"

    return write


@pytest.fixture
def pack(tmp_path):
    """Packs a folder, root and all, into an archive of the given ending."""

    def write(source, ending):
        path = tmp_path / f"letters.{ending}"
        if ending == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in source.rglob("*"):
                    archive.write(file, file.relative_to(source.parent))
        else:
            with tarfile.open(path, "w" + ending.removeprefix("tar").replace(".", ":")) as archive:
                archive.add(source, source.name)
        return path

    return write


@pytest.fixture
def glyphs(png):
    """Forty different images of 6x4 in three classes, none of them alike in name."""
    random = np.random.default_rng(50)
    return {f"{'ABC'[n % 3]}/{n}.png": png(random.integers(0, 256, (6, 4))) for n in range(40)}


def all_pixels(data):
    return np.concatenate([data.x_train, data.x_test])


def rows(data, side):
    x, y = getattr(data, f"x_{side}"), getattr(data, f"y_{side}")
    return {(image.tobytes(), int(label)) for image, label in zip(x, y, strict=True)}


def test_reads_every_image_with_the_label_of_its_folder(folder, glyphs):
    data = load_images(folder(glyphs))

    expected = {
        (np.asarray(Image.open(io.BytesIO(content))).tobytes(), "ABC".index(name[0]))
        for name, content in glyphs.items()
    }
    assert rows(data, "train") | rows(data, "test") == expected
    assert data.class_names == ("A", "B", "C")
    assert data.input_shape == (6, 4)
    assert data.x_train.dtype == np.uint8
    assert data.name == "letters"
    assert data.unreadable == ()


def test_holds_a_fifth_out_and_always_the_same(folder, glyphs):
    source = folder(glyphs)
    data = load_images(source)

    assert (len(data.x_train), len(data.x_test)) == (31, 9)
    assert not rows(data, "train") & rows(data, "test")
    assert load_images(source).fingerprint == data.fingerprint


def test_images_of_one_name_are_told_to_be_one_group(folder, glyphs, png):
    assert load_images(folder(glyphs)).notes == ()
    more = {f"B/{n}.png": png(np.full((6, 4), n)) for n in (0, 3, 6)}
    notes = load_images(folder(more | {"C/3.png": png(np.full((6, 4), 99))})).notes
    told = (
        "images of one file name, in several folders, are one group that no split parts: 7 images "
        "of 3 such names, as 3 of 3.png; where names are alike by chance, as numbers are, rename "
        "the files"
    )
    assert notes == (told,)


def test_images_with_names_of_their_own_are_held_out_by_class(folder, png):
    random = np.random.default_rng(0)
    counts = {"no": 100, "yes": 10, "maybe": 5}
    files = {
        f"{name}/{name}{n}.png": png(random.integers(0, 256, (6, 4)))
        for name, count in counts.items()
        for n in range(count)
    }
    data = load_images(folder(files))
    assert np.bincount(data.y_test).tolist() == [1, 20, 2]
    assert "whole groups, as large a part of each class" in data.test_from
    # Of classes too small to hold one out of each in proportion, groups are drawn at random.
    pairs = {f"pair{n // 2}/{n}.png": png(np.full((6, 4), n)) for n in range(40)}
    few = load_images(folder(pairs))
    assert "as large a part" not in few.test_from
    assert len(few.x_test) == 31


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.xz", "zip"])
def test_an_archive_gives_the_dataset_of_its_folder(folder, pack, glyphs, ending):
    source = folder({**glyphs, "A/torn.png": b""})
    one, other = load_images(source), load_images(pack(source, ending))

    assert other.fingerprint == one.fingerprint
    assert other.name == one.name
    assert other.class_names == one.class_names
    assert other.unreadable == one.unreadable == ("A/torn.png",)
    assert np.array_equal(other.groups, one.groups)
    assert other.source_files == one.source_files
    named = zip(one.source_files, all_pixels(one), strict=True)
    assert {name: pixels.tobytes() for name, pixels in named} == {
        name: np.asarray(Image.open(io.BytesIO(content))).tobytes()
        for name, content in glyphs.items()
    }


def test_files_are_named_below_what_all_of_them_lie_in(folder, glyphs):
    sides = {f"{('train', 'test')[n % 2]}/{name}": glyphs[name] for n, name in enumerate(glyphs)}
    assert set(load_images(folder(sides)).source_files) == set(sides)
    deep = {f"a/b/{name}": content for name, content in glyphs.items()}
    assert set(load_images(folder(deep) / "a").source_files) >= {"A/0.png", "B/1.png"}


def test_an_archive_is_not_unpacked(folder, pack, glyphs, tmp_path, monkeypatch):
    archive = pack(folder(glyphs), "tar.gz")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    load_images(archive)

    assert sorted(tmp_path.rglob("*")) == before


def test_unreadable_files_are_named_and_left_out(folder, glyphs, png):
    whole = png(np.zeros((6, 4)))
    bad = {
        "A/empty.png": b"",
        "B/cut.png": whole[: len(whole) // 2],
        "C/text.jpg": b"no image",
    }
    data = load_images(folder(glyphs | bad))

    assert data.unreadable == ("A/empty.png", "B/cut.png", "C/text.jpg")
    assert len(all_pixels(data)) == 40


def test_files_that_are_no_images_are_passed_over(folder, glyphs):
    others = {"A/notes.txt": b"x", "B/.hidden.png": b"x", "README": b"x", "C/Thumbs.db": b"x"}
    data = load_images(folder(glyphs | others))

    assert len(all_pixels(data)) == 40
    assert data.unreadable == ()


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def in_colour(number, size=(4, 6)):
    """A picture of random colours, of width and height `size`."""
    pixels = np.random.default_rng(number).integers(0, 256, (*size[::-1], 3), np.uint8)
    return Image.fromarray(pixels)


def test_colour_becomes_grey_when_asked(folder, glyphs):
    red = encoded(Image.new("RGB", (4, 6), (255, 0, 0)))
    data = load_images(folder({**glyphs, "A/red.PNG": red}), color="grey")

    # ITU-R 601-2: 0.299 of red.
    assert (all_pixels(data) == round(0.299 * 255)).all(axis=(1, 2)).sum() == 1
    assert data.notes == ("images that were made grey of colour: 1",)


def test_colour_stays_colour(folder):
    pictures = [in_colour(n) for n in range(20)]
    source = folder({f"{'AB'[n % 2]}/{n}.png": encoded(p) for n, p in enumerate(pictures)})
    data = load_images(source)

    assert data.input_shape == (6, 4, 3)
    assert data.stores_pixels
    expected = {np.asarray(picture).tobytes() for picture in pictures}
    assert {image.tobytes() for image in all_pixels(data)} == expected
    assert data.notes == ()
    assert load_images(source, color="rgb").fingerprint == data.fingerprint


def test_grey_becomes_colour_when_asked(folder, glyphs):
    source = folder(glyphs)
    data = load_images(source, color="rgb")

    assert data.input_shape == (6, 4, 3)
    assert (all_pixels(data) == all_pixels(load_images(source))[..., None]).all()
    assert data.notes == ("images that were made red, green and blue of grey: 40",)


def test_images_are_resized_when_asked(folder, png):
    random = np.random.default_rng(4)
    sizes = [(6, 4), (12, 8), (5, 9)]
    images = [random.integers(0, 256, sizes[n % 3], np.uint8) for n in range(30)]
    source = folder({f"{'AB'[n % 2]}/{n}.png": png(image) for n, image in enumerate(images)})
    data = load_images(source, size=(6, 4))

    expected = {
        np.asarray(Image.fromarray(i).resize((4, 6), Image.Resampling.LANCZOS)).tobytes()
        for i in images
    }
    assert {image.tobytes() for image in all_pixels(data)} == expected
    assert data.notes == ("images that were resized to 6 x 4 (height x width): 20",)


def as_photo(image, orientation):
    """A JPEG whose camera was turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "JPEG", exif=exif, quality=100)


@pytest.mark.parametrize(("orientation", "turned"), [(3, 180), (6, 270), (8, 90)])
def test_photos_are_turned_upright(folder, orientation, turned):
    # Halves of black and white, which JPEG keeps.
    image = Image.fromarray(np.repeat([[0], [255]], 16, axis=0).repeat(16, axis=1).astype("u1"))
    files = {f"{'AB'[n % 2]}/{n}.png": encoded(in_colour(n).convert("L")) for n in range(8)}
    stored = image.rotate(-turned, expand=True)
    data = load_images(folder(files | {"A/x.jpg": as_photo(stored, orientation)}), size=(32, 16))

    upright = np.asarray(image).astype(int)
    close = [np.abs(found - upright).max() < 10 for found in all_pixels(data).astype(int)]
    assert sum(close) >= 1
    assert "images that were turned upright, as their cameras say: 1" in data.notes


ODD = {
    "transparent": (
        encoded(Image.fromarray(np.full((6, 4, 4), (9, 9, 9, 0), np.uint8))),
        "rgb", 255, "images that are transparent in part, and white there: 1",
    ),
    "transparent grey": (
        encoded(Image.fromarray(np.full((6, 4, 2), (9, 0), np.uint8), "LA")),
        "grey", 255, "images that are transparent in part, and white there: 1",
    ),
    "opaque": (
        encoded(Image.fromarray(np.full((6, 4, 4), (7, 7, 7, 255), np.uint8))), "rgb", 7, None,
    ),
    "16 bits": (
        encoded(Image.fromarray(np.full((6, 4), 40 * 256 + 200, np.uint16))),
        "grey", 40, "images that were brought from 16 bits a pixel to 8: 1",
    ),
    "a palette of greys": (encoded(Image.new("L", (4, 6), 17).convert("P")), "grey", 17, None),
    "a palette of colours": (
        encoded(Image.new("RGB", (4, 6), (204, 0, 0)).convert("P")),
        "grey", 61, "images that were made grey of colour: 1",
    ),
    "inks": (
        encoded(Image.new("CMYK", (4, 6), (0, 0, 0, 0)), "JPEG"),
        "rgb", 255, "images that were made red, green and blue of CMYK: 1",
    ),
    "several pictures": (
        encoded(Image.new("L", (4, 6), 33), "GIF", save_all=True,
                append_images=[Image.new("L", (4, 6), 99)]),
        "grey", 33, "images that hold several pictures, of which the first is read: 1",
    ),
    "TIFF": (encoded(Image.new("L", (4, 6), 5), "TIFF"), "grey", 5, None),
    "WebP": (encoded(Image.new("RGB", (4, 6), (5, 5, 5)), "WEBP", lossless=True), "rgb", 5, None),
    "PPM": (encoded(Image.new("L", (4, 6), 6), "PPM"), "grey", 6, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_what_is_changed_on_reading_is_told(folder, glyphs, kind):
    content, color, value, told = ODD[kind]
    plain = load_images(folder(glyphs), color=color).notes
    data = load_images(folder({**glyphs, "A/odd.png": content}), color=color)

    assert (all_pixels(data) == value).reshape(41, -1).all(axis=1).sum() == 1
    assert set(data.notes) - set(plain) == ({told} if told else set())


def test_a_palette_of_greys_is_grey(folder, glyphs):
    odd = encoded(Image.new("L", (4, 6), 17).convert("P"), "PNG")
    assert load_images(folder({**glyphs, "A/odd.png": odd})).input_shape == (6, 4)


def test_folders_named_train_and_test_are_the_split(folder, glyphs):
    sides = {name: "test" if int(name[2:-4]) < 12 else "train" for name in glyphs}
    data = load_images(folder({f"{sides[name]}/{name}": c for name, c in glyphs.items()}))

    expected = {
        np.asarray(Image.open(io.BytesIO(content))).tobytes()
        for name, content in glyphs.items()
        if sides[name] == "test"
    }
    assert {image.tobytes() for image in data.x_test} == expected
    assert len(data.groups) == len(data.x_train) == 28
    assert data.class_names == ("A", "B", "C")
    assert data.notes == ("the test set is the 12 images of that name",)
    with pytest.raises(DataError, match=r"no test= for images with a test set, got 0\.1"):
        load_images(folder({}), test=0.1)


def test_classes_named_train_and_test_are_classes(folder, glyphs):
    named = {f"{'train' if 'A/' in name else 'test'}/{name[2:]}": c for name, c in glyphs.items()}
    data = load_images(folder(named))
    assert data.class_names == ("test", "train")
    assert data.notes == ()


def test_a_part_may_be_asked_for(folder, glyphs):
    source = folder(glyphs)
    assert len(load_images(source, test=0.5).x_test) == 19
    assert len(load_images(source, test=0).x_test) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 28}, r"size as \(height, width\), got 28; give"),
        ({"size": (28,)}, r"got \(28,\)"),
        ({"size": (0, 28)}, r"got \(0, 28\)"),
        ({"size": (2.5, 28)}, r"got \(2\.5, 28\)"),
        ({"size": (2**20, 28)}, r"got \(1048576, 28\)"),
        ({"color": "gray"}, r"color in \('keep', 'grey', 'rgb'\), got 'gray'"),
    ],
)
def test_refuses_options_that_are_none(folder, glyphs, options, told):
    with pytest.raises(DataError, match=told):
        load_images(folder(glyphs), **options)


def test_files_of_one_name_stay_on_one_side_and_are_one_group(folder, png):
    random = np.random.default_rng(51)
    # Each font draws the letters A to E in shades of its own.
    files = {
        f"{letter}/font{font}.png": png(np.full((4, 4), 5 * font) + random.integers(0, 5, (4, 4)))
        for font in range(40)
        for letter in "ABCDE"
    }
    data = load_images(folder(files))
    fonts = [
        set(np.unique(x.reshape(len(x), -1).min(axis=1) // 5)) for x in (data.x_train, data.x_test)
    ]

    assert len(data.x_test) == 40
    assert not fonts[0] & fonts[1]
    assert len(np.unique(data.groups)) == len(fonts[0]) == 32
    shade = data.x_train.reshape(len(data.x_train), -1).min(axis=1) // 5
    assert len(set(zip(data.groups, shade, strict=True))) == 32


def test_copies_of_an_image_stay_on_one_side_and_are_one_group(folder, png):
    files = {f"{'AB'[n % 2]}/{n}.png": png(np.full((4, 4), n // 4)) for n in range(100)}
    data = load_images(folder(files))
    train, test = data.x_train[:, 0, 0], data.x_test[:, 0, 0]

    assert len(test) == 20
    assert not set(train) & set(test)
    assert len(set(zip(data.groups, train, strict=True))) == len(np.unique(data.groups)) == 20


def test_names_and_copies_chain_into_one_group(folder, png):
    # 0 and 1 share their pixels, 1 and 2 their name, 2 and 3 their pixels.
    chain = {
        "A/a.png": png(np.full((4, 4), 1)),
        "A/b.png": png(np.full((4, 4), 1)),
        "B/b.png": png(np.full((4, 4), 2)),
        "B/c.png": png(np.full((4, 4), 2)),
    }
    # Sixteen more, so that a test set of four might take the chain or not.
    others = {f"A/x{n}.png": png(np.full((4, 4), 100 + n)) for n in range(16)}
    data = load_images(folder(chain | others))

    on_train = np.isin(data.x_train[:, 0, 0], [1, 2])
    assert on_train.sum() in (0, 4)
    assert len(np.unique(data.groups[on_train])) == min(1, on_train.sum())


def test_refuses_images_of_several_sizes(folder, glyphs, png):
    source = folder({**glyphs, "C/wide.png": png(np.zeros((4, 9)))})
    told = (
        r"images of one size \(height x width\), got 40 of 6 x 4 \(such as A/0\.png\), 1 of 4 x 9 "
        r"\(such as C/wide\.png\); give the size to make them, such as size=\(6, 4\)"
    )
    with pytest.raises(DataError, match=told):
        load_images(source)


def test_of_many_sizes_the_most_frequent_are_told(folder, png):
    files = {f"{'AB'[n % 2]}/{n}.png": png(np.zeros((n % 7 + 1, 4))) for n in range(40)}
    told = r"6 of 1 x 4 .*, 6 of 4 x 4 .*, 6 of 3 x 4 \(such as A/16\.png\) and 4 other sizes"
    with pytest.raises(DataError, match=told):
        load_images(folder(files))


def test_refuses_images_in_no_class_folder(folder, png):
    source = folder({"a.png": png(np.zeros((4, 4))), "A/b.png": png(np.ones((4, 4)))})
    with pytest.raises(DataError, match=r"got a\.png in no folder of .*sort the images"):
        load_images(source)


def test_sixteen_bit_grey_is_scaled_and_not_cut_off(folder, png):
    ramp = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4096
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "PNG")
    names = {f"{c}/{i}.png": png(np.full((4, 4), 10 * i)) for i in range(8) for c in "AB"}
    data = load_images(folder(names | {"A/deep.png": stream.getvalue()}))
    images = [*data.x_train, *data.x_test]
    assert any((image == ramp >> 8).all() for image in images)


@pytest.mark.parametrize(
    ("names", "received"),
    [
        ([], "0 readable images in no folder"),
        (["A/a.png", "A/b.png"], r"2 readable images in \['A'\]"),
    ],
    ids=["empty", "one class"],
)
def test_refuses_a_folder_without_class_folders(folder, png, names, received):
    source = folder({"notes.txt": b"x"} | {name: png(np.zeros((4, 4))) for name in names})
    with pytest.raises(DataError, match=f"at least two class folders.*{received}"):
        load_images(source)


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.xz", "zip"])
def test_refuses_a_cut_archive(folder, pack, glyphs, ending):
    archive = pack(folder(glyphs), ending)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(DataError, match=r"letters\.(tar|zip).*(fetch the archive again)"):
        load_images(archive)


def test_refuses_a_damaged_zip(folder, pack, glyphs):
    archive = pack(folder(glyphs), "zip")
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as whole:
        first = next(entry for entry in whole.infolist() if entry.filename.endswith(".png"))
    # Behind the entry's header of 30 bytes and its name.
    content[first.header_offset + 30 + len(first.filename) + 40] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(DataError, match="a whole tar or zip archive"):
        load_images(archive)


def test_refuses_what_is_neither_folder_nor_archive(tmp_path):
    path = tmp_path / "letters.txt"
    path.write_text("A to J")
    with pytest.raises(DataError, match="expected a folder, or a whole tar or zip archive"):
        load_images(path)


def test_refuses_a_tar_that_is_cut_between_two_files(folder, pack, glyphs):
    archive = pack(folder(glyphs), "tar")
    with tarfile.open(archive) as whole:
        offset = whole.getmembers()[30].offset
    archive.write_bytes(archive.read_bytes()[:offset])
    with pytest.raises(DataError):
        load_images(archive)


def test_refuses_a_damaged_tar_gz(folder, pack, glyphs):
    archive = pack(folder(glyphs), "tar.gz")
    content = bytearray(archive.read_bytes())
    content[-6] ^= 0xFF  # in the checksum of the whole stream
    archive.write_bytes(content)
    with pytest.raises(DataError):
        load_images(archive)


def test_refuses_too_few_images_in_words_that_help(folder, png):
    source = folder({"A/a.png": png(np.zeros((4, 4))), "B/b.png": png(np.ones((4, 4)))})
    with pytest.raises(DataError, match="images"):
        load_images(source)


@pytest.mark.long
def test_the_real_notmnist_small(shared_data):
    data = load_images(shared_data("notMNIST_small.tar.gz"))
    labels = np.concatenate([data.y_train, data.y_test])
    pixels = [{image.tobytes() for image in x} for x in (data.x_train, data.x_test)]

    assert len(labels) == 18_724
    # As measured by others: see the README beside the archive.
    assert np.bincount(labels).tolist() == [1872, *[1873] * 4, *[1872] * 5]
    assert data.class_names == tuple("ABCDEFGHIJ")
    assert data.input_shape == (28, 28)
    assert data.unreadable == (
        "A/RGVtb2NyYXRpY2FCb2xkT2xkc3R5bGUgQm9sZC50dGY=.png",
        "F/Q3Jvc3NvdmVyIEJvbGRPYmxpcXVlLnR0Zg==.png",
    )
    assert len(data.x_test) == round(0.2 * 18_724)
    assert not pixels[0] & pixels[1]
    assert len(pixels[0]) + len(pixels[1]) == 18_232
    # The full square, I of 254 fonts, chains none of them together, and is in no test.
    assert (data.groups == NEVER_HELD_OUT).sum() == 254
    assert max(np.unique(data.groups[data.groups >= 0], return_counts=True)[1]) < 100


def test_classes_of_one_name_in_several_folders_are_told(folder, png):
    random = np.random.default_rng(0)
    files = {
        f"{kind}/part{n % 2}/{kind}{n}.png": png(random.integers(0, 256, (6, 4)))
        for n in range(8)
        for kind in ("cat", "dog")
    }
    data = load_images(folder(files))
    assert data.class_names == ("part0", "part1")
    assert data.notes[0] == (
        "the class of an image is its innermost folder, and several are of one name: cat/part0, "
        "dog/part0 are the class part0, and so on for 1 more; where the outer folders are the "
        "classes, take the inner ones out"
    )


def test_folders_to_validate_are_told_to_train(folder, glyphs):
    sides = {0: "train", 1: "val", 2: "test"}
    files = {
        f"{sides[n % 3]}/{'AB'[n % 2]}/{n}.png": each for n, each in enumerate(glyphs.values())
    }
    data = load_images(folder(files))
    told = (
        "the 13 images in folders to validate train as others do: a study splits validation parts "
        "off itself"
    )
    assert told in data.notes
    assert (len(data.x_train), len(data.x_test)) == (27, 13)


LOST = "folders of which nothing is in the data, as they hold no image that can be read: "


def test_folders_without_an_image_that_can_be_read_are_named(folder, glyphs, pack):
    source = folder(glyphs | {"D/bad.png": b"", "E/notes.txt": b"text"})
    for name in ("F", ".hidden"):
        (source / name).mkdir()
    data = load_images(source)
    assert data.class_names == ("A", "B", "C")
    assert data.notes == (f"{LOST}D, E, F",)
    assert load_images(pack(source, "tar.gz")).notes == (f"{LOST}letters/D",)


def test_a_class_that_only_tests_for_want_of_images_is_named(folder, glyphs):
    sides = {
        f"{'test' if n % 4 == 0 else 'train'}/{p}": b for n, (p, b) in enumerate(glyphs.items())
    }
    source = folder(sides | {"test/Z/good.png": glyphs["A/0.png"], "train/Z/bad.png": b""})
    data = load_images(source)
    assert "Z" in data.class_names
    assert f"{LOST}train/Z" in data.notes


def test_where_all_folders_hold_images_none_is_named(folder, glyphs):
    inner = {path.replace("C/", "inner/one/C/"): content for path, content in glyphs.items()}
    assert load_images(folder(inner)).notes == ()
