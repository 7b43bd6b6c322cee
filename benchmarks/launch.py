"""Programs in processes of their own: what they print, and how long they take."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from benchmarks.peers import OWN, PEERS_ENVIRONMENT, TENSORFLOW, Peer

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PLAIN = ROOT / ".venv-plain" / "bin" / "python"
"""What users have: `pip install .`, without what tests need. Keras imports scikit-learn and others
where it finds them, which takes it half as long again."""
INTERPRETERS = {
    OWN: os.environ.get("KOHORT_PLAIN_PYTHON", str(PLAIN if PLAIN.exists() else sys.executable)),
    TENSORFLOW: os.environ.get(
        "KOHORT_TENSORFLOW_PYTHON", str(ROOT / ".venv-tensorflow" / "bin" / "python")
    ),
    PEERS_ENVIRONMENT: os.environ.get(
        "KOHORT_PEERS_PYTHON", str(ROOT / ".venv-peers" / "bin" / "python")
    ),
}
MADE_BY = {TENSORFLOW: "make tensorflow", PEERS_ENVIRONMENT: "make peers"}


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


def launch_peer(
    peer: Peer, arguments: Sequence[str], cache: Path, limit: float = 3600
) -> dict[str, Any]:
    """What a peer measured in a process and an environment of its own, or why it did not.

    Args:
        peer: Who.
        arguments: Of the process, beside those of the peer.
        cache: The folder of programs that kohort has compiled.
        limit: Seconds that it may take.

    Returns:
        As `launch`.
    """
    interpreter = INTERPRETERS[peer.environment]
    if not Path(interpreter).exists():
        return {"failed": f"no environment ({MADE_BY[peer.environment]})"}
    command = [interpreter, "-m", f"benchmarks.peers.{peer.module}", *arguments, *peer.arguments]
    variables = {**peer.variables, "KOHORT_CACHE": str(cache)}
    return launch([*command, "--started", str(time.time())], variables, limit)


def chosen(
    given: str, known: Iterable[str], several: Mapping[str, Sequence[str]] | None = None
) -> Sequence[str]:
    """The names that an option lists, with commas between.

    Args:
        given: The option; "all" stands for all that are known.
        known: All names.
        several: Other words that stand for some of them.
    """
    known = tuple(known)
    words = {**(several or {}), "all": known}
    names = words.get(given, tuple(given.split(",")))
    unknown = [name for name in names if name not in known]
    if unknown:
        expected = f"{', '.join(words)} or {', '.join(known)}"
        raise typer.BadParameter(f"expected {expected}; got {unknown[0]!r}")
    return names
