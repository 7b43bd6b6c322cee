"""Give readers files that are damaged at random: each is read as data or refused, never else.

    python -m scripts.fuzz --reader hdf5 --inputs 100000

Readers run in a process of their own, so that one that crashes or hangs is told as well. An input
is its number: `--first N --inputs 1` makes it again.
"""

import argparse
import gzip
import io
import mmap
import os
import random
import resource
import signal
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from PIL import Image

from kohort.data.dataset import Dataset
from kohort.data.load import load
from kohort.errors import KohortError

KINDS = ("flip", "set", "insert", "delete", "copy", "extreme", "cut")
BATCH = 1000
SECONDS = 20
"""An input that takes longer hangs."""


class Edit(NamedTuple):
    """One change of a file.

    Args:
        kind: One of `KINDS`.
        place: Where, from 0 (the start) to 1 (the end).
        size: Of what is changed, in bytes.
        value: What is written, as a number.
    """

    kind: str
    place: float
    size: int
    value: int


def changed(content: bytes, edits: Sequence[Edit]) -> bytes:
    """The content after all edits."""
    for edit in edits:
        content = _after(content, edit)
    return content


def _after(content: bytes, edit: Edit) -> bytes:
    start = int(edit.place * len(content))
    end = start + edit.size
    held = content[start:end]
    match edit.kind:
        case "flip":
            new = bytes([held[0] ^ (1 << edit.value % 8)]) + held[1:] if held else held
        case "set":
            new = bytes([edit.value % 256]) * len(held)
        case "insert":
            new = (edit.value % 2**64).to_bytes(8, "little")[: edit.size] + held
        case "delete":
            new = b""
        case "copy":
            source = edit.value % (len(content) + 1)
            new = content[source : source + edit.size]
        case "extreme":
            new = [b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\1" + b"\0" * 7][edit.value % 4]
            new = new[: len(held)]
        case _:
            return content[:start]
    return content[:start] + new + content[end:]


def edits_of(number: int) -> list[Edit]:
    """The edits of an input, by its number."""
    draw = random.Random(number)  # noqa: S311 # nothing is kept secret by it
    return [
        Edit(
            draw.choice(KINDS),
            draw.random(),
            draw.choice((1, 1, 2, 4, 8, 64)),
            draw.getrandbits(64),
        )
        for _ in range(draw.choice((1, 1, 2, 4, 8)))
    ]


class Reader(NamedTuple):
    """A reader, and a whole file for it.

    Args:
        content: Of the part of the file that is damaged.
        write: Writes a file that holds it to a folder; returns what is to be read.
        read: Reads that.
    """

    content: bytes
    write: Callable[[Path, bytes], Path]
    read: Callable[[Path], object] = load


def attempt(reader: Reader, folder: Path, edits: Sequence[Edit]) -> str:
    """What comes of a damaged file: "read" or "refused"; other errors are raised."""
    source = reader.write(folder, changed(reader.content, edits))
    try:
        held = reader.read(source)
    except KohortError as error:
        assert str(error).startswith("expected "), error  # noqa: PT017 # this is no test
        return "refused"
    if isinstance(held, Dataset):
        assert np.isfinite(held.x_train).all()
        assert len(held.x_train) == len(held.y_train)
    return "read"


def _file(name: str) -> Callable[[Path, bytes], Path]:
    def write(folder: Path, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def _in_folder(name: str) -> Callable[[Path, bytes], Path]:
    """Writes an image into a folder of whole ones."""

    def write(folder: Path, content: bytes) -> Path:
        for path, whole in _glyphs().items():
            if not (folder / path).exists():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(whole)
        (folder / "A" / name).write_bytes(content)
        return folder

    return write


def _in_npz(folder: Path, content: bytes) -> Path:
    """Writes an array into an archive whose checksums are right."""
    with zipfile.ZipFile(folder / "data.npz", "w") as archive:
        for key, array in _arrays().items():
            archive.writestr(f"{key}.npy", content if key == "x_train" else _npy(array))
    return folder / "data.npz"


def _in_tar(folder: Path, content: bytes) -> Path:
    """Compresses a tar archive, so that the checksum of the stream is right."""
    (folder / "glyphs.tar.gz").write_bytes(gzip.compress(content, compresslevel=1))
    return folder / "glyphs.tar.gz"


def _arrays() -> dict[str, np.ndarray]:
    x, y = np.arange(18, dtype=np.float32).reshape(6, 3), np.arange(6) % 2
    return {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]}


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **_arrays())  # type: ignore[arg-type]
    return stream.getvalue()


def _hdf5(**options: object) -> bytes:
    stream = io.BytesIO()
    rows = np.column_stack([np.linspace(0, 1, 20).reshape(10, 2), np.arange(10) % 2])
    with h5py.File(stream, "w") as file:
        for key in ("trainData", "testData"):
            file.create_dataset(key, data=rows.astype(np.float32), **options)
    return stream.getvalue()


