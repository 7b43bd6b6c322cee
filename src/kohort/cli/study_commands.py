"""Commands that train: `demo`, `run` and `plan`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.cli.ending import end
from kohort.cli.options import (
    STORE,
    DataSource,
    Epochs,
    GroupColumn,
    ImageColor,
    ImageSize,
    Pixels,
    Replicates,
    StorePlace,
    StudyPlace,
    TargetColumn,
    TestPart,
    UntilDecided,
    reading_options,
)
from kohort.errors import Interrupted, legible

if TYPE_CHECKING:
    from kohort.data.dataset import Dataset
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
    from kohort.cli.letters_study import letters_study
    from kohort.data.load import load

    size = {"epochs": 3, "repeats": 2} if quick else {}
    _run(letters_study(load("letters"), **size), out, "kohort demo" + " --quick" * quick)


def run(
    study: StudyPlace,
    data: DataSource = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    epochs: Epochs = None,
    replicates: Replicates = None,
    until_decided: UntilDecided = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of report.html and winner.keras; default: STUDY[-NAME]-report"),
    ] = None,
    engine: Annotated[
        EngineName,
        typer.Option(
            help="auto leaves to model.fit what cannot be one program; fused nothing, keras all."
        ),
    ] = EngineName.AUTO,
    memory: Annotated[
        str | None, typer.Option(help="What training may take on the device, such as 2GB.")
    ] = None,
    store: StorePlace = STORE,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what the store has of the study; begin anew.")
    ] = False,
) -> None:
    """Run a study; print its table, write its report and its winner.

    It is kept while it runs: the same command goes on where it was stopped, or trains what was
    added to the study.
    """
    reading = reading_options(target, group, size, color, test)
    options = {
        "data": data,
        **reading,
        "epochs": epochs,
        "replicates": replicates,
        "engine": None if engine is EngineName.AUTO else engine.value,
        "memory": memory,
        "store": None if store == STORE else store,
    }
    shown_options = [f"--{name} {value}" for name, value in options.items() if value is not None]
    shown_options += ["--until-decided"] * until_decided
    file, _, name = study.partition("::")
    stem = Path(file).stem
    folder = out or Path(f"{stem}-{name}-report" if name else f"{stem}-report")
    _run(
        _study(study, data, reading, epochs, replicates, until_decided=until_decided),
        folder,
        " ".join(["kohort run", study, *shown_options]),
        engine=engine.value,
        memory=memory,
        store=store,
        fresh=fresh,
    )


def plan(
    study: StudyPlace,
    data: DataSource = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    epochs: Epochs = None,
    replicates: Replicates = None,
    until_decided: UntilDecided = False,
) -> None:
    """Print what a study would train together, and why not more."""
    reading = reading_options(target, group, size, color, test)
    planned = _study(study, data, reading, epochs, replicates, until_decided=until_decided)
    typer.echo(str(planned.plan()))


def _study(
    place: str,
    source: str | None,
    reading: dict[str, Any],
    epochs: int | None,
    replicates: int | None,
    *,
    until_decided: bool,
) -> "Study":
    from kohort.cli.study_files import adjusted, data_of, read_study

    study = read_study(place, data_of(source, reading))
    return adjusted(study, epochs=epochs, replicates=replicates, races=until_decided)


def _show_data(data: "Dataset") -> None:
    train, test = len(data.x_train), len(data.x_test)
    told = f"{test:,}" if test else "none"
    typer.echo(f"{data.name}: read {train + test:,} samples, {told} of them to test", err=True)
    for note in data.notes:
        typer.echo(legible(note), err=True)
    for name in data.unreadable:
        typer.echo(f"could not read {legible(name)}", err=True)


def _run(study: "Study", out: Path, command: str, **resources: Any) -> None:
    import pandas as pd

    from kohort.cli.blame import reporting_user_code
    from kohort.cli.outputs import REPORT, WINNER, without_winner, writable, writing

    try:
        with writable(out), reporting_user_code():
            _show_data(study.data)
            result = study.run(**resources)
    except Interrupted:
        end("interrupted; what was done is kept: the same command goes on", 130)
    with pd.option_context("display.width", 200, "display.max_columns", None):
        table = result.table().drop(columns="parameters").round(4)
        epochs = table["best_epoch"].map(lambda epoch: "none" if pd.isna(epoch) else epoch)
        typer.echo(table.assign(best_epoch=epochs).to_string(na_rep="none"))
    steps = [f"{step.step}: {step.verdict}. {step.sentence}" for step in result.next_steps()]
    tested = result.test_text()
    lines = [result.answer(), *([f"On the test set, {tested}"] if tested else [])]
    lines += result.additions()
    lines += ["", "The race", *result.race_text()] if study.spec.race else []
    lines += ["", "What would help next", *steps] if steps else []
    typer.echo("\n" + "\n".join(lines) + "\n")
    if result.winner is not None:
        with writing(out / WINNER):
            typer.echo(f"winner: {result.best().save(out / WINNER)}")
    elif without_winner(out):
        typer.echo(f"removed the {WINNER} of an earlier run from {out}", err=True)
    with writing(out / REPORT):
        # A path that is no text in UTF-8 would end the writing of the report.
        typer.echo(f"report: {result.report(out / REPORT, command=legible(command))}")
