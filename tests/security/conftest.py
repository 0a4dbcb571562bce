"""A kernel that has a key, and a server that gets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import LoopbackServer
from tests.real_kernel import RealKernel
from tests.security.key_echoes import RepeatingServer

CANARY = "canary-7f3a9c1e5b2d4860"
SHAPED = "sk-proj-canary0123456789abcdefghij"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with RepeatingServer() as server:
        yield server


@pytest.fixture(params=[CANARY, SHAPED], ids=["any shape", "sk- shape"])
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def keyed_kernel(
    tmp_path: Path,
    log_path: Path,
    server: LoopbackServer,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RealKernel]:
    """A kernel with a key in its environment, connected to the server."""
    monkeypatch.setenv("CANARY_KEY", key)
    kernel = RealKernel(tmp_path)
    kernel.run(
        f"%load_ext chatnb\nimport chatnb\n"
        f"%chat_connect {server.base_url} -m echo --key CANARY_KEY\nchat = chatnb.session()"
    )
    yield kernel
    kernel.close()
