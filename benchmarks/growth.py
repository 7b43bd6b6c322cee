"""Time and memory of kohort against members, samples, width and epochs.

    python -m benchmarks.growth

One of them grows while the others stay; each point is a process of its own, in every round. It
also measures the seconds to the first epoch's numbers, and what the report and the store of a study
cost.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import altair as alt
import numpy as np
import pandas as pd
import typer
import vl_convert

from benchmarks import samples
from benchmarks.launch import RESULTS, launch
from benchmarks.machine import about

MEMBERS, SAMPLES, WIDTH, EPOCHS = 4, 20_000, 100, 4
"""What stays where something else grows."""
AXES: Mapping[str, Sequence[int]] = {
    "members": (1, 2, 4, 8, 16),
    "samples": (10_000, 20_000, 40_000, 80_000),
    "width": (50, 100, 200, 400, 800),
    "epochs": (2, 4, 8, 16),
}


@dataclass(frozen=True)
class Point:
    """A measurement.

    Args:
        axis: What grows.
        size: How large it is.
        seconds: Of training, all members and epochs, without what the first epoch took longer.
        peak_bytes: The largest resident memory of the process.
        first: Seconds from the start of the process to the numbers of the first epoch, compiled.
        again: The same in another process, with what the first one compiled.
    """

    axis: str
    size: int
    seconds: float
    peak_bytes: int
    first: float
    again: float


@dataclass(frozen=True)
class Slope:
    """How an axis grows.

    Args:
        axis: What grows.
        exponent: Seconds grow as size to this power: the median over rounds.
        lowest: The exponent of the round with the least.
        highest: And of that with the greatest.
        bytes_each: Memory grows by so many with each more; the median over rounds.
    """

    axis: str
    exponent: float
    lowest: float
    highest: float
    bytes_each: float


def ran(work: str, data: Path, epochs: int, cache: Path, *arguments: str) -> dict[str, Any]:
    """What kohort measured on a work item, with its cache in a folder.

    Raises:
        RuntimeError: It failed.
    """
    started = str(time.time())
    command = [
        *(sys.executable, "-m", "benchmarks.peers.kohort_fit", "--work", work),
        *("--data", str(data), "--epochs", str(epochs), "--started", started, *arguments),
    ]
    told = launch(command, {"KOHORT_CACHE": str(cache)})
    if "failed" in told:
        raise RuntimeError(f"{work}: {told['failed']}")
    return told


def measured(axis: str, size: int, folder: Path) -> Point:
    """A point: the axis at a size, all else as it stays; in a folder, what is kept of a round."""
    sizes = {"members": MEMBERS, "samples": SAMPLES, "width": WIDTH, "epochs": EPOCHS, axis: size}
    data = folder.parent / str(sizes["samples"])
    data.mkdir(exist_ok=True)
    samples.write(data, sizes["samples"])
    work, cache = f"{sizes['width']}-x{sizes['members']}", folder / f"{axis} {size}"
    # The second process compiles nothing: its memory is that of training.
    cold, warm = (ran(work, data, sizes["epochs"], cache) for _ in range(2))
    return Point(
        axis,
        size,
        float(np.mean(warm["epochs"])) * warm["models"] * sizes["epochs"],
        warm["peak_bytes"],
        cold["imports"] + cold["first"],
        warm["imports"] + warm["first"],
    )


def middle(rounds: Sequence[Sequence[Point]]) -> list[Point]:
    """Each point of several rounds, every number of it the median."""
    return [
        Point(
            same[0].axis,
            same[0].size,
            seconds=float(np.median([point.seconds for point in same])),
            peak_bytes=int(np.median([point.peak_bytes for point in same])),
            first=float(np.median([point.first for point in same])),
            again=float(np.median([point.again for point in same])),
        )
        for same in zip(*rounds, strict=True)
    ]


def slope(axis: str, rounds: Sequence[Sequence[Point]]) -> Slope:
    """Fit an axis in each round: lines through the logarithms of seconds, and through bytes."""
    exponents, each = [], []
    for points in rounds:
        on_axis = [point for point in points if point.axis == axis]
        sizes = np.array([point.size for point in on_axis], float)
        seconds = np.array([point.seconds for point in on_axis])
        memory = np.array([point.peak_bytes for point in on_axis], float)
        exponents.append(_rise(np.log(sizes), np.log(seconds)))
        each.append(_rise(sizes, memory))
    middling, least, greatest = (float(of(exponents)) for of in (np.median, min, max))
    return Slope(axis, middling, least, greatest, float(np.median(each)))


def _rise(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.polynomial.Polynomial.fit(x, y, 1).convert().coef[1])


def study_costs(folder: Path) -> dict[str, float]:
    """Seconds of a small study of 40 members in all, kept in a store, and of its report."""
    data = folder / "study"
    data.mkdir(exist_ok=True)
    samples.write(data, 2000)
    cache = folder / "study cache"
    ran("study", data, 2, cache)  # which compiles
    plain, kept = ran("study", data, 2, cache), ran("study", data, 2, cache, "--store")
    return {
        "study without a store": plain["total"],
        "study in a store": kept["total"],
        "of which the report": plain["report"],
    }


def svg(points: Sequence[Point]) -> str:
    """Seconds and memory against each axis, as SVG text."""
    rows = [
        (point.axis, point.size, measure, value)
        for point in points
        for measure, value in (
            ("training, s", point.seconds),
            ("peak memory, GiB", point.peak_bytes / 2**30),
        )
    ]
    table = pd.DataFrame(rows, columns=["axis", "size", "measure", "value"])
    chart = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X("size:Q", title=None, scale=alt.Scale(type="log")),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(type="log")),
        )
        .properties(width=160, height=130)
        .facet(row=alt.Row("measure:N", title=None), column=alt.Column("axis:N", title=None))
        .resolve_scale(x="independent", y="independent")
        .properties(background="white")
    )
    text: str = vl_convert.vegalite_to_svg(chart.to_json())
    return text


def markdown(
    points: Sequence[Point], slopes: Sequence[Slope], costs: Mapping[str, float], clause: str
) -> str:
    """The page of a measurement."""
    fits = "\n".join(
        f"| {slope.axis} | {slope.exponent:.2f} ({slope.lowest:.2f} to {slope.highest:.2f}) | "
        f"{slope.bytes_each / 2**20:,.3f} |"
        for slope in slopes
    )
    lines = "\n".join(
        f"| {point.axis} | {point.size:,} | {point.seconds:.3f} | "
        f"{point.peak_bytes / 2**20:,.0f} | {point.first:.1f} | {point.again:.1f} |"
        for point in points
    )
    spent = "\n".join(f"| {what} | {seconds:.2f} |" for what, seconds in costs.items())
    return f"""<!-- Written by benchmarks/growth.py. docs/benchmarks.md says how to read it. -->

