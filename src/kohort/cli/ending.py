"""Ends a command with one line on stderr and an exit code."""

import sys
from typing import NoReturn

import typer

from kohort.errors import legible


def end(message: str, code: int) -> NoReturn:
    """End the process.

    Args:
        message: Why it ends; it is shown in one line.
        code: The exit code.
    """
    typer.echo(f"kohort: {legible(' '.join(message.split()))}", err=True)
    sys.exit(code)
