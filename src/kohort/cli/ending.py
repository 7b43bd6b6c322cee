"""Tells of a command by lines on stderr, and ends it with one and an exit code."""

import sys
from typing import NoReturn

import typer

from kohort.errors import legible


def note(line: str) -> None:
    """Tell a line on stderr; names and paths in it move no cursor."""
    typer.echo(f"kohort: {legible(line)}", err=True)


def end(message: str, code: int) -> NoReturn:
    """End the process.

    Args:
        message: Why it ends; it is shown in one line.
        code: The exit code.
    """
    note(" ".join(message.split()))
    sys.exit(code)
