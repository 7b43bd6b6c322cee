"""Commands on what a store keeps: `list`, `show`, `compare`, `report`, `export`, `delete`."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.cli.options import (
    STORE,
    AsJson,
    GroupColumn,
    ImageColor,
    ImageSize,
    Pixels,
    StorePlace,
    StudyName,
    TargetColumn,
    TestPart,
    TimeColumn,
    WeightColumn,
    reading_options,
)
from kohort.data.system import is_file
from kohort.errors import DesignError, InputError, StoreError, count, legible

if TYPE_CHECKING:
    from kohort.data.dataset import Dataset
    from kohort.evidence.store import KeptStudy
    from kohort.result import Result


class Format(StrEnum):
    """What `export` writes: `report.export.FORMATS`."""

    CSV = "csv"
    PARQUET = "parquet"
    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    OPTUNA = "optuna"


@contextmanager
def _of_a_study(verb: str, name: str) -> Iterator[None]:
    """Say of a store that is given in the place of a study's name how it is named.

    Raises:
        StoreError: It is one.
    """
    try:
        yield
    except StoreError as error:
        if not _is_store(name):
            raise
        named = f"name a study, and the store by --store: kohort {verb} NAME --store {name}"
        raise StoreError("the name of a study", f"{name}, which is a store", named) from error


def _is_store(place: str) -> bool:
    if place.startswith(("postgresql://", "sqlite://")):
        return True
    if not is_file(Path(place)):
        return False
    with Path(place).open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


_SQLITE = b"SQLite format 3\0"


def list_studies(store: StorePlace = STORE, as_json: AsJson = False) -> None:
    """List the studies of a store: how far they came, and how their last run ended."""
    from kohort.evidence.store import open_store
    from kohort.report import store_tables

    with open_store(store, make=False) as opened:
        rows = store_tables.studies(opened)
    typer.echo(json.dumps(rows) if as_json else store_tables.table(rows))


def show(
    name: StudyName,
    store: StorePlace = STORE,
    shows_all: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Tell each inconclusive finding too, not their number; of a search all trials.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a study: the answer, scores, runs, events, race, axes, classes, test, findings.

    Of "NAME (search)", a search, its best trials, also while it runs.
    """
    from kohort.evidence.store import open_store

    with _of_a_study("show", name):
        _check_study(store, name)
    from kohort.cli.told_as_json import of_stored_search
    from kohort.report import store_tables
    from kohort.report.screen.printing import print_scores, print_text

    with _of_a_study("show", name), open_store(store, make=False) as opened:
        stored = opened.study(name)
        parts = store_tables.study(stored)
        has_ended = "result" in stored.description
        pending = store_tables.pending(opened, stored)
        searched = of_stored_search(stored)
    parts |= {"pending": [{"told": pending}] * bool(pending), **_NOTHING, **searched}
    result = None
    if has_ended:
        try:
            result = _opened(store, name)
            parts |= _told(result)
        except StoreError as error:  # The rest can be shown without the epochs.
            parts["axes"] = [{"told": str(error)}]
    if as_json:
        typer.echo(json.dumps(parts))
        return
    if opening := store_tables.opening(parts):
        print_text("\n".join([*opening, ""]))
    if result is not None:
        print_scores(result.conclusions, is_uneven=bool(parts["classes"]))
        print_text("")
    print_text("\n".join(store_tables.lines(parts, shows_all=shows_all)))


_NOTHING: dict[str, list[dict[str, Any]]] = {
    "answer": [], "table": [], "race": [], "axes": [], "classes": [], "recalls": [], "test": [],
    "test_scores": [], "search": [], "trials": [],
}  # fmt: skip


UNREAD = (
    "No results of the winner on a test set are kept, and so nothing is found here of classes that "
    "it never finds (KH205) or of validation far above (KH203). Where the data have a test set, "
    'kohort report "{}" --data SRC reads it.'
)


def _check_study(store: str, name: str) -> None:
    """Refuse a store or a study that is not there, before Keras and JAX are imported.

    Raises:
        StoreError: It is not there.
    """
    from kohort.evidence.store import open_store

    with open_store(store, make=False) as opened:
        opened.study(name)


def _opened(store: str, name: str, data: "Dataset | None" = None) -> "Result":
    from kohort.runs.loading import open as open_result

    return open_result(store, name, data)


