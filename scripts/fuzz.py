"""Give readers damaged files: each is read as data or refused, never else.

    python -m scripts.fuzz --reader hdf5 --inputs 100000

A reader runs in a process of its own (`scripts.fuzz_target`), in which atheris chooses inputs by
what they reach, up to the first that fails: by another error or a warning, a crash, 20 seconds of
the processor, or 2 GB. That input is kept, and `--reader hdf5 --file PATH` reads it again.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from scripts.fuzz_files import READERS, attempt

TARGET = [sys.executable, "-m", "scripts.fuzz_target"]


def main() -> None:
    """Run one reader, or all of them; ends with code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reader", choices=["all", *READERS], default="all")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the draws of inputs")
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="for inputs that failed")
    parser.add_argument("--file", type=Path, help="one input, that is read without atheris")
    options = parser.parse_args()
    names = READERS if options.reader == "all" else [options.reader]
    if options.file:
        content = options.file.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                warnings.simplefilter("error")
                print(f"{name}: {attempt(READERS[name], Path(folder), content)}")
        return
    failed = [n for n in names if not fuzz(n, options.inputs, options.seed, options.out)]
    sys.exit(len(failed) > 0)


def fuzz(name: str, inputs: int, seed: int, out: Path) -> bool:
    """Run a reader, print what came of it, and return whether no input failed."""
    found = out / name.replace(" ", "-")
    found.mkdir(parents=True, exist_ok=True)
    clock = time.perf_counter()
    # The process ends without Python's ways to clean up.
    with tempfile.TemporaryDirectory(dir=_memory()) as folder, (found / "log").open("w") as log:
        command = [*TARGET, name, str(inputs), str(seed), folder, str(found)]
        done = subprocess.run(command, stdout=log, stderr=log, check=False)  # noqa: S603 # as above
    rate = inputs / (time.perf_counter() - clock)
    lines = (found / "log").read_text(errors="replace").splitlines()
    if done.returncode == 0:
        last_line = next(line for line in lines if line.endswith(" MB"))
        print(f"{name}: {inputs:,} inputs, {rate:,.0f} a second; {last_line}")
    else:
        lines = [line for line in lines if not line.startswith(("INFO:", "WARNING:", "#"))]
        print(f"{name}: failed, see {found}", *lines[-20:], sep="\n")
    sys.stdout.flush()
    return done.returncode == 0


def _memory() -> str | None:
    """A folder in memory; None where there is none."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 # names are drawn


if __name__ == "__main__":
    main()
