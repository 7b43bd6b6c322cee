"""A study of a hundred variants: seconds until it is planned, and until it is reported.

`python -m benchmarks.hundred` writes benchmarks/results/hundred.json: nets of four shapes with five
learning rates and five dropout rates each, on 2,000 letters, two epochs and two replicates. The
process is new, and so is its cache; the study is planned, run, and reported.
"""

import json
import os
import tempfile
import time
from pathlib import Path

import kohort  # before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np

from benchmarks.launch import RESULTS
from benchmarks.machine import about

SAMPLES, EPOCHS, REPLICATES = 2000, 2, 2


def build(units: tuple[int, ...], rate: float, l2: float, dropout: float) -> keras.Model:
    """A net of the letters."""
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    for width in units:
        penalty = keras.regularizers.L2(l2)
        layers.append(keras.layers.Dense(width, "relu", kernel_regularizer=penalty))
        layers.append(keras.layers.Dropout(dropout))
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def study() -> kohort.Study:
    """The study."""
    letters = kohort.load("letters")
    rows = np.random.default_rng(0).permutation(len(letters.x_train))[:SAMPLES]
    return kohort.Study(
        "a hundred variants",
        kohort.grid(
            build,
            units=[(20,), (50,), (100,), (50, 50)],
            rate=[3e-4, 1e-3, 2e-3, 4e-3, 8e-3],
            l2=[1e-5],
            dropout=[0.1, 0.2, 0.3, 0.4, 0.5],
        ),
        kohort.Dataset(
            letters.x_train[rows], letters.y_train[rows], letters.x_test, letters.y_test
        ),
        replicates=kohort.Holdout(0.2, repeats=REPLICATES),
        epochs=EPOCHS,
        batch_size=128,
    )


def main() -> None:
    """Measure, and write the results."""
    made, seconds = study(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KOHORT_CACHE"] = folder
        started = time.perf_counter()
        made.plan()
        seconds["plan"] = time.perf_counter() - started
        started = time.perf_counter()
        result = made.run(verbose=0)
        seconds["run"] = time.perf_counter() - started
        started = time.perf_counter()
        page = result.report(Path(folder) / "report.html")
        seconds["report"] = time.perf_counter() - started
        size = page.stat().st_size
    told = {"about": about(), "variants": len(made.spec.variants), "seconds": seconds}
    report = {**told, "report bytes": size}
    (RESULTS / "hundred.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
