"""The command that searches: `search`."""

from pathlib import Path
from typing import Annotated

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
    Shared,
    StorePlace,
    TargetColumn,
    TestPart,
    TimeColumn,
    WeightColumn,
    Where,
    reading_options,
    report_folder,
    shown_command,
)
from kohort.cli.outputs import check_report
from kohort.cli.training.study_commands import executor_of


def search(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py[::NAME]",
            help="A Python file, and what it calls its search: `search`.",
        ),
    ],
    data: DataSource = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    trials: Annotated[int | None, typer.Option(min=2, help="Try this many instead.")] = None,
    epochs: Epochs = None,
    confirm: Annotated[
        int | None, typer.Option(min=2, help="Finalists to prove by a race; 5 if not given.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of report.html and winner.keras; default: FILE[-NAME][-SRC]-report"
        ),
    ] = None,
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
    """Search a space, prove the finalists; print, write the report and the winner.

    It is kept while it runs: the same command goes on where it was stopped.
    """
    from functools import partial

    from kohort.cli.reading import check_reading, check_study_file, data_of
    from kohort.evidence.store import check_place

    reading = reading_options(target, group, size, color, test, time, sample_weight)
    check_place(store)  # before Keras and JAX are imported, which takes seconds
    check_study_file(file)
    check_reading(data, reading)
    where = executor_of(executor, address, shared, gpus)
    from kohort.cli.told_as_json import of_trials
    from kohort.cli.training.outcome import finish
    from kohort.cli.training.search_files import read_search
    from kohort.runs.searches.search_result import SearchResult
    from kohort.search import CONFIRM

    found = read_search(file, data_of(data, reading), trials=trials, epochs=epochs)
    options = {
        "data": data,
        **reading,
        "trials": trials,
        "epochs": epochs,
        "confirm": confirm,
        "memory": memory,
        "executor": None if executor is ExecutorName.LOCAL else executor.value,
        "address": address,
        "shared": shared,
        "gpus": gpus,
        "store": None if store == STORE else store,
        "keep": None if keep is None else keep.value,
    }

    folder = out or report_folder(file, data)
    if out is None:
        check_report(folder, found.spec.data.fingerprint)

    def told(result: SearchResult) -> list[str]:
        return ["", "The search", *result.search_text()]

    finish(
        found.spec.data,
        partial(
            found.run,
            store,
            confirm=confirm or CONFIRM,
            fresh=fresh,
            keep=None if keep is None else keep.value,
            memory=memory,
            executor=where,
        ),
        folder,
        shown_command("search", file, options),
        told,
        beside=lambda result: {"trials": of_trials(result.searched)},
        is_anew=fresh,
        as_json=as_json,
    )
