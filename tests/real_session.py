"""A session of the test's own process, on a real loopback server and with a log of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatnb.backend import Connection
from chatnb.openai_backend import OpenAIBackend
from chatnb.prompts import Connected
from chatnb.request_log import RequestLog
from chatnb.sessions import Session
from chatnb.wire import retries
from tests.fault_table import CANARY, KEY_VARIABLE


@contextmanager
def session_on(base_url: str, log: Path, patch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The session; where a server cannot say how long to wait, our own wait is short."""
    patch.setenv(KEY_VARIABLE, CANARY)
    patch.setattr(retries, "FIRST_WAIT_S", 0.001)
    connection = Connection(base_url, model="echo", key=KEY_VARIABLE)
    connected = Connected(connection, OpenAIBackend(connection), "a loopback server")
    rows = RequestLog(log)
    yield Session(lambda: connected, rows)
    connected.backend.close()
    rows.close()
