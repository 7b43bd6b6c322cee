"""Keras's own tests that call `fit`, once with Keras's `fit` and once through `kohort.fit`.

    python -m scripts.keras_suite
    python -m scripts.keras_suite --tensorflow .venv-tensorflow/bin/python

They are those of the wheel of Keras that is installed. What came of them is written to
docs/keras-suite.json, of which `make docs` makes a page. The tests that call `fit` are known from
there; `--find` looks for them again, as does another version of Keras. The code is 1 where a test
differs without a known reason, where a reason is left over, or where a model is left to Keras
silently.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "keras-suite.json"
WITHOUT, WITH = "without TensorFlow", "with TensorFlow"
FUSED = "fused"
UNSAID = "left to Keras without a word"
ENDED = "it ends with "
CALLS_FIT = re.compile(r"\.fit\(|run_layer_test")
"""What a file of tests has in it that may call `fit`."""
MANY_DEVICES, DEVICES = "multi_device", "--xla_force_host_platform_device_count=8"
"""How Keras marks tests of several devices, and the flag of XLA that gives them."""
CLOSE = 1e-4
"""Relative to 1 or a larger number; sums of floats that XLA rounds otherwise differ by less."""
REASONS = {
    "aug_mix_test.*test_layer$": "AugMix draws its augmentations from Python's `random` when it is"
    " traced, so that its numbers hang on what was drawn before. It is left to `model.fit`; when"
    " this was run, to look at it had drawn some, which is put back by now. The test passes.",
    "test_TensorBoard_weight_images$": "Its training diverges: in two epochs the loss is infinite"
    " and weights reach 1e30, so that differences of rounding grow. Against float64, from 25 seeds,"
    " kohort's loss after an epoch was as exact as Keras's (medians of the error 2e-6 and 3e-6).",
}
"""Of the tests that differ, by a pattern of their names: why."""
ASKED = """
import importlib.util, json, platform
from importlib.metadata import version
versions = {name: version(name) for name in ("keras", "jax")}
versions["Python"] = platform.python_version()
print(json.dumps([importlib.util.find_spec("keras").origin, versions]))
"""

type Kept = Mapping[str, Any]
"""By test, what `scripts.keras_routing` kept of it."""


def asked(python: str) -> tuple[Path, dict[str, str]]:
    """Where an interpreter finds its packages, and the versions of those that matter."""
    origin, versions = json.loads(_said([python, "-c", ASKED]))
    return Path(origin).parents[1], versions


def files_with_fit(packages: Path) -> list[str]:
    """The files of Keras's tests that may call `fit`, relative to the folder of packages."""
    return sorted(
        path.relative_to(packages).as_posix()
        for path in (packages / "keras" / "src").rglob("*_test.py")
        if CALLS_FIT.search(path.read_text("utf-8"))
    )


def files_of(tests: Iterable[str]) -> list[str]:
    """The files that tests are in."""
    return sorted({test.partition("::")[0] for test in tests})


def run_tests(
    python: str, files: Sequence[str], *, engine: str, only: Sequence[str] | None = None
) -> dict[str, Any]:
    """Run tests of Keras's wheel in processes of their own.

    Args:
        python: The interpreter.
        files: Files of tests, relative to the folder of its packages.
        engine: Of `kohort.fit`; "none" leaves `fit` to Keras.
        only: The tests to run; None for all of the files.

    Returns:
        What `scripts.keras_routing` kept, by test.
    """
    packages, _versions = asked(python)
    many = {name for name in files if MANY_DEVICES in (packages / name).read_text("utf-8")}
    with TemporaryDirectory() as folder:
        kept, chosen = Path(folder, "kept.json"), Path(folder, "only.json")
        chosen.write_text(json.dumps(only), "utf-8")
        options = ["-q", "--tb=no", "--disable-warnings", "--continue-on-collection-errors"]
        options += ["-c", os.devnull, "--rootdir", str(packages), "-p", "no:cacheprovider"]
        options += ["-p", "scripts.keras_routing", f"--kept={kept}", f"--engine={engine}"]
        options += [] if only is None else [f"--only={chosen}"]
        found: dict[str, Any] = {}
        for part, flags in ((set(files) - many, ""), (many, DEVICES)):
            if part:
                _run([python, "-m", "pytest", *options, *sorted(part)], packages, flags)
                found |= json.loads(kept.read_text("utf-8"))
                kept.unlink()
    return found


