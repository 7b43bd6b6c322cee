"""Compare float32 with mixed_bfloat16 on the built-in letters: accuracy, and seconds per epoch.

    python -m benchmarks.precision [--replicates 5] [--epochs 10] [--out docs/precision.md]

Keras's dtype policy mixed_bfloat16 keeps weights in float32 and computes in bfloat16. Accuracy
comes from a study in which both policies see the same seeds and splits; seconds come from further
epochs of the same models, in turn, with nothing left to compile. It writes the page of docs/.
"""

import datetime
import os
import statistics
import textwrap
import time
from pathlib import Path
from typing import Annotated

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import typer

import kohort
from benchmarks.machine import processor
from kohort.evidence.provenance import environment

ARCHITECTURES = {"200": (200,), "400-200": (400, 200), "600-400-200": (600, 400, 200)}
POLICIES = ("float32", "mixed_bfloat16")
BATCH, TIMED_EPOCHS = 256, 10


def build(units: tuple[int, ...], policy: str) -> keras.Model:
    """A compiled classifier of letters whose hidden layers follow a dtype policy."""
    hidden = [keras.layers.Dense(width, "relu", dtype=policy) for width in units]
    # Keras's advice: the softmax stays in float32, so that the loss is as exact as ever.
    layers = [keras.Input((28, 28)), keras.layers.Flatten(dtype=policy), *hidden]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax", dtype="float32")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def name(units: str, policy: str) -> str:
    """What the study calls a variant."""
    return f"{units} {policy}"


def accuracies(data: kohort.Dataset, replicates: int, epochs: int) -> kohort.Result:
    """Train every architecture under both policies, in paired replicates."""
    variants = [
        kohort.Variant(name(label, policy), build, units=units, policy=policy)
        for label, units in ARCHITECTURES.items()
        for policy in POLICIES
    ]
    return kohort.Study(
        "precision",
        variants,
        data,
        replicates=kohort.Holdout(0.2, repeats=replicates),
        epochs=epochs,
        batch_size=BATCH,
    ).run()


def epoch_seconds(data: kohort.Dataset, rounds: int) -> dict[str, list[float]]:
    """Wall seconds of an epoch over all training samples by `kohort.fit`, a number for each round.

    Policies take turns, so that what else the machine does meets both.
    """
    x, y = data.inputs(data.x_train), data.y_train
    taken: dict[str, list[float]] = {}
    for label, units in ARCHITECTURES.items():
        models = {policy: build(units, policy) for policy in POLICIES}
        for turn in range(rounds + 1):
            for policy, model in models.items():
                started = time.perf_counter()
                kohort.fit(model, x, y, batch_size=BATCH, epochs=TIMED_EPOCHS, verbose=0)
                if turn:  # The first compiles.
                    seconds = (time.perf_counter() - started) / TIMED_EPOCHS
                    taken.setdefault(name(label, policy), []).append(seconds)
    return taken


def points(value: float) -> str:
    """A difference of accuracies in percentage points."""
    return f"{100 * value:+.2f}"


def accuracy_row(result: kohort.Result, label: str) -> str:
    """Validation accuracy under both policies, and the paired difference."""
    table = result.table()
    plain, mixed = (table.loc[name(label, policy)] for policy in POLICIES)
    paired = result.compare(*(name(label, policy) for policy in reversed(POLICIES))).difference
    return (
        f"| {label} | {100 * plain.val_accuracy:.2f} % | {100 * mixed.val_accuracy:.2f} % | "
        f"{points(paired.mean)} points ({points(paired.low)} to {points(paired.high)}) |"
    )


def ratios_of(taken: dict[str, list[float]], label: str) -> list[float]:
    """Seconds under mixed_bfloat16 to those under float32, round by round."""
    plain, mixed = (taken[name(label, policy)] for policy in POLICIES)
    return [b / a for a, b in zip(plain, mixed, strict=True)]


