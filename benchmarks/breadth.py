"""Twenty kinds of models: kohort beside Keras's `fit` on three backends and a PyTorch loop.

    python -m benchmarks.breadth [--models table,mixer] [--peers kohort,torch] [--rounds 3]

Each model trains for twenty epochs, with validation, in a process of its own that finds nothing
compiled; eight of it by one `kohort.fit` for six epochs. All peers take turns, round by round.
Results, by model, are kept in benchmarks/results/breadth.json, and told in breadth.md.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.launch import RESULTS, chosen, launch_peer
from benchmarks.machine import about
from benchmarks.peers import BREADTH, COHORT
from benchmarks.tasks import TASKS

EPOCHS, COHORT_EPOCHS = 20, 6
KOHORT = "kohort"
PEERS = [name for name in BREADTH if name not in {KOHORT, COHORT}]
KINDS = {
    "total": "Cold, wall seconds of the process",
    "epochs": "Warm, wall seconds of an epoch",
    "processor": "Cold, processor seconds of the process",
    "processor epochs": "Warm, processor seconds of an epoch",
}

type Record = dict[str, Any]


def seconds(record: Record, kind: str) -> float:
    """Of a record: of epochs the median, for each model; of shortest ones the mean."""
    told = record[kind]
    if not isinstance(told, list):
        return float(told)
    # A thread marks them, and waits for its turn: the marks of shorter ones come several at once.
    mean = statistics.fmean(told)
    return mean if mean < sys.getswitchinterval() else float(statistics.median(told))


def ratios(records: Sequence[Record], kind: str, peer: str, to: str = KOHORT) -> list[float]:
    """Seconds of a peer over kohort's, of each round in which both trained."""
    by_round: dict[int, dict[str, float]] = {}
    for record in records:
        if "failed" not in record:
            by_round.setdefault(record["round"], {})[record["peer"]] = seconds(record, kind)
    return [found[peer] / found[to] for found in by_round.values() if {peer, to} <= found.keys()]


def best(records: Sequence[Record], kind: str, to: str = KOHORT) -> tuple[str, list[float]]:
    """The peer whose median ratio is lowest, and its ratios; "" where there is none."""
    found = {name: ratios(records, kind, name, to) for name in PEERS}
    known = {name: told for name, told in found.items() if told}
    name = min(known, key=lambda name: statistics.median(known[name]), default="")
    return name, known.get(name, [])


def table(found: dict[str, Any], kind: str) -> str:
    """A line for each model: kohort's seconds, and of each peer how many times as many.

    Args:
        found: What was measured, by model.
        kind: One of `KINDS`. Seconds of an epoch are told of eight models, too, for each.
    """
    is_warm = kind.endswith("epochs")
    head = ["model", "kohort, s", *PEERS, "best peer"]
    head += [f"{COHORT}, s a model", "best peer to it"] * is_warm
    rows = []
    for model, told in found.items():
        records = told["records"]
        cells = [model, _seconds(records, kind, KOHORT)]
        cells += [_spread(ratios(records, kind, name)) for name in PEERS]
        name, of_best = best(records, kind)
        cells.append(f"{_median(of_best)} {name}".strip())
        if is_warm:
            cells += [_seconds(records, kind, COHORT), _spread(best(records, kind, COHORT)[1])]
        rows.append(cells)
    return _markdown(head, rows)


def at_a_glance(found: dict[str, Any]) -> str:
    """A line for each model: how many times as long as kohort others take, wall, medians.

    For an epoch of one model each peer, and the best of them beside eight models at once; for all
    epochs, from the start of the process, the best peer.
    """
    head = ["model", *PEERS, "best, beside 8 at once", "cold, 20 epochs: best"]
    rows = []
    for model, told in found.items():
        records = told["records"]
        cells = [_median(ratios(records, "epochs", name)) or "none" for name in PEERS]
        cells += [_median(best(records, "epochs", COHORT)[1]) or "none"]
        name, cold = best(records, "total")
        rows.append([model, *cells, f"{_median(cold)} {name}"])
    return _markdown(head, rows)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text, and the others numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f}" if values else ""


def _spread(values: Sequence[float]) -> str:
    spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
    return _median(values) + spread if values else "none"


def _seconds(records: Sequence[Record], kind: str, peer: str) -> str:
    told = [seconds(r, kind) for r in records if r["peer"] == peer and "failed" not in r]
    return f"{statistics.median(told):.3g}" if told else "none"


