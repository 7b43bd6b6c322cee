"""A thousand members of the 200-unit net on a GPU: members a second, and how near its limit.

    python -m benchmarks.gpu

Where JAX finds no GPU, it prints what operation counts let an H100-class card hope for, and what it
takes to set the members up, which is work of the CPU.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import jax
import typer

from benchmarks import run, samples
from benchmarks.growth import ran
from benchmarks.work import BATCH, SAMPLES, VALIDATION, Ceilings, least_seconds, named, phases

WORK, EPOCHS = "200-x1000", 30
PEERS = ("kohort", "kohort-bfloat16", "torch-func", "torch-func-bfloat16")
CARD = Ceilings(
    {"float32": 67e12, "tensorfloat32": 495e12, "bfloat16": 989e12},
    {1: 3.35e12},
)
"""An H100 SXM as its data sheet has it: dense, without sparsity."""


def estimate(work: str, samples_: int, epochs: int) -> str:
    """What a card of `CARD`'s ceilings takes at least, as text."""
    item = named(work)
    steps = -(-(samples_ - int(samples_ * VALIDATION)) // BATCH)
    lines = [f"estimate for an H100-class card, from operation counts: {work}, {epochs} epochs"]
    for precision in CARD.operations:
        seconds = least_seconds(item, precision, CARD, samples_) * item.models * epochs
        parts = phases(next(iter(item.variants.values())), item.members, precision)
        moving = sum(CARD.seconds(p, precision) for p in parts if p.name == "optimizer")
        lines.append(
            f"  {precision:14s} {seconds:6.1f} s at the limit, {item.models / seconds:6.1f} "
            f"members/s; the optimizer's bytes alone {moving * steps * epochs:.1f} s"
        )
    return "\n".join(lines)


def setup_seconds(net: str, few: int = 4, more: int = 36) -> float:
    """Seconds that a further member takes before it trains: built, prepared and traced.

    Measured on this machine's CPU as the difference of two cohorts that compile nothing.
    """
    first = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        samples.write(folder, 1000)
        for members in (few, more):
            runs = [ran(f"{net}-x{members}", folder, 2, folder / "cache") for _ in range(3)]
            # The first one compiles.
            first.append(min(run["first"] - run["epochs"][0] * members for run in runs[1:]))
    return float(first[1] - first[0]) / (more - few)


@contextmanager
def visible(count: int) -> Iterator[None]:
    """Let processes that begin in the block see the first GPUs of those that this one sees."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    numbers = seen.split(",") if seen else [str(number) for number in range(count)]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(numbers[:count])
    try:
        yield
    finally:
        if seen is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = seen


def main(
    work: Annotated[str, typer.Option(help="A work item.")] = WORK,
    peers: Annotated[str, typer.Option(help="Peers, by commas.")] = ",".join(PEERS),
    samples_: Annotated[int, typer.Option("--samples", min=1000, help="Samples.")] = SAMPLES,
    epochs: Annotated[int, typer.Option(min=2, help="Epochs.")] = EPOCHS,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of every peer.")] = 1,
) -> None:
    """Measure where there is a GPU; print the estimate everywhere."""
    works, names = run.works_of(work), run.peers_of(peers)
    print(estimate(works[0], samples_, epochs))
    if jax.default_backend() != "gpu":
        item = named(works[0])
        net = next(iter(item.variants.values()))
        if not net.filters:
            each = setup_seconds("-".join(map(str, net.units)) or "softmax")
            print(f"  setting up {item.models} members: {each * item.models:.0f} s, as on this CPU")
        print("JAX finds no GPU here: no training was measured.")
        return
    settings = {"samples": samples_, "epochs": epochs, "rounds": rounds}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        samples.write(folder, samples_)
        # On one, and on all of them: peers other than kohort use one.
        for count in sorted({1, jax.local_device_count()}):
            with visible(count):
                taken = run.measure(works[:1], names, folder, rounds, epochs, limit=3600)
            name = "gpu" if count == 1 else f"gpu-{count}"
            for row in run.write(name, *taken, settings | {"gpus": count}):
                if row.total is not None:
                    rate = named(row.work).models / row.total
                    print(f"{row.peer:28s} {rate:.1f} members/s on {count} GPUs, in all")


if __name__ == "__main__":
    typer.run(main)
