"""The built-in dataset: letters A to J, rendered from openly licensed fonts.

`faces.csv` beside this file tells each face's family, source and licence, `NOTICE.md` the notices
that these ask for; `scripts/letters` in the repository renders the glyphs again.
"""

import csv
from importlib.resources import files

import numpy as np

from kohort.data.dataset import Dataset


def load_letters() -> Dataset:
    """Glyphs A to J, uint8 28x28, white on black; no font family is in both train and test."""
    folder = files(__name__)
    with (folder / "letters.npz").open("rb") as file, np.load(file) as arrays:
        images, labels, face = arrays["images"], arrays["labels"], arrays["face"]
    rows = list(csv.DictReader((folder / "faces.csv").read_text("utf-8").splitlines()))
    in_test = np.array([row["split"] == "test" for row in rows])[face]
    group = np.array([int(row["group"]) for row in rows])[face]
    return Dataset(
        images[~in_test],
        labels[~in_test],
        images[in_test],
        labels[in_test],
        class_names=tuple("ABCDEFGHIJ"),
        name="letters",
        groups=group[~in_test],
        test_from="of font families that are not in the training samples",
    )
