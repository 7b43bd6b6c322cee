"""Data at the size of the real study, made from the built-in letters.

Each sample is a letter of one of the built-in fonts, shifted by up to three pixels and covered with
noise, so that samples differ and an accuracy means something. The same arrays come out everywhere.
"""

from pathlib import Path

import numpy as np

import kohort
from benchmarks.work import FEATURES, SIDE

SHIFT, NOISE = 3, 64.0
"""Pixels at most, and the standard deviation in grey levels of 255."""
TESTED = 10_000
ROWS = 10_000
"""Samples made at a time."""


def write(folder: Path, samples: int) -> None:
    """Write the arrays that peers map, unless the folder has them already.

    `x.npy` (float32 `[sample, 784]`, centred), `y.npy` (int32), the same samples as `pixels.npy`
    (uint8 `[sample, 28, 28]`), and `test_pixels.npy` and `test_y.npy`.
    """
    if (folder / "x.npy").exists() and len(np.load(folder / "x.npy", mmap_mode="r")) == samples:
        return
    letters = kohort.load("letters")
    rng = np.random.default_rng(0)
    images, labels = _made(letters, samples, rng)
    # Its name says that all are there: an interrupted writing leaves another one.
    made = folder / "x.npy.part"
    x = np.lib.format.open_memmap(made, "w+", np.float32, (samples, FEATURES))
    for start in range(0, samples, ROWS):
        some = images[start : start + ROWS]
        x[start : start + ROWS] = letters.inputs(some).reshape(len(some), FEATURES)
    x.flush()
    np.save(folder / "pixels.npy", images)
    np.save(folder / "y.npy", labels)
    for name, array in zip(("test_pixels", "test_y"), _made(letters, TESTED, rng), strict=True):
        np.save(folder / f"{name}.npy", array)
    made.rename(folder / "x.npy")


def _made(
    letters: kohort.Dataset, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    rows = rng.integers(len(letters.x_train), size=samples)
    shifts = rng.integers(-SHIFT, SHIFT + 1, size=(samples, 2))
    images = np.empty((samples, SIDE, SIDE), np.uint8)
    for start in range(0, samples, ROWS):
        part = slice(start, start + ROWS)
        shifted = [
            np.roll(image, shift, (0, 1))
            for image, shift in zip(letters.x_train[rows[part]], shifts[part], strict=True)
        ]
        noise = rng.standard_normal((len(shifted), SIDE, SIDE), np.float32) * np.float32(NOISE)
        images[part] = np.clip(shifted + noise, 0, 255)
    return images, letters.y_train[rows].astype(np.int32)
