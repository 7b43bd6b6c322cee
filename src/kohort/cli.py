"""The command line: results on stdout, progress on stderr.

Exit codes: 0 done; 2 the input is wrong, told in one line; 130 interrupted.
"""

import json
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from kohort.errors import Interrupted, KohortError, legible

if TYPE_CHECKING:
    from kohort.data.dataset import Dataset
    from kohort.study import Study

app = typer.Typer(
    name="kohort",
    help="Train a set of Keras models at once, and tell what was found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# typer has no public name for it: what its parser raises on options that it does not take.
_UsageError: Any = typer.BadParameter.__base__

StudyPlace = Annotated[
    str,
    typer.Argument(
        metavar="STUDY.py[::NAME]", help="A Python file, and what it calls its study: `study`."
    ),
]
DataSource = Annotated[
    str | None,
    typer.Option(metavar="SRC", help="Data for the study: letters, a file, a folder, an archive."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Train this many epochs instead.")]
StorePlace = Annotated[
    str,
    typer.Option(
        metavar="STORE",
        envvar="KOHORT_STORE",
        help="Where studies are kept: a file, or postgresql://USER@HOST/DATABASE.",
    ),
]
StudyName = Annotated[str, typer.Argument(metavar="NAME", help="What the study is called.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Replicates = Annotated[
    int | None, typer.Option(min=1, help="Run this many replicates (or folds) instead.")
]


STORE = "kohort.db"


class Format(StrEnum):
    """What `export` writes: `report.export.FORMATS`."""

    CSV = "csv"
    PARQUET = "parquet"
    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"


class Engine(StrEnum):
    """What trains: `Study.run(engine=...)`."""

    FUSED = "fused"
    KERAS = "keras"


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder of report.html and winner.keras.")] = Path(
        "demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="3 epochs, 2 replicates.")] = False,
) -> None:
    """Run the built-in study, letters A to J, end to end."""
    from kohort.data.load import load
    from kohort.letters_study import letters_study

    size = {"epochs": 3, "repeats": 2} if quick else {}
    _run(letters_study(load("letters"), **size), out, "kohort demo" + " --quick" * quick)


@app.command()
def run(
    study: StudyPlace,
    data: DataSource = None,
    epochs: Epochs = None,
    replicates: Replicates = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of report.html and winner.keras; default: STUDY[-NAME]-report"),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="One program for each cohort, or model.fit, one by one.")
    ] = Engine.FUSED,
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
    options = {
        "data": data,
        "epochs": epochs,
        "replicates": replicates,
        "engine": None if engine is Engine.FUSED else engine.value,
        "memory": memory,
        "store": None if store == STORE else store,
    }
    given = [f"--{name} {value}" for name, value in options.items() if value is not None]
    file, _, name = study.partition("::")
    stem = Path(file).stem
    folder = out or Path(f"{stem}-{name}-report" if name else f"{stem}-report")
    _run(
        _study(study, data, epochs, replicates),
        folder,
        " ".join(["kohort run", study, *given]),
        engine=engine.value,
        memory=memory,
        store=store,
        fresh=fresh,
    )


@app.command()
def plan(
    study: StudyPlace,
    data: DataSource = None,
    epochs: Epochs = None,
    replicates: Replicates = None,
) -> None:
    """Print what a study would train together, and why not more."""
    typer.echo(str(_study(study, data, epochs, replicates).plan()))


@app.command(name="list")
def list_studies(store: StorePlace = STORE, as_json: AsJson = False) -> None:
    """List the studies of a store: how far they came, and how their last run ended."""
    from kohort.evidence.store import open_store
    from kohort.report import kept

    with open_store(store, make=False) as opened:
        rows = kept.studies(opened)
    typer.echo(json.dumps(rows) if as_json else kept.table(rows))


@app.command()
def show(name: StudyName, store: StorePlace = STORE, as_json: AsJson = False) -> None:
    """Show what a store has of a study: its members, runs, events and findings."""
    from kohort.evidence.store import open_store
    from kohort.report import kept

    with open_store(store, make=False) as opened:
        parts = kept.study(opened.study(name))
    typer.echo(json.dumps(parts) if as_json else "\n".join(kept.lines(parts)))


@app.command()
def compare(
    name: StudyName,
    a: Annotated[str, typer.Argument(metavar="A", help="A variant.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, which is held against it.")],
    store: StorePlace = STORE,
) -> None:
    """Compare two variants of a study that was run to its end."""
    from kohort.opening import open as open_result

    typer.echo(open_result(store, name).told(a, b))


@app.command()
def report(
    name: StudyName,
    data: Annotated[str, typer.Option(metavar="SRC", help="The data that the study was run with.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default: NAME.html, of plain letters.")
    ] = None,
    store: StorePlace = STORE,
) -> None:
    """Write the report of a study that was run to its end."""
    from kohort.data.load import load
    from kohort.opening import open as open_result
    from kohort.outputs import writing

    result = open_result(store, name, load(data))
    path = out or Path(f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-') or 'study'}.html")
    with writing(path):
        typer.echo(str(result.report(path)))


@app.command()
def export(
    name: StudyName,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder to write to; F.csv or F.parquet for the curves alone."
        ),
    ],
    to: Annotated[
        Format | None, typer.Option(help="What to write; default: what DIR ends in, or csv.")
    ] = None,
    store: StorePlace = STORE,
) -> None:
    """Write what a store has of a study for other programs.

    As tables (curves, members, findings), event files of TensorBoard, or runs of MLflow.
    """
    from kohort.evidence.store import open_store
    from kohort.report.export import export as export_study
    from kohort.report.exported import of_kept

    with open_store(store, make=False) as opened:
        study = of_kept(opened.study(name))
    for path in export_study(study, folder, to):
        typer.echo(legible(str(path)))


@app.command()
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL.keras", help="A model that a study saved.")
    ],
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, white on black.")
    ],
) -> None:
    """Tell the class of images, and the probability that the model gives to it."""
    from kohort.predict import predict_images

    for image, answer in zip(images, predict_images(model, images), strict=True):
        typer.echo(f"{legible(str(image))}: {answer.label} ({100 * answer.probability:.1f} %)")