def _run(command: Sequence[str], folder: Path, flags: str) -> None:
    """Run tests in a folder, with flags of XLA; what they print goes to stderr."""
    paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = dict(os.environ) | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "KERAS_BACKEND": "jax",
        "PYTHONDONTWRITEBYTECODE": "1",
        "XLA_FLAGS": flags,
    }
    subprocess.run(  # noqa: S603 # names from here
        command, cwd=folder, env=environment, stdout=sys.stderr, check=False
    )


def compared(alone: Kept, through: Kept) -> dict[str, dict[str, Any]]:
    """Of each test that calls `fit` and passes alone, what came of it through kohort.

    Returns:
        By test: "by", how many calls were fused, or left to Keras and why; "differs", how it
        ended otherwise than alone, or with which other numbers; "" where it did not.
    """
    return {
        test: {
            "by": dict(Counter(fit["by"] for fit in through[test]["fits"])),
            "differs": through[test]["why"] or _difference(kept["fits"], through[test]["fits"]),
        }
        for test, kept in alone.items()
        if kept["fits"] and kept["outcome"] == "passed"
    }


def _difference(alone: Sequence[Kept], through: Sequence[Kept]) -> str:
    """How calls of `fit` differ; "" where they do not."""
    if len(alone) != len(through):
        return f"fit is called {len(through)} times for {len(alone)}"
    for number, (ours, theirs) in enumerate(zip(through, alone, strict=True), start=1):
        for name in ("raised", "numbers"):
            if not near(ours[name], theirs[name]):
                return f"{name} of call {number} of fit: {ours[name]} for {theirs[name]}"[:2000]
    return ""


def near(ours: Any, theirs: Any) -> bool:
    """Whether numbers are equal up to rounding, and all else, such as names and order, is equal."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and near(list(ours.values()), list(theirs.values()))
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(near, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isfinite(ours):
        return abs(ours - theirs) <= CLOSE * max(1, abs(theirs))
    return repr(ours) == repr(theirs)  # NaN as well.


def counted(python: str, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """What comes of the tests in the environment of an interpreter.

    Args:
        python: The interpreter.
        known: What came of them before; None to look for the tests that call `fit`.
    """
    packages, versions = asked(python)
    if known is not None and known["versions"]["keras"] == versions["keras"]:
        names = list(known["tests"])
        alone = run_tests(python, files_of(names), engine="none", only=names)
    else:
        alone = run_tests(python, files_with_fit(packages), engine="none")
    names = [name for name, kept in alone.items() if kept["fits"] and kept["outcome"] == "passed"]
    through = run_tests(python, files_of(names), engine="auto", only=names)
    return {"versions": versions, "tests": compared(alone, through)}


def reason_of(test: str) -> str:
    """Why a test differs; "" where that is not known."""
    return next((why for pattern, why in REASONS.items() if re.search(pattern, test)), "")


def complaints(counts: Mapping[str, Any]) -> list[str]:
    """Which tests differ without a known reason, or were left to Keras silently."""
    return [
        f"{test}: {UNSAID if UNSAID in told['by'] else told['differs']}"
        for test, told in _told(counts)
        if UNSAID in told["by"] or (told["differs"] and not reason_of(test))
    ]


def idle_reasons(counts: Mapping[str, Any]) -> list[str]:
    """Which reasons are of no test that differs."""
    differ = [test for test, told in _told(counts) if told["differs"]]
    return [pattern for pattern in REASONS if not any(re.search(pattern, t) for t in differ)]


def _told(counts: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [item for count in counts.values() for item in count["tests"].items()]


def _said(command: Sequence[str]) -> str:
    return subprocess.check_output(command, text=True)  # noqa: S603 # as above


def main() -> int:
    """Run the tests in one environment or two, and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tensorflow", help="an interpreter that finds TensorFlow as well")
    parser.add_argument("--find", action="store_true", help="look for the tests that call fit")
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    options = parser.parse_args()
    known = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    interpreters = {WITHOUT: sys.executable, WITH: options.tensorflow}
    for name, python in interpreters.items():
        if python is not None:
            known[name] = counted(python, None if options.find else known.get(name))
    options.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.out}; `make docs` makes the page")
    found = complaints(known)
    idle = [f"a reason, and nothing that differs: {pattern}" for pattern in idle_reasons(known)]
    print(*found, *idle, sep="\n")
    return bool(found or idle)


if __name__ == "__main__":
    sys.exit(main())