def _image(kind: str, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    pixels = np.arange(24, dtype=np.uint8).reshape(6, 4) * 10
    Image.fromarray(pixels).convert(mode).save(stream, kind)
    return stream.getvalue()


def _glyphs() -> dict[str, bytes]:
    glyphs = {}
    for number in range(10):
        stream = io.BytesIO()
        Image.fromarray(np.full((6, 4), 20 * number, np.uint8)).save(stream, "PNG")
        glyphs[f"{'AB'[number % 2]}/{number}.png"] = stream.getvalue()
    return glyphs


def _tar(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in _glyphs().items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _glyphs().items():
            archive.writestr(name, content)
    return stream.getvalue()


STUDY = b"""import kohort

LAYERS = [("small", 2), ("large", 16)]


def build(units, rate=1e-3):
    return {"units": units, "rate": rate}


def study(data):
    variants = [kohort.Variant(name, build, units=units) for name, units in LAYERS]
    return kohort.Study(
        "tiny", variants, data, replicates=kohort.Holdout(0.5, 2), epochs=4, batch_size=2, seed=3
    )
"""


def _read_study(path: Path) -> object:
    # In the process of a batch alone: JAX, which comes with it, does not outlive a fork.
    from kohort.study_file import read_study  # noqa: PLC0415

    return read_study(str(path), Dataset(**_arrays()))  # type: ignore[arg-type]


READERS = {
    "hdf5": Reader(_hdf5(), _file("data.h5")),
    "hdf5-chunks": Reader(_hdf5(chunks=(3, 2), compression="gzip", shuffle=True), _file("data.h5")),
    "npz": Reader(_npz(), _file("data.npz")),
    "npy": Reader(_npy(_arrays()["x_train"]), _in_npz),
    "png": Reader(_image("PNG"), _in_folder("x.png")),
    "jpeg": Reader(_image("JPEG"), _in_folder("x.png")),
    "gif": Reader(_image("GIF", "P"), _in_folder("x.png")),
    "bmp": Reader(_image("BMP"), _in_folder("x.png")),
    "tiff": Reader(_image("TIFF"), _in_folder("x.png")),
    "webp": Reader(_image("WEBP"), _in_folder("x.png")),
    "ppm": Reader(_image("PPM"), _in_folder("x.png")),
    "tar": Reader(_tar("w"), _file("glyphs.tar")),
    "tar.gz": Reader(_tar("w:gz"), _file("glyphs.tar.gz")),
    "tar.xz": Reader(_tar("w:xz"), _file("glyphs.tar.xz")),
    "tar in gz": Reader(_tar("w"), _in_tar),
    "zip": Reader(_zip(), _file("glyphs.zip")),
    "study": Reader(STUDY, _file("study.py"), _read_study),
}


def main() -> None:
    """Run one reader, or all of them; ends with code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=["all", *READERS], default="all")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    options = parser.parse_args()
    failed = 0
    for name in READERS if options.reader == "all" else [options.reader]:
        failed += fuzz(name, range(options.first, options.first + options.inputs))
    sys.exit(failed > 0)


def fuzz(name: str, numbers: range) -> int:
    """Run a reader on inputs, print what came of them, and return how many failed."""
    clock = time.perf_counter()
    failures = 0
    with mmap.mmap(-1, 4 * 8) as board, tempfile.TemporaryDirectory() as folder:
        start = numbers.start
        while start < numbers.stop:
            end = min(start + BATCH, numbers.stop)
            for number, told in _batch(name, start, end, board, Path(folder)):
                failures += 1
                print(f"{name} {number}: {told}", flush=True)
            start = end
        read, refused, memory = struct.unpack_from("3q", board, 8)
    rate = len(numbers) / (time.perf_counter() - clock)
    print(
        f"{name}: {len(numbers):,} inputs, {rate:,.0f} a second; {read:,} read, {refused:,} "
        f"refused, {failures:,} failed; at most {memory / 1024:,.0f} MB"
    )
    return failures


def _batch(
    name: str, start: int, end: int, board: mmap.mmap, folder: Path
) -> Iterator[tuple[int, str]]:
    """Run inputs in a process of their own, a new one after each that ends it."""
    while start < end:
        child = os.fork()
        if child == 0:
            _run(name, start, end, board, folder)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        start = struct.unpack_from("q", board)[0]
        number = os.waitstatus_to_exitcode(status)
        yield start, signal.strsignal(-number) or "" if number < 0 else "an error, told above"
        start += 1


def _run(name: str, start: int, end: int, board: mmap.mmap, folder: Path) -> None:
    """The process of a batch; it never returns."""
    warnings.simplefilter("error")
    read, refused, memory = struct.unpack_from("3q", board, 8)
    for number in range(start, end):
        struct.pack_into("4q", board, 0, number, read, refused, memory)
        signal.alarm(SECONDS)  # ends the process, also while it is in C
        try:
            was_read = attempt(READERS[name], folder, edits_of(number)) == "read"
        except BaseException:  # noqa: BLE001 # whatever it is, it is what is looked for
            traceback.print_exc(limit=-3)
            sys.stderr.flush()
            os._exit(1)
        read, refused = read + was_read, refused + (not was_read)
        memory = max(memory, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    struct.pack_into("4q", board, 0, end, read, refused, memory)
    os._exit(0)


if __name__ == "__main__":
    main()
