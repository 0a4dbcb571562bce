"""The same faults in the panel: one line, the prompt back in its box, the text that had come."""

from __future__ import annotations

import pytest

from chatnb.request_log.log_frame import frame
from tests.fault_table import CANARY, name_of, one_of_each_kind, tried
from tests.real_session import session_on

# What the button under each kind does; "" where no change is known that would mend it.
BUTTONS = {
    "auth": "connect",
    "quota": "connect",
    "connection": "retry",
    "timeout": "retry",
    "server": "retry",
    "rate_limit": "retry",
    "no_text": "retry",
    "truncated": "retry",
    "no_finish_reason": "retry",
}


@pytest.fixture
def chat(server, tmp_path, monkeypatch):
    with session_on(server.base_url, tmp_path / "log.sqlite", monkeypatch) as chat:
        yield chat


@pytest.mark.parametrize(
    ("fault", "stream"),
    [pytest.param(*case, id=name_of(*case)) for case in tried(one_of_each_kind())],
)
def test_a_fault_in_the_panel(panel, chat, server, fault, stream):
    chat.settings.first_token_timeout = chat.settings.idle_timeout = fault.patience_s
    panel.send("hello there", model=fault.model, stream=stream)
    idle = panel.wait_for("idle")
    assert len(server.requests) == len(fault.attempts)
    assert CANARY not in str(panel.events)
    [row] = frame(chat.log).to_dict("records")
    assert (row["status"], row["source"]) == (fault.status, "panel")
    if fault.status in ("ok", "refused"):
        assert idle["unfinished"] is None
        assert "hello there" in panel.last("turns")["turns"][0]["prompt"]
        assert fault.text in panel.last("turns")["turns"][0]["answer"]
        return
    unfinished = idle["unfinished"]
    assert unfinished["line"].startswith(fault.line_of(chat.connection.host))
    assert "\n" not in unfinished["line"]
    assert fault.text in (unfinished["answer"] or "")
    assert idle["draft"] == "hello there"
    assert chat.messages == []
    commands = [remedy["command"] for remedy in unfinished["remedies"]]
    assert ("keep_partial" in commands) is bool(fault.text)
    if fault.kind in BUTTONS:
        assert BUTTONS[fault.kind] in commands


def test_the_wait_before_another_try_is_told_and_stop_ends_it(panel, chat, server):
    panel.send("hello there", model="wait-a-minute")
    live = panel.wait_for("live", 2)
    assert "503: trying again in 60 s" in str(panel.told("live") + panel.told("waiting")), live
    panel.stop()
    idle = panel.wait_for("idle")
    assert idle["unfinished"]["line"].startswith("Stopped before any text came.")
    assert idle["draft"] == "hello there"
    assert len(server.requests) == 1
