"""A shell with the magics loaded, on a session that a fake backend answers."""

from __future__ import annotations

import pytest

from chatnb import kernel as wiring
from tests.fake_backend import FakeBackend, connected


@pytest.fixture
def backend(log_path):
    wiring._made_once.cache_clear()
    fake = FakeBackend()
    wiring.this_kernel().connected = connected(fake)()
    yield fake
    wiring.this_kernel().log.close()
    wiring._made_once.cache_clear()


@pytest.fixture
def magics(shell, backend):
    shell.run_cell("%load_ext chatnb")
    return shell


@pytest.fixture
def sent(backend):
    """What was sent last: prompts and roles, or the whole request."""
    return lambda: backend.requests[-1]
