"""How long `kohort data prepare` takes for as many images as notMNIST_large has, and what it finds.

    python -m benchmarks.prepare --images 529000

Writes an archive of PNG files, glyphs mixed of two built-in ones, with copies planted among them:
exact, moved, resized, and saved anew. Prints the time and the memory of the command, the part of
the copies of each kind that is found, and how many pairs were found that nobody planted.
"""

import argparse
import hashlib
import io
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import kohort
from kohort.data.copies import find_copies
from kohort.data.preparing.moved import moved_pairs
from kohort.data.readers.images import ImageReader, read_image_set

PLANTED = 200
"""Copies of each kind."""
type Changed = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Makes a copy of an image."""


def moved(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The image a pixel further, in one of eight directions; black comes in."""
    down, across = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)][
        random.integers(8)
    ]
    wide = np.pad(image, 1)
    return wide[1 - down : 29 - down, 1 - across : 29 - across]


def as_jpeg(quality: int) -> Changed:
    """Saves an image as JPEG."""

    def saved(image: np.ndarray, _: np.random.Generator) -> np.ndarray:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream))

    return saved


def resized(side: int, how: Image.Resampling = Image.Resampling.BICUBIC) -> Changed:
    """Resizes an image, and cuts or pads it to its size: in the middle, as far as there is one."""

    def changed(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
        wide = np.pad(np.asarray(Image.fromarray(image).resize((side, side), how)), 2)
        spare = side + 4 - 28
        top, left = (spare + random.integers(2, size=2) * (spare % 2)) // 2
        return wide[top : top + 28, left : left + 28]

    return changed


def noisy(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The image with noise of ten grey levels."""
    return np.clip(image + random.normal(0, 10, image.shape), 0, 255).astype(np.uint8)


def both(one: Changed, other: Changed) -> Changed:
    """One after the other."""
    return lambda image, random: other(one(image, random), random)


KINDS: dict[str, Changed] = {
    "exact": lambda image, _: image,
    "JPEG of quality 90": as_jpeg(90),
    "JPEG of quality 75": as_jpeg(75),
    "JPEG of quality 50": as_jpeg(50),
    "noise of 10 levels": noisy,
    "moved by a pixel": moved,
    "moved by a pixel, JPEG of quality 75": both(moved, as_jpeg(75)),
    "resized to 26": resized(26),
    "resized to 27": resized(27),
    "resized to 29": resized(29),
    "resized to 30": resized(30),
    "resized to 30, bilinear": resized(30, Image.Resampling.BILINEAR),
    "resized to 30, Lanczos": resized(30, Image.Resampling.LANCZOS),
}


def mixed(images: int, seed: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Names, and glyphs mixed of two of one class."""
    data = kohort.load("letters")
    random = np.random.default_rng(seed)
    of_class = [data.x_train[data.y_train == label] for label in range(10)]
    for number in range(images):
        glyphs = of_class[number % 10]
        one, other = glyphs[random.integers(0, len(glyphs), 2)].astype(np.float32)
        part = random.uniform(0.3, 0.7)
        image = np.roll(part * one + (1 - part) * other, random.integers(-2, 3, 2), (0, 1))
        yield f"{'ABCDEFGHIJ'[number % 10]}/{number:06}.png", image.round().astype(np.uint8)


def write(path: Path, images: int) -> None:
    """Write the archive."""
    random = np.random.default_rng(1)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number, (name, image) in enumerate(mixed(images)):
            copies = {name: image}
            if number < PLANTED * len(KINDS):
                change = list(KINDS.values())[number // PLANTED]
                copies[name.replace(".png", "-copy.png")] = change(image, random)
            for entered, pixels in copies.items():
                stream = io.BytesIO()
                Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
                info = tarfile.TarInfo(entered)
                info.size = stream.tell()
                stream.seek(0)
                archive.addfile(info, stream)


def recall(glyphs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The part of the copies of each kind that are found among glyphs, and the other new pairs."""
    random = np.random.default_rng(2)
    found: dict[str, float] = {}
    before = {tuple(pair) for pair in _pairs(glyphs, labels).tolist()}
    print(json.dumps({"glyphs": len(glyphs), "pairs that are there": len(before)}))
    for kind, change in KINDS.items():
        rows = random.permutation(len(glyphs))[:PLANTED]
        copies = np.stack([change(image, random) for image in glyphs[rows]])
        pairs = _pairs(np.concatenate([glyphs, copies]), np.concatenate([labels, labels[rows]]))
        planted = {(row, len(glyphs) + place) for place, row in enumerate(rows.tolist())}
        found[kind] = len(planted & {tuple(pair) for pair in pairs.tolist()}) / PLANTED
    return found


def _pairs(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Exact, near and moved copies, `[pair, 2]`."""
    copies = find_copies(kohort.Dataset(images, labels))
    first = np.unique(copies.pattern, return_index=True)[1]
    exact = np.stack([first[copies.pattern], np.arange(len(images))], axis=1)
    pairs = [exact[exact[:, 0] != exact[:, 1]], first[copies.near]]
    moved_too = moved_pairs(images, labels, first)
    pairs += [] if moved_too is None else [moved_too]
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def prepared(source: Path, out: Path, kill: float | None) -> None:
    """Run the command, killed once after some seconds, and tell what it took."""
    command = [sys.executable, "-m", "kohort", "data", "prepare", str(source), "--out"]
    clock = time.perf_counter()
    if kill is not None:
        with subprocess.Popen([*command, str(out)]) as process:
            time.sleep(kill)
            process.kill()
    done = subprocess.run([*command, str(out)], stdout=subprocess.PIPE, text=True, check=True)
    seconds = round(time.perf_counter() - clock)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(done.stdout)
    digest = hashlib.sha256(out.read_bytes()).hexdigest()[:16]
    print(json.dumps({"seconds": seconds, "GB": round(most, 2), "sha256": digest}), flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=529_000)
    parser.add_argument("--kill", type=float, help="run again, killed once after these seconds")
    parser.add_argument("--glyphs", type=Path, help="images to plant copies in, and nothing else")
    arguments = parser.parse_args()
    if arguments.glyphs is not None:
        read = read_image_set(arguments.glyphs, ImageReader(arguments.glyphs))
        first = np.unique(read.pixels.reshape(len(read.pixels), -1), axis=0, return_index=True)[1]
        print(json.dumps(recall(read.pixels[first], read.labels[first]), indent=1))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "glyphs.tar.gz")
        write(source, arguments.images)
        prepared(source, Path(folder, "data.h5"), None)
        if arguments.kill is not None:
            prepared(source, Path(folder, "killed.h5"), arguments.kill)
    glyphs = np.stack([image for _, image in mixed(20 * PLANTED, seed=1)])
    print(json.dumps(recall(glyphs, np.arange(len(glyphs)) % 10), indent=1))


if __name__ == "__main__":
    main()
