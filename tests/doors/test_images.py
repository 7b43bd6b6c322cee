"""Folders and archives of images that are no data."""

import io
import os
import re
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from kohort import load
from kohort.data.readers import archives
from tests.doors.refusals import assert_refused, told_within

RANDOM = np.random.default_rng(3)
PIXELS = [RANDOM.integers(0, 256, (6, 4), np.uint8) for _ in range(20)]


def encoded(pixels, kind="PNG", mode=None):
    stream = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(stream, kind)
    return stream.getvalue()


GLYPHS = {f"{'AB'[n % 2]}/{n}.png": encoded(pixels) for n, pixels in enumerate(PIXELS)}
PNG = GLYPHS["A/0.png"]


def png_claiming(width, height):
    """A PNG whose header claims a size, and which holds next to nothing."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(99))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def in_folder(files, beside=GLYPHS):
    """Makes a folder of the files, beside twenty that are images."""

    def make(path):
        path.mkdir()
        for name, content in (dict(beside) | files).items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
        return path

    return make


def in_tar(entries, beside=GLYPHS, mode="w"):
    """Makes a tar of images and then of entries: `(name, content)`, or a `tarfile.TarInfo`."""

    def make(path):
        with tarfile.open(path.with_suffix(".tar"), mode) as archive:
            for entry in [*beside.items(), *entries]:
                if isinstance(entry, tarfile.TarInfo):
                    archive.addfile(entry)
                else:
                    info = tarfile.TarInfo(entry[0])
                    info.size = len(entry[1])
                    archive.addfile(info, io.BytesIO(entry[1]))
        return path.with_suffix(".tar")

    return make


def in_zip(entries, beside=GLYPHS):
    """Makes a zip of images and then of entries `(name, content)`."""

    def make(path):
        source = path.with_suffix(".zip")
        entered = [*beside.items(), *entries]
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entered:
                archive.writestr(stand_in(name), content)
        made = source.read_bytes()
        for name, _ in entered:
            made = made.replace(stand_in(name).encode(), os.fsencode(name))
        source.write_bytes(made)
        return source

    return make


def stand_in(name):
    """A name of as many bytes, which `zipfile` writes: it writes none that are not text."""
    return re.sub("[\udc80-\udcff]", "?", name)


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def changed(make, change):
    """Makes an archive, and then changes its bytes."""

    def changed_file(path):
        made = make(path)
        made.write_bytes(change(made.read_bytes()))
        return made

    return changed_file


def named(name, content):
    """Makes a file that is named like an archive."""

    def make(path):
        path.with_name(name).write_bytes(content)
        return path.with_name(name)

    return make


def locked(content):
    """A zip archive whose entries are marked as encrypted."""
    marked = bytearray(content)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = marked.find(mark)
        while start >= 0:
            marked[start + flags] |= 1
            start = marked.find(mark, start + 4)
    return bytes(marked)


def sparse_file(path):
    """A folder with a file of 8 GB that takes no room on the disk."""
    in_folder({})(path)
    with (path / "A" / "large.png").open("wb") as file:
        file.truncate(8 * 10**9)
    return path


def claims_in_tar(size):
    """A tar with the header of a file far larger than the archive."""

    def claim(content):
        info = tarfile.TarInfo("A/large.png")
        info.size = size
        return info.tobuf(tarfile.GNU_FORMAT) + content

    return changed(in_tar([]), claim)


NO_ARCHIVE = r"a folder, or a whole tar or zip archive, got .*glyphs.*fetch the archive again"
TWO_CLASSES = "at least two class folders with images in them .*, got .*with "
SIZES = r"images of one size .height x width., got 20 of 6 x 4 \(such as A/0\.png\), 1 of "
OUTSIDE = "an archive whose files lie inside it, got .*pack the class folders"
WRONG = {
    # Not class folders.
    "an empty folder": (in_folder({}, {}), TWO_CLASSES + "0 readable images in no folder"),
    "no images": (in_folder({"A/a.txt": b"x", "B/b.csv": b"x"}, {}), TWO_CLASSES + "0 readable"),
    "one class": (in_folder({"A/1.png": PNG, "A/2.png": PNG}, {}), TWO_CLASSES + r".*\['A'\]"),
    "one class of two readable": (
        in_folder({"A/1.png": PNG, "B/2.png": PNG[:40]}, {}),
        TWO_CLASSES + r"1 readable images in \['A'\]",
    ),
    "hidden files alone": (in_folder({"A/.1.png": PNG, "B/._2.png": PNG}, {}), TWO_CLASSES + "0"),
    "images in no folder": (in_folder({"1.png": PNG}), r"got 1\.png in no folder of .*sort the im"),
    "an image a class": (
        in_folder({"A/1.png": PNG, "B/2.png": GLYPHS["B/1.png"]}, {}),
        "images enough to hold some out",
    ),
    "copies alone": (
        in_folder({f"{'AB'[n % 2]}/{n}.png": PNG for n in range(8)}, {}),
        "images enough to hold some out.*8 images in 1 groups",
    ),
    # Not images of one size.
    "a larger image": (in_folder({"B/x.png": encoded(np.zeros((9, 4), "u1"))}), SIZES + "9 x 4"),
    "a turned image": (
        in_folder({"B/x.png": encoded(np.zeros((4, 6), "u1"))}),
        SIZES + r"4 x 6 \(such as B/x",
    ),
    "a claim of another size": (
        in_folder({"B/x.png": png_claiming(9000, 9000)}),
        SIZES + "9000 x ",
    ),
    "one pixel": (in_folder({"B/x.png": encoded(np.zeros((1, 1), "u1"))}), SIZES + "1 x 1 "),
    "a larger image in a tar": (in_tar([("B/x.png", png_claiming(99, 99))]), SIZES + "99 x 99"),
    "a larger image in a zip": (in_zip([("B/x.png", png_claiming(99, 99))]), SIZES + "99 x 99"),
    # Not images of one mode, or of no known one.
    "an image in colour": (
        in_folder({"B/x.png": encoded(PIXELS[0], mode="RGB")}),
        r"all grey or all in colour, got 20 grey \(such as A/0\.png\), 1 colour \(such as B/x\.png",
    ),
    "floats": (
        in_folder({"B/x.tif": encoded(PIXELS[0].astype("f4"), "TIFF")}),
        r"at most 16 bits a pixel, got B/x\.tif; save it as PNG",
    ),
    "32 bits": (
        in_folder({"B/x.tif": encoded(PIXELS[0].astype("i4") * 2**20, "TIFF")}),
        r"at most 16 bits a pixel, got B/x\.tif",
    ),
    # Not an archive, or not whole.
    "text": (named("glyphs.tar", b"A to J"), NO_ARCHIVE),
    "nothing as tar": (named("glyphs.tar", b""), NO_ARCHIVE),
    "nothing as zip": (named("glyphs.zip", b""), NO_ARCHIVE),
    "nothing as tar.gz": (named("glyphs.tar.gz", b""), NO_ARCHIVE),
    "the mark of a zip": (named("glyphs.zip", b"PK\x03\x04"), NO_ARCHIVE),
    "the mark of gzip": (named("glyphs.tgz", b"\x1f\x8b"), NO_ARCHIVE),
    "the mark of bzip2": (named("glyphs.tar.bz2", b"BZh9"), NO_ARCHIVE),
    "the mark of xz": (named("glyphs.tar.xz", b"\xfd7zXZ\x00"), NO_ARCHIVE),
    "gzip of no tar": (named("glyphs.gz", zlib.compress(b"text", wbits=31)), NO_ARCHIVE),
    **{
        f"a {kind} cut at {share:.0%}": (
            changed(make, lambda content, share=share: content[: int(share * len(content))]),
            NO_ARCHIVE,
        )
        for share in (0.1, 0.3, 0.6)
        for kind, make in (
            ("tar", in_tar([])),
            ("tar.gz", in_tar([], mode="w:gz")),
            ("tar.xz", in_tar([], mode="w:xz")),
            ("zip", in_zip([])),
        )
    },
    "a tar.gz of a wrong checksum": (
        changed(in_tar([], mode="w:gz"), lambda c: c[:-6] + bytes([c[-6] ^ 255]) + c[-5:]),
        NO_ARCHIVE,
    ),
    "a tar of a wrong header": (
        changed(in_tar([]), lambda content: content[:1024] + b"\xff" * 512 + content[1536:]),
        NO_ARCHIVE,
    ),
    "a zip of a wrong checksum": (
        changed(in_zip([]), lambda c: c.replace(PNG[-12:], bytes(12)) if PNG[-12:] in c else c[9:]),
        NO_ARCHIVE,
    ),
    "a locked zip": (changed(in_zip([]), locked), "encrypted, password required"),
    # Archives that are traps.
    "a way out of a tar": (in_tar([("../A/x.png", PNG)]), OUTSIDE),
    "a way out of a zip": (in_zip([("A/../../../etc/x.png", PNG)]), OUTSIDE),
    "a claim of 8 GB in a tar": (claims_in_tar(8 * 10**9), "of at most 268 MB.*of 8,000 MB"),
    "a claim of 8 EB in a tar": (claims_in_tar(2**63), "of at most 268 MB.*leave it out"),
    "a file of 8 GB": (sparse_file, "'A/large.png' of 8,000 MB; leave it out"),
    "an archive in an archive": (
        in_zip([("glyphs.tar", b"x"), ("A/glyphs.zip", b"PK")], {}),
        "an archive of image files, got the archive A/glyphs.zip in .*; unpack it first",
    ),
    "an archive beside images in an archive": (
        in_tar([("more.tar.gz", b"x")]),
        "an archive of image files, got the archive more.tar.gz in",
    ),
    "links alone": (
        in_tar([special(f"{c}/1.png", tarfile.SYMTYPE, "/etc/passwd") for c in "AB"], {}),
        TWO_CLASSES + "0 readable",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refuses(case, tmp_path):
    make, told = WRONG[case]
    source = make(tmp_path / "glyphs")
    assert_refused(lambda: load(source), told, tmp_path)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 6\nsystemdict\n%%EOF\n"
UNREADABLE = {
    "nothing": b"",
    "text": b"no image",
    "a web page": b"<html><body>404 Not Found</body></html>",
    "the mark alone": PNG[:8],
    "cut in the header": PNG[:20],
    "cut in the pixels": PNG[: len(PNG) // 2],
    "a wrong checksum": PNG[:20] + bytes([PNG[20] ^ 255]) + PNG[21:],
    "a JPEG that is cut": encoded(PIXELS[0], "JPEG")[:200],
    "a GIF that is cut": encoded(PIXELS[0], "GIF")[:30],
    "a BMP that is cut": encoded(PIXELS[0], "BMP")[:60],
    "a bomb of 60000x60000": png_claiming(60_000, 60_000),
    "a bomb of 10000x10000": png_claiming(10_000, 10_000),
    "a bomb of 2^31 pixels": png_claiming(2**31 - 1, 1),
    "no width": png_claiming(0, 6),
    "a program for another program": EPS,
    "a vector picture": b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="6"/>',
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("make", [in_folder, in_tar, in_zip])
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_image_is_named_and_left_out(case, make, tmp_path):
    files = {"A/bad.png": UNREADABLE[case]}
    data = load((make(files) if make is in_folder else make(files.items()))(tmp_path / "glyphs"))
    assert data.unreadable == ("A/bad.png",)
    assert len(data.x_train) + len(data.x_test) == len(GLYPHS)


def test_a_bomb_does_not_hide_where_it_is_the_first(tmp_path):
    bomb = {"A/.x.png": b"", "A/!.png": png_claiming(60_000, 60_000)}
    assert load(in_folder(bomb)(tmp_path / "glyphs")).unreadable == ("A/!.png",)


MODES = {
    "1 bit": ("PNG", "1"),
    "a palette": ("PNG", "P"),
    "grey with transparency": ("PNG", "LA"),
    "colour": ("PNG", "RGB"),
    "colour with transparency": ("PNG", "RGBA"),
    "inks": ("JPEG", "CMYK"),
    "YCbCr": ("JPEG", "YCbCr"),
    "BMP": ("BMP", "L"),
    "GIF": ("GIF", "L"),
}


@pytest.mark.parametrize("mode", MODES)
def test_images_of_every_mode_are_read(mode, tmp_path):
    black_and_white = np.repeat([[0, 255]], 6, axis=0).repeat(2, axis=1).astype(np.uint8)
    files = {"A/other.png": encoded(black_and_white, *MODES[mode])}
    data = load(in_folder(files)(tmp_path / "glyphs"), color="grey")
    assert data.unreadable == ()
    images = [*data.x_train, *data.x_test]
    assert min(abs(image.astype(int) - black_and_white).max() for image in images) < 10


NAMES = {
    "spaces": "A b/c d.png",
    "no ASCII": "Ä/ß😀.png",
    "a line in it": "A\nB/1\n2.png",
    "an escape": "A\x1b[31m/x\x1b[0m.png",
    "not UTF-8": os.fsdecode(b"A\xff/\xfe.png"),
    "markup": "<b>A/&.png",
    "right to left": "\u202eA/x.png",
    "long": "A" * 200 + "/" + "b" * 200 + ".png",
    "a capital ending": "C/X.PNG",
}


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize("make", [in_folder, in_tar, in_zip])
def test_names_of_any_kind_are_taken_and_can_be_shown(case, make, tmp_path):
    name = NAMES[case]
    files = {name: PNG, name[:-4] + "bad.png": b""}
    data = load((make(files) if make is in_folder else make(files.items()))(tmp_path / "glyphs"))
    assert len(data.x_train) + len(data.x_test) == 21
    assert data.classes == 3
    for shown in (*data.class_names, *data.unreadable):
        assert shown.isprintable()
        assert shown.encode()


def fingerprint(make, path):
    return load(make(path)).fingerprint


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("make", [in_tar, in_zip])
def test_of_two_entries_of_one_name_the_later_counts(make, tmp_path):
    whole = fingerprint(in_folder({}), tmp_path / "folder")
    old = {"A/0.png": GLYPHS["A/2.png"]}
    assert fingerprint(make(GLYPHS.items(), old), tmp_path / "archive") == whole


def test_links_in_a_tar_are_what_they_name(tmp_path):
    whole = fingerprint(in_folder({"A/z.png": PNG, "B/z.png": PNG}), tmp_path / "folder")
    links = [
        special("A/z.png", tarfile.LNKTYPE, "A/0.png"),
        special("B/z.png", tarfile.SYMTYPE, "../A/./z.png"),
    ]
    assert fingerprint(in_tar(links), tmp_path / "archive") == whole


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "x.png", "none.png"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_to_elsewhere_nowhere_or_themselves_are_named_and_left_out(kind, target, tmp_path):
    links = [special("A/x.png", kind, target)]
    data = load(in_tar(links)(tmp_path / "glyphs"))
    assert data.unreadable == ("A/x.png",)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_in_a_tar_are_named_and_left_out(kind, tmp_path):
    data = load(in_tar([special("A/x.png", kind)])(tmp_path / "glyphs"))
    assert data.unreadable == ("A/x.png",)


def test_pipes_and_links_to_nothing_in_a_folder_are_named_and_left_out(tmp_path):
    source = in_folder({})(tmp_path / "glyphs")
    os.mkfifo(source / "A" / "pipe.png")
    (source / "A" / "gone.png").symlink_to("nowhere")
    (source / "B" / "self.png").symlink_to("self.png")
    assert load(source).unreadable == ("A/gone.png", "A/pipe.png", "B/self.png")


def test_a_folder_behind_a_link_is_read_and_a_loop_of_links_ends(tmp_path):
    whole = fingerprint(in_folder({}), tmp_path / "glyphs")
    (tmp_path / "glyphs" / "A").rename(tmp_path / "elsewhere")
    (tmp_path / "glyphs" / "A").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "glyphs" / "loop").symlink_to(".")
    (tmp_path / "glyphs" / "B" / "up").symlink_to("..")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "glyphs")
    assert load(tmp_path / "glyphs").fingerprint == whole


def test_absolute_names_in_an_archive_harm_nobody(tmp_path):
    whole = fingerprint(in_folder({}), tmp_path / "folder")
    absolute = {f"/{tmp_path}/{name}": content for name, content in GLYPHS.items()}
    for make in (in_tar, in_zip):
        assert fingerprint(make([], absolute), tmp_path / make.__name__) == whole
    assert not (tmp_path / "A").exists()


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("C/x.png", PNG)
    source = in_tar([("more.bin", inner.getvalue())])(tmp_path / "glyphs")
    assert load(source).class_names == ("A", "B")


def test_the_way_out_of_an_archive_leaves_nothing_there(tmp_path):
    (tmp_path / "in").mkdir()
    source = in_tar([("../x.png", PNG)])(tmp_path / "in" / "glyphs")
    assert_refused(lambda: load(source), OUTSIDE, tmp_path)


def test_refuses_what_does_not_fit_in_memory(tmp_path, memory_of_100_bytes):
    source = in_folder({})(tmp_path / "glyphs")
    told = r"fit in 100 B of memory, got A/\d+\.png and the images before it"
    assert_refused(lambda: load(source), told, tmp_path)


@pytest.mark.long
def test_entries_that_unpack_to_far_more_than_they_hold_are_not_unpacked(tmp_path):
    source = tmp_path / "glyphs.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("A/x.png", bytes(archives.LARGEST + 1))
    assert source.stat().st_size < 2**21
    assert told_within(2**29, source).startswith("expected image files of at most 268 MB")


def test_refuses_a_folder_that_may_not_be_read(tmp_path, bound_by_permissions):
    source = in_folder({})(tmp_path / "glyphs")
    (source / "A" / "0.png").chmod(0)
    assert load(source).unreadable == ("A/0.png",)
    (source / "A").chmod(0)
    try:
        assert_refused(lambda: load(source), r"folders that can be read, got .*A \(Permission")
    finally:
        (source / "A").chmod(0o700)
