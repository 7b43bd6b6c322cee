"""The command line: results on stdout, progress on stderr.

Exit codes: 0 done; 2 the input is wrong, told in one line; 130 interrupted.
"""

import runpy
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kohort.errors import DataError, DesignError, KohortError

app = typer.Typer(
    name="kohort",
    help="Train a set of Keras models at once, and tell what was found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

type _Study = Annotated[
    Path, typer.Argument(metavar="STUDY.py", help="A file that defines `study`.")
]
type _Data = Annotated[
    str | None, typer.Option(metavar="SRC", help="Data for the study; what kohort.load takes.")
]
type _Epochs = Annotated[int | None, typer.Option(min=1, help="Train this many epochs instead.")]
type _Replicates = Annotated[
    int | None, typer.Option(min=1, help="Run this many replicates (or folds) instead.")
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where report.html and winner.keras go.")] = Path(
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
    study: _Study,
    data: _Data = None,
    epochs: _Epochs = None,
    replicates: _Replicates = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where report.html and winner.keras go; default: STUDY-report."),
    ] = None,
) -> None:
    """Run a study; print its table, write its report and the winner."""
    chosen = _with(_read_study(study, data), epochs, replicates)
    options = {"--data": data, "--epochs": epochs, "--replicates": replicates}
    given = [f"{flag} {value}" for flag, value in options.items() if value is not None]
    _run(chosen, out or Path(f"{study.stem}-report"), " ".join(["kohort run", str(study), *given]))


@app.command()
def plan(
    study: _Study, data: _Data = None, epochs: _Epochs = None, replicates: _Replicates = None
) -> None:
    """Print what a study would train together, and why not more."""
    typer.echo(str(_with(_read_study(study, data), epochs, replicates).plan()))


@app.command()
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL.keras", help="A model that a study saved.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="White on black.")],
) -> None:
    """Tell the class of images, and how probable the model finds it."""
    from kohort.predict import predict_images

    for image, answer in zip(images, predict_images(model, images), strict=True):
        typer.echo(f"{image}: {answer.label} ({100 * answer.probability:.1f} %)")


def main() -> None:
    """The `kohort` command."""
    try:
        app()
    except KohortError as error:
        typer.echo(f"kohort: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("kohort: interrupted", err=True)
        sys.exit(130)


def _run(study: Any, out: Path, command: str) -> None:
    import pandas as pd

    for name in study.data.unreadable:
        typer.echo(f"could not read {name}", err=True)
    typer.echo(f"{study.data!r}", err=True)
    result = study.run()
    report = result.report(out / "report.html", command=command)
    winner = result.best().save(out / "winner.keras")
    with pd.option_context("display.width", 250, "display.max_columns", None):
        typer.echo(result.table().drop(columns="parameters").round(4).to_string())
    typer.echo(f"\n{result.answer()}\n")
    typer.echo(f"report: {report}\nwinner: {winner}")


def _read_study(path: Path, source: str | None) -> Any:
    """The `study` of a file: a Study, or what its function makes of the data."""
    from kohort.data.load import load
    from kohort.study import Study

    if not path.is_file():
        raise DesignError("the path of a Python file", f"{str(path)!r}", "check the spelling")
    data = None if source is None else load(source)
    study = _call(path, lambda: runpy.run_path(str(path)).get("study"))
    if callable(study) and not isinstance(study, Study):
        if data is None:
            raise DataError(
                f"data for the study of {path}", "none", 'pass --data SRC, "letters" say'
            )
        made = study
        study = _call(path, lambda: made(data))
    elif isinstance(study, Study) and data is not None:
        study.data = data
    if not isinstance(study, Study):
        raise DesignError(
            f"`study` in {path}: a kohort.Study, or a function from a Dataset to one",
            type(study).__name__,
            "define it at the top level of the file",
        )
    return study


def _call(path: Path, action: Any) -> Any:
    """Run a user's code; what it raises is told in one line, with the line of the file."""
    try:
        return action()
    except KohortError:
        raise
    except Exception as error:
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        raise DesignError(
            f"{path} to run",
            f"{type(error).__name__} at line {lines[-1] if lines else '?'}: {error}",
            "mend the file",
        ) from error


def _with(study: Any, epochs: int | None, replicates: int | None) -> Any:
    from kohort.design.replicates import Holdout

    if epochs is not None:
        study.epochs = epochs
    if replicates is not None:
        field = "repeats" if isinstance(study.replicates, Holdout) else "folds"
        study.replicates = replace(study.replicates, **{field: replicates})
    return study


if __name__ == "__main__":
    main()
