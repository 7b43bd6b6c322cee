"""What was measured on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from kohort.data.system import cores


def processor() -> str:
    """The processor's name and what it has for bfloat16, as far as the system tells."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor() or "not told"
    lines = (line.partition(":") for line in information.read_text("utf-8").splitlines())
    told = {key.strip(): value.strip() for key, _, value in lines}
    units = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in told.get("flags", "").split()]
    return f"{told.get('model name', 'not told')}, bfloat16 units: {', '.join(units) or 'none'}"


def commit() -> str:
    """The commit that is checked out, "+" after it where files differ; "" where nobody knows."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        asked = [
            subprocess.run([*git, *what], capture_output=True, text=True, check=True).stdout
            for what in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    head, changed = asked
    return head.strip() + "+" * bool(changed)


def about() -> dict[str, Any]:
    """Date, commit, processor, cores, system, and what else it did, as the load average tells."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": os.getloadavg()[0],
    }