def seconds_row(taken: dict[str, list[float]], label: str) -> str:
    """Median seconds per epoch under both policies, and the median of their ratios."""
    plain, mixed = (taken[name(label, policy)] for policy in POLICIES)
    ratios = ratios_of(taken, label)
    return (
        f"| {label} | {statistics.median(plain):.3f} s | {statistics.median(mixed):.3f} s | "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


def conclusion(result: kohort.Result, taken: dict[str, list[float]]) -> str:
    """What the two tables show, in words that follow from the numbers."""
    pairs = [[name(label, each) for each in reversed(POLICIES)] for label in ARCHITECTURES]
    differences = [result.compare(*pair).difference for pair in pairs]
    ratios = [statistics.median(ratios_of(taken, label)) for label in ARCHITECTURES]
    worst = max(max(abs(d.low), abs(d.high)) for d in differences)
    apart = [
        label
        for label, d in zip(ARCHITECTURES, differences, strict=True)
        if d.low > 0 or d.high < 0
    ]
    told = f"differ for {', '.join(apart)}" if apart else "cannot be told apart"
    return (
        f"On validation accuracy the policies {told}; every interval lies within {100 * worst:.1f} "
        f"points of no difference. An epoch under mixed_bfloat16 takes {min(ratios):.2f} to "
        f"{max(ratios):.2f} times as long as under float32 here."
    )


def page(result: kohort.Result, taken: dict[str, list[float]], load: float) -> str:
    """The page as Markdown."""
    head = "| units | float32 | mixed_bfloat16 |"
    return "\n".join(
        [
            "<!-- Written by benchmarks/precision.py; run it to measure again. -->\n",
            "# float32 and mixed_bfloat16\n",
            paragraph(
                "Keras's dtype policy `mixed_bfloat16` keeps weights in float32 and computes in",
                "bfloat16; a layer takes it as `keras.layers.Dense(200, dtype=...)`. Here hidden",
                "layers follow the policy, and the softmax stays in float32.",
            ),
            paragraph(conclusion(result, taken)),
            "## Accuracy\n",
            f"{head} difference (95 %) |\n| --- | ---: | ---: | ---: |",
            *(accuracy_row(result, label) for label in ARCHITECTURES),
            "",
            about_accuracies(result),
            "## Seconds per epoch\n",
            f"{head} ratio (lowest to highest) |\n| --- | ---: | ---: | ---: |",
            *(seconds_row(taken, label) for label in ARCHITECTURES),
            "",
            about_seconds(result, taken),
            "## Measured with\n",
            about_machine(load).rstrip(),
            "",
        ]
    )


def about_accuracies(result: kohort.Result) -> str:
    """How the first table was measured."""
    settings = result.settings
    train, valid = settings.samples
    return paragraph(
        f"Validation accuracy on the built-in letters at the best epoch, by {settings.replicates}:",
        f"{train:,} samples train and {valid:,} validate, for {max(settings.epochs.values())}",
        f"epochs in batches of {BATCH}, Adam. Both policies see the same seeds and splits, so",
        "differences are paired (mixed_bfloat16 less float32); intervals are Student's t with the",
        "correction of Nadeau and Bengio (2003), each for its row alone.",
    )


def about_seconds(result: kohort.Result, taken: dict[str, list[float]]) -> str:
    """How the second table was measured."""
    rounds, samples = len(next(iter(taken.values()))), len(result.data.x_train)
    return paragraph(
        f"Medians of {rounds} rounds in which the policies take turns; a round is one call of",
        f"`kohort.fit` that trains a model for {TIMED_EPOCHS} epochs on {samples:,} samples,",
        "compiled before. The ratio is mixed_bfloat16 to float32, round by round: below 1",
        "mixed_bfloat16 is faster. Lowest and highest show how steady the machine was.",
    )


def about_machine(load: float) -> str:
    """What it was measured with and when, and what else the machine did."""
    known, today = environment(), datetime.datetime.now(datetime.UTC)
    versions = ", ".join(f"{part} {known[part]}" for part in ("kohort", "keras", "numpy", "python"))
    return paragraph(
        f"{versions}, {known['backend']}; {known['cores']} cores of {processor()};",
        f"{known['system']}; {today.day} {today:%B %Y}. The load average was {load:.1f} when it",
        "began. Another processor, or another load, gives other ratios.",
    )


def paragraph(*parts: str) -> str:
    """Text as a paragraph of Markdown."""
    return textwrap.fill(" ".join(parts), 100, break_on_hyphens=False) + "\n"


def main(
    replicates: Annotated[int, typer.Option(min=2, help="Paired replicates.")] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of the study.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each policy.")] = 5,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/precision.md"),
) -> None:
    """Measure both policies, print the page, and write it."""
    load, data = os.getloadavg()[0], kohort.load("letters")
    text = page(accuracies(data, replicates, epochs), epoch_seconds(data, rounds), load)
    print(text)
    out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
