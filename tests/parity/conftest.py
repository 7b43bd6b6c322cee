import jax
import pytest

from kohort.engine.program.compilation import PROGRAMS


@pytest.fixture(scope="module", autouse=True)
def _forget_what_was_compiled_quickly():
    """Little optimized programs round otherwise than those that later tests expect to share."""
    yield
    jax.clear_caches()
    PROGRAMS.clear()
