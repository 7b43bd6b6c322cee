"""What a study takes on the disk, by what it keeps: `python -m benchmarks.retention`.

Four nets of 200 units in five replicates, two of them on half of the samples as well, on 2,000
letters; checkpoints are written after each epoch. It prints the bytes of weights and checkpoints
when the study has ended, and the most that there were while it ran, both in bytes of all members'
weights, and writes them to benchmarks/results/retention.json.
"""

import json
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import kohort  # before Keras, whose backend it chooses

# isort: split
import keras

from benchmarks.launch import RESULTS
from benchmarks.machine import about
from kohort.runs.retention.retaining import KEEPS

REPLICATES = 5
DROPOUTS = [0.0, 0.1, 0.2, 0.3]


def build(dropout: float) -> keras.Model:
    """A net of the letters, without dropout where it is 0."""
    layers = [
        keras.layers.Flatten(),
        keras.layers.Dense(200, "relu"),
        keras.layers.Dropout(dropout),
    ]
    model = keras.Sequential([keras.Input((28, 28)), *layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def study() -> kohort.Study:
    """The study: 30 members, of which 10 train on parts."""
    letters = kohort.load("letters")
    return kohort.Study(
        "kept",
        kohort.grid(build, dropout=DROPOUTS),
        kohort.Dataset(letters.x_train[:2000], letters.y_train[:2000]),
        replicates=kohort.Holdout(0.1, repeats=REPLICATES),
        epochs=3,
        batch_size=256,
        sizes={"dropout=0.0": [0.5], "dropout=0.1": [0.5]},
    )


def size(folder: Path) -> int:
    """Bytes of the files that a store has beside its database."""
    found = 0
    for path in folder.rglob("*.safetensors"):
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def most(folder: Path, ended: threading.Event, found: list[int]) -> None:
    """Note the size of the folder, until the study has ended."""
    while not ended.wait(0.02):
        found.append(size(folder))


def main() -> None:
    """Measure, and write the results."""
    made, kept = study(), {}
    for keep in KEEPS:
        with tempfile.TemporaryDirectory() as folder:
            files, seen, ended = Path(folder) / "kohort.files", [0], threading.Event()
            watching = threading.Thread(target=most, args=(files, ended, seen))
            watching.start()
            result = made.run(
                Path(folder) / "kohort.db", keep=keep, verbose=0, checkpoint_seconds=0.0
            )
            ended.set()
            watching.join()
            weights = 4 * result.best().model().count_params() * len(made.plan().every_member)
            kept[keep] = {"ended": size(files) / weights, "most": max(seen) / weights}
            print(keep, kept[keep], flush=True)
    report = {"about": about(), "member weights": weights, "times": kept}
    (RESULTS / "retention.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
