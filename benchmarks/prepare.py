"""How long `kohort data prepare` takes for as many images as notMNIST_large has, and what it finds.

    python -m benchmarks.prepare --images 529000

Writes an archive of PNG files, glyphs mixed of two built-in ones, with copies planted among them:
exact ones, moved by a pixel, saved as JPEG of quality 75, and scaled by 7 %. Prints the time and
the memory of the command, and how many of the copies of each kind it found.
"""

import argparse
import io
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import kohort
from kohort.data.copies import find_copies

PLANTED = 200
"""Copies of each kind."""
KINDS = ("exact", "moved by a pixel", "JPEG of quality 75", "scaled by 7 %")


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


def copy(image: np.ndarray, kind: str) -> np.ndarray:
    """A copy of a kind."""
    if kind == "moved by a pixel":
        return np.roll(image, 1, 1)
    if kind == "JPEG of quality 75":
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=75)
        return np.asarray(Image.open(stream))
    if kind == "scaled by 7 %":
        return np.asarray(Image.fromarray(image).resize((30, 30)).crop((1, 1, 29, 29)))
    return image


def write(path: Path, images: int) -> None:
    """Write the archive."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number, (name, image) in enumerate(mixed(images)):
            copies = {name: image}
            if number < PLANTED * len(KINDS):
                kind = KINDS[number // PLANTED]
                copies[name.replace(".png", "-copy.png")] = copy(image, kind)
            for entered, pixels in copies.items():
                stream = io.BytesIO()
                Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
                info = tarfile.TarInfo(entered)
                info.size = stream.tell()
                stream.seek(0)
                archive.addfile(info, stream)


def recall() -> dict[str, float]:
    """The part of the copies of each kind that are found, among ten times as many images."""
    found = {}
    for kind in KINDS:
        images = np.stack([image for _, image in mixed(10 * PLANTED, seed=1)])
        copies = np.stack([copy(image, kind) for image in images[:PLANTED]])
        data = kohort.Dataset(images, np.arange(len(images)) % 10, copies, np.arange(PLANTED) % 10)
        found[kind] = float(find_copies(data).test.mean())
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=529_000)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "glyphs.tar.gz")
        write(source, images)
        command = [sys.executable, "-m", "kohort.cli", "data", "prepare", str(source)]
        clock = time.perf_counter()
        done = subprocess.run(
            [*command, "--out", str(Path(folder, "data.h5"))], capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - clock
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(done.stdout)
        print(json.dumps({"images": images, "seconds": round(seconds), "GB": round(most, 2)}))
    print(json.dumps(recall()))


if __name__ == "__main__":
    main()
