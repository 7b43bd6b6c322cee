"""Where data for these tests come from."""

import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def png():
    """Turns grey pixels `[height, width]` into the bytes of a PNG file."""

    def encode(pixels):
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(pixels, np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()

    return encode
