"""Members on several devices: the numbers of one device, to the bit where the chunk is the same.

A process has as many devices as JAX found when it began, so what trains on eight is another one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import kohort
from kohort.engine import devices
from kohort.engine.loop import chunking
from tests.engine.loop import on_devices

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="virtual devices are those of a CPU"
)


@pytest.fixture(scope="module")
def on_eight(tmp_path_factory, blobs):
    """What a process of eight devices trained, with what it told; see `on_devices`."""
    folder = tmp_path_factory.mktemp("eight")
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.engine.loop.on_devices", str(folder)],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return folder, json.loads((folder / "told.json").read_text())
