"""Runs a study or a search for the command line; prints its outcome, and writes it to a folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kohort.cli.ending import end
from kohort.cli.outputs import (
    REPORT,
    WINNER,
    earlier,
    replaced,
    without_winner,
    writable,
    writing,
)
from kohort.cli.told_as_json import of_result
from kohort.data.dataset import Dataset
from kohort.data.system import bytes_text
from kohort.errors import Interrupted, legible
from kohort.report.screen.printing import print_scores, print_text
from kohort.tracing.user_code import reporting_user_code

if TYPE_CHECKING:
    from kohort.result import Result


def finish[R: "Result"](
    data: Dataset,
    run: Callable[[], R],
    out: Path,
    command: str,
    told: Callable[[R], list[str]] = lambda _: [],
    raw: "Result | None" = None,
    *,
    beside: Callable[[R], dict[str, Any]] = lambda _: {},
    is_anew: bool = False,
    as_json: bool = False,
) -> R:
    """Run it; print its table and its answer, write its report and its winner.

    Args:
        data: What it trains on.
        run: Runs it.
        out: The folder to write to.
        command: The command that runs it again.
        told: Further lines of its outcome.
        raw: Its result on the raw data that these were cleaned from; None where there is none.
        beside: What programs are told beside the outcome.
        is_anew: Whether it forgets what was measured before.
        as_json: Whether to print its outcome as a line of JSON.

    Returns:
        Its result.

    Raises:
        DesignError: The folder cannot be written to, or the user's own code fails.
    """
    before = earlier(out)
    try:
        with writable(out), reporting_user_code():
            _show_data(data, None if raw is None else raw.data)
            result = run()
    except Interrupted:
        end("interrupted; what was done is kept: the same command goes on", 130)
    more = told(result)
    if not as_json:
        print_scores(result.conclusions, is_uneven=bool(result.recalls_text()))
        print_text("\n" + "\n".join([*_lines(result), *more]) + "\n")
    files: dict[str, Path] = {}
    if result.winner is not None:
        with writing(out / WINNER):
            files["model"] = result.best().save(out / WINNER)
    elif without_winner(out):
        typer.echo(f"removed the {WINNER} of an earlier run from {out}", err=True)
    with writing(out / REPORT):
        # A path that is no text in UTF-8 would end the writing of the report.
        files["report"] = result.report(out / REPORT, command=legible(command), raw=raw)
    if lost := replaced(before, earlier(out), is_anew=is_anew):
        typer.echo(legible(f"replaced {lost}, in {out}"), err=True)
    if as_json:
        typer.echo(json.dumps(of_result(result, more, files) | beside(result)))
    else:
        print_text("\n".join(_written(what, path) for what, path in files.items()))
    return result


def _written(what: str, path: Path) -> str:
    size = f" ({bytes_text(path.stat().st_size)})" if what == "model" else ""
    return f"{_WRITTEN[what]}: {path}{size}"


_WRITTEN = {"model": "winner", "report": "report"}
"""What files are called on the screen."""


def _lines(result: "Result") -> list[str]:
    """The answer, and what is beside it."""
    steps = [f"{step.step}: {step.verdict}. {step.sentence}" for step in result.next_steps()]
    # How a race ended is the end of the answer.
    tested, raced = result.test_text(), result.race_text()[1:]
    lines = [result.answer(), *([f"On the test set, {tested}"] if tested else [])]
    lines += [f"On validation {told}" for told in result.recalls_text()]
    grouped, each = result.additions(grouped=True), result.additions()
    lines += grouped
    lines += ["Each pair has a row in the report, under Comparisons."] * (grouped != each)
    lines += ["", "The race", *raced] if raced else []
    return lines + (["", "What would help next", *steps] if steps else [])


def _show_data(data: Dataset, raw: Dataset | None) -> None:
    """What was read; of clean data the counts alone, as the rest was told of the raw ones."""
    train, test = len(data.x_train), len(data.x_test)
    told = f"{test:,}" if test else "none"
    name = data.name if raw is None else f"{data.name}, cleaned from {raw.name}"
    typer.echo(f"{name}: read {train + test:,} samples, {told} of them to test", err=True)
    if raw is not None:
        return
    for note in data.notes:
        typer.echo(legible(note), err=True)
    for file in data.unreadable:
        typer.echo(f"could not read {legible(file)}", err=True)
