"""Processes that run a study and get signals, for tests."""

import os
import subprocess
import sys
import time


def ends(folder, code, *options, signals):
    """Run the file's study in a process that has `code` in it; it gets signals when it says so."""
    (folder / "main.py").write_text(
        f"import pathlib\n{code}\nfrom kohort.cli.main import main\nmain()"
    )
    process = subprocess.Popen(
        [sys.executable, "main.py", "run", "study.py", *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (folder / "here").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    for number in signals:
        os.kill(process.pid, number)
        time.sleep(0.3)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, err


# A process that the signals do not end sleeps longer than it is waited for.
SAY = "pathlib.Path('here').touch(); import time; time.sleep(600)"
