"""How a command ends: in one line on stderr, with an exit code."""

import sys
from typing import NoReturn

import typer

from kohort.errors import legible


def end(told: str, code: int) -> NoReturn:
    """End the process.

    Args:
        told: Why, in one line, whatever its pieces came from.
        code: The exit code.
    """
    typer.echo(f"kohort: {legible(' '.join(told.split()))}", err=True)
    sys.exit(code)
