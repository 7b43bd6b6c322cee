"""Runs the Python of a page of docs/ as one session, and writes what it prints below each block.

`python -m scripts.shown_output` does it for the pages that show output; a test runs them and
compares (`tests/test_pages.py`).
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.measured import DOCS

PAGES = ("tutorial.md", "first-report.md", "how-to.md", "scikit-learn.md", "coming-from.md")
MARK = "-- the end of a block --"
_BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<shown>.*?)```\n)?", re.DOTALL)


def shown(page: str) -> list[str]:
    """What a page says that its blocks print; empty where it shows nothing."""
    return [block["shown"] or "" for block in _BLOCK.finditer(page)]


def printed(page: str, folder: Path) -> list[str]:
    """What the blocks of a page print, run in order in a folder, as by a user.

    Raises:
        RuntimeError: One fails.
    """
    code = "".join(f"{block['code']}\nprint({MARK!r})\n" for block in _BLOCK.finditer(page))
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"} | {"COLUMNS": "100"}
    done = subprocess.run(  # noqa: S603 (what the page says)
        [sys.executable, "-c", code],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [part.removeprefix("\n") for part in done.stdout.split(MARK)][:-1]


def with_output(page: str, outputs: Sequence[str]) -> str:
    """The page with these outputs below its blocks."""
    left: Iterator[str] = iter(outputs)

    def told(block: re.Match[str]) -> str:
        output = "\n".join(line.rstrip() for line in next(left).rstrip().split("\n"))
        below = f"\n```text\n{output}\n```\n" if output else ""
        return f"```python\n{block['code']}```\n{below}"

    return _BLOCK.sub(told, page)


def main() -> None:
    """Run every page that shows output, and write what it prints."""
    for name in PAGES:
        path = DOCS / name
        page = path.read_text("utf-8")
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(with_output(page, printed(page, Path(folder))), "utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
