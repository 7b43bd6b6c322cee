import sys
from typing import NamedTuple

import pytest

from kohort.cli.main import main
from kohort.cli.study_files import read_study
from tests.faults.studies import FILE, kept_numbers


class Told(NamedTuple):
    """How a command ended, and its lines on stderr."""

    code: int | None
    lines: list[str]

    def refused(self, *words):
        """It ended with code 2, and a last line with these words."""
        assert self.code == 2, self.lines
        assert self.lines[-1].startswith("kohort: "), self.lines
        assert "Traceback" not in " ".join(self.lines)
        for word in words:
            assert word in self.lines[-1], self.lines[-1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a study file."""
    (tmp_path / "study.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kohort(folder, monkeypatch, capsys):
    """Runs the command line."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["kohort", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Told(ended.value.code, capsys.readouterr().err.splitlines())

    return run


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The numbers of the file's study where nothing happens to it."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "study.py").write_text(FILE)
    read_study(str(folder / "study.py"), None).run(folder / "whole.db", verbose=0)
    return kept_numbers(folder / "whole.db")
