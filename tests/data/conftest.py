"""Where data for these tests come from."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Gives the path of a real file beside the repository, or skips."""

    def find(name):
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"../shared/data/{name} is absent")
        return path

    return find


@pytest.fixture(scope="session")
def png():
    """Turns grey pixels `[height, width]` into the bytes of a PNG file."""

    def encode(pixels):
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(pixels, np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()

    return encode
