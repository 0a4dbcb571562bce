"""A real kernel with the magics loaded, connected to a real loopback server."""

from __future__ import annotations

import pytest

from tests.loopback import LoopbackServer


@pytest.fixture
def server():
    with LoopbackServer() as server:
        yield server


@pytest.fixture
def chat_kernel(log_path, kernel, server):
    kernel.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo")
    return kernel
