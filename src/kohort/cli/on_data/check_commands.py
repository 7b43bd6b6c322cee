"""Commands on data, before anything is trained on them: `data info` and `data check`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.cli.options import (
    AsJson,
    GroupColumn,
    ImageColor,
    ImageSize,
    Pixels,
    TargetColumn,
    TestPart,
    TimeColumn,
    WeightColumn,
    reading_options,
    shown_command,
)
from kohort.errors import DesignError, legible

if TYPE_CHECKING:
    from kohort.data.dataset import Dataset
    from kohort.findings.checks.checked import CheckedData

Source = Annotated[
    str,
    typer.Argument(
        metavar="SRC",
        help="Data: letters, notmnist, a table, a file of arrays, a folder, an archive.",
    ),
]


def info(
    source: Source,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    as_json: AsJson = False,
) -> None:
    """Tell what data are: samples, shapes, classes, groups, bytes, and the test set's origin."""
    from kohort.data.inspection.summary import summary

    data = loaded(source, reading_options(target, group, size, color, test, time, sample_weight))
    told = summary(data)
    if as_json:
        typer.echo(json.dumps(told.as_json()))
        return
    width = max(len(name) for name, _ in told.facts())
    for name, fact in told.facts():
        typer.echo(f"{name:{width}}  {legible(fact)}")


def check(
    source: Source,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    out: Annotated[
        Path | None, typer.Option(help="A page to write, with pictures; such as check.html.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Count only; train nothing for labels and shifts.")
    ] = False,
    decisions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A table to write, such as decisions.csv: what to keep, to leave out or to "
            "relabel, for you to edit, and for `data clean`.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what would spoil a study: leaks, wrong labels, columns that tell too much.

    Exit code 1 where something serious was found. The rules: docs/findings.md.
    """
    from kohort.cli.reading import check_reading

    _check_written(out, decisions)
    options = reading_options(target, group, size, color, test, time, sample_weight)
    check_reading(source, options)  # before Keras and JAX are imported, which takes seconds
    from kohort.cli.outputs import check_is_no_data, writing

    check_is_no_data(out, source)
    from kohort.cli.told_as_json import of_finding
    from kohort.data.inspection.summary import summary
    from kohort.findings.checks.data_rules import check as findings_of
    from kohort.findings.checks.data_rules import serious
    from kohort.report.checks.check_page import CheckPage, answer, write_check
    from kohort.report.checks.decided_words import unreadable_files
    from kohort.report.checks.suspect_rows import suspect_rows
    from kohort.runs.checks.data_check import inspect

    data = loaded(source, options)
    told = summary(data)
    checked = inspect(data, trains=not quick, visible=True)
    findings = findings_of(checked)
    if out is not None:
        command = legible(shown_command("data check", source, options, *(["--quick"] * quick)))
        with writing(out):
            write_check(out, CheckPage(data, told, checked, findings, command))
    _propose(decisions, data, checked)
    if as_json:
        report = {
            "data": told.as_json(),
            "findings": [of_finding(finding) for finding in findings],
            "suspects": suspect_rows(data, checked),
        }
        typer.echo(json.dumps({**report, "serious": [f.code for f in serious(findings)]}))
    else:
        lines = [unreadable_files(data)] * bool(data.unreadable)
        lines += [f"{f.code} {f.verdict}: {f.sentence}" for f in findings]
        typer.echo("\n".join(map(legible, lines)))
        typer.echo("\n" + answer(findings, "above"))
        written = (("page", out), ("decisions", decisions))
        for what, path in written:
            if path is not None:
                typer.echo(f"{what}: {legible(str(path))}")
        if decisions is not None:
            then = {**options, "decisions": decisions, "out": "clean.h5"}
            command = legible(shown_command("data clean", source, then))
            typer.echo(f"edit the column decision there, then: {command}")
    raise typer.Exit(1 if serious(findings) else 0)


def loaded(source: str, options: Mapping[str, Any]) -> "Dataset":
    """The data of a source that is named."""
    from kohort.cli.reading import data_of

    data = data_of(source, options)
    assert data is not None
    return data


def _check_written(page: Path | None, decisions: Path | None) -> None:
    """Refuse a folder, one file for both, and to write over what a person may have decided."""
    if page is not None and page.is_dir():
        raise DesignError("a file to write to", f"the folder {page}", "name a file with --out")
    if page is not None and decisions is not None and page.resolve() == decisions.resolve():
        told = f"{page} for both"
        raise DesignError("a page and decisions in two files", told, "name another with --out")
    if decisions is not None and os.path.lexists(decisions):
        raise DesignError(
            "a new file for decisions", f"{decisions}, which is there", "name another, or move it"
        )


def _propose(path: Path | None, data: "Dataset", checked: "CheckedData") -> None:
    """Write what is proposed to decide, if that is asked for."""
    if path is None:
        return
    from kohort.cli.outputs import writing
    from kohort.data.cleaning.decisions import write_decisions
    from kohort.evidence.whole_files import written_whole
    from kohort.report.checks.proposals import proposals

    with writing(path), written_whole(path) as new:
        write_decisions(new, proposals(data, checked))
