"""The process of `scripts.fuzz` in which one reader runs, under atheris.

    python -m scripts.fuzz_target READER INPUTS SEED FOLDER OUT

libFuzzer keeps the inputs that reach new lines of the readers, and mutates those. It ends the
process at the first that fails, and writes that to OUT.
"""

import inspect
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import atheris
import numpy as np

from scripts.fuzz_edits import changed, edits_of

if TYPE_CHECKING:
    from scripts.fuzz_files import Reader

INSTRUMENTED = ["kohort", "h5py", "PIL", "tarfile", "zipfile"]
LONGEST = 2**16
"""Bytes of an input."""
SECONDS = 20
"""Of the processor: an input that takes more hangs."""
END = 300
"""Seconds after which libFuzzer ends what never would, also where others have the processor."""
MEMORY = 2048
"""MB of the process."""
PIXELS = 2**20
"""Of an image, before it is a bomb: up to Pillow's 89 million the large ones take all the time."""


def run(name: str, inputs: int, seed: int, folder: Path, out: Path) -> None:
    """Run a reader; ends the process, with code 0 where none of the inputs failed.

    Args:
        name: Of the reader.
        inputs: How many.
        seed: Of the draws of inputs.
        folder: An empty one, for what is read and for inputs that reach something new.
        out: The folder for an input that fails.
    """
    reader, attempt = _imported(name, folder)
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "whole").write_bytes(reader.content)
    options = {
        "runs": inputs,
        "seed": seed,
        "max_len": LONGEST,
        "len_control": 0,
        "timeout": END,
        "rss_limit_mb": MEMORY,
        "artifact_prefix": f"{out}/",
    }
    atheris.Setup(
        [name, *(f"-{key}={value}" for key, value in options.items()), str(corpus)],
        _target(lambda content: attempt(reader, folder, content), inputs),
        custom_mutator=_mutator(reader.content),
    )
    atheris.Fuzz()


def _imported(name: str, folder: Path) -> tuple["Reader", Callable[["Reader", Path, bytes], str]]:
    """A reader, and what calls it, in modules that tell libFuzzer what is reached."""
    for function in vars(inspect.getmodule(np.lib.format.read_array)).values():
        if inspect.isfunction(function):
            atheris.instrument_func(function)
    with atheris.instrument_imports(include=INSTRUMENTED):
        from PIL import Image  # noqa: PLC0415

        from scripts.fuzz_files import READERS, attempt  # noqa: PLC0415 # instrumented

        # Much is imported by what reads the first file, such as Pillow's plug-ins.
        assert attempt(READERS[name], folder, READERS[name].content) == "read"
    Image.MAX_IMAGE_PIXELS = PIXELS
    return READERS[name], attempt


def _target(read: Callable[[bytes], str], inputs: int) -> Callable[[bytes], None]:
    """What libFuzzer calls with each input; it raises where one fails."""
    warnings.simplefilter("error")
    ended = {"read": 0, "refused": 0}

    def one(content: bytes) -> None:
        start = time.process_time()
        ended[read(content)] += 1
        taken = time.process_time() - start
        # libFuzzer looks once a second, and misses memory that is soon given back. It takes time as
        # well, which says less.
        assert _memory() < MEMORY, "too much memory"
        assert taken < SECONDS, f"took {taken:.0f} s"
        if (
            sum(ended.values()) == inputs
        ):  # libFuzzer ends the process, and nothing of Python's runs
            counts = f"{ended['read']:,} read, {ended['refused']:,} refused"
            print(f"{counts}; at most {_memory():,} MB", flush=True)

    return one


def _memory() -> int:
    """MB, the most that this process has taken; in `getrusage` would be its parent's as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def _mutator(whole: bytes) -> Callable[[bytes, int, int], bytes]:
    """What makes the next input of one that reached something new."""

    def mutated(content: bytes, longest: int, seed: int) -> bytes:
        edits = edits_of(seed)
        if seed % 2:  # libraries in C tell nothing of what is reached: begin from the whole file
            return changed(whole, edits)[:longest]
        if seed % 4:
            return changed(bytes(content), edits)[:longest]
        return atheris.Mutate(content, longest)  # type: ignore[no-any-return]

    return mutated


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
