"""`session.stop()`, as the panel's Stop calls it: the server sees the client leave."""

from __future__ import annotations

import json
import threading
import time

import pytest

from chatnb.errors import Interrupted
from chatnb.request_log.log_frame import frame
from tests.loopback import PATIENCE_S
from tests.real_session import session_on
from tests.waiting import wait_for

WITHIN_S = 2.0
PHASES = {
    # the phase: what is asked, whether it streams, what has come, the attempt's status
    "before the headers": ("stall-before-headers", True, "", None),
    "before the headers, plain": ("stall-before-headers", False, "", None),
    "in the stream": ("slow", True, "word ", 200),
    "in a stalled stream": ("stall-in-body", True, "Hello", 200),
    "in a stalled body": ("stall-in-body", False, "", 200),
    "in a stream of comments": ("sse-comments-only", True, "", 200),
    "in a retry's wait": ("wait-a-minute", True, "", 503),
}


@pytest.fixture
def chat(server, tmp_path, monkeypatch):
    with session_on(server.base_url, tmp_path / "log.sqlite", monkeypatch) as chat:
        yield chat


class InBackground:
    """A send on a thread of its own, as the panel's."""

    def __init__(self, chat, model, stream):
        self.error = None
        self._chat = chat
        self._thread = threading.Thread(target=lambda: self._send(model, stream))
        self._thread.start()

    def _send(self, model, stream):
        try:
            self._chat.send("hello there", model=model, stream=stream, source="panel")
        except Interrupted as error:
            self.error = error

    def ended(self):
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.error


def has_come_to(chat, server, text, status):
    """Whether the request is where it should be stopped."""
    live, flight = chat.state.live, chat._flight
    if status == 503:
        return live is not None and live.attempt is not None
    if text:
        return live is not None and live.texts[0]
    return server.requests and flight is not None and bool(flight.attempts) is bool(status)


@pytest.mark.parametrize("phase", PHASES)
def test_stop_ends_the_request_on_the_wire(chat, server, phase):
    model, stream, text, status = PHASES[phase]
    asking = InBackground(chat, model, stream)
    wait_for(lambda: has_come_to(chat, server, text, status), phase)
    stopped_at = time.monotonic()
    chat.stop()
    error = asking.ended()
    ended_at = time.monotonic()
    [sent] = server.requests
    if status != 503:
        assert sent.left.wait(PATIENCE_S)
        assert sent.left_at - stopped_at < WITHIN_S
    assert ended_at - stopped_at < WITHIN_S
    assert error.reply.text.startswith(text)
    assert chat.messages == []
    row = frame(chat.log).iloc[0]
    assert (row["status"], row["attempts"], row["error_kind"]) == ("interrupted", 1, "interrupted")
    assert ("" if row.isna()["reply"] else row["reply"]) == error.reply.text
    [attempt] = json.loads(row["attempt_log"])
    assert attempt.get("status") == status
    assert chat.send("and now?").text == "and now?"


def test_the_partial_text_of_a_stopped_answer_can_be_kept(chat, server):
    asking = InBackground(chat, "stall-in-body", True)
    wait_for(lambda: has_come_to(chat, server, "Hello", 200), "the first words")
    chat.stop()
    asking.ended()
    chat.keep()
    assert [message["content"] for message in chat.messages] == ["hello there", "Hello"]
