"""The progress of a notebook: one output that is written over."""

import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from kohort.report import progress as module
from kohort.report.following.best_so_far import Best


class Outputs:
    """IPython's `display`, which keeps what a cell would show."""

    def __init__(self):
        self.shown = []

    def display(self, data, *, raw, display_id):
        assert raw
        assert display_id
        self.shown.append([data])
        return SimpleNamespace(update=lambda data, raw: self.shown[-1].append(data))


@pytest.fixture
def outputs(monkeypatch):
    outputs = Outputs()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=outputs))
    return outputs


def test_a_notebook_has_one_line_that_is_written_over(monkeypatch, outputs, capsys):
    now = [0.0]
    monkeypatch.setattr(module, "_clock", lambda: now[0])
    monkeypatch.setattr(module, "Console", lambda **_: Console(force_jupyter=True))
    with module.Progress() as progress:
        progress.expect(8)
        progress.follow(lambda: Best("accuracy", "84.5 %", "<b>units</b>"))
        progress.begin("cohort 1/1", members=2, epochs=4)
        for epoch in range(4):
            now[0] += 1.0
            progress.advance(2, epoch)
    (line,) = outputs.shown
    assert len(line) == 5  # after each epoch, and at the end
    told = [data["text/plain"] for data in line]
    best = "leader: <b>units</b>, accuracy 84.5 %"
    assert told[1] == f"4 of 8 member epochs, about 2 s left, {best}"
    assert told[-1] == f"8 of 8 member epochs, 4 s in all, {best}"
    assert '<progress max="8" value="8"' in line[-1]["text/html"]
    assert "&lt;b&gt;" in line[-1]["text/html"]
    assert capsys.readouterr() == ("", "")


def test_what_is_silent_shows_no_line(monkeypatch, outputs):
    monkeypatch.setattr(module, "Console", lambda **_: Console(force_jupyter=True))
    with module.Progress(visible=False) as progress:
        progress.expect(8)
        progress.begin("cohort 1/1", members=2, epochs=4)
        progress.advance(2, 0)
    assert outputs.shown == []


def test_a_look_at_the_best_score_costs_a_twentieth_of_the_time(monkeypatch):
    now, looks = [0.0], []

    def look():
        now[0] += 1.0
        looks.append(now[0])

    console = Console(force_terminal=True, file=io.StringIO())
    monkeypatch.setattr(module, "_clock", lambda: now[0])
    monkeypatch.setattr(module, "Console", lambda **_: console)
    progress = module.Progress()
    progress.follow(look)
    progress.begin("cohort 1/1", members=1, epochs=100)
    for epoch in range(100):
        now[0] += 0.5
        progress.advance(1, epoch)
    # Of 52 seconds, and each twenty after it ended.
    assert looks == [1.5, 22.5, 43.5]
