"""Programs in processes of their own: what they print, and how long they take."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def launch(
    arguments: Sequence[str], variables: Mapping[str, str], limit: float = 3600
) -> dict[str, Any]:
    """What a program printed in its last line, and its wall seconds; or what went wrong.

    Args:
        arguments: Of the process.
        variables: Environment variables beside those of this process.
        limit: Seconds that it may take.

    Returns:
        The JSON that it printed, and "total", its seconds; or "failed", in words.
    """
    started = time.perf_counter()
    try:
        done = subprocess.run(
            arguments,
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {limit:.0f} s"}
    seconds = time.perf_counter() - started
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return {"failed": told[-1][:200]}
    return {**json.loads(done.stdout.splitlines()[-1]), "total": seconds}
