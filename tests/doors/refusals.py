"""What every refusal has in common: one clear line, and nothing left behind."""

import os
import re
import subprocess
import sys

import pytest

from kohort.cli.main import main
from kohort.errors import InputError

LONGEST = 700
"""Characters of a message that is still read, the path of the file in it."""


def held(folder):
    """What a folder holds: kind, size and time of change of everything in it, by path."""
    return {
        path: (status.st_mode, status.st_size, status.st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
        for status in [path.lstat()]
    } | {path: "folder" for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()}


def assert_refused(action, told, folder=None):
    """The action ends in an error that tells `told`, a pattern, and changes nothing in `folder`."""
    before = held(folder) if folder else None
    with pytest.raises(InputError) as caught:
        action()
    message = str(caught.value)
    assert re.search(told, message), message
    assert all((caught.value.expected, caught.value.received, caught.value.mend)), message
    assert len(message) < LONGEST, message
    if folder:
        assert held(folder) == before


def assert_command_refused(arguments, told, folder, monkeypatch, capsys, *, progress=None, code=2):
    """The command ends with a code, one line on stderr, and changes nothing in `folder`.

    Args:
        arguments: After `kohort`.
        told: A pattern of the line.
        folder: Where it runs.
        monkeypatch: Of pytest.
        capsys: Of pytest.
        progress: A pattern of one line before it, where the command had begun its work.
        code: The code that it ends with.
    """
    monkeypatch.setattr(sys, "argv", ["kohort", *map(str, arguments)])
    monkeypatch.chdir(folder)
    before = held(folder)
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    *earlier, line = err.splitlines()
    assert len(earlier) == bool(progress), err
    assert all(re.fullmatch(progress, one) for one in earlier), err
    assert line.startswith("kohort: ")
    assert re.search(told, line), line
    assert line.isprintable(), ascii(line)
    assert len(line) < LONGEST, line
    assert out == ""
    assert held(folder) == before


def told_within(memory, source):
    """What a process of its own tells that loads `source` and may take so many bytes."""
    script = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
from kohort.data.load import load
from kohort.errors import KohortError
try:
    print(load(sys.argv[1]))
except KohortError as error:
    print(error)
"""
    return subprocess.run(
        [sys.executable, "-c", script, source],
        capture_output=True, text=True, check=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    ).stdout  # fmt: skip
