"""The command line: results on stdout, progress on stderr.

Exit codes: 0 done; 2 the input is wrong, explained in one line; 130 interrupted.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Annotated, Any

import typer

from kohort.cli import live_commands, model_commands, store_commands
from kohort.cli.ending import end
from kohort.cli.on_data import check_commands, clean_commands, fetch_commands, prepare_commands
from kohort.cli.training import search_commands, study_commands
from kohort.engine.needless import without_needless_warnings
from kohort.engine.process_end import end_at_once
from kohort.errors import KohortError

app = typer.Typer(
    name="kohort",
    help="Train a set of Keras models at once, and tell what was found.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _tell_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"kohort {metadata.version('kohort')}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _tell_version(asked=asked),
            is_eager=True,
            help="Show the version, and exit.",
        ),
    ] = False,
) -> None:
    """What stands before a command."""


COMMANDS: dict[str, Callable[..., None]] = {
    "demo": study_commands.demo,
    "run": study_commands.run,
    "plan": study_commands.plan,
    "search": search_commands.search,
    "list": store_commands.list_studies,
    "show": store_commands.show,
    "compare": store_commands.compare,
    "report": store_commands.report,
    "export": store_commands.export,
    "delete": store_commands.delete,
    "predict": model_commands.predict,
    "serve": live_commands.serve,
}
for name, command in COMMANDS.items():
    app.command(name)(command)

data_app = typer.Typer(
    help="Look at data before anything is trained on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
data_app.command("info")(check_commands.info)
data_app.command("check")(check_commands.check)
data_app.command("clean")(clean_commands.clean)
data_app.command("prepare")(prepare_commands.prepare)
data_app.command("fetch")(fetch_commands.fetch)
app.add_typer(data_app, name="data")

# The error that typer's parser raises on unknown options; typer has no public name for it.
_UsageError: Any = typer.BadParameter.__base__


def main() -> None:
    """The `kohort` command."""
    end_at_once()
    try:
        with _ending_at_sigterm(), without_needless_warnings():
            code = app(prog_name="kohort", standalone_mode=False)
    except KohortError as error:
        end(str(error), 2)
    except _UsageError as error:
        if len(sys.argv) == 1:  # the message is the help, of many lines
            error.show()
            sys.exit(2)
        place = error.ctx.command_path if error.ctx else "kohort"
        told = error.format_message().rstrip(".")
        if "extra argument" in told and any(p.name == "store" for p in error.ctx.command.params):
            told += "; a store is named by --store"
        end(f"{told}; see {place} --help", 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        end("interrupted", code)
    sys.exit(code)


@contextmanager
def _ending_at_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as SIGINT does, with nothing left half written."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    main()
