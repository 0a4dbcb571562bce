"""The model's file and one running server for all tests of these rooms."""

from __future__ import annotations

import pytest

from chatnb.backend import Flight
from chatnb.connections import backend_for
from chatnb.local import server
from chatnb.local.connection import LocalConnection
from chatnb.local.model_file import find
from chatnb.records import Message, Request
from tests.local.wheels import WHEEL


@pytest.fixture(scope="session")
def model():
    """The embedded model's file; `make test` has fetched it."""
    found = find()
    assert found, "the embedded model is not here: run `chatnb local fetch` first"
    return found


@pytest.fixture(scope="session")
def running(model):
    """The server that this test run shares; it ends with the run's directory."""
    return server.ensure(model)


@pytest.fixture
def own_runtime(tmp_path, monkeypatch):
    """A runtime directory, and so a server, of this test's own."""
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    yield directory / "chatnb"
    server.stop()


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache without a model, and a network that may be used."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CHATNB_OFFLINE")
    return tmp_path / "cache" / "chatnb" / "models"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A tiny wheel with a model file inside, where pip finds it without any network."""
    published = WHEEL.build(tmp_path / "wheels")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return published


class Asking:
    """A backend with a shorter way to ask."""

    def __init__(self):
        self.connection = LocalConnection()
        self.backend = backend_for(self.connection)
        self.flight = Flight()

    def request(self, *messages, stream=True, model=None, **parameters):
        messages = tuple(Message("user", m) if isinstance(m, str) else m for m in messages)
        model = model or self.connection.model
        request = Request(model, messages, parameters, stream=stream, embedded=True)
        return self.backend.prepare(request)

    def ask(self, *messages, **options):
        """The reply; what was reported meanwhile is in `flight`."""
        self.flight = Flight()
        return self.backend.complete(self.request(*messages, **options), self.flight)


@pytest.fixture
def asking():
    asking = Asking()
    yield asking
    asking.backend.close()
