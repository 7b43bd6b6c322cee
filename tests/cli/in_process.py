"""The command line in this process, which has imported already what a new one would have to."""

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from types import SimpleNamespace
from unittest import mock

import pytest

from kohort.cli.main import main


def kohort(*arguments, cwd):
    """Run a command in a folder: its `returncode`, and what it wrote to `stdout` and `stderr`."""
    out, err = io.StringIO(), io.StringIO()
    argv = mock.patch.object(sys, "argv", ["kohort", *map(str, arguments)])
    ends = pytest.raises(SystemExit)
    with chdir(cwd), argv, redirect_stdout(out), redirect_stderr(err), ends as ended:
        main()
    return SimpleNamespace(
        returncode=ended.value.code or 0, stdout=out.getvalue(), stderr=err.getvalue()
    )
