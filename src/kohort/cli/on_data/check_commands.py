"""Commands on data, before anything is trained on them: `data info` and `data check`."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kohort.cli.options import AsJson
from kohort.errors import DesignError, legible

if TYPE_CHECKING:
    from kohort.findings.finding import Finding

HOLD_A_TEST_SET = (".h5", ".hdf5", ".npz")
"""The endings of files that say which samples are the test set."""

Source = Annotated[
    str, typer.Argument(metavar="SRC", help="Data: letters, a file, a folder, an archive.")
]


def info(source: Source, as_json: AsJson = False) -> None:
    """Tell what data are: samples, shapes, classes, groups, bytes, and the test set's origin."""
    from kohort.data.inspection.summary import summary
    from kohort.data.load import load

    told = summary(load(source), _test_from(source))
    if as_json:
        typer.echo(json.dumps(told.as_json()))
        return
    width = max(len(name) for name, _ in told.facts())
    for name, fact in told.facts():
        typer.echo(f"{name:{width}}  {legible(fact)}")


def check(
    source: Source,
    out: Annotated[
        Path | None, typer.Option(help="A page to write, with pictures; such as check.html.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Count only; train nothing for labels and shifts.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what would spoil a study: leaks, wrong labels, columns that tell too much.

    Exit code 1 where something serious was found. The rules: docs/findings.md.
    """
    from kohort.cli.outputs import writing
    from kohort.data.inspection.summary import summary
    from kohort.data.load import load
    from kohort.findings.checks.data_rules import check as findings_of
    from kohort.findings.checks.data_rules import serious
    from kohort.report.checks.check_page import CheckPage, answer, write_check
    from kohort.report.checks.suspect_rows import suspect_rows
    from kohort.runs.checks.data_check import inspect

    if out is not None and out.is_dir():
        raise DesignError("a file to write to", f"the folder {out}", "name a file with --out")
    data = load(source)
    told = summary(data, _test_from(source))
    checked = inspect(data, trains=not quick, visible=True)
    findings = findings_of(checked)
    if out is not None:
        command = legible(f"kohort data check {source}" + " --quick" * quick)
        with writing(out):
            write_check(out, CheckPage(data, told, checked, findings, command))
    if as_json:
        report = {
            "data": told.as_json(),
            "findings": [_as_json(finding) for finding in findings],
            "suspects": suspect_rows(data, checked),
        }
        typer.echo(json.dumps({**report, "serious": [f.code for f in serious(findings)]}))
    else:
        for finding in findings:
            typer.echo(legible(f"{finding.code} {finding.verdict}: {finding.sentence}"))
        typer.echo("\n" + answer(findings))
        if out is not None:
            typer.echo(f"page: {legible(str(out))}")
    raise typer.Exit(1 if serious(findings) else 0)


def _test_from(source: str) -> str:
    """Where the test set of a source comes from."""
    if source == "letters":
        return "of font families that are not in the training samples"
    if Path(source).suffix.lower() in HOLD_A_TEST_SET:
        return "as the file gives them"
    return "held out by kohort: whole groups, drawn with seed 0"


def _as_json(finding: "Finding") -> dict[str, Any]:
    evidence = {
        name: _number(value)
        if isinstance(value, float | int)
        else {part: _number(getattr(value, part)) for part in ("mean", "low", "high")}
        for name, value in finding.evidence.items()
    }
    told = ("code", "title", "verdict", "sentence", "advice")
    return {**{name: getattr(finding, name) for name in told}, "evidence": evidence}


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
