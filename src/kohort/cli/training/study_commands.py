"""Commands that train: `demo`, `run` and `plan`."""

import json
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.cli.options import (
    STORE,
    Address,
    AsJson,
    DataSource,
    Epochs,
    ExecutorName,
    Fresh,
    Gpus,
    GroupColumn,
    ImageColor,
    ImageSize,
    KeepWay,
    Memory,
    Pixels,
    Replicates,
    Shared,
    StorePlace,
    StudyPlace,
    TargetColumn,
    TestPart,
    TimeColumn,
    UntilDecided,
    WeightColumn,
    Where,
    reading_options,
    report_folder,
    shown_command,
)
from kohort.cli.outputs import check_report
from kohort.errors import DesignError, legible

if TYPE_CHECKING:
    from collections.abc import Callable

    from kohort.engine.ray_settings import Executor
    from kohort.result import Result
    from kohort.study import Study


class EngineName(StrEnum):
    """What trains: `Study.run(engine=...)`."""

    AUTO = "auto"
    FUSED = "fused"
    KERAS = "keras"


def demo(
    out: Annotated[Path, typer.Option(help="Folder of report.html and winner.keras.")] = Path(
        "demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="3 epochs, 2 replicates.")] = False,
) -> None:
    """Run the built-in study, letters A to J, end to end."""
    from kohort.cli.training.letters_study import letters_study
    from kohort.cli.training.outcome import finish
    from kohort.data.load import load

    size = {"epochs": 3, "repeats": 2} if quick else {}
    study = letters_study(load("letters"), **size)
    finish(study.data, study.run, out, "kohort demo" + " --quick" * quick, is_anew=True)


def run(
    study: StudyPlace,
    data: DataSource = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    clean: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What `data clean` made of the data: the study runs on these too, and the report "
            "says whether a verdict turns.",
        ),
    ] = None,
    epochs: Epochs = None,
    replicates: Replicates = None,
    until_decided: UntilDecided = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of report.html and winner.keras; default: STUDY[-NAME][-SRC]-report"
        ),
    ] = None,
    engine: Annotated[
        EngineName,
        typer.Option(
            help="auto leaves to model.fit what cannot be one program; fused nothing, keras all."
        ),
    ] = EngineName.AUTO,
    memory: Memory = None,
    executor: Where = ExecutorName.LOCAL,
    address: Address = None,
    shared: Shared = None,
    gpus: Gpus = None,
    store: StorePlace = STORE,
    keep: KeepWay = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Run a study; print its table, write its report and its winner.

    It is kept while it runs: the same command goes on where it was stopped, or trains what was
    added to the study.
    """
    from kohort.cli.reading import check_clean_file, check_reading, check_study_file
    from kohort.evidence.store import check_place

    reading = reading_options(target, group, size, color, test, time, sample_weight)
    check_place(store)  # before Keras and JAX are imported, which takes seconds
    check_study_file(study)
    check_reading(data, reading)
    if clean is not None:
        check_clean_file(clean)
    where = executor_of(executor, address, shared, gpus)
    from kohort.cli.training.clean_study import CLEAN, check_kept, clean_study
    from kohort.cli.training.outcome import finish

    options = {
        "data": data,
        **reading,
        "clean": clean,
        "epochs": epochs,
        "replicates": replicates,
        "engine": None if engine is EngineName.AUTO else engine.value,
        "memory": memory,
        "executor": None if executor is ExecutorName.LOCAL else executor.value,
        "address": address,
        "shared": shared,
        "gpus": gpus,
        "store": None if store == STORE else store,
        "keep": None if keep is None else keep.value,
    }
    found = _study(study, data, reading, epochs, replicates, until_decided=until_decided)
    on_clean = None if clean is None else clean_study(study, clean, found, epochs, replicates)
    if on_clean is not None and not fresh:
        check_kept(on_clean, store)

    def running(it: "Study") -> "Callable[[], Result]":
        return partial(
            it.run,
            store,
            fresh=fresh,
            keep=None if keep is None else keep.value,
            engine=engine.value,
            memory=memory,
            executor=where,
        )

    folder = out or report_folder(study, data)
    if out is None:
        check_report(folder, found.data.fingerprint)
    command = shown_command("run", study, options, *(["--until-decided"] * until_decided))
    if on_clean is not None and not as_json:
        typer.echo(f"On the raw data, {legible(str(found.data.name))}\n")
    result = finish(found.data, running(found), folder, command, is_anew=fresh, as_json=as_json)
    if on_clean is not None:
        if not as_json:
            typer.echo(f"\nOn the clean data, {legible(str(clean))}\n")
        finish(
            on_clean.data,
            running(on_clean),
            folder / CLEAN,
            command,
            told=lambda of: ["", "Raw and clean data", *of.turns_text(result)],
            raw=result,
            is_anew=fresh,
            as_json=as_json,
        )


def plan(
    study: StudyPlace,
    data: DataSource = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    epochs: Epochs = None,
    replicates: Replicates = None,
    until_decided: UntilDecided = False,
    as_json: AsJson = False,
) -> None:
    """Print what a study would train together, and why not more."""
    from kohort.cli.reading import check_reading, check_study_file

    reading = reading_options(target, group, size, color, test, time, sample_weight)
    check_study_file(study)  # before Keras and JAX are imported, which takes seconds
    check_reading(data, reading)
    from kohort.cli.told_as_json import of_plan

    planned = _study(study, data, reading, epochs, replicates, until_decided=until_decided)
    found = planned.plan()
    typer.echo(json.dumps(of_plan(found)) if as_json else str(found))


def executor_of(
    name: ExecutorName, address: str | None, shared: str | None, gpus: float | None
) -> "Executor":
    """What trains.

    Raises:
        DesignError: There is an option of a cluster and no cluster, or it is none that it can be.
    """
    from kohort.engine.ray_settings import Ray

    if name is ExecutorName.RAY:
        return Ray(address, shared=shared, gpus=gpus or 0)
    for option, given in (("--address", address), ("--shared", shared), ("--gpus", gpus)):
        if given is not None:
            raise DesignError(f"--executor ray beside {option}", "none", "add it")
    return "local"


def _study(
    place: str,
    source: str | None,
    reading: dict[str, Any],
    epochs: int | None,
    replicates: int | None,
    *,
    until_decided: bool,
) -> "Study":
    from kohort.cli.reading import data_of
    from kohort.cli.study_files import adjusted, read_study

    study = read_study(place, data_of(source, reading))
    return adjusted(study, epochs=epochs, replicates=replicates, races=until_decided)
