"""The programs that are kept, and those that are forgotten."""

from kohort.engine.program.compilation import Programs


class Leaf:
    """What a program's key reads of an array."""

    def __init__(self, *shape, dtype="float32"):
        self.shape, self.dtype = shape, dtype


def test_the_program_used_longest_ago_is_forgotten():
    made = []
    programs = Programs(size=2)

    def get(key, *arguments):
        return programs.get(key, arguments or (Leaf(3, 4),), lambda: made.append(key) or len(made))

    assert [get("a"), get("b"), get("a"), get("c")] == [1, 2, 1, 3]
    assert [get("a"), get("b")] == [1, 4]
    programs.clear()
    assert get("a") == 5
    assert get("a", Leaf(5, 4)) == 6
    assert get("a", Leaf(5, 4, dtype="int32")) == 7
    assert get("a", [Leaf(5, 4)]) == 8
