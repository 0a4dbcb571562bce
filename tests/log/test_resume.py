"""What an earlier kernel of the notebook left in the log goes on in the next one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatnb.errors import ChatError, RequestFailed
from chatnb.log_lookup import last_turns
from chatnb.request_log import RequestLog, log_rows
from chatnb.sessions import Session
from tests.fake_backend import FakeBackend, connected
from tests.log.exchanges import logged, request

Restart = Callable[..., Session]


@pytest.fixture
def restart(log_path: Path) -> Iterator[Restart]:
    """Gives the session of a new kernel of the same notebook."""
    logs = []

    def restart(*answers: object) -> Session:
        logs.append(RequestLog(log_path, notebook="a.ipynb"))
        return Session(connected(FakeBackend(*answers)), logs[-1])

    yield restart
    for log in logs:
        log.close()


def resumed(restart: Restart) -> list[str]:
    """Role by role what the next kernel goes on with."""
    session = restart()
    session.resume()
    return [f"{message['role']}: {message['content']}" for message in session.messages]


def test_a_system_message_of_one_request_is_not_the_conversations_own(restart: Restart) -> None:
    chat = restart("one", "two")
    chat.system("standing")
    chat.send("first")
    chat.send("second", system="Only this cell: pirate")
    assert resumed(restart) == [
        "system: standing",
        *("user: first", "assistant: one", "user: second", "assistant: two"),
    ]


def test_without_a_standing_system_message_none_comes_back(restart: Restart) -> None:
    restart("one").send("first", system="Only this cell: pirate")
    assert resumed(restart) == ["user: first", "assistant: one"]


def test_no_system_message_for_one_request_takes_none_away(restart: Restart) -> None:
    chat = restart("one", "two")
    chat.system("standing")
    chat.send("first")
    chat.send("second", system="")
    assert resumed(restart)[:2] == ["system: standing", "user: first"]


def test_the_newest_standing_system_message_counts_also_of_a_failed_request(
    restart: Restart,
) -> None:
    chat = restart("one", RequestFailed("down", kind="server"), "three")
    chat.system("old")
    chat.send("first")
    chat.system("new")
    with pytest.raises(ChatError):
        chat.send("second")
    chat.send("third", system="Only this cell: pirate")
    assert resumed(restart)[0] == "system: new"


def test_another_conversation_lends_no_system_message(restart: Restart) -> None:
    chat = restart()
    chat.settings.conversation = "pirates"
    chat.system("standing")
    chat.send("first")
    chat.settings.conversation = None
    chat.send("second", system="Only this cell: brief")
    assert resumed(restart) == ["user: second", "assistant: fine"]


def test_the_standing_system_message_is_found_across_what_a_purge_split(restart: Restart) -> None:
    chat = restart()
    chat.system("standing")
    chat.send("first")
    chat.log.change(lambda database: database.execute("INSERT INTO purge(at) VALUES ('now')"))
    chat.send("second", system="Only this cell: pirate")
    processes = chat.log.read(lambda db: db.execute("SELECT count(*) FROM process").fetchone())
    assert processes == (2,)
    assert resumed(restart)[0] == "system: standing"


def test_a_row_says_nothing_of_a_system_message_that_is_the_conversations(log_path: Path) -> None:
    log = RequestLog(log_path, notebook="a.ipynb")
    number = logged(log, request("Hi"))
    context = log.read(lambda db: db.execute("SELECT body FROM context").fetchone())
    assert context is not None
    assert "own_system" not in json.loads(context[0])
    stored = log_rows.last_conversation(RequestLog(log_path, notebook="a.ipynb"), "a.ipynb")
    assert stored is not None
    assert stored.standing == stored.exchange == number


def test_an_answer_that_did_not_fit_is_no_turn_to_go_on_from(restart: Restart) -> None:
    chat = restart("one", "no JSON")
    chat.send("first")
    with pytest.raises(ChatError):
        chat.send("second", response_format={"type": "json_object"})
    assert resumed(restart) == ["user: first", "assistant: one"]
    found = last_turns(chat.log.path, "a.ipynb", "another kernel")
    assert found is not None
    assert found[1] == 1
