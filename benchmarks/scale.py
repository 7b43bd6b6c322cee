"""A study of a hundred thousand members: what kohort itself takes, where training costs nothing.

    python -m benchmarks.scale [--members 10000,30000,100000] [--variants 50,100,200] [--keep final]

No model is built but one: the plan gets copies of what it says of it, and a program of one step
stands for the training of each block. What is left is the planning, the schedule, the records, the
store, the conclusions, `list` and `show`. Members grow by replicates of a hundred variants; then
variants grow, in ten replicates. Each size is a process of its own; results are in
benchmarks/results/scale.json.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import kohort  # before Keras, whose backend it chooses

# isort: split
import jax
import keras
import numpy as np
import typer

from benchmarks.launch import RESULTS, launch
from benchmarks.machine import about
from kohort.cli.store_commands import list_studies, show
from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan, make_plan
from kohort.engine.loop.events import (
    BlockEnded,
    BlocksPlanned,
    EpochsMeasured,
    Events,
    MeasuredEpoch,
)
from kohort.engine.members import Job
from kohort.runs.loading import open as open_result
from kohort.runs.work import Planned
from kohort.tracing.signature import global_settings

VARIANTS = 100
"""Of which members are replicates."""
REPLICATES = 10
"""Where variants grow."""
SEATS = 1000
"""Members of a block."""
EPOCHS = 2
AGAIN = 30_000
"""The most members of a study that is run again, which reads all weights."""


@dataclass(frozen=True)
class Scale:
    """What a study of so many members took.

    Args:
        members: How many.
        variants: How many of variants.
        seconds: By phase.
        cpu: Seconds of a core that the process took, by phase: what else the machine does enters
            less than it does the wall's.
        peak_bytes: The largest resident memory of the process.
        database_bytes: Of the database's file; 0 of one on a server.
        files: How many there are beside it.
        files_bytes: What they hold.
    """

    members: int
    variants: int
    seconds: dict[str, float]
    cpu: dict[str, float]
    peak_bytes: int
    database_bytes: int
    files: int
    files_bytes: int


def build(rate: float) -> keras.Model:
    """A net of ten units."""
    layers = [keras.Input((8,)), keras.layers.Dense(10, "relu"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential(layers)
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def study(members: int, variants: int) -> kohort.Study:
    """A study of learning rates, each in as many replicates."""
    random = np.random.default_rng(0)
    x, y = random.random((200, 8), np.float32), random.integers(0, 3, 200)
    rates = np.geomspace(1e-5, 1e-1, variants)
    return kohort.Study(
        "scale",
        [kohort.Variant(f"rate {n}", build, rate=float(rate)) for n, rate in enumerate(rates)],
        kohort.Dataset(x[:180], y[:180], x[180:], y[180:]),
        replicates=kohort.Holdout(0.2, repeats=members // variants),
        epochs=EPOCHS,
    )


def planned(made: kohort.Study) -> Planned:
    """Its plan, of which the model of one member is built."""
    spec = made.spec
    models = BuiltModels(spec, 0)
    make_plan(spec, models, {0: (0,)})
    first = models.known[0, 0, 1.0]
    for variant in range(len(spec.variants)):
        for replicate in range(len(spec.whole_replicates)):
            model = "" if replicate else first.model
            known = replace(first, variant=variant, replicate=replicate, model=model)
            models.known[variant, replicate, 1.0] = known
    return Planned(make_plan(spec, models), models, global_settings())


@jax.jit
def _step(seeds: jax.Array, epoch: jax.Array) -> jax.Array:
    """Losses `[member]` that fall with the epochs."""
    noise = jax.vmap(lambda seed: jax.random.uniform(jax.random.key(seed)))(seeds)
    return (1.0 + 0.1 * noise) / (1.0 + epoch)


def trained(_cohort: object, trains: int, _begun: Sequence[object]) -> Events:
    """What the engine tells of members, whose training is one step."""
    blocks = [list(range(trains))[at : at + SEATS] for at in range(0, trains, SEATS)]
    yield BlocksPlanned(blocks)
    for block in blocks:
        for epoch in range(EPOCHS):
            losses = np.asarray(_step(np.array(block), np.float32(epoch)))
            logs = {
                number: {name: float(loss) / (1.0 if "loss" in name else 3.0) for name in METRICS}
                for number, loss in zip(block, losses, strict=True)
            }
            measured = MeasuredEpoch(epoch, logs, len(block), None, epoch + 1 == EPOCHS, 0.1)
            yield EpochsMeasured([measured])
        yield BlockEnded(block, 0.1)


METRICS = (
    "loss",
    "accuracy",
    "val_loss",
    "val_data_loss",
    "val_accuracy",
    "eval_loss",
    "eval_data_loss",
    "eval_accuracy",
)


class Weights:
    """Stands for the trained model of a member of ten units."""

    def get_weights(self) -> list[np.ndarray]:
        """Its weights."""
        return [np.zeros(shape, np.float32) for shape in ((8, 10), (10,), (10, 3), (3,))]


def job(_spec: object, _models: object, members: Sequence[MemberPlan], **_: object) -> Any:
    """What the engine needs of members; their models are not built."""
    model: Any = Weights()
    return Job(tuple(members), [model] * len(members), [], [], None, 32)  # type: ignore[arg-type]


@contextmanager
def timed(seconds: dict[str, float], cpu: dict[str, float], phase: str) -> Iterator[None]:
    """Measure a phase, and tell it."""
    started, used = time.perf_counter(), time.process_time()
    yield
    seconds[phase] = time.perf_counter() - started
    cpu[phase] = time.process_time() - used
    print(f"{phase}: {seconds[phase]:.2f} s, of a core {cpu[phase]:.2f} s", file=sys.stderr)


def measure(members: int, variants: int, keep: str, place: str) -> Scale:
    """Run a study of so many members, in a new store, and look at it."""
    seconds, cpu = dict[str, float](), dict[str, float]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        where = place or str(folder / "kohort.db")
        with timed(seconds, cpu, "study"):
            made = study(members, variants)
        with timed(seconds, cpu, "plan"):
            made._planned = planned(made)
        losses: list[float] = [1.1] * len(made.spec.variants)
        stack.enter_context(mock.patch("kohort.study.before_training", return_value=(losses, ())))
        stack.enter_context(mock.patch("kohort.runs.training.job_of", job))
        stack.enter_context(mock.patch("kohort.runs.training.cohort_of"))
        stack.enter_context(mock.patch("kohort.runs.training.train", trained))
        with timed(seconds, cpu, "run"):
            made.run(where, verbose=0, keep=keep)  # type: ignore[arg-type]
        with redirect_stdout(StringIO()):
            with timed(seconds, cpu, "list"):
                list_studies(where)
            with timed(seconds, cpu, "show"):
                show("scale", where)
        with timed(seconds, cpu, "open"):
            result = open_result(where, "scale")
        with timed(seconds, cpu, "table"):
            result.table()
        if members <= AGAIN:
            made._planned = planned(made)
            with timed(seconds, cpu, "run again"):
                made.run(where, verbose=0)
        there = [path for path in folder.rglob("*") if path.is_file()]
        beside = [path for path in there if path.suffix == ".safetensors"]
        database = [path for path in there if path.name.startswith("kohort.db")]
        return Scale(
            members,
            variants,
            seconds,
            cpu,
            1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            sum(path.stat().st_size for path in database),
            len(beside),
            sum(path.stat().st_size for path in beside),
        )


def exponents(found: Sequence[Scale], sizes: Sequence[int]) -> dict[str, float]:
    """How each phase grows: seconds of a core as sizes to this power; memory and bytes likewise."""
    phases = [phase for phase in found[0].cpu if all(phase in scale.cpu for scale in found)]
    grows = {phase: [scale.cpu[phase] for scale in found] for phase in phases}
    grows["peak bytes"] = [scale.peak_bytes for scale in found]
    grows["database bytes"] = [max(scale.database_bytes, 1) for scale in found]
    return {
        what: float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
        for what, values in grows.items()
    }


def measured(members: int, variants: int, keep: str) -> Scale:
    """A size, measured in a process of its own.

    Raises:
        RuntimeError: It failed.
    """
    options = {"members": members, "variants": variants, "keep": keep}
    given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    told = launch([sys.executable, "-m", "benchmarks.scale", "--one", *given], {})
    if "failed" in told:
        raise RuntimeError(f"{members} members: {told['failed']}")
    told.pop("total")
    found = Scale(**told)
    print(found, flush=True)
    return found


def main(
    members: Annotated[str, typer.Option(help="Sizes, by commas.")] = "10000,30000,100000",
    variants: Annotated[str, typer.Option(help="Of variants, by commas.")] = "50,100,200",
    keep: Annotated[str, typer.Option(help="What stays of the study.")] = "final",
    place: Annotated[str, typer.Option(help="An empty database, for --one.")] = "",
    *,
    one: Annotated[bool, typer.Option("--one", help="Print one size; write nothing.")] = False,
) -> None:
    """Measure, and write benchmarks/results/scale.json; sizes that are not asked for stay in it."""
    sizes, widths = (
        [int(size) for size in text.split(",") if size] for text in (members, variants)
    )
    if one:
        print(json.dumps(asdict(measure(sizes[0], widths[0], keep, place))))
        return
    path = RESULTS / "scale.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    whole: dict[str, Any] = {"about": about(), "keep": keep}
    asked = {
        "members": {size: measured(size, VARIANTS, keep) for size in sizes},
        "variants": {width: measured(width * REPLICATES, width, keep) for width in widths},
    }
    for axis, found in asked.items():
        of_axis = {scale[axis]: Scale(**scale) for scale in known.get(axis, [])} | found
        in_order = [of_axis[size] for size in sorted(of_axis)]
        whole[axis] = [*map(asdict, in_order)]
        if len(in_order) > 1:
            whole[f"exponents by {axis}"] = exponents(in_order, sorted(of_axis))
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
