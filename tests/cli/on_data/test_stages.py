"""How far a command is, on a terminal and in a log."""

import io

import pytest
from rich.console import Console

from kohort.cli.on_data import stages
from kohort.cli.on_data.stages import Stages

HOUR = 3600.0


@pytest.fixture
def clock(monkeypatch):
    """The time that the bars see, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(stages, "monotonic", lambda: now[0])
    return now


def shown(monkeypatch, clock, *, terminal):
    """What is shown of an hour's work, of which a minute passes between two steps."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, get_time=lambda: clock[0])
    monkeypatch.setattr(stages, "Console", lambda **_: console)
    with Stages() as bars:
        passed = bars.begin("reading [a].tar.gz")
        for step in range(1, 61):
            clock[0] = step * HOUR / 60
            passed(step / 60)
            if step == 20:
                console.print()
    return screen.getvalue()


def test_a_log_gets_the_time_left(monkeypatch, clock):
    lines = shown(monkeypatch, clock, terminal=False).splitlines()
    assert "reading [a].tar.gz: 50 %, 30:00 left" in lines
    assert lines[-1] == "reading [a].tar.gz: 100 %"


def test_a_log_gets_no_line_for_each_step(monkeypatch, clock):
    monkeypatch.setattr(stages, "SHOWN_EVERY", 600.0)
    lines = shown(monkeypatch, clock, terminal=False).splitlines()
    told = [line.removeprefix("reading [a].tar.gz: ") for line in lines if line]
    # The time that is left is rounded up.
    assert [line[:-6] for line in told[:-1]] == [
        f"{100 * part / 6:.0f} %, {60 - 10 * part}:0" for part in range(1, 6)
    ]
    assert told[-1] == "100 %"


def test_a_terminal_shows_a_bar(monkeypatch, clock):
    told = shown(monkeypatch, clock, terminal=True)
    assert "reading [a].tar.gz" in told
    assert "━━━" in told
    assert "100%" in told
    assert "left" in told
