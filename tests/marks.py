"""Which values a parametrized test takes in `make test`, and which in `make test-long` alone."""

import pytest


def long(*values):
    """Values of `parametrize` for `make test-long`; a tuple is one value for each name."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.long)
        for value in values
    ]
