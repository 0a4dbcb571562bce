"""The same faults through `ask`, `send` and `sample`: an error with its exchange, or a row."""

from __future__ import annotations

import pytest

from chatnb.errors import ChatError
from chatnb.request_log.log_frame import frame
from chatnb.samples import sample
from tests.fault_table import (
    Fault,
    name_of,
    one_of_each_kind,
    tried,
)
from tests.real_session import session_on

FAIRLY_MANY = one_of_each_kind()


@pytest.fixture
def chat(server, tmp_path, monkeypatch):
    with session_on(server.base_url, tmp_path / "log.sqlite", monkeypatch) as chat:
        yield chat


def be_patient(chat, seconds):
    chat.settings.first_token_timeout = chat.settings.idle_timeout = seconds


def host_of(chat) -> str:
    return chat.connection.host


def answers(fault: Fault) -> bool:
    return fault.status in ("ok", "refused")


@pytest.mark.parametrize("way", ["send", "ask"])
@pytest.mark.parametrize(
    ("fault", "stream"),
    [pytest.param(*case, id=name_of(*case)) for case in tried(FAIRLY_MANY)],
)
def test_a_fault_is_raised_with_its_exchange_and_is_a_row(chat, server, fault, stream, way):
    chat.send("the turn before")
    be_patient(chat, fault.patience_s)
    before = chat.messages
    if answers(fault):
        reply = getattr(chat, way)("hello there", model=fault.model, stream=stream)
        assert (reply.text or reply.refusal) == fault.text
    else:
        with pytest.raises(ChatError) as caught:
            getattr(chat, way)("hello there", model=fault.model, stream=stream)
        error = caught.value
        assert (type(error), error.kind) == (fault.error, fault.kind)
        assert error.line.startswith(fault.line_of(host_of(chat)))
        assert error.exchange.reply.text == fault.text
        assert error.exchange.status == fault.status
    grown = 2 if answers(fault) and way == "send" else 0
    assert chat.messages[: len(before)] == before
    assert len(chat.messages) == len(before) + grown
    row = frame(chat.log).iloc[1]
    assert (row["status"], row["attempts"]) == (fault.status, len(fault.attempts))
    assert len(server.requests) == 1 + len(fault.attempts)


@pytest.mark.parametrize("seconds", sorted({fault.patience_s for fault in FAIRLY_MANY}))
def test_in_samples_each_fault_is_a_row_with_its_error(chat, server, seconds):
    faults = [fault for fault in FAIRLY_MANY if fault.patience_s == seconds]
    faults = [fault for fault in faults if False in fault.streams]
    be_patient(chat, seconds)
    models = ["echo", *(fault.model for fault in faults), "echo"]
    taken = sample("hello there", model=models, session=chat, progress=False)
    assert list(taken["model"]) == models
    assert list(taken["reply"])[:: len(models) - 1] == ["hello there"] * 2
    for (_, row), fault in zip(taken.iloc[1:-1].iterrows(), faults, strict=True):
        assert row["status"] == fault.status
        assert row["reply"] == ("" if fault.status == "refused" else fault.text)
        if fault.status == "refused":
            assert row["error"] == f"The model refused: {fault.text}"
        elif fault.status != "ok":
            assert row["error"].startswith(fault.line_of(host_of(chat)))
    rows = frame(chat.log)
    assert set(rows["id"]) == set(taken["id"])
    assert rows["attempts"].sum() == len(server.requests)


def test_a_server_that_goes_away_spoils_only_the_samples_after_it(chat, server):
    taken = sample("hello there", seeds=range(3), parallel=1, session=chat, progress=False)
    server.close()
    later = sample("hello there", seeds=range(2), parallel=1, session=chat, progress=False)
    assert list(taken["status"]) == ["ok"] * 3
    assert list(later["status"]) == ["error"] * 2
    assert all("Could not talk to" in line for line in later["error"])