def parts(found: dict[str, Any]) -> str:
    """Where the wall seconds of kohort's cold processes go, a line for each model."""
    head = ["model", "imports", "building and first epoch", "of it compiling", "later epochs"]
    rows = []
    for model, told in found.items():
        good = [r for r in told["records"] if r["peer"] == KOHORT and "failed" not in r]
        each = [(r["imports"], r["first"], r["compiling"], sum(r["epochs"])) for r in good]
        cells = [f"{statistics.median(values):.1f}" for values in zip(*each, strict=True)]
        rows.append([model, *cells])
    return _markdown(head, rows)


def building(found: dict[str, Any]) -> str:
    """Processor seconds in which a model is built first in a process, a line for each model."""
    rows = [
        [model, *(_seconds(told["records"], "building", peer) for peer in ("keras-jax", KOHORT))]
        for model, told in found.items()
    ]
    return _markdown(["model", "by itself", "in `kohort.building()`"], rows)


def failures(found: dict[str, Any]) -> str:
    """A line for each peer that did not train a model, with the reason."""
    told: dict[tuple[str, str], list[str]] = {}
    for model, of_model in found.items():
        for record in of_model["records"]:
            if "failed" in record:
                models = told.setdefault((record["peer"], record["failed"]), [])
                models += [model] * (model not in models)
    lines = [f"- {peer}, {', '.join(m)}: {why}" for (peer, why), m in told.items()]
    return "\n".join(["Not measured:\n", *lines, ""]) if lines else ""


def page(found: dict[str, Any]) -> str:
    """All tables, and on what they were measured."""
    abouts = [of_model["about"] for of_model in found.values()]
    machines = {f"Cores: {told['cores']}, of {told['processor']};" for told in abouts}
    commits = ", ".join(sorted({told["commit"] or "not told" for told in abouts}))
    loads = [told["load"] for told in abouts]
    versions = {
        record["peer"]: ", ".join(f"{name} {told}" for name, told in record["versions"].items())
        for of_model in found.values()
        for record in of_model["records"]
        if "failed" not in record
    }
    tables = (f"## {title}\n\n{table(found, kind)}" for kind, title in KINDS.items())
    rounds = sorted({of_model["rounds"] for of_model in found.values()})
    return "\n".join(
        [
            "<!-- Written by benchmarks/breadth.py. docs/benchmarks.md says how to read it. -->\n",
            "# breadth\n",
            *sorted(machines),
            f"commits: {commits}; load averages: {min(loads):.1f} to {max(loads):.1f};",
            f"rounds: {', '.join(map(str, rounds))}.\n",
            *(f"- {peer}: {told}" for peer, told in sorted(versions.items())),
            "",
            *tables,
            f"## Where kohort's cold wall seconds go\n\n{parts(found)}",
            f"## To build a model on JAX, processor seconds\n\n{building(found)}",
            failures(found),
        ]
    )


def measure(model: str, peers: Sequence[str], rounds: int, limit: float) -> list[Record]:
    """Let peers take turns with a model; their records."""
    records = []
    for number in range(rounds):
        # Each is first in its turn: what the machine does meanwhile favours nobody.
        turn = number % len(peers)
        for name in (*peers[turn:], *peers[:turn]):
            epochs = COHORT_EPOCHS if name == COHORT else EPOCHS
            with tempfile.TemporaryDirectory() as cache:
                record = launch_peer(
                    BREADTH[name], ("--task", model, "--epochs", str(epochs)), Path(cache), limit
                )
            told = record.get("failed") or f"{record['total']:.1f} s in all"
            print(f"round {number + 1}/{rounds}  {model:24s} {name:17s} {told}", flush=True)
            records.append({"round": number + 1, "peer": name, **record})
    return records


def main(
    models: Annotated[str, typer.Option(help="Which, with commas between; or all.")] = "all",
    peers: Annotated[str, typer.Option(help="Which, with commas between; or all.")] = "all",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of every peer.")] = 3,
    limit: Annotated[float, typer.Option(help="Seconds that a process may take.")] = 600,
    cores: Annotated[int | None, typer.Option(min=1, help="So many of the machine's.")] = None,
) -> None:
    """Measure, and write benchmarks/results/breadth.json and breadth.md."""
    names, who = chosen(models, TASKS), chosen(peers, BREADTH)
    if cores is not None:
        # Processes inherit it, and their libraries make as many threads.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    place = RESULTS / "breadth.json"
    found = json.loads(place.read_text("utf-8")) if place.exists() else {}
    for model in names:
        records = measure(model, who, rounds, limit)
        found[model] = {"about": about(), "rounds": rounds, "records": records}
        found = {name: found[name] for name in TASKS if name in found}
        # After each model, so that a measurement that is ended keeps what it has.
        place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "breadth.md").write_text(page(found), encoding="utf-8")
        print(table({model: found[model]}, "total"), table({model: found[model]}, "epochs"))


if __name__ == "__main__":
    typer.run(main)
