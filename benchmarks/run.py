"""Train the same work by kohort and its peers, in turn, and write how they compare.

    python -m benchmarks.run --work 200,400-200 --peers kohort,keras-jax --rounds 3 --epochs 3

Each peer runs in a process and an environment of its own. docs/benchmarks.md says how to read the
results.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import page, samples
from benchmarks.machine import machine
from benchmarks.peers import OWN, PEERS, PEERS_ENVIRONMENT, TENSORFLOW, Peer
from benchmarks.summary import ceilings_of, summary
from benchmarks.work import SAMPLES, WORKS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
INTERPRETERS = {
    OWN: sys.executable,
    TENSORFLOW: os.environ.get(
        "KOHORT_TENSORFLOW_PYTHON", str(ROOT / ".venv-tensorflow" / "bin" / "python")
    ),
    PEERS_ENVIRONMENT: os.environ.get(
        "KOHORT_PEERS_PYTHON", str(ROOT / ".venv-peers" / "bin" / "python")
    ),
}
MADE_BY = {TENSORFLOW: "make tensorflow", PEERS_ENVIRONMENT: "make peers"}
QUICK_WORK = ("softmax", "200", "400-200", "600-400-200", "softmax-x16")
QUICK_PEERS = (
    "kohort",
    "kohort-bfloat16",
    "keras-jax",
    "keras-jax-bfloat16",
    "keras-tensorflow",
    "keras-torch",
    "torch",
    "torch-func",
)
ALL_WORK = tuple(name for name in WORKS if name != "200-x1000")


def launch(arguments: Sequence[str], variables: dict[str, str], limit: float) -> dict[str, Any]:
    """What a program printed in its last line, and its wall seconds; or what went wrong."""
    started = time.perf_counter()
    try:
        done = subprocess.run(
            arguments,
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {limit:.0f} s"}
    seconds = time.perf_counter() - started
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return {"failed": told[-1][:200]}
    return {**json.loads(done.stdout.splitlines()[-1]), "total": seconds}


def train(
    name: str, peer: Peer, work: str, data: Path, epochs: int, limit: float
) -> dict[str, Any]:
    """Train a work item by a peer; what it measured, or why it did not."""
    interpreter = INTERPRETERS[peer.environment]
    about = {"work": work, "peer": name, "precision": peer.precision}
    if not Path(interpreter).exists():
        return {**about, "failed": f"no environment ({MADE_BY[peer.environment]})"}
    started = str(time.time())
    arguments = [
        *(interpreter, "-m", f"benchmarks.peers.{peer.module}", "--work", work),
        *("--data", str(data), "--epochs", str(epochs), "--started", started, *peer.arguments),
    ]
    # What kohort compiles is kept between rounds, as on a user's disk; the first finds nothing.
    variables = {**peer.variables, "KOHORT_CACHE": str(data / "cache")}
    return {**about, **launch(arguments, variables, limit)}


def measure(
    works: Sequence[str],
    peers: Sequence[str],
    data: Path,
    rounds: int,
    epochs: int,
    limit: float,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Let peers take turns, round by round; their records, and the ceilings of each round."""
    records, ceilings = [], []
    for number in range(1, rounds + 1):
        ceilings.append(launch([sys.executable, "-m", "benchmarks.limits"], {}, limit))
        for work in works:
            for name in peers:
                if not PEERS[name].trains(WORKS[work]):
                    continue
                record = train(name, PEERS[name], work, data, epochs, limit)
                told = record.get("failed") or f"{record['total']:.1f} s in all"
                print(f"round {number}/{rounds}  {work:14s} {name:28s} {told}", flush=True)
                records.append({"round": number, **record})
    return records, ceilings


def write(
    name: str,
    records: list[dict[str, Any]],
    ceilings: list[dict[str, Any]],
    settings: dict[str, int],
) -> None:
    """Write the records, their table, and their plot to benchmarks/results/."""
    RESULTS.mkdir(exist_ok=True)
    ceiling = ceilings_of(ceilings)
    rows = summary(records, ceiling, settings["samples"], settings["epochs"])
    about = {
        **machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": settings,
        "ceilings": asdict(ceiling),
    }
    whole = {"about": about, "rows": [asdict(row) for row in rows], "records": records}
    text = json.dumps(whole, indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(page.markdown(name, about, rows), encoding="utf-8")
    (RESULTS / f"{name}.svg").write_text(page.svg(rows), encoding="utf-8")
    print(page.table(rows))
    print(f"\nwrote {RESULTS / name}.json, .md and .svg")


def chosen(
    given: str, known: Sequence[str], everything: Sequence[str], quick: Sequence[str]
) -> Sequence[str]:
    """The names that an option lists; "quick" and "all" stand for several."""
    if given in ("all", "quick"):
        return everything if given == "all" else quick
    names = tuple(given.split(","))
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}, quick, all")
    return names


def main(
    work: Annotated[str, typer.Option(help="Work items, by commas; or quick, all.")] = "quick",
    peers: Annotated[str, typer.Option(help="Peers, by commas; or quick, all.")] = "quick",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of every peer.")] = 3,
    epochs: Annotated[int, typer.Option(min=2, help="Epochs; the first compiles.")] = 3,
    samples_: Annotated[
        int, typer.Option("--samples", min=1000, help="Samples, a tenth validates.")
    ] = SAMPLES,
    data: Annotated[Path | None, typer.Option(help="A folder that keeps the data.")] = None,
    name: Annotated[str, typer.Option(help="Of the files in benchmarks/results/.")] = "quick",
    limit: Annotated[float, typer.Option(help="Seconds that a process may take.")] = 3600,
) -> None:
    """Measure, and write the results."""
    works = chosen(work, tuple(WORKS), ALL_WORK, QUICK_WORK)
    names = chosen(peers, tuple(PEERS), tuple(PEERS), QUICK_PEERS)
    settings = {"samples": samples_, "epochs": epochs, "rounds": rounds}
    with tempfile.TemporaryDirectory() as temporary:
        folder = data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        samples.write(folder, samples_)
        records, ceilings = measure(works, names, folder, rounds, epochs, limit)
    write(name, records, ceilings, settings)


if __name__ == "__main__":
    typer.run(main)
