"""How `scripts.fuzz` damages a file: in places, beside the mutations that libFuzzer makes."""

import random
from collections.abc import Sequence
from typing import NamedTuple

KINDS = ("flip", "set", "insert", "delete", "copy", "extreme", "cut")


class Edit(NamedTuple):
    """One change of a file.

    Args:
        kind: One of `KINDS`.
        place: Where, from 0 (the start) to 1 (the end).
        size: Of what is changed, in bytes.
        value: What is written, as a number.
    """

    kind: str
    place: float
    size: int
    value: int


def changed(content: bytes, edits: Sequence[Edit]) -> bytes:
    """The content after all edits."""
    for edit in edits:
        content = _after(content, edit)
    return content


def _after(content: bytes, edit: Edit) -> bytes:
    start = int(edit.place * len(content))
    end = start + edit.size
    held = content[start:end]
    match edit.kind:
        case "flip":
            new = bytes([held[0] ^ (1 << edit.value % 8)]) + held[1:] if held else held
        case "set":
            new = bytes([edit.value % 256]) * len(held)
        case "insert":
            new = (edit.value % 2**64).to_bytes(8, "little")[: edit.size] + held
        case "delete":
            new = b""
        case "copy":
            source = edit.value % (len(content) + 1)
            new = content[source : source + edit.size]
        case "extreme":
            new = [b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\1" + b"\0" * 7][edit.value % 4]
            new = new[: len(held)]
        case _:
            return content[:start]
    return content[:start] + new + content[end:]


def edits_of(number: int) -> list[Edit]:
    """The edits of a number."""
    draw = random.Random(number)  # noqa: S311 # nothing is kept secret by it
    return [
        Edit(
            draw.choice(KINDS),
            draw.random(),
            draw.choice((1, 1, 2, 4, 8, 64)),
            draw.getrandbits(64),
        )
        for _ in range(draw.choice((1, 1, 2, 4, 8)))
    ]
