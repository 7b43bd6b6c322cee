"""What `scripts.fuzz` damages: a small whole file for each reader."""

import functools
import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from kohort.data.dataset import Dataset
from kohort.data.load import load
from kohort.data.readers.images import ImageReader
from kohort.errors import KohortError


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


def attempt(reader: Reader, folder: Path, content: bytes) -> str:
    """What comes of a content: "read" or "refused"; other errors are raised."""
    source = reader.write(folder, content)
    try:
        held = reader.read(source)
    except KohortError as error:
        assert str(error).startswith("expected "), error  # noqa: PT017 # this is no test
        return "refused"
    if held is None:  # an image that is told as unreadable
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


def _in_chunks(folder: Path, content: bytes) -> Path:
    """Writes a PNG with the checksum of each chunk right."""
    whole, start = bytearray(content), 8
    while start + 12 <= len(whole):
        end = start + 8 + int.from_bytes(whole[start : start + 4])
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = zlib.crc32(whole[start + 4 : end]).to_bytes(4)
        start = end + 4
    return _file("x.png")(folder, bytes(whole))


def _with_headers(folder: Path, content: bytes) -> Path:
    """Writes a tar archive with the checksum of each header right."""
    whole = bytearray(content)
    for start in range(0, len(whole) - 511, 512):
        header = whole[start : start + 512]
        if header[257:262] == b"ustar":
            summed = sum(header) - sum(header[148:156]) + 8 * ord(" ")
            whole[start + 148 : start + 156] = b"%06o\0 " % summed
    return _file("glyphs.tar")(folder, bytes(whole))


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


def _compact() -> bytes:
    """What `kohort data prepare` writes."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for key, array in _arrays().items():
            file[key] = array.astype(np.uint8)
        file["groups"] = np.arange(6) // 2
        file["class_names"] = np.frombuffer(b'["cat", "dog"]', np.uint8)
    return stream.getvalue()


def _cleaned() -> bytes:
    """What `kohort data clean` writes."""
    about = {
        "class_names": ["cat", "dog"], "pixels": [1 / 255, -0.5], "columns": None,
        "unreadable": [], "notes": ["left: 6"], "raw": "0f", "told": [], "groups_of": "",
        "source_files": None,
    }  # fmt: skip
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["cleaned"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        for key, array in _arrays().items():
            file[key] = array.astype(np.uint8)
        file["raw_rows"], file["raw_targets"] = np.arange(6), np.arange(6) % 2
    return stream.getvalue()


def _image(kind: str, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    pixels = np.arange(24, dtype=np.uint8).reshape(6, 4) * 10
    Image.fromarray(pixels).convert(mode).save(stream, kind)
    return stream.getvalue()


@functools.cache
def _glyphs() -> dict[str, bytes]:
    glyphs = {}
    for number in range(4):
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


def _read_image(path: Path) -> object:
    # Not by way of a folder, which is read without the images that cannot be read.
    return ImageReader(path.parent)(PurePosixPath("A", path.name), path.read_bytes())


def _read_study(path: Path) -> object:
    # Where it is read alone: JAX, which comes with it, is slow to import.
    from kohort.cli.study_files import read_study  # noqa: PLC0415

    return read_study(str(path), Dataset(**_arrays()))  # type: ignore[arg-type]


def _table() -> pd.DataFrame:
    cells = {"kg": [0.5, None] * 10, "colour": ["red", "blue"] * 10, "owner": [*"abcde"] * 4}
    return pd.DataFrame(cells).assign(species=["cat", "dog"] * 10)


def _parquet() -> bytes:
    stream = io.BytesIO()
    _table().to_parquet(stream)
    return stream.getvalue()


def _arrow() -> bytes:
    table = pa.Table.from_pandas(_table())
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _saved(folder: Path, content: bytes) -> Path:
    """Writes the Arrow file of a data set that `datasets` saved."""
    (folder / "data.arrow").write_bytes(content)
    (folder / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    (folder / "dataset_info.json").write_text('{"features": {}}')
    return folder


def _idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def _beside_labels(folder: Path, content: bytes) -> Path:
    """Writes an IDX file of images beside its labels."""
    (folder / "train-labels-idx1-ubyte").write_bytes(_idx(np.arange(6) % 2))
    return _file("train-images-idx3-ubyte")(folder, content)


def _read_table(path: Path) -> object:
    return load(path, target="species", group="owner")


READERS = {
    "hdf5": Reader(_hdf5(), _file("data.h5")),
    "hdf5-chunks": Reader(_hdf5(chunks=(3, 2), compression="gzip", shuffle=True), _file("data.h5")),
    "hdf5-compact": Reader(_compact(), _file("data.h5")),
    "hdf5-cleaned": Reader(_cleaned(), _file("data.h5")),
    "npz": Reader(_npz(), _file("data.npz")),
    "npy": Reader(_npy(_arrays()["x_train"]), _in_npz),
    "png": Reader(_image("PNG"), _file("x.png"), _read_image),
    "png chunks": Reader(_image("PNG"), _in_chunks, _read_image),
    "jpeg": Reader(_image("JPEG"), _file("x.png"), _read_image),
    "gif": Reader(_image("GIF", "P"), _file("x.png"), _read_image),
    "bmp": Reader(_image("BMP"), _file("x.png"), _read_image),
    "tiff": Reader(_image("TIFF"), _file("x.png"), _read_image),
    "webp": Reader(_image("WEBP"), _file("x.png"), _read_image),
    "avif": Reader(_image("AVIF"), _file("x.png"), _read_image),
    "ico": Reader(_image("ICO"), _file("x.png"), _read_image),
    "tga": Reader(_image("TGA"), _file("x.png"), _read_image),
    "pcx": Reader(_image("PCX"), _file("x.png"), _read_image),
    "jpeg 2000": Reader(_image("JPEG2000"), _file("x.png"), _read_image),
    "sgi": Reader(_image("SGI"), _file("x.png"), _read_image),
    "ppm": Reader(_image("PPM"), _file("x.png"), _read_image),
    "tar": Reader(_tar("w"), _file("glyphs.tar")),
    "tar headers": Reader(_tar("w"), _with_headers),
    "tar.gz": Reader(_tar("w:gz"), _file("glyphs.tar.gz")),
    "tar.xz": Reader(_tar("w:xz"), _file("glyphs.tar.xz")),
    "tar in gz": Reader(_tar("w"), _in_tar),
    "zip": Reader(_zip(), _file("glyphs.zip")),
    "csv": Reader(_table().to_csv(index=False).encode(), _file("pets.csv"), _read_table),
    "parquet": Reader(_parquet(), _file("pets.parquet"), _read_table),
    "arrow": Reader(_arrow(), _saved, _read_table),
    "idx": Reader(_idx(np.arange(72).reshape(6, 4, 3)), _beside_labels),
    "study": Reader(STUDY, _file("study.py"), _read_study),
}
