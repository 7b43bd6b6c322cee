"""The command line: results on stdout, progress on stderr.

Exit codes: 0 done; 2 the input is wrong, told in one line; 130 interrupted.
"""

import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.errors import DesignError, KohortError

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
Replicates = Annotated[
    int | None, typer.Option(min=1, help="Run this many replicates (or folds) instead.")
]


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
        typer.Option(help="Folder of report.html and winner.keras; default: named after the study"),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="One program for each cohort, or model.fit, one by one.")
    ] = Engine.FUSED,
    memory: Annotated[
        str | None, typer.Option(help="What training may take on the device, such as 2GB.")
    ] = None,
) -> None:
    """Run a study; print its table, write its report and its winner."""
    options = {
        "data": data,
        "epochs": epochs,
        "replicates": replicates,
        "engine": None if engine is Engine.FUSED else engine.value,
        "memory": memory,
    }
    given = [f"--{name} {value}" for name, value in options.items() if value is not None]
    folder = out or Path(f"{Path(study.partition('::')[0]).stem}-report")
    _run(
        _study(study, data, epochs, replicates),
        folder,
        " ".join(["kohort run", study, *given]),
        engine=engine.value,
        memory=memory,
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
        typer.echo(f"{image}: {answer.label} ({100 * answer.probability:.1f} %)")


def main() -> None:
    """The `kohort` command."""
    try:
        app()
    except KohortError as error:
        # One line, whatever the pieces of the message came from.
        typer.echo(f"kohort: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("kohort: interrupted", err=True)
        sys.exit(130)


def _study(place: str, source: str | None, epochs: int | None, replicates: int | None) -> "Study":
    from kohort.data.load import load
    from kohort.study_file import adjusted, read_study

    study = read_study(place, None if source is None else load(source))
    return adjusted(study, epochs=epochs, replicates=replicates)


def _check_folder(folder: Path) -> None:
    """Find out before training, and not after it, that nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        blocked = [name for name in ("report.html", "winner.keras") if (folder / name).is_dir()]
    except OSError as error:
        raise DesignError(
            "a folder to write to", f"{folder} ({error.strerror})", "name another with --out"
        ) from error
    if blocked:
        raise DesignError(
            "a folder to write to",
            f"{folder} with a folder {blocked[0]}",
            "name another with --out",
        )


def _tell_data(data: "Dataset") -> None:
    train, test = len(data.x_train), len(data.x_test)
    typer.echo(f"{data.name}: read {train + test:,} samples, {test:,} of them to test", err=True)
    for name in data.unreadable:
        typer.echo(f"could not read {name}", err=True)


def _run(study: "Study", out: Path, command: str, **resources: Any) -> None:
    import pandas as pd

    _check_folder(out)
    _tell_data(study.data)
    result = study.run(**resources)
    with pd.option_context("display.width", 200, "display.max_columns", None):
        table = result.table().drop(columns="parameters").round(4)
        epochs = table["best_epoch"].map(lambda epoch: "none" if pd.isna(epoch) else epoch)
        typer.echo(table.assign(best_epoch=epochs).to_string(na_rep="none"))
    steps = [f"{step.step}: {step.verdict}. {step.sentence}" for step in result.next_steps()]
    told = [result.answer(), *result.additions()]
    told += ["", "What would help next", *steps] if steps else []
    typer.echo("\n" + "\n".join(told) + "\n")
    if result.winner is not None:
        typer.echo(f"winner: {result.best().save(out / 'winner.keras')}")
    typer.echo(f"report: {result.report(out / 'report.html', command=command)}")


if __name__ == "__main__":
    main()
