"""Give readers files that are damaged at random: each is read as data or refused, never else.

    python -m scripts.fuzz --reader hdf5 --inputs 100000

Readers run in a process of their own, so that one that crashes or hangs is told as well. An input
is its number: `--first N --inputs 1` makes it again.
"""

import argparse
import mmap
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.errors import KohortError
from scripts.fuzz_files import READERS, Reader

KINDS = ("flip", "set", "insert", "delete", "copy", "extreme", "cut")
BATCH = 1000
SECONDS = 20
"""An input that takes longer hangs."""


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
    """The edits of an input, by its number."""
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


def attempt(reader: Reader, folder: Path, edits: Sequence[Edit]) -> str:
    """What comes of a damaged file: "read" or "refused"; other errors are raised."""
    source = reader.write(folder, changed(reader.content, edits))
    try:
        held = reader.read(source)
    except KohortError as error:
        assert str(error).startswith("expected "), error  # noqa: PT017 # this is no test
        return "refused"
    if isinstance(held, Dataset):
        assert np.isfinite(held.x_train).all()
        assert len(held.x_train) == len(held.y_train)
    return "read"


def main() -> None:
    """Run one reader, or all of them; ends with code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=["all", *READERS], default="all")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    options = parser.parse_args()
    failed = 0
    for name in READERS if options.reader == "all" else [options.reader]:
        failed += fuzz(name, range(options.first, options.first + options.inputs))
    sys.exit(failed > 0)


def fuzz(name: str, numbers: range) -> int:
    """Run a reader on inputs, print what came of them, and return how many failed."""
    clock = time.perf_counter()
    failures = 0
    with mmap.mmap(-1, 4 * 8) as board, tempfile.TemporaryDirectory() as folder:
        start = numbers.start
        while start < numbers.stop:
            end = min(start + BATCH, numbers.stop)
            for number, told in _batch(name, start, end, board, Path(folder)):
                failures += 1
                print(f"{name} {number}: {told}", flush=True)
            start = end
        read, refused, memory = struct.unpack_from("3q", board, 8)
    rate = len(numbers) / (time.perf_counter() - clock)
    print(
        f"{name}: {len(numbers):,} inputs, {rate:,.0f} a second; {read:,} read, {refused:,} "
        f"refused, {failures:,} failed; at most {memory / 1024:,.0f} MB"
    )
    return failures


def _batch(
    name: str, start: int, end: int, board: mmap.mmap, folder: Path
) -> Iterator[tuple[int, str]]:
    """Run inputs in a process of their own, a new one after each that ends it."""
    while start < end:
        child = os.fork()
        if child == 0:
            _run(name, start, end, board, folder)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        start = struct.unpack_from("q", board)[0]
        number = os.waitstatus_to_exitcode(status)
        yield start, signal.strsignal(-number) or "" if number < 0 else "an error, told above"
        start += 1


def _run(name: str, start: int, end: int, board: mmap.mmap, folder: Path) -> None:
    """The process of a batch; it never returns."""
    warnings.simplefilter("error")
    read, refused, memory = struct.unpack_from("3q", board, 8)
    for number in range(start, end):
        struct.pack_into("4q", board, 0, number, read, refused, memory)
        signal.alarm(SECONDS)  # ends the process, also while it is in C
        try:
            was_read = attempt(READERS[name], folder, edits_of(number)) == "read"
        except BaseException:  # noqa: BLE001 # whatever it is, it is what is looked for
            traceback.print_exc(limit=-3)
            sys.stderr.flush()
            os._exit(1)
        read, refused = read + was_read, refused + (not was_read)
        memory = max(memory, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    struct.pack_into("4q", board, 0, end, read, refused, memory)
    os._exit(0)


if __name__ == "__main__":
    main()