def main() -> None:
    """The `kohort` command."""
    try:
        with _told_to_end():
            code = app(prog_name="kohort", standalone_mode=False)
    except KohortError as error:
        _end(str(error), 2)
    except _UsageError as error:
        if len(sys.argv) == 1:  # what is told is the help, of many lines
            error.show()
            sys.exit(2)
        place = error.ctx.command_path if error.ctx else "kohort"
        _end(f"{error.format_message().rstrip('.')}; see {place} --help", 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        _end("interrupted", code)
    sys.exit(code)


@contextmanager
def _told_to_end() -> Iterator[None]:
    """SIGTERM ends the command as SIGINT does, with nothing left half written."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(told: str, code: int) -> NoReturn:
    # One line, whatever the pieces of the message came from.
    typer.echo(f"kohort: {legible(' '.join(told.split()))}", err=True)
    sys.exit(code)


def _study(place: str, source: str | None, epochs: int | None, replicates: int | None) -> "Study":
    from kohort.data.load import load
    from kohort.study_file import adjusted, read_study

    study = read_study(place, None if source is None else load(source))
    return adjusted(study, epochs=epochs, replicates=replicates)


def _tell_data(data: "Dataset") -> None:
    train, test = len(data.x_train), len(data.x_test)
    typer.echo(f"{data.name}: read {train + test:,} samples, {test:,} of them to test", err=True)
    for name in data.unreadable:
        typer.echo(f"could not read {legible(name)}", err=True)


def _run(study: "Study", out: Path, command: str, **resources: Any) -> None:
    import pandas as pd

    from kohort.blame import telling_own_code
    from kohort.outputs import REPORT, WINNER, without_winner, writable, writing

    try:
        with writable(out), telling_own_code():
            _tell_data(study.data)
            result = study.run(**resources)
    except Interrupted:
        _end("interrupted; what was done is kept: the same command goes on", 130)
    with pd.option_context("display.width", 200, "display.max_columns", None):
        table = result.table().drop(columns="parameters").round(4)
        epochs = table["best_epoch"].map(lambda epoch: "none" if pd.isna(epoch) else epoch)
        typer.echo(table.assign(best_epoch=epochs).to_string(na_rep="none"))
    steps = [f"{step.step}: {step.verdict}. {step.sentence}" for step in result.next_steps()]
    told = [result.answer(), *result.additions()]
    told += ["", "What would help next", *steps] if steps else []
    typer.echo("\n" + "\n".join(told) + "\n")
    if result.winner is not None:
        with writing(out / WINNER):
            typer.echo(f"winner: {result.best().save(out / WINNER)}")
    elif without_winner(out):
        typer.echo(f"removed the {WINNER} of an earlier run from {out}", err=True)
    with writing(out / REPORT):
        # A path that is no text in UTF-8 would end the writing of the report.
        typer.echo(f"report: {result.report(out / REPORT, command=legible(command))}")


if __name__ == "__main__":
    main()
