"""Train the same work by kohort and its peers, in turn, and write how they compare.

    python -m benchmarks.run --work 200,400-200 --peers kohort,keras-jax --rounds 3 --epochs 3

Each peer runs in a process and an environment of its own. docs/benchmarks.md says how to read the
results.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import machine, page, samples
from benchmarks.launch import RESULTS, chosen, launch, launch_peer
from benchmarks.peers import PEERS, Peer
from benchmarks.profiled import profile
from benchmarks.summary import Row, ceilings_of, summary
from benchmarks.work import SAMPLES, WORKS, named

CACHE = "cache"
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


def train(
    name: str, peer: Peer, work: str, data: Path, epochs: int, limit: float
) -> dict[str, Any]:
    """Train a work item by a peer; what it measured, or why it did not."""
    about = {"work": work, "peer": name, "precision": peer.precision}
    arguments = ("--work", work, "--data", str(data), "--epochs", str(epochs))
    # What kohort compiles is kept between rounds, as on a user's disk; the first finds nothing,
    # nor anything of other work.
    return about | launch_peer(peer, arguments, data / CACHE / f"{work} {name}", limit)


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
    # The first round is to find nothing compiled, in a folder that is kept either.
    shutil.rmtree(data / CACHE, ignore_errors=True)
    for number in range(1, rounds + 1):
        ceilings.append(launch([sys.executable, "-m", "benchmarks.limits"], {}, limit))
        for work in works:
            # Each is first in its turn: what the machine does meanwhile favours nobody.
            turn = (number - 1) % len(peers)
            for name in (*peers[turn:], *peers[:turn]):
                if not PEERS[name].trains(named(work)):
                    continue
                record = train(name, PEERS[name], work, data, epochs, limit)
                told = record.get("failed") or f"{record['total']:.1f} s in all"
                print(f"round {number}/{rounds}  {work:14s} {name:28s} {told}", flush=True)
                records.append({"round": number, **record})
    return records, ceilings


def profiles(
    works: Sequence[str], peers: Sequence[str], data: Path, limit: float
) -> list[dict[str, Any]]:
    """Where kohort's epochs go, for each work item but the study, in each of its precisions."""
    found = []
    for work in works:
        for name in peers:
            if PEERS[name].module == PEERS["kohort"].module and not named(work).is_study:
                precision = PEERS[name].precision
                told = profile(work, data, precision, limit)
                found.append({"work": work, "precision": precision, **told})
                print(f"profile  {work:14s} {precision}", flush=True)
    return found


def write(
    name: str,
    records: list[dict[str, Any]],
    ceilings: list[dict[str, Any]],
    settings: dict[str, Any],
    profiled: Sequence[dict[str, Any]] = (),
) -> list[Row]:
    """Write the records, their table, and their plot to benchmarks/results/; the table's rows."""
    ceiling = ceilings_of(ceilings)
    rows = summary(records, ceiling, settings["samples"], settings["epochs"])
    about = {**machine.about(), "settings": settings, "ceilings": asdict(ceiling)}
    whole = {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "profiles": list(profiled),
        "records": records,
    }
    RESULTS.mkdir(exist_ok=True)
    files = {
        "json": json.dumps(whole, indent=1) + "\n",
        "md": page.markdown(name, about, rows, profiled),
        "svg": page.svg(rows),
    }
    for ending, text in files.items():
        (RESULTS / f"{name}.{ending}").write_text(text, encoding="utf-8")
    print(page.table(rows))
    print(f"\nwrote {RESULTS / name}.json, .md and .svg")
    return rows


def works_of(given: str) -> Sequence[str]:
    """The names of work items that an option lists; "quick" and "all" stand for several."""
    names = {"quick": QUICK_WORK, "all": tuple(WORKS)}.get(given, tuple(given.split(",")))
    try:
        for name in names:
            named(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return names


def peers_of(given: str) -> Sequence[str]:
    """The names of peers that an option lists, likewise."""
    return chosen(given, PEERS, {"quick": QUICK_PEERS})


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
    *,
    profiled: Annotated[
        bool, typer.Option("--profile/--no-profile", help="Tell where kohort's epochs go, too.")
    ] = False,
) -> None:
    """Measure, and write the results."""
    works = works_of(work)
    names = peers_of(peers)
    settings = {
        "samples": samples_,
        "epochs": epochs,
        "rounds": rounds,
        "work": list(works),
        "peers": list(names),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        samples.write(folder, samples_)
        records, ceilings = measure(works, names, folder, rounds, epochs, limit)
        told = profiles(works, names, folder, limit) if profiled else []
    write(name, records, ceilings, settings, told)


if __name__ == "__main__":
    typer.run(main)