def _told(result: "Result") -> dict[str, list[dict[str, Any]]]:
    """The answer, the scores, what the race decided, what axes do, and what the test set said."""
    from kohort.cli.told_as_json import of_recalls, of_table, of_test
    from kohort.report import store_tables
    from kohort.report.tested import on_test

    tested = result.test_text()
    told = {
        "answer": [result.answer()],
        "race": result.race_text(),
        "axes": result.effects_text(),
        "classes": result.recalls_text(),
        "test": [
            *on_test.readings_text(result.readings(), tested),
            "" if tested else UNREAD.format(result.settings.study),
        ],
    }
    parts = {part: [{"told": text} for text in texts if text] for part, texts in told.items()}
    return parts | {
        "table": of_table(result),
        "recalls": of_recalls(result),
        "test_scores": of_test(result),
        # Those that the store holds follow from curves alone: these know the test set, too.
        "findings": store_tables.finding_rows(result.findings()),
    }


def compare(
    name: StudyName,
    a: Annotated[str, typer.Argument(metavar="A", help="A variant.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, which it is held against.")],
    store: StorePlace = STORE,
    as_json: AsJson = False,
) -> None:
    """Compare a variant with another, A against B, of a study that was run to its end."""
    with _of_a_study("compare", name):
        _check_study(store, name)
        result = _opened(store, name)
    from kohort.cli.told_as_json import of_comparison

    found = result.compare(a, b)
    typer.echo(json.dumps(of_comparison(found)) if as_json else found.text)


def report(
    name: StudyName,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SRC",
            help="The data of the study; without them it tells of the test set what was "
            "read before.",
        ),
    ] = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default: NAME.html, of plain letters.")
    ] = None,
    store: StorePlace = STORE,
) -> None:
    """Write the report of a study that was run to its end.

    That of a study on clean data says whether a verdict turns, where the store has the same study
    on the raw data.
    """
    from kohort.cli.outputs import check_is_no_data, writing
    from kohort.cli.reading import check_reading, data_of

    reading = reading_options(target, group, size, color, test, time, sample_weight)
    check_reading(data, reading)
    check_is_no_data(out, data)
    with _of_a_study("report", name):
        _check_study(store, name)
        result = _opened(store, name, data_of(data, reading))
    path = out or Path(f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-') or 'study'}.html")
    with writing(path):
        typer.echo(str(result.report(path, raw=_raw(store, name, result))))


def _raw(store: str, name: str, clean: "Result") -> "Result | None":
    """The result of the same study on raw data, if there is one that can be compared."""
    from kohort.cli.training.clean_study import raw_result

    raw = raw_result(store, name)
    if raw is None:
        return None
    try:
        clean.turns(raw)
    except DesignError as error:
        typer.echo(legible(f"the report says nothing of raw data: {error}"), err=True)
        return None
    return raw


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

    As tables (curves, members, findings), event files of TensorBoard, runs of MLflow, or trials of
    Optuna.
    """
    from kohort.evidence.store import open_store

    with _of_a_study("export", name):
        _check_study(store, name)
    from kohort.report.exports.export import export as export_study
    from kohort.report.exports.study_export import of_conclusions, of_stored

    with _of_a_study("export", name), open_store(store, make=False) as opened:
        stored = opened.study(name)
        study, has_ended = of_stored(stored), "result" in stored.description
    tells_judgement = has_ended and to in (Format.MLFLOW, Format.TENSORBOARD)
    if study.trials is None and (to is Format.OPTUNA or tells_judgement):
        study = of_conclusions(_opened(store, name).conclusions)
    for path in export_study(study, folder, to):
        typer.echo(legible(str(path)))


def delete(
    name: StudyName,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StorePlace = STORE,
) -> None:
    """Delete a study, or a search with the race of its finalists, from a store.

    Its curves, weights, findings and readings of the test set go. Reports and models that were
    written elsewhere stay.
    """
    from kohort.evidence.store import open_store
    from kohort.evidence.trials import kept_under

    with _of_a_study("delete", name), open_store(store, make=False) as opened:
        studies = kept_under(opened, name)
        for study in studies:  # Before one of them is deleted.
            with study.claim():
                pass
        told = "; ".join(map(_what_goes, studies))
        if not is_sure:
            if not sys.stdin.isatty():
                raise InputError("--yes where nobody can be asked", "none", f"it deletes {told}")
            if not typer.confirm(f"Delete {told}?", err=True):
                typer.echo("nothing was deleted", err=True)
                return
        for study in studies:
            opened.delete(study.name)
    typer.echo(f"deleted {told}")


def _what_goes(study: "KeptStudy") -> str:
    members, readings = study.members(), study.readings()
    what = [count(len(members), "member")] * bool(members)
    what += [f"{count(len(readings), 'reading')} of the test set"] * bool(readings)
    return f"{study.name!r}{f' ({shown})' if (shown := ', '.join(what)) else ''}"
