import jax
import pytest

from kohort.engine.program import PROGRAMS


@pytest.fixture(scope="module", autouse=True)
def _forget_what_was_compiled_quickly(request):
    """Little optimized programs round otherwise than those that later tests expect to share."""
    yield
    if "zoo" in request.module.__name__:
        jax.clear_caches()
        PROGRAMS.clear()
