"""The programs that are kept, and those that are forgotten."""

from kohort.engine import program
from kohort.engine.program import EpochSpec, Feed, Programs
from kohort.engine.steps import Steps


class Leaf:
    """What a program's key reads of an array."""

    def __init__(self, *shape, dtype="float32"):
        self.shape, self.dtype = shape, dtype


def test_the_program_used_longest_ago_is_forgotten(monkeypatch):
    compiled = []
    monkeypatch.setattr(program, "compile_epoch", lambda *_: compiled.append(_) or len(compiled))
    programs, spec = Programs(size=2), EpochSpec(32, validate=False, evaluate_train=False)
    feed = Feed(None, Leaf(10, dtype="int32"), None, Leaf(0, dtype="int32"), {})

    def get(key, state=None, spec=spec, feed=feed):
        return programs.get(Steps(key, {}, [], {}), spec, state or ([Leaf(3, 4)], [], [], []), feed)

    assert [get("a"), get("b"), get("a"), get("c")] == [1, 2, 1, 3]
    assert [get("a"), get("b")] == [1, 4]
    programs.clear()
    assert get("a") == 5
    assert get("a", state=([Leaf(5, 4)], [], [], [])) == 6
    assert get("a", spec=spec._replace(batch_size=33)) == 7
    assert get("a", feed=feed._replace(order=Leaf(11, dtype="int32"))) == 8
