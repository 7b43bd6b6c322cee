"""A table of 600 rows and a net of 16-16: one model, and many at once, beside one model of others.

    python -m benchmarks.tiny

An epoch takes less than a millisecond, so the mean of many is told, each of its own process, in
turns. Records go to benchmarks/results/tiny.json.
"""

import json
import tempfile
from pathlib import Path
from statistics import fmean, median
from typing import Annotated

import typer

from benchmarks.launch import RESULTS, launch_peer
from benchmarks.machine import about
from benchmarks.peers import BREADTH, breadth_members

TASK = "tiny table"
MEMBERS = (1, 8, 16, 64)
OURS = {f"kohort-x{members}": breadth_members(members) for members in MEMBERS}
OTHERS = {name: BREADTH[name] for name in ("keras-jax", "torch")}
EPOCHS = dict.fromkeys(OURS, 400) | dict.fromkeys(OTHERS, 40)


def main(rounds: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 3) -> None:
    """Measure, and write the records."""
    records: list[dict[str, float]] = []
    for number in range(rounds):
        turn = list((OURS | OTHERS).items())
        turn = turn[number % len(turn) :] + turn[: number % len(turn)]
        found = {}
        for name, peer in turn:
            arguments = ("--task", TASK, "--epochs", str(EPOCHS[name]))
            with tempfile.TemporaryDirectory() as cache:
                record = launch_peer(peer, arguments, Path(cache))
            if "failed" in record:
                raise SystemExit(f"{name}: {record['failed']}")
            found[name] = fmean(record["epochs"])
        records.append(found)
        print(f"round {number + 1}/{rounds}", {k: f"{v:.2g}" for k, v in found.items()}, flush=True)
    ratios = {
        name: [min(found[other] for other in OTHERS) / found[name] for found in records]
        for name in OURS
    }
    for name, values in ratios.items():
        print(f"{name}: {median(values):.1f} ({min(values):.1f} to {max(values):.1f})")
    report = {"about": about(), "epochs": EPOCHS, "seconds": records, "ratios": ratios}
    (RESULTS / "tiny.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
