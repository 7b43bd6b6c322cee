"""Where an epoch of kohort's goes: products, optimizer, reading data, and the rest.

    python -m benchmarks.profiled --work 400-200

The second epoch is traced on one core, where the seconds of XLA's instructions add up. Instructions
are told apart by what XLA compiled them to; it runs on a CPU.
"""

import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jax
import typer

from benchmarks import samples
from benchmarks.launch import launch
from benchmarks.work import Work, layers, named

CONTAINERS = ("while", "call", "conditional")
"""Instructions whose own seconds hold those of others."""
PRODUCTS, OPTIMIZER, READING, REST = "products", "optimizer", "reading data", "rest"

_DEFINITION = re.compile(r"^\s*(?:ROOT )?%?([\w.-]+) = (.*?[\])}]) ([\w-]+)\((.*)$", re.MULTILINE)
_COMPUTATION = re.compile(r"^%?([\w.-]+) \(.*?\{$(.*?)^\}", re.MULTILINE | re.DOTALL)
_SHAPE = re.compile(r"\w+\[([\d,]*)\]")


def groups(program: str, weights: set[int]) -> dict[str, str]:
    """The group of each instruction of a compiled program, by name; containers have none.

    Args:
        program: As XLA dumps it as text.
        weights: How many numbers a kernel has, or all members' kernels together: what is no
            product and makes an array of this size belongs to the optimizer.
    """
    bodies = dict(_COMPUTATION.findall(program))
    found = {}
    for name, shape, kind, rest in _DEFINITION.findall(program):
        called = re.search(r"calls=%?([\w.-]+)", rest)
        inside = f"{kind}(" + (bodies.get(called.group(1), "") if called else "")
        if kind not in CONTAINERS:
            found[name] = _group(inside, shape, weights)
    return found


def _group(inside: str, shape: str, weights: set[int]) -> str:
    if re.search(r"\b(dot|convolution)\(", inside):
        return PRODUCTS
    if re.search(r"\bgather\(", inside):
        return READING
    sizes = {_size(dimensions) for dimensions in _SHAPE.findall(shape)}
    return OPTIMIZER if sizes & weights else REST


def _size(dimensions: str) -> int:
    return math.prod(map(int, filter(None, dimensions.split(","))))


def kernel_sizes(work: Work) -> set[int]:
    """Numbers in a kernel: of one member, and of all side by side."""
    of_member = {
        layer.inner * layer.columns for net in work.variants.values() for layer in layers(net)
    }
    return of_member | {work.members * size for size in of_member}


def events(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Program, instruction and seconds of all that XLA ran."""
    for file in folder.rglob("*.xplane.pb"):
        for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
            for line in plane.lines:
                for event in line.events:
                    about = dict(iter(event.stats))
                    if "hlo_op" in about:
                        yield about["hlo_module"], event.name, event.duration_ns / 1e9


def grouped(folder: Path, weights: set[int]) -> dict[str, float]:
    """Seconds of each group, from a trace and the programs that were dumped beside it."""
    seconds = dict.fromkeys((PRODUCTS, OPTIMIZER, READING, REST), 0.0)
    known: dict[str, dict[str, str]] = {}
    for module, name, taken in events(folder):
        if module not in known:
            known[module] = {}
            for file in folder.glob(f"*.{module}.cpu_after_optimizations.txt"):
                known[module] |= groups(file.read_text("utf-8"), weights)
        if name in known[module]:
            seconds[known[module][name]] += taken
    return seconds


def profile(work: str, data: Path, precision: str, limit: float) -> dict[str, Any]:
    """Where the second epoch of a work item goes.

    Returns:
        "epoch", its wall seconds on one core, and "seconds" of each group, "outside" being what no
        instruction accounts for; or "failed", in words.
    """
    with tempfile.TemporaryDirectory() as folder:
        flags = f"--xla_cpu_enable_xprof_traceme=true --xla_dump_to={folder}"
        variables = {
            "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip(),
            "KOHORT_CACHE": "off",  # A program that is not compiled is not dumped.
        }
        arguments = [
            *(sys.executable, "-m", "benchmarks.peers.kohort_traced", "--work", work),
            *("--data", str(data), "--precision", precision, "--trace", folder),
        ]
        told = launch(arguments, variables, limit)
        if "failed" in told:
            return told
        seconds = grouped(Path(folder), kernel_sizes(named(work)))
    outside = max(0.0, told["epoch"] - sum(seconds.values()))
    return {"epoch": told["epoch"], "seconds": {**seconds, "outside": outside}}


def main(
    work: Annotated[str, typer.Option(help="A work item other than the study.")] = "400-200",
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    samples_: Annotated[int, typer.Option("--samples", help="Samples.")] = 20_000,
    limit: Annotated[float, typer.Option(help="Seconds that it may take.")] = 3600,
) -> None:
    """Print the share of each group."""
    with tempfile.TemporaryDirectory() as folder:
        samples.write(Path(folder), samples_)
        told = profile(work, Path(folder), precision, limit)
    if "failed" in told:
        raise typer.BadParameter(told["failed"])
    print(f"{work}, {precision}, {samples_:,} samples: {told['epoch']:.3f} s an epoch on one core")
    for group, seconds in told["seconds"].items():
        print(f"  {group:14s} {seconds:8.3f} s  {100 * seconds / told['epoch']:5.1f} %")


if __name__ == "__main__":
    typer.run(main)
