"""Flip 5 % of the labels, and see how many of the suspects of `kohort data check` are among them.

`python -m benchmarks.labels --cleanlab PYTHON --notmnist FILE` writes
benchmarks/results/labels.json. That Python has cleanlab, which sees the same predictions, and
scikit-learn, which has the digits.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import kohort
from kohort.findings.checks.checked import OutOfFold
from kohort.runs.checks.data_check import inspect

FILE = Path(__file__).parent / "results" / "labels.json"
FLIPPED = 0.05
CLOUDS, APART = 6000, 1.7
DRAWS = 3
"""How often labels are flipped anew; each time the nets are trained anew as well."""
DIGITS = """
import sys, numpy as np
from sklearn.datasets import load_digits
digits = load_digits()
np.savez(sys.argv[1], x=(digits.images * 15.9).astype(np.uint8), y=digits.target)
"""


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cleanlab", required=True, help="a Python with cleanlab, scikit-learn")
    parser.add_argument("--notmnist", type=Path, help="notMNIST_small.tar.gz")
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    options = parser.parse_args()
    results = {
        data.name: [
            measured(data, share, seed, options.cleanlab) for share, seed in draws(data.name)
        ]
        for data in sources(options)
    }
    report = {"flipped": FLIPPED, "results": results, "overlapping": overlapping()}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.out}")


def draws(name: str) -> Iterator[tuple[float, int]]:
    """The part of labels to flip, and the seed: none once, and the rest a few times."""
    yield 0.0, 0
    yield from (
        (FLIPPED, seed) for seed in range(1, 1 + (1 if name == "notMNIST_small" else DRAWS))
    )


def sources(options: argparse.Namespace) -> Iterator[kohort.Dataset]:
    """The letters, the digits, and notMNIST_small where it is given."""
    yield kohort.load("letters")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits.npz")
        subprocess.run([options.cleanlab, "-c", DIGITS, str(path)], check=True)
        with np.load(path) as arrays:
            yield kohort.Dataset(arrays["x"], arrays["y"], name="digits")
    if options.notmnist:
        yield kohort.load(options.notmnist)


def overlapping() -> dict[str, float]:
    """The suspects among labels that are all right, of three normal clouds that overlap."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, CLOUDS)
    x = random.normal(size=(CLOUDS, 8)) + APART * np.eye(8)[y]
    predicted = inspect(kohort.Dataset(x, y)).predicted
    assert predicted is not None
    return {"accuracy": predicted.accuracy, "suspects": len(predicted.suspects.places) / CLOUDS}


def measured(data: kohort.Dataset, share: float, seed: int, python: str) -> dict[str, Any]:
    """Precision and recall of the suspects, of kohort and of cleanlab on the same predictions."""
    random = np.random.default_rng(seed)
    flipped = random.random(len(data.y_train) + len(data.y_test)) < share
    truth = np.concatenate([data.y_train, data.y_test])
    other = (truth + random.integers(1, data.classes, len(truth))) % data.classes
    given = np.where(flipped, other, truth)
    train = len(data.y_train)
    start = time.perf_counter()
    checked = inspect(replace(data, y_train=given[:train], y_test=given[train:]))
    seconds = time.perf_counter() - start
    predicted = checked.predicted
    assert predicted is not None
    is_wrong = flipped[predicted.samples]
    peer = cleanlab(predicted, python)
    ours = {"kohort": predicted.suspects.places.tolist(), **peer["suspects"]}
    right = predicted.probabilities.argmax(axis=1) == truth[predicted.samples]
    result = {
        "samples": len(truth),
        "flipped": int(is_wrong.sum()),
        "accuracy": float(right.mean()),
        "seconds": round(seconds, 1),
        "cleanlab": peer["version"],
        "suspects": {name: rates(is_wrong, np.array(found, int)) for name, found in ours.items()},
        "same as cleanlab's": ours["kohort"] == ours["confident_learning"],
    }
    print(data.name, share, seed, json.dumps(result), flush=True)
    return result


def rates(is_wrong: np.ndarray, suspects: np.ndarray) -> dict[str, float]:
    """How many suspects there are, and their precision and recall, also of the first ones."""
    wrong = int(is_wrong.sum())
    if not wrong:
        return {"count": len(suspects)}
    hits = is_wrong[suspects]
    return {
        "count": len(suspects),
        "precision": float(hits.mean()),
        "recall": float(hits.sum() / wrong),
        "precision of as many as were flipped": float(hits[:wrong].mean()),
    }


def cleanlab(predicted: OutOfFold, python: str) -> dict[str, Any]:
    """What cleanlab finds on the same predictions."""
    script = Path(__file__).parent / "peers" / "cleanlab_issues.py"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "predictions.npz")
        np.savez(path, probabilities=predicted.probabilities, labels=predicted.labels)
        done = subprocess.run(
            [python, str(script), str(path)], check=True, capture_output=True, text=True
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