# Growth

{clause}.
What does not grow: {MEMBERS} members of {WIDTH} units, {SAMPLES:,} samples, {EPOCHS} epochs.

![Seconds and memory against members, samples, width and epochs](growth.svg)

| what grows | exponent of seconds | MiB for each more |
| --- | ---: | ---: |
{fits}

| what grows | to | training s | peak MiB | first numbers after s | with the cache s |
| --- | ---: | ---: | ---: | ---: | ---: |
{lines}

| a study of 40 members, 2,000 samples, 2 epochs | s |
| --- | ---: |
{spent}
"""


def main(
    axes: Annotated[str, typer.Option(help="What grows, by commas.")] = ",".join(AXES),
    points: Annotated[int, typer.Option(min=2, help="Sizes of each, from the smallest.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of every size.")] = 3,
) -> None:
    """Measure, and write benchmarks/results/growth.json, .md and .svg."""
    chosen = axes.split(",")
    unknown = [axis for axis in chosen if axis not in AXES]
    if unknown:
        raise typer.BadParameter(f"expected some of {', '.join(AXES)}; got {unknown[0]!r}")
    found: list[list[Point]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(rounds):
            folder = Path(temporary) / f"round {number + 1}"
            folder.mkdir()
            found.append([])
            for axis in chosen:
                for size in AXES[axis][:points]:
                    found[-1].append(measured(axis, size, folder))
                    print(found[-1][-1], flush=True)
        costs = study_costs(Path(temporary))
    medians = middle(found)
    slopes = [slope(axis, found) for axis in chosen]
    RESULTS.mkdir(exist_ok=True)
    machine = about()
    whole = {
        "about": machine,
        "rounds": [[asdict(point) for point in same] for same in found],
        "slopes": [asdict(slope) for slope in slopes],
        "study": costs,
    }
    clause = (
        f"{machine['date']}; {machine['cores']} cores of {machine['processor']}. "
        f"Medians of {rounds} rounds (lowest to highest)"
    )
    text = markdown(medians, slopes, costs, clause)
    (RESULTS / "growth.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "growth.md").write_text(text, encoding="utf-8")
    (RESULTS / "growth.svg").write_text(svg(medians), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    typer.run(main)
