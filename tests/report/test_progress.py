"""The progress display, on a terminal and in a log."""

import io

from rich.console import Console

from kohort.report import progress as module
from kohort.report.progress import Progress


def display(monkeypatch, *, terminal, visible=True):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=160)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    with Progress(12, visible=visible) as progress:
        progress.begin("cohort 1/2: small", members=3, epochs=2)
        progress.advance(3, epoch=0)
        progress.end()
        progress.begin("cohort 2/2: large", members=1, epochs=6)
        progress.advance(1, epoch=4)
    return screen.getvalue()


def test_a_terminal_shows_cohort_members_epoch_and_time_left(monkeypatch):
    shown = display(monkeypatch, terminal=True)
    assert "cohort 2/2: large, 1 member, epoch 5/6" in shown
    # Three of the six member epochs of the first cohort came, so that 9 are left in all.
    assert "4/9" in shown
    assert "left" in shown


def test_a_log_gets_a_line_for_each_cohort(monkeypatch):
    assert display(monkeypatch, terminal=False).splitlines() == [
        "cohort 1/2: small, 3 members, 2 epochs",
        "cohort 2/2: large, 1 member, 6 epochs",
    ]


def test_silence_is_silent(monkeypatch):
    assert display(monkeypatch, terminal=False, visible=False) == ""
