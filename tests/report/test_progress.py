"""The progress display, on a terminal and in a log."""

import io

import pytest
from rich.console import Console

from kohort.report import progress as module
from kohort.report.following.best_so_far import Best
from kohort.report.progress import Progress


def display(monkeypatch, *, terminal, visible=True):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=160)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    with Progress(visible=visible) as progress:
        progress.expect(12)
        progress.begin("cohort 1/2: small", members=3, epochs=2)
        progress.advance(3, epoch=0)
        progress.end()
        progress.begin("cohort 2/2: large", members=1, epochs=6)
        progress.advance(1, epoch=4)
    return screen.getvalue()


def test_a_terminal_shows_cohort_members_epoch_and_time_left(monkeypatch):
    shown = display(monkeypatch, terminal=True)
    assert "1 member of cohort 2/2: large" in shown
    assert "epoch 5/6" in shown
    # Three of the six member epochs of the first cohort came, so that 9 are left in all.
    assert "4/9" in shown
    assert "left" in shown


@pytest.mark.parametrize("width", [80, 160])
def test_a_long_name_leaves_room_for_the_bar_and_the_numbers(monkeypatch, width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    monkeypatch.setattr(module, "SCREEN_SECONDS", 0.0)
    progress = Progress()
    progress.expect(1200)
    progress.follow(lambda: Best("accuracy", "84.5 %", "units=16"))
    progress.begin("cohort [b] 10/12: " + "units=(400, 200), l2=1e-4, " * 9, members=40, epochs=30)
    progress.advance(600, epoch=14)
    (line,) = console.render_lines(progress._bar.get_renderable(), pad=False)
    text = "".join(segment.text for segment in line)
    assert len(text) <= width
    assert text.startswith("40 members of cohort [b]"[: 15 if width == 80 else 24])
    assert "━━━" in text
    for told in ("epoch 15/30", "left", "leader 84.5 %"):
        assert told in text
    assert ("600/1200 member epochs" in text) == (width == 160)
    assert ("leader 84.5 % units=16" in text) == (width == 160)


def test_a_log_gets_a_line_for_each_cohort(monkeypatch):
    assert display(monkeypatch, terminal=False).splitlines() == [
        "cohort 1/2: small, 3 members, 2 epochs",
        "cohort 2/2: large, 1 member, 6 epochs",
    ]


@pytest.fixture
def log(monkeypatch):
    """A log, and a clock that stands until it is set."""
    now, screen = [0.0], io.StringIO()
    monkeypatch.setattr(module, "_clock", lambda: now[0])
    console = Console(file=screen, force_terminal=False, width=160)
    monkeypatch.setattr(module, "Console", lambda **_: console)

    def train(progress, members, epochs, seconds):
        for epoch in epochs:
            now[0] += seconds
            progress.advance(members, epoch)

    return screen, train


def told_times(screen):
    return [line for line in screen.getvalue().splitlines() if " left" in line or "in all" in line]


def test_a_log_gets_a_line_with_the_time_left_as_time_passes(log):
    screen, train = log
    with Progress() as progress:
        progress.expect(400)
        progress.follow(lambda: Best("accuracy", "84.5 %", "units=16"))
        progress.begin("cohort 1/1", members=4, epochs=100)
        train(progress, 4, range(100), 0.5)
    lines = screen.getvalue().splitlines()
    assert len(lines) == 1 + 3 + 1  # of 50 s, one each 15 s, and one at the end
    best = "leader: units=16, accuracy 84.5 %"
    assert lines[1] == f"120 of 400 member epochs, about 35 s left, {best}"
    assert lines[-1] == f"400 of 400 member epochs, 50 s in all, {best}"


def test_a_log_of_what_was_interrupted_tells_no_end(log):
    screen, train = log

    def interrupted():
        with Progress() as progress:
            progress.expect(10)
            progress.begin("cohort 1/1", members=1, epochs=10)
            train(progress, 1, range(10), 4.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert told_times(screen)[-1] == "8 of 10 member epochs, about 8 s left"


def test_the_time_left_weighs_member_epochs_by_what_they_cost(log):
    screen, train = log
    with Progress() as progress:
        for cost in (0.5, 5.0):
            progress.expect(100, cost)
        progress.begin("cohort 1/2: small", 4, 25, done=20, cost=0.5)
        train(progress, 4, range(20), 1.0)
        progress.begin("cohort 2/2: large", 1, 100, cost=5.0)
        train(progress, 1, range(20), 2.5)  # of a cost of 5; of 2 a second as before
        progress.end()  # all stop early
    first, second, *_ = told_times(screen)
    # 15 s have trained 60 of the 80 small ones: 20 cost 10, and the 100 large ones 500.
    assert first == "80 of 200 member epochs, about 4 min 15 s left"
    assert second == "104 of 200 member epochs, about 4 min 0 s left"
    (task,) = progress._bar.tasks
    assert (task.completed, task.total) == (120, 120)
    assert progress.seconds_left == 0


def test_what_an_earlier_run_has_trained_is_no_speed_of_this_one(log):
    screen, train = log
    with Progress() as progress:
        progress.expect(3900, done=3900)
        progress.expect(100)
        progress.begin("cohort 1/1", members=2, epochs=50, done=10)
        train(progress, 2, range(5, 50), 2.0)
    assert told_times(screen)[0] == "3,926 of 4,000 member epochs, about 1 min 14 s left"


def test_there_is_a_time_left_where_an_epoch_takes_minutes(log):
    screen, train = log
    with Progress() as progress:
        progress.expect(10)
        progress.begin("cohort 1/1", members=1, epochs=10)
        train(progress, 1, range(9), 250.0)
    assert told_times(screen)[-1] == "9 of 10 member epochs, about 4 min 10 s left"


def test_of_what_goes_on_nobody_knows_how_long_the_time_is_that_of_a_part(log):
    screen, train = log
    with Progress() as progress:
        for look in (1, 2):
            progress.expect(100, part="look")
            progress.begin(f"look {look} of 5", members=1, epochs=100)
            train(progress, 1, range(100), 1.5)
    told = told_times(screen)
    assert told[0] == "10 of 100 member epochs, about 2 min 15 s left of this look"
    assert not any("in all" in line for line in told), "more looks may come"


def test_what_is_trained_anew_is_counted_anew(log):
    screen, train = log
    with Progress() as progress:
        for done in (0, 30):
            progress.anew()
            progress.expect(40, done=done)
            progress.begin("cohort 1/1", members=1, epochs=40 - done)
            train(progress, 1, range(done, 40), 4.0)
    assert told_times(screen)[-2].startswith("38 of 40 member epochs")
    assert told_times(screen)[-1] == "40 of 40 member epochs, 3 min 20 s in all"


@pytest.mark.parametrize(
    ("seconds", "told"), [(12.4, "12 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_a_duration_is_told_in_two_units(seconds, told):
    assert module._duration(seconds) == told


def test_what_is_one_of_several_says_what_it_is_for(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=False, width=160)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    for purpose in ("looking for doubtful labels", "looking for a shift"):
        with Progress(purpose=purpose) as progress:
            progress.expect(10)
            progress.begin("cohort 1/1", members=5, epochs=2)
    assert screen.getvalue().splitlines() == [
        "looking for doubtful labels, 5 members, 2 epochs",
        "looking for a shift, 5 members, 2 epochs",
    ]


def test_a_line_of_a_log_is_one_line_and_names_stay_text(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=False, width=80)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    what = "cohort 1/2: " + "[relu] units=(400, 200) :smile: " * 4
    with Progress() as progress:
        progress.expect(12)
        progress.begin(what, members=3, epochs=10)
    assert screen.getvalue() == f"{what}, 3 members, 10 epochs\n"


def test_silence_is_silent(monkeypatch):
    assert display(monkeypatch, terminal=False, visible=False) == ""
