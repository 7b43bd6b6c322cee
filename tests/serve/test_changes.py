"""Who asks with a cursor hears what came after it, and everything where it means nothing."""

import pytest

from kohort.serve import changes
from kohort.serve.changes import Changes, Cursor


def test_a_client_hears_what_came_after_its_cursor():
    log = Changes()
    first = log.cursor
    log.add(["a", "b"])
    second = log.cursor
    log.add(["b", "c"])
    assert log.since(first) == {"a", "b", "c"}
    assert log.since(second) == {"b", "c"}
    assert log.since(log.cursor) == frozenset()


def test_nothing_that_changed_is_no_revision():
    log = Changes()
    before = log.cursor
    log.add([])
    assert log.cursor == before


def test_all_is_heard_where_a_cursor_means_nothing(monkeypatch):
    monkeypatch.setattr(changes, "_KEPT", 3)
    log = Changes()
    old = log.cursor
    assert log.since(None) is None
    assert log.since(Cursor("another", old.revision)) is None
    assert log.since(old._replace(revision=old.revision + 1)) is None, "it has not been"
    cursors = [log.cursor]
    for number in range(4):
        log.add([number])
        cursors.append(log.cursor)
    assert log.since(cursors[0]) is None, "the first change is forgotten"
    assert log.since(cursors[1]) == {1, 2, 3}
    log.clear()
    assert log.since(cursors[-1]) is None


def test_a_cursor_comes_back_from_its_text():
    cursor = Changes().cursor
    assert Cursor.of(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "a", "a.", "a.-1", "a.1.2", "a.x", "a.²", "a." + "9" * 30])
def test_what_is_no_cursor_is_none(text):
    assert Cursor.of(text) is None
