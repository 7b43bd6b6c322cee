import ctypes
import os

import pytest

from kohort.data import system

_VERSION_3 = 0x20080522
_IGNORE_PERMISSIONS = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@pytest.fixture
def memory_of_100_bytes(monkeypatch):
    """A machine that has no more."""
    monkeypatch.setattr(system, "memory", lambda: 100)


@pytest.fixture
def bound_by_permissions():
    """Permissions of files bind this thread, also where root runs it."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # Effective, permitted and inheritable capabilities, 32 of each; and then the rest of each.
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0, os.strerror(ctypes.get_errno())
    fewer = (ctypes.c_uint32 * 6)(*held)
    fewer[0] &= ~_IGNORE_PERMISSIONS
    assert libc.capset(header, fewer) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        assert libc.capset(header, held) == 0, os.strerror(ctypes.get_errno())
