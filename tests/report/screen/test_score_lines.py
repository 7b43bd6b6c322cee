"""The table of variants on a screen: whole at any width, and the same on a pipe without colours."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from kohort.findings.conclusions import Conclusions
from kohort.report.screen import printing
from kohort.report.screen.score_columns import score_columns
from kohort.report.screen.score_lines import in_lines, score_lines
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import rendered

# Five replicates: v2 wins, v0 is worse, v1 is as good (the same scores but for a trifle).
BASE = np.array([0.90, 0.91, 0.92, 0.90, 0.93])
TRIFLE = np.array([2e-4, -1e-4, 1e-4, -2e-4, 1e-4])
SCORES = [BASE - 0.3 + 30 * TRIFLE, BASE - 1e-4 + TRIFLE, BASE]


@pytest.fixture
def conclusions():
    return Conclusions(record_of(grid_of(units=[1, 2, 3]), SCORES, sizes=[10, 2_000, 3_000_000]))


def renamed(conclusions, names):
    """The same study with other names, which may be long."""
    record = conclusions.record
    old = record.variant_names
    facts = tuple(replace(f, name=n) for f, n in zip(record.variants, names, strict=True))
    curves = {1.0: replace(record.whole, variants=tuple(names))}
    given = {
        field: dict(zip(names, (getattr(record.settings, field)[n] for n in old), strict=True))
        for field in ("epochs", "shares")
    }
    settings = replace(record.settings, **given)
    return Conclusions(replace(record, variants=facts, curves=curves, settings=settings))


def drawn(conclusions, width, *, terminal=False):
    screen = io.StringIO()
    console = Console(
        file=screen,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
    )
    console.print(score_lines(conclusions, width))
    return screen.getvalue()


def test_each_row_says_how_it_stands_to_the_best(conclusions):
    head, best, second, third = drawn(conclusions, 200).splitlines()
    assert head.split()[:2] == ["variant", "accuracy"]
    assert best.split()[:6] == ["v2", "91.2", "%", "89.6", "to", "92.8"]
    for line, stands in ((best, "best"), (second, "as good"), (third, "worse")):
        place = head.index("against best")
        assert line[place:].startswith(stands)
    assert second.startswith("v1")
    assert third.startswith("v0")


def test_what_diverged_everywhere_stands_nowhere_beside_the_best():
    scores = [SCORES[0], SCORES[2], np.full_like(SCORES[2], np.nan)]
    columns = score_columns(
        Conclusions(record_of(grid_of(units=[1, 2, 3]), scores)), is_uneven=False
    )
    assert columns.stands == ("best", "worse", "")
    assert columns.name.cells[2] == "v2"


def trials_of(arguments):
    record = record_of(arguments, SCORES)
    return renamed(Conclusions(record), [f"trial {n}" for n in (0, 12, 37)])


@pytest.mark.parametrize("width", [60, 200])
def test_trials_are_told_with_their_arguments_whatever_the_width(conclusions, width):
    shown = drawn(trials_of(grid_of(units=["(8,)", 2, 3])), width)
    (row,) = (line for line in shown.splitlines() if "trial 37" in line and "units=" in line)
    assert "units=3" in row
    assert "units=" not in drawn(conclusions, width)


def test_the_report_tells_the_arguments_of_trials_once():
    # Few are columns of the table.
    few = trials_of(grid_of(units=[1, 2, 3]))
    assert "units=3" not in rendered(few)
    many = trials_of([{"units": n, "rate": f"0.{n}", "l2": f"1e-0{n}"} for n in "345"])
    row = rendered(many).partition('<th scope="row">trial 37 ')[2].partition("</th>")[0]
    assert "units=5, rate=0.5, l2=1e-05" in row


def test_numbers_stand_under_each_other(conclusions):
    _, *rows = drawn(conclusions, 200).splitlines()
    ends = {
        row.index(f" {number} ") + len(number)
        for row, number in zip(rows, ("3,000,000", "2,000", "10"), strict=True)
    }
    assert len(ends) == 1


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_nothing_is_cut_off_at_any_width(conclusions, width):
    names = ["units=(), dropout=0.0", "units=(200, 100), rate=0.001, dropout=0.3", "[red] small"]
    lines = drawn(renamed(conclusions, names), width).splitlines()
    assert max(map(len, lines)) <= width
    shown = " ".join(lines).split()
    titles = "accuracy 95 % interval against best verdict gap best epoch parameters seconds"
    told = "3,000,000 best as good worse [red] small units=(200, 100), rate=0.001, dropout=0.3"
    assert {*titles.split(), *told.split()} <= {*shown}


def test_a_pipe_gets_a_line_for_each_variant_and_no_colours(conclusions, capsys):
    long = "units=(200, 100, 50), dropout=0.3, " * 5
    printing.print_scores(renamed(conclusions, ["a", "b", long]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert long.strip() in lines[1]
    assert "\x1b" not in "".join(lines)


def test_a_terminal_shows_the_best_in_colour(conclusions):
    shown = drawn(conclusions, 80, terminal=True)
    best = next(line for line in shown.splitlines() if "v2" in line)
    assert "\x1b[1;32m" in best


def test_text_stays_whole_on_a_pipe_and_is_broken_between_words_on_a_terminal(monkeypatch, capsys):
    text = "a [bold] sentence :smile:" + " of words" * 30
    printing.print_text(text)
    assert capsys.readouterr().out == f"{text}\n"
    screen = io.StringIO()
    monkeypatch.setattr(
        printing, "Console", lambda **_: Console(file=screen, width=40, force_terminal=True)
    )
    printing.print_text(text)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(screen.getvalue().split()) == " ".join(text.split())


def test_lines_of_text_are_of_80_letters():
    assert all(len(line) <= 80 for line in in_lines("some words " * 40).splitlines())
