"""What is written is what is read back; nothing is written twice, and no key ever."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatnb.records import Choice, Message, Origin, Usage
from chatnb.redaction import MASK
from chatnb.request_log import RequestLog, log_chain, log_rows
from chatnb.request_log.log_frame import frame
from tests.log.exchanges import logged, reply, request

KEY = "quite-secret-0123456789"


@pytest.fixture
def log(log_path: Path) -> RequestLog:
    return RequestLog(log_path, notebook="a.ipynb")


def test_nothing_is_created_before_the_first_row(log: RequestLog) -> None:
    assert frame(log).empty
    assert log_rows.last_conversation(log, "a.ipynb") is None
    assert not log.path.parent.exists()


def test_the_row_is_in_the_file_before_the_request_is_sent(log: RequestLog) -> None:
    log.start(request("Hi"), datetime.now(UTC))
    with sqlite3.connect(log.path) as other:
        assert other.execute("SELECT status, prompt FROM exchange").fetchall() == [
            ("started", "Hi")
        ]


def test_messages_are_read_back_exactly_as_they_were_sent(log: RequestLog) -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "x"}}]
    messages = (
        Message("system", "half \ud83d of it\0"),
        Message("user", parts, {"name": "Ann"}),
        Message("assistant", None, {"tool_calls": [{"id": "1"}]}),
        Message("assistant", ""),
        Message("user", "naïve 😀", {"name": "Bob"}),
    )
    number = logged(log, replace(request(), messages=messages))
    log.close()
    assert log_rows.messages_of(log, number) == messages


def test_each_message_of_a_conversation_is_stored_once(log: RequestLog) -> None:
    history: list[Message] = []
    for turn in range(20):
        history.append(Message("user", f"question {turn} " + "x" * 300))
        number = logged(
            log,
            replace(request(), messages=tuple(history)),
            reply(f"answer {turn} " + "y" * 300),
        )
        history.append(Message("assistant", f"answer {turn} " + "y" * 300))
    assert log_rows.messages_of(log, number) == tuple(history[:-1])
    count = log.read(
        lambda db: db.execute("SELECT count(*), count(content) FROM message").fetchone()
    )
    assert count == (39, 0)  # every text stands in its exchange, none twice


def test_500_turns_take_at_most_three_times_their_new_text(log: RequestLog) -> None:
    history: list[Message] = []
    new = 0
    for turn in range(500):
        asked, answered = f"{turn} " + "question " * 33, f"{turn} " + "answer " * 43
        new += len(asked) + len(answered)
        history.append(Message("user", asked))
        logged(log, replace(request(), messages=tuple(history)), reply(answered))
        history.append(Message("assistant", answered))
    log.close()
    assert log.path.stat().st_size <= 3 * new


def test_a_fork_of_a_conversation_shares_its_beginning(log: RequestLog) -> None:
    logged(log, request("one", "two", "three"))
    left = logged(log, request("one", "two", "left"))
    right = logged(log, request("one", "two", "right"))
    assert [message.content for message in log_rows.messages_of(log, left)][-1] == "left"
    assert [message.content for message in log_rows.messages_of(log, right)][-1] == "right"
    count = log.read(lambda db: db.execute("SELECT count(*) FROM message").fetchone())
    assert count == (5,)


def test_keys_are_in_no_byte_of_the_log(log_path: Path) -> None:
    log = RequestLog(log_path, secrets=lambda: [KEY])
    like = "sk-" + "a1B2" * 8
    asked = request(f"my key:\n{KEY}\n{like}", f"{like}", "sk-learn", extra={"note": [KEY]})
    asked = replace(asked, parameters={"user": KEY, "metadata": {KEY: f"Bearer {like}"}})
    answer = reply(f"You said {KEY}", response={"echo": f"\n{like}"}, request_id=KEY)
    number = logged(log, asked, answer)
    messages = log_rows.messages_of(log, number)
    log.close()
    stored = b"".join(path.read_bytes() for path in log_path.parent.iterdir())
    assert KEY.encode() not in stored
    assert like.encode() not in stored
    assert messages[2].content == "sk-learn"


def test_threads_of_one_process_write_every_row(log: RequestLog) -> None:
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda each: logged(log, request(f"{each}")), range(200)))
    assert len(set(numbers)) == 200
    rows = frame(log).set_index("id")
    assert (rows["status"] == "ok").all()
    assert {rows.loc[number, "prompt"] for number in numbers} == {str(each) for each in range(200)}


def test_a_forked_child_writes_through_a_connection_of_its_own(log: RequestLog) -> None:
    flying = log.start(request("of the parent"), datetime.now(UTC))
    child = os.fork()
    if child == 0:
        try:
            logged(log, request("of the child"))
            log.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    logged(log, request("of the parent again"))
    rows = frame(log).set_index("prompt")
    assert rows.loc["of the child", "status"] == "ok"
    assert rows.loc["of the parent", "status"] == "started"
    assert flying in set(rows["id"])


def test_a_log_in_memory_has_rows_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATNB_LOG", ":memory:")
    log = RequestLog()
    number = logged(log, request("Hi"))
    assert frame(log)["id"].tolist() == [number]
    assert "memory" in log.take_notices()[0]
    assert not Path(":memory:").exists()


def test_the_first_use_says_where_the_log_is_and_only_once(log: RequestLog) -> None:
    logged(log, request("Hi"))
    logged(log, request("Hi"))
    assert log.take_notices() == (f"Requests are logged in {log.path}.",)
    assert log.take_notices() == ()


def test_a_kernel_that_ends_marks_its_flying_row_interrupted(log: RequestLog) -> None:
    log.start(request("Hi"), datetime.now(UTC))
    log.close()
    assert frame(log)["status"].tolist() == ["interrupted"]


def test_another_kernel_of_the_notebook_finds_the_last_conversation(log: RequestLog) -> None:
    logged(log, request("one", origin=Origin(conversation="main")), reply("two"))
    logged(log, request("one", "two", "three", origin=Origin(conversation="main")), reply("four"))
    logged(log, request("fresh", origin=Origin(conversation=None)))
    logged(log, request("bad", origin=Origin(conversation="main")), status="error")
    again = RequestLog(log.path, notebook="a.ipynb")
    stored = log_rows.last_conversation(again, "a.ipynb")
    assert stored is not None
    assert stored.name == "main"
    assert stored.turns == 2
    assert [message.content for message in stored.messages] == ["one", "two", "three", "four"]
    assert log_rows.last_conversation(again, "b.ipynb") is None
    assert log_rows.last_conversation(log, "a.ipynb") is None  # its own is no earlier one


def test_what_sqlite_json_and_pandas_cannot_hold_is_no_error(log: RequestLog) -> None:
    asked = request("\ud800", parameters={"seed": 2**70, "stop": ["\udfff"]}, extra={"a": {1, 2}})
    logged(log, asked, reply("\udc00", response={"big": 2**90, "odd": object()}))
    row = frame(log).iloc[0]
    assert (row["prompt"], row["reply"], row["stop"]) == ("\ufffd", "\ufffd", r'["\udfff"]')
    assert row["choices"] == ["\ufffd"]
    assert row.isna()["seed"]
    assert json.loads(row["response"])["big"] == 2**90


def test_what_json_has_no_word_for_is_kept_and_hides_no_other_row(log: RequestLog) -> None:
    odd = {"a": float("nan"), "b": float("-inf"), "nul": "\0", "half": "\ud83d"}
    logged(log, request("one"), reply("two"))
    logged(
        log,
        request("one", "two", "odd \0", extra=odd, origin=Origin(conversation="main")),
        reply("four \0", response=odd, usage=Usage(2**64, 2**53, 5), cost=float("inf")),
        seconds=float("nan"),
    )
    row = frame(log).iloc[1]
    assert (row["prompt"], row["reply"]) == ("odd \0", "four \0")
    assert row[["prompt_tokens", "seconds"]].isna().all()
    assert (row["completion_tokens"], row["total_tokens"], row["cost"]) == (2**53, 5, float("inf"))
    for name in ("request", "response"):
        found = json.loads(row[name])
        assert found == {"a": "NaN", "b": "-Infinity", "nul": "\0", "half": "\ud83d"}
    again = log_rows.last_conversation(RequestLog(log.path, notebook="a.ipynb"), "a.ipynb")
    assert again is not None
    assert [message.content for message in again.messages][-1] == "four \0"


@pytest.mark.parametrize(
    ("core", "stored"), [(float("nan"), '"NaN"'), (f"sk-{'x' * 20}", f'"{MASK}"')]
)
def test_a_deeply_nested_answer_is_a_row_like_any_other(
    log: RequestLog, core: object, stored: str
) -> None:
    deep: object = core
    for _ in range(600):
        deep = {"a": deep}
    logged(log, request("Hi"), reply(response={"deep": deep}))
    row = frame(log).iloc[0]
    assert row["status"] == "ok"
    assert row["response"] == '{"deep":' + '{"a":' * 600 + stored + "}" * 601


def test_long_texts_do_not_stay_in_memory(log: RequestLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_chain, "_CHARACTERS_AT_MOST", 2_000_000)
    logged(log, request("warm"))
    tracemalloc.start()
    try:
        for number in range(20):
            logged(log, request(f"{number} {'x' * 1_000_000}"), reply("y" * 1_000_000))
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 8_000_000
    assert frame(log)["messages"].iloc[1][0]["content"].startswith("0 xxx")


def test_a_row_of_several_choices_keeps_each_end(log: RequestLog) -> None:
    choices = (Choice(0, "a", "stop"), Choice(1, "b", "length", details={"logprobs": 1}))
    logged(log, request("Hi"), reply(choices=choices))
    row = frame(log).iloc[0]
    assert (row["reply"], row["choices"]) == ("a", ["a", "b"])
    ends = json.loads(row["response"])["choices"]
    assert [end["finish_reason"] for end in ends] == ["stop", "length"]
    assert ends[1]["logprobs"] == 1


def test_a_frame_is_made_while_other_threads_write(log: RequestLog) -> None:
    ended = threading.Event()
    counts: list[int] = []

    def look() -> None:
        while not ended.is_set():
            counts.append(len(frame(log)))

    watcher = threading.Thread(target=look)
    watcher.start()
    for each in range(50):
        logged(log, request(f"{each}"))
    ended.set()
    watcher.join(30)
    assert counts == sorted(counts)
    assert len(frame(log)) == 50
